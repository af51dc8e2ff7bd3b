"""What tracing costs, as calibrated."""

from __future__ import annotations

from dataclasses import dataclass

from alexprof.record.values import Interval


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
