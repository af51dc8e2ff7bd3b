"""Traced steps in blocks: few steps, whose neighbours are alike, and what their mean is worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alexprof.measure.spread import Floats
from alexprof.measure.statistics import mean_interval
from alexprof.measure.values import Interval

LEAST_CHUNKS, MOST_CHUNKS = 3, 10
"""Blocks of traced steps: two steps at least in each where that makes three of them, ten blocks at
most."""


def chunk_count(steps: int) -> int:
    """In how many blocks so many traced steps are taken."""
    return min(MOST_CHUNKS, steps // 2 if steps >= 2 * LEAST_CHUNKS else steps)


def chunks(values: Floats) -> list[Floats]:
    """Values of traced steps in their blocks.

    Args:
        values: float64 [steps], in the order they ran.
    """
    return np.array_split(values, chunk_count(len(values))) if len(values) else []


def chunk_of_step(steps: int) -> NDArray[np.int64]:
    """The block of each of so many steps, int64 [steps], as `chunks` takes them."""
    each = chunks(np.zeros(steps))
    return np.repeat(np.arange(len(each)), [len(one) for one in each])


def step_interval(values: Floats) -> Interval | None:
    """95 % interval of the mean over traced steps, by Student's t over the means of their blocks.

    Args:
        values: float64 [steps], in the order they ran; any unit.

    Returns:
        Lower and upper bound around the mean; None with fewer than two steps.
    """
    return mean_interval(chunks(values))
