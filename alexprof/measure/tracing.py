"""What a clock reading costs, and what a profiler's event does: steps with and without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from alexprof.measure.values import Interval

if TYPE_CHECKING:
    from alexprof.measure.spread import Floats

READINGS, ROUNDS = 1000, 9


@dataclass(frozen=True)
class LevelCost:
    """What tracing at a level added to a step of the calibration's graph.

    Attributes:
        level: The host tracer level in force.
        events_per_step: Events that a step recorded.
        added_s: By how much it made a step longer, mean over pairs of blocks beside each other.
        added_ci95_s: Its 95 % interval.
        event_s: `added_s` for each event; None where nothing was seen (the interval includes 0) or
            fewer events than ops are recorded, so that it is not events that it added.
        event_ci95_s: Its 95 % interval, likewise.
    """

    level: int
    events_per_step: float
    added_s: float
    added_ci95_s: Interval | None
    event_s: float | None
    event_ci95_s: Interval | None


@dataclass(frozen=True)
class Tracing:
    """What tracing costs, calibrated on a graph of many tiny ops.

    Attributes:
        ops: How many ops a step of it runs.
        blocks: Blocks of steps at each level.
        block_steps: Steps in each.
        step_s: Mean over blocks of the quickest step with the trace off; None if that failed.
        levels: What each level adds.
        reason: Why there is none; None if there is.
    """

    ops: int
    blocks: int
    block_steps: int
    step_s: float | None
    levels: tuple[LevelCost, ...]
    reason: str | None = None

    def event_s(self, level: int | None) -> float | None:
        """What an event costs at a level; None if that is not known."""
        return next((one.event_s for one in self.levels if one.level == level), None)


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
