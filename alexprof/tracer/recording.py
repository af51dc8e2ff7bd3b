"""Steps that someone else's loop ran: their durations, and a trace of some more."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexprof.arguments import PATH, TEXT, check, whole
from alexprof.errors import UsageError
from alexprof.measure.loop import Block, default_block_steps
from alexprof.record.values import MOST_S


@dataclass(frozen=True)
class Recording:
    """Steps that another loop ran: their durations, and perhaps a trace of other steps."""

    # Duration of each step in the order they ran, warm-up first, in seconds
    durations_s: Sequence[float]
    # When each step began, Unix time in seconds, ascending; None: back to back until now
    starts_s: Sequence[float] | None = None
    burn_in: int = 0  # How many of the first steps are warm-up
    # A trace of other steps: the `.xplane.pb` file or the folder of its session; None if there is
    # none
    trace: str | Path | None = None
    # Name of the events that mark the steps in the trace; None takes all events with a step number
    marker: str | None = None

    def blocks(self, variant: str, first_order: int = 0) -> list[Block]:
        """The steps as the timed loop would have left them.

        Args:
            variant: What ran.
            first_order: The first block's place among all blocks of the phase.

        Raises:
            UsageError: If there are no timed steps, or a number is no duration.
        """
        check(
            burn_in=(self.burn_in, whole(0)),
            trace=(self.trace, PATH.or_none()),
            marker=(self.marker, TEXT.or_none()),
        )
        durations_ns, starts_ns = self._checked_ns()
        timed = len(durations_ns) - self.burn_in
        size = default_block_steps(timed)
        edges = [*range(self.burn_in, len(durations_ns), size), len(durations_ns)]
        spans = [(0, self.burn_in)] * (self.burn_in > 0) + list(itertools.pairwise(edges))
        first_block = -1 if self.burn_in else 0
        return [
            Block(
                variant=variant,
                block=first_block + place,
                order=first_order + place,
                first_step=first - self.burn_in,
                start_ns=starts_ns[first:last],
                end_ns=starts_ns[first:last] + durations_ns[first:last],
            )
            for place, (first, last) in enumerate(spans)
        ]

    def _checked_ns(self) -> tuple[np.ndarray, np.ndarray]:
        try:
            durations_s = np.asarray(self.durations_s, np.float64)
            ends_s = np.cumsum(durations_s)
            starts_s = np.asarray(
                time.time() - ends_s[-1:] + ends_s - durations_s
                if self.starts_s is None
                else self.starts_s,
                np.float64,
            )
        except (TypeError, ValueError) as error:
            raise UsageError(f"the durations of a recording must be numbers: {error}") from error
        if durations_s.ndim != 1 or starts_s.shape != durations_s.shape:
            raise UsageError("a recording has one duration, and at most one start, for each step")
        if self.burn_in >= len(durations_s):
            raise UsageError(
                f"a recording of {len(durations_s)} steps can't have {self.burn_in} of warm-up"
            )
        if not (np.isfinite(durations_s).all() and np.isfinite(starts_s).all()):
            raise UsageError("a duration or start in a recording is not finite")
        if durations_s.min() < 0.5e-9:
            raise UsageError("a duration in a recording is not above 0 nanoseconds")
        longest_s = max(float(durations_s.max()), float(np.ptp(starts_s)))
        if longest_s > MOST_S or np.abs(starts_s).max() > 9 * MOST_S:
            raise UsageError(f"a recording may last at most {MOST_S:.0f} seconds (30 years)")
        if (np.diff(starts_s) < 0).any():
            raise UsageError("a step in a recording began before the previous one")
        durations_ns, starts_ns = (
            (seconds * 1e9).round().astype(np.int64) for seconds in (durations_s, starts_s)
        )
        return durations_ns, starts_ns
