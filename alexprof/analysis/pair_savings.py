"""What each pair of blocks saved that ran beside each other: the values behind an interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from alexprof.analysis.difference import leading_estimator
from alexprof.analysis.samples import timed_blocks
from alexprof.measure.spread import Floats, grouped
from alexprof.record.ablation import Ablation
from alexprof.record.run import Run
from alexprof.record.timed import BlockTime, blocks_together

if TYPE_CHECKING:
    import polars as pl


def pair_savings(run: Run, ablation: Ablation, steps: pl.DataFrame | None) -> tuple[float, ...]:
    """By the leading estimator, in seconds, in the order measured.

    Args:
        run: The run.
        ablation: One of its ablations.
        steps: The run's table of steps, which medians take.

    Returns:
        A value for each pair, neighbors together as for intervals (`spread`); none where the
        variants did not take turns, and of medians without the table.
    """
    if not ablation.paired:
        return ()
    variants = (ablation.reference, ablation.without)
    if leading_estimator(run) == "mean":
        centers = [_block_means(run, variant, ablation.phase) for variant in variants]
    elif steps is not None:
        blocks = [grouped(timed_blocks(steps, variant, ablation.phase)) for variant in variants]
        centers = [np.array([np.median(block) for block in of_one]) for of_one in blocks]
    else:
        return ()
    reference, without = centers
    if len(reference) != len(without):
        return ()
    return tuple((reference - without).tolist())


def _block_means(run: Run, variant: str, key: str) -> Floats:
    phase = run.phase(variant, key)
    blocks: Sequence[BlockTime] = phase.timed.blocks if phase and phase.timed else ()
    blocks = sorted(blocks, key=lambda block: block.order)
    size = blocks_together(len(blocks))
    together = [blocks[first : first + size] for first in range(0, len(blocks) - size + 1, size)]
    if together:  # what is left at the end joins the last
        together[-1] = blocks[(len(together) - 1) * size :]
    return np.array(
        [
            np.average([block.mean_s for block in group], weights=[block.steps for block in group])
            for group in together
        ]
    )
