"""Timed blocks of steps to rows of the table of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from alexprof.measure.loop import Block


def steps_table(phases: Mapping[str, Iterable[Block]]) -> pl.DataFrame:
    """Makes the table of timed steps.

    Args:
        phases: The blocks of each phase, in the order they ran.

    Returns:
        Columns variant, phase (str), block (i64, −1 for warm-up), step (i64, negative for warm-up),
        order (i64, the block's place among all of its phase), start_s (f64, since the phase's first
        step) and seconds (f64).
    """
    import numpy as np
    import polars as pl

    frames = []
    for phase, blocks in phases.items():
        begin_ns: int | None = None
        for block in blocks:
            begin_ns = int(block.start_ns[0]) if begin_ns is None else begin_ns
            count = len(block.start_ns)
            frames.append(
                pl.DataFrame(
                    {
                        "variant": [block.variant] * count,
                        "phase": [phase] * count,
                        "block": [block.block] * count,
                        "step": np.arange(block.first_step, block.first_step + count),
                        "order": [block.order] * count,
                        "start_s": (block.start_ns - begin_ns) / 1e9,
                        "seconds": block.seconds,
                    }
                )
            )
    return pl.concat(frames)
