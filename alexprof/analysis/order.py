"""The blocks of a phase in the order they ran: does the machine drift?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean, median, quantiles

from msgspec import Struct

from alexprof.record.run import Run

MOST_LEVELS = 32
"""Blocks of longer phases are put together with their neighbors."""
_FEWEST_BLOCKS = 4


class BlockOrder(Struct, frozen=True, kw_only=True):
    """Blocks of steps over their variant's median, in the order measured."""

    phase: str  # Key of the phase, whose variants took turns
    ratios: tuple[float, ...]  # Of each block, or means of as many neighbors as leave at most 32
    highest: float  # The highest that is not far out (Tukey: 3 quartile ranges above)


def block_orders(run: Run) -> Iterator[BlockOrder]:
    """The blocks of each phase whose variants took turns."""
    for phase in run.phase_keys:
        if ratios := _interleaved(run, phase):
            size = math.ceil(len(ratios) / MOST_LEVELS)
            means = [fmean(ratios[start : start + size]) for start in range(0, len(ratios), size)]
            yield BlockOrder(phase=phase, ratios=tuple(means), highest=_highest(means))


def _interleaved(run: Run, key: str) -> list[float]:
    """Blocks over their variant's median, in the order measured; empty without turns."""
    blocks = []
    for name in run.variants:
        phase = run.phase(name, key)
        if phase is not None and phase.timed is not None and phase.timed.blocks:
            usual_s = median(block.mean_s for block in phase.timed.blocks)
            blocks += [
                (block.order, name, block.mean_s / usual_s if usual_s else 1.0)
                for block in phase.timed.blocks
            ]
    blocks.sort()
    places = {order for order, _, _ in blocks}
    turns = sum(before[1] != after[1] for before, after in pairwise(blocks))
    took_turns = turns >= len({name for _, name, _ in blocks}) > 1
    enough = len(blocks) >= _FEWEST_BLOCKS and len(places) == len(blocks)
    return [ratio for _, _, ratio in blocks] if took_turns and enough else []


def _highest(means: list[float]) -> float:
    lower, _, upper = quantiles(means, n=4, method="inclusive")
    inside = [mean for mean in means if mean <= upper + 3 * (upper - lower)]
    # A scale that a tenth of the blocks or more would leave holds them all.
    return max(inside) if len(inside) > 0.9 * len(means) else max(means)
