"""What a clock reading costs, and what a profiler's event does: steps with and without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from alexprof.record.tracing import LevelCost, Tracing
from alexprof.record.values import Interval

if TYPE_CHECKING:
    from alexprof.measure.spread import Floats

READINGS, ROUNDS = 1000, 9


def clock_cost_s(clock: Callable[[], int] = time.perf_counter_ns) -> float:
    """What one reading of the clock takes: the median of nine loops of 1000, in seconds."""
    rounds = []
    for _ in range(ROUNDS):
        start = clock()
        for _ in range(READINGS):
            clock()
        rounds.append((clock() - start) / READINGS)
    return median(rounds) / 1e9


def tracing_cost(
    blocks: Mapping[int, Sequence[Floats]], events_per_step: Mapping[int, float], ops: int
) -> Tracing:
    """Sets blocks of steps at each level beside those with the trace off.

    Each block counts as its quickest step: what others add to a step says nothing of tracing.

    Args:
        blocks: By level, 0 for off: block i of each ran beside block i of the others; float64
            seconds, no block empty.
        events_per_step: By level.
        ops: How many ops a step runs.
    """
    import numpy as np

    from alexprof.measure.statistics import difference

    quickest = {
        level: [np.array([block.min()]) for block in every] for level, every in blocks.items()
    }
    off = quickest[0]
    levels = []
    for level in sorted(set(blocks) - {0}):
        found = difference(quickest[level], off, paired=True)
        levels.append(_level(level, events_per_step[level], found.mean_s, found.ci95_s, ops))
    step_s = float(np.concatenate(off).mean())
    return Tracing(ops, len(off), len(blocks[0][0]), step_s, tuple(levels))


def _level(
    level: int, events: float, added_s: float, ci95_s: Interval | None, ops: int
) -> LevelCost:
    if ci95_s is None or ci95_s[0] <= 0 or events < ops:
        return LevelCost(level, events, added_s, ci95_s, None, None)
    each = (ci95_s[0] / events, ci95_s[1] / events)
    return LevelCost(level, events, added_s, ci95_s, added_s / events, each)
