"""What intervals, comparisons and their planning share: block means, degrees of freedom, quantiles.

The block rule. Neighbouring steps resemble each other, and the mean of a block of them takes that
resemblance into itself, so blocks count as independent where steps don't (batch means). A longer
block is better at it, more blocks know their own spread better. So blocks are taken as they ran
(ten steps each by default) and from `MOST_BLOCKS` on neighbours are put together until between 20
and 40 are left (Law & Kelton, "Simulation Modeling and Analysis": 10 to 30 batches).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alexprof.record.values import blocks_together

Floats = NDArray[np.float64]
Runs = Sequence[Sequence[Floats]]
"""Runs (processes) -> blocks of steps that ran in a row -> seconds, float64 [steps]."""


def block_means(blocks: Sequence[Floats]) -> Floats:
    """Means of blocks by the block rule.

    Args:
        blocks: In the order they ran, float64 [n_i] each.

    Returns:
        float64 [m]: m is the number of blocks below `MOST_BLOCKS`, from there 20 to 39. What
        doesn't fill a group at the end belongs to the last one.
    """
    sums = np.array([block.sum() for block in blocks])
    steps = np.array([len(block) for block in blocks])
    first = _first_of_groups(len(blocks))
    return np.asarray(np.add.reduceat(sums, first) / np.add.reduceat(steps, first), np.float64)


def grouped(blocks: Sequence[Floats]) -> list[Floats]:
    """The blocks themselves by the block rule, as in `block_means`: float64 [n_i] each."""
    edges = [*_first_of_groups(len(blocks))[1:].tolist(), len(blocks)]
    starts = [0, *edges[:-1]]
    return [np.concatenate(blocks[a:b]) for a, b in zip(starts, edges, strict=True)]


def _first_of_groups(blocks: int) -> NDArray[np.int64]:
    """The first block of each group: so many go together that 20 to 39 are left."""
    together = blocks_together(blocks)
    return np.arange(blocks // together, dtype=np.int64) * together


def run_means(runs: Runs) -> Floats:
    """Mean of all steps of each run, float64 [runs]."""
    return np.array([np.concatenate(list(blocks)).mean() for blocks in runs])


def relative_variances(runs: Runs) -> tuple[list[float], list[int]] | None:
    """What blocks show of how far the runs' mean is from what these same processes tend to.

    Returns:
        For each run its part of the variance of (mean / true mean), and its degrees of freedom;
        None if a run has fewer than two blocks, or took no time.
    """
    if any(len(blocks) < 2 for blocks in runs):
        return None
    means = [block_means(blocks) for blocks in runs]
    if not all(x.mean() > 0 for x in means):
        return None
    parts = [float((x / x.mean()).var(ddof=1)) / len(x) / len(runs) ** 2 for x in means]
    return parts, [len(x) - 1 for x in means]


def satterthwaite(parts: Sequence[float], freedoms: Sequence[float]) -> float:
    """Degrees of freedom of a sum of estimated variances (Satterthwaite 1946)."""
    shares = [part**2 / free for part, free in zip(parts, freedoms, strict=True)]
    return sum(parts) ** 2 / sum(shares) if sum(shares) > 0 else math.inf


def quantile(freedom: float, probability: float) -> float:
    """Of Student's t, or of the normal distribution where the freedom is infinite."""
    from scipy.special import ndtri, stdtrit

    if math.isinf(freedom):
        return float(ndtri(probability))
    return float(stdtrit(freedom, probability))


def two_sided_p(distance: float, error: float, freedom: float) -> float:
    """Chance of an estimate at least so far away if there is no difference."""
    from scipy.special import ndtr, stdtr

    if error == 0:
        return float(distance == 0)
    t = -abs(distance) / error
    return 2 * float(ndtr(t) if math.isinf(freedom) else stdtr(freedom, t))
