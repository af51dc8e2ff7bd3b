"""95 % intervals beside those of `statistics`: of a standard deviation, and of a mean over runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from alexprof.measure.spread import (
    LEAST_RUNS,
    PROCESS_CV,
    PROCESS_FREEDOM,
    Floats,
    Runs,
    process_allowance,
    quantile,
    relative_variances,
    run_means,
    satterthwaite,
)
from alexprof.measure.values import Interval


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


def runs_mean_interval(runs: Runs, *, process_cv: float = PROCESS_CV) -> Interval | None:
    """95 % interval of what the runs' mean would be over ever more processes.

    From three runs on they show themselves how processes differ (Student's t over their means).
    Fewer can't: the interval then comes from their blocks and the allowance.

    Args:
        runs: Each its blocks, each float64 [steps], in seconds.
        process_cv: The allowance: standard deviation of a process's mean, as a part of it; more
            where the runs' own blocks wander by more.

    Returns:
        Lower and upper bound; None with fewer than three runs of which one has fewer than two
        blocks, or without a run.
    """
    if not runs:
        return None
    means = run_means(runs)
    centre = float(means.mean())
    if len(runs) >= LEAST_RUNS:
        error = float(means.std(ddof=1)) / math.sqrt(len(runs))
        half = quantile(len(runs) - 1, 0.975) * error
        return centre - half, centre + half
    within = relative_variances(runs)
    if within is None:
        return None
    parts = [*within[0], process_allowance(runs, process_cv) ** 2 / len(runs)]
    freedom = satterthwaite(parts, [*within[1], PROCESS_FREEDOM])
    half = quantile(freedom, 0.975) * centre * math.sqrt(sum(parts))
    return centre - half, centre + half
