"""Numbers of each step: the table of steps, and what TensorBoard's charts show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute import IDLE_OP, Attribution
from alexprof.measure.loop import Block
from alexprof.record.run import Run
from alexprof.tensorboard.scalars import Samples, TracedSteps

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
        left out), step (i64, of a timed one negative for warm-up), order (i64, the block's place
        among all of its phase), start_s (f64, since the phase's first step of its sort), seconds
        (f64) and traced (bool). The block and order of a traced step are 0.
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
                }
            )
        )
    return pl.concat(frames)


def samples_of(blocks: Mapping[str, Sequence[Block]], variant: str) -> dict[str, Samples]:
    """The timed steps of a variant, by phase."""
    samples = {}
    for key, phase_blocks in blocks.items():
        timed = [block for block in phase_blocks if block.variant == variant and not block.warm_up]
        if timed:
            samples[key] = Samples(
                steps=np.concatenate(
                    [block.first_step + np.arange(len(block.start_ns)) for block in timed]
                ),
                seconds=np.concatenate([block.seconds for block in timed]),
                wall_time_s=np.concatenate(
                    [(block.end_ns + block.unix_offset_ns) / 1e9 for block in timed]
                ),
            )
    return samples


def traced_steps_of(
    run: Run, costs: Mapping[tuple[str, str], pl.DataFrame], variant: str
) -> dict[str, TracedSteps]:
    """The traced steps of a variant, by phase, on the device that the step is divided on."""
    traced = {}
    for (name, key), table in costs.items():
        attribution = run.variants[name].phases[key].attribution
        if name == variant and attribution is not None:
            traced[key] = _traced_steps(table.filter(table["device"] == attribution.device))
    return traced


def _traced_steps(costs: pl.DataFrame) -> TracedSteps:
    import polars as pl

    walls = costs.group_by("step").agg(pl.col("wall_ns").first()).sort("step")
    steps = walls["step"]
    busy = costs.filter(pl.col("op") != IDLE_OP)
    return TracedSteps(
        seconds=walls["wall_ns"].to_numpy() / 1e9,
        idle_s=_by_step(costs.filter(pl.col("op") == IDLE_OP), steps),
        layers=_by_name(busy, "layer", steps),
        kinds=_by_name(busy, "kind", steps),
    )


def _by_name(costs: pl.DataFrame, column: str, steps: pl.Series) -> dict[str, NDArray[np.float64]]:
    return {
        str(name): _by_step(rows, steps)
        for (name,), rows in costs.group_by(column, maintain_order=True)
    }


def _by_step(rows: pl.DataFrame, steps: pl.Series) -> NDArray[np.float64]:
    """Shares added up within each step, in seconds; a step without rows has 0."""
    import polars as pl

    sums = rows.group_by("step").agg(pl.col("share_ns").sum())
    joined = steps.to_frame("step").join(sums, on="step", how="left", maintain_order="left")
    return joined["share_ns"].fill_null(0).to_numpy() / 1e9
