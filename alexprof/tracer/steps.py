"""The table of steps, timed and traced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from alexprof.attribute import Attribution
from alexprof.measure.loop import Block

if TYPE_CHECKING:
    import polars as pl


def steps_table(
    blocks: Mapping[str, Iterable[Block]],
    attributions: Mapping[tuple[str, str], Attribution] | None = None,
) -> pl.DataFrame:
    """Makes the table of steps, timed and traced.

    Args:
        blocks: The timed blocks of each phase, in the order they ran.
        attributions: The traced steps of each variant and phase.

    Returns:
        Columns variant, phase (str), block (i64, −1 for warm-up and for a long first step that is
        left out), step (i64, negative for warm-up steps), order (i64, the block's place among all
        of its phase), start_s (f64, since the phase's first step of its kind), seconds
        (f64), traced (bool) and unix_s (f64, Unix time of a timed step's start). The block and
        order of a traced step are 0.
    """
    import polars as pl

    frames = []
    for phase, of_phase in blocks.items():
        begin_ns: int | None = None
        for block in of_phase:
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
                        "traced": [False] * count,
                        "unix_s": (block.start_ns + block.unix_offset_ns) / 1e9,
                    }
                )
            )
    for (variant, phase), attribution in (attributions or {}).items():
        late = attribution.left_out
        rows = attribution.steps if late is None else pl.concat([late, attribution.steps])
        start_ns, count = rows["start_ns"].to_numpy(), rows.height
        frames.append(
            pl.DataFrame(
                {
                    "variant": [variant] * count,
                    "phase": [phase] * count,
                    "block": [0 if late is None else -1, *[0] * (count - 1)],
                    "step": rows["step"],
                    "order": [0] * count,
                    "start_s": (start_ns - start_ns.min()) / 1e9,
                    "seconds": rows["wall_ns"].to_numpy() / 1e9,
                    "traced": [True] * count,
                    "unix_s": pl.Series([None] * count, dtype=pl.Float64),
                }
            )
        )
    return pl.concat(frames)
