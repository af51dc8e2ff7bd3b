"""95 % interval of a standard deviation, beside those of `statistics`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from alexprof.measure.spread import Floats, grouped, quantile
from alexprof.record.values import Interval


def deviation_interval(blocks: Sequence[Floats]) -> Interval | None:
    """95 % interval of the standard deviation of steps.

    The jackknife of the logarithm: blocks are left out one at a time, which keeps alike neighbours
    together, and the pseudo-values are taken for independent (Miller 1974, "The jackknife — a
    review"). It corrects most of what alike steps take from a sample's deviation. A drift within
    the blocks' time is part of the deviation.

    Args:
        blocks: Values, float64 [n_i] each, in seconds; two or more steps in all but one of them.

    Returns:
        Lower and upper bound; None with fewer than three blocks, or if nothing varies once one of
        them is left out while all together do.
    """
    if len(blocks) < 3:
        return None
    blocks = grouped(blocks)
    every = np.concatenate(blocks)
    centred = [block - every.mean() for block in blocks]
    steps = np.array([len(block) for block in blocks])
    sums = np.array([block.sum() for block in centred])
    squares = np.array([(block**2).sum() for block in centred])
    left = len(every) - steps
    if left.min() < 2:
        return None
    variance = float(every.var(ddof=1))
    without = ((squares.sum() - squares) - (sums.sum() - sums) ** 2 / left) / (left - 1)
    # Of equal values rounding leaves about 1e-32 of their square.
    if variance <= 1e-20 * float(every.mean()) ** 2:
        return 0.0, 0.0
    if without.min() <= 1e-12 * variance:  # rounding leaves that much of nothing
        return None
    count = len(blocks)
    pseudo = count * 0.5 * math.log(variance) - (count - 1) * 0.5 * np.log(without)
    centre, error = float(pseudo.mean()), float(pseudo.std(ddof=1)) / math.sqrt(count)
    half = quantile(count - 1, 0.975) * error
    return math.exp(centre - half), math.exp(centre + half)
