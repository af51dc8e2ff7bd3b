"""What measuring cost a timed step: its two readings of the clock."""

from __future__ import annotations

from alexprof.record.phase import Phase
from alexprof.show import numbers
from alexprof.show.view import View


def clock_readings(view: View, phase: Phase) -> str:
    """What the clock costs a timed step; "" where that is not known, and of a trace alone."""
    clock_s = view.run.clock_s
    if clock_s is None or phase.timed is None or not phase.timed.mean_s:
        return ""
    part = numbers.percent_unit(2 * clock_s / phase.timed.mean_s)
    return (
        "Timed steps carry no profiler, only two readings of the clock: "
        f"{numbers.time(2 * clock_s)}, {part} of the step."
    )
