"""From traced steps to timed ones: what a profiler makes longer, and what not.

On a CPU it stretches all that a step does by about the same factor. On a GPU it slows down the host
alone: kernels keep their times, and the difference between traced and timed steps is idle time.
"""

from __future__ import annotations

from typing import NamedTuple


class Scale(NamedTuple):
    """By what to multiply times of traced steps: those of ops and kernels, and idle time."""

    work: float
    idle: float


def timed_idle_s(busy_s: float, timed_s: float) -> float:
    """What a timed step leaves a GPU idle, whose kernels take as long as in traced steps."""
    return max(timed_s - busy_s, 0.0)


def timed_scale(busy_s: float, idle_s: float, timed_s: float, *, on_cpu: bool) -> Scale:
    """The factors that make traced steps (busy and idle time) as long as timed ones in the mean.

    Kernels keep their times unless they alone take longer than a timed step, or a shorter traced
    step has no idle time that could become longer.
    """
    if on_cpu or not idle_s:
        factor = timed_s / (busy_s + idle_s)
        return Scale(factor, factor)
    work = timed_s / busy_s if busy_s > timed_s else 1.0
    return Scale(work, timed_idle_s(busy_s, timed_s) / idle_s)
