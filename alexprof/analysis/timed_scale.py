"""From traced steps to timed ones: what a profiler makes longer, and what not.

On a CPU it stretches all that a step does by about the same factor. On a GPU it slows down the host
alone: kernels keep their times, and the difference between traced and timed steps is idle time.
"""

from __future__ import annotations

from typing import NamedTuple


class Scale(NamedTuple):
    """By what to multiply times of traced steps.

    Attributes:
        work: Those of ops and kernels.
        idle: Idle time.
    """

    work: float
    idle: float


def timed_scale(busy_s: float, idle_s: float, timed_s: float, *, on_cpu: bool) -> Scale:
    """Finds the factors that make traced steps as long as timed ones in the mean.

    Args:
        busy_s: What ops or kernels took of a traced step, mean.
        idle_s: What was idle of it, mean.
        timed_s: Mean of the timed steps.
        on_cpu: Whether it is the CPU's time.

    Returns:
        The factors. Kernels keep their times unless they alone take longer than a timed step, or
        a shorter traced step has no idle time that could become longer.
    """
    if on_cpu or not idle_s:
        factor = timed_s / (busy_s + idle_s)
        return Scale(factor, factor)
    if busy_s > timed_s:
        return Scale(timed_s / busy_s, 0.0)
    return Scale(1.0, (timed_s - busy_s) / idle_s)
