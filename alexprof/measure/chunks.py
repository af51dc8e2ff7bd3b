"""Traced steps in blocks: few, autocorrelated steps, and what their mean is worth."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from alexprof.measure.spread import Floats
from alexprof.record.values import Interval, of_duration

LEAST_CHUNKS, MOST_CHUNKS = 3, 10
"""Blocks of traced steps: two steps at least in each where that makes three of them, ten blocks at
most."""
STUDENT = (4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216)
"""Student's t, 97.5 %, of 2 to 9 degrees of freedom: SciPy takes 0.1 s to load for it, and a report
of a trace needs nothing else of it."""
WIDER = 1.1
"""Intervals are a tenth wider than by independent blocks. So few steps can't show their
autocorrelation; over traced steps of AlexNet it was 0.07 to 0.28 (1,000 shares), and with that 94
to 96 % of the intervals cover (docs/method.md)."""


def chunks(values: Floats) -> list[Floats]:
    """Values of traced steps, float64 [steps] in the order they ran, in their blocks."""
    steps = len(values)
    blocks = min(MOST_CHUNKS, steps // 2 if steps >= 2 * LEAST_CHUNKS else steps)
    return np.array_split(values, blocks) if steps else []


def chunk_of_step(steps: int) -> NDArray[np.int64]:
    """The block of each of so many steps, int64 [steps], as `chunks` takes them."""
    sizes = [len(block) for block in chunks(np.zeros(steps))]
    return np.repeat(np.arange(len(sizes)), sizes)


def step_interval(values: Floats) -> Interval | None:
    """95 % interval of a mean duration over traced steps, float64 [steps]; None below three.

    Two have one degree of freedom, which says nothing. A drift counts as scatter: from so few
    blocks a line can't be distinguished from chance.
    """
    means = np.array([block.mean() for block in chunks(values)])
    if len(means) < LEAST_CHUNKS:
        return None
    center, half = float(values.mean()), half_width(len(means)) * float(means.std(ddof=1))
    return of_duration((center - half, center + half))


def half_width(blocks: int) -> float:
    """Half the 95 % interval of a mean of 3 to 10 blocks, in standard deviations of their means."""
    return WIDER * STUDENT[blocks - LEAST_CHUNKS] / math.sqrt(blocks)
