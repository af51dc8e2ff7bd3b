"""The blocks of a phase in the order they ran, as a strip: does the machine drift?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean, median, quantiles

from alexprof.show.options import text_width
from alexprof.show.text import pad, wrap
from alexprof.show.view import View

LEVELS = "▁▂▃▄▅▆▇█"
OFF_SCALE = "!"
_FEWEST_BLOCKS = 4
_MOST_ROWS = 2
"""Rows of cells; more blocks than that share cells."""


def measured_order(view: View) -> tuple[str, ...]:
    """Strips of the phases whose variants took turns; none if no phase has that."""
    screen = text_width(view.options)
    strips = [(key, ratios) for key in view.phases if (ratios := _interleaved(view, key))]
    width = max((len(view.phase_label(key)) for key, _ in strips), default=0) + 2
    return tuple(
        line
        for key, ratios in strips
        for line in _strip(pad(view.phase_label(key), width), ratios, screen)
    )


def _interleaved(view: View, key: str) -> list[float]:
    """Blocks over their variant's median, in the order measured; empty without turns."""
    blocks = []
    for name, timed in view.timed_of(key).items():
        if timed.blocks:
            usual_s = median(block.mean_s for block in timed.blocks)
            blocks += [(block.order, name, block.mean_s / usual_s) for block in timed.blocks]
    blocks.sort()
    places = {order for order, _, _ in blocks}
    turns = sum(before[1] != after[1] for before, after in pairwise(blocks))
    took_turns = turns >= len({name for _, name, _ in blocks}) > 1
    enough = len(blocks) >= _FEWEST_BLOCKS and len(places) == len(blocks)
    return [ratio for _, _, ratio in blocks] if took_turns and enough else []


def _strip(label: str, ratios: Sequence[float], width: int) -> Iterator[str]:
    """A cell for each block, or for so many that they fit, and what cells stand for."""
    together = math.ceil(len(ratios) / (_MOST_ROWS * (width - len(label))))
    means = [fmean(ratios[start : start + together]) for start in range(0, len(ratios), together)]
    low, high, largest = min(means), _highest(means), max(means)
    cells = "".join(_cell(mean, low, high) for mean in means)
    scale = f"{LEVELS[0]} {low:.3f}×  {LEVELS[-1]} {high:.3f}×"
    if high < largest:
        scale += f"  {OFF_SCALE} up to {largest:.3f}×"
    if together > 1:
        scale += f"  {together} blocks a cell"
    return iter(wrap(f"{cells}  {scale}", width, label, " " * len(label)))


def _highest(means: Sequence[float]) -> float:
    """The top of the scale: the highest mean that is not far out (Tukey: 3 quartile ranges)."""
    lower, _, upper = quantiles(means, n=4, method="inclusive")
    inside = [mean for mean in means if mean <= upper + 3 * (upper - lower)]
    # A scale that a tenth of the blocks or more would leave holds them all.
    return max(inside) if len(inside) > 0.9 * len(means) else max(means)


def _cell(mean: float, low: float, high: float) -> str:
    if mean > high:
        return OFF_SCALE
    level = (mean - low) / (high - low) if high > low else 0.0
    return LEVELS[round(level * (len(LEVELS) - 1))]
