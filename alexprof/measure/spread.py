"""What intervals and comparisons share: block means.

The block rule. Neighboring steps are autocorrelated, and the mean of a block of them takes that
into itself, so blocks count as independent where steps don't (batch means). A longer block is
better at it, more blocks know their own spread better. So blocks are taken as they ran (ten steps
each by default) and from `MOST_BLOCKS` on neighbors are put together until between 20 and 40 are
left (Law & Kelton, "Simulation Modeling and Analysis": 10 to 30 batches).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from alexprof.record.timed import blocks_together

Floats = NDArray[np.float64]
Runs = Sequence[Sequence[Floats]]
"""Runs (processes) -> blocks of steps that ran in a row -> seconds, float64 [steps]."""


def grouped(blocks: Sequence[Floats]) -> list[Floats]:
    """Blocks, in the order they ran, by the block rule; what is left at the end joins the last."""
    size = blocks_together(len(blocks))
    edges = [*range(0, len(blocks) - size + 1, size), len(blocks)]
    return [np.concatenate(blocks[first:end]) for first, end in pairwise(edges)]


def block_means(blocks: Sequence[Floats]) -> Floats:
    """Means of blocks by the block rule, float64 [m]."""
    return np.array([block.mean() for block in grouped(blocks)])


def run_means(runs: Runs) -> Floats:
    """Mean of all steps of each run, float64 [runs]."""
    return np.array([np.concatenate(list(blocks)).mean() for blocks in runs])


def relative_variances(runs: Runs) -> tuple[list[float], list[int]] | None:
    """What blocks show of how far the runs' mean is from what these same processes tend to.

    Returns:
        For each run its part of the variance of (mean / true mean), and its degrees of freedom;
        None if a run has fewer than two blocks.
    """
    if any(len(blocks) < 2 for blocks in runs):
        return None
    means = [block_means(blocks) for blocks in runs]
    parts = [float((x / x.mean()).var(ddof=1)) / len(x) / len(runs) ** 2 for x in means]
    return parts, [len(x) - 1 for x in means]
