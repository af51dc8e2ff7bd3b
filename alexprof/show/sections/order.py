"""The blocks of a phase in the order they ran, as a strip: does the machine drift?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median, quantiles
from typing import NamedTuple

from alexprof.show.document import Column, Table
from alexprof.show.view import View

LEVELS = "▁▂▃▄▅▆▇█"
OFF_SCALE = "!"
CELLS = 32
"""Blocks of longer phases share cells."""
_FEWEST_BLOCKS = 4


class _Strip(NamedTuple):
    """The cells of a phase, and what the lowest, the highest and one off the scale stand for."""

    label: str
    low: float
    high: float
    most: float
    cells: str


def order_table(view: View) -> Table | None:
    """Strips of the phases whose variants took turns; None if no phase has that."""
    strips = [
        _strip(view.phase_label(key), ratios)
        for key in view.phases
        if (ratios := _interleaved(view, key))
    ]
    if not strips:
        return None

    def most(strip: _Strip) -> str:
        return _ratio(strip.most) if strip.most > strip.high else ""

    columns = (
        Column("", "", lambda strip: strip.label, align="name"),
        Column(LEVELS[0], "", lambda strip: _ratio(strip.low), drop=2),
        Column(LEVELS[-1], "", lambda strip: _ratio(strip.high), drop=1),
        Column(OFF_SCALE, "", most, drop=3, optional=True),
        Column("", "", lambda strip: strip.cells, align="bar"),
    )
    aside = "blocks of steps over their variant’s median"
    return Table.of(columns, strips, title="In the order measured", aside=aside)


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


def _strip(label: str, ratios: Sequence[float]) -> _Strip:
    """A cell for each block, or for as many as have to share one."""
    together = math.ceil(len(ratios) / CELLS)
    means = [fmean(ratios[start : start + together]) for start in range(0, len(ratios), together)]
    low, high = min(means), _highest(means)
    cells = "".join(_cell(mean, low, high) for mean in means)
    return _Strip(label, low, high, max(means), cells)


def _ratio(value: float) -> str:
    return f"{value:.3f}×"


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
