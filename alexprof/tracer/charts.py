"""Every step's numbers, from the tables to TensorBoard's charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute import IDLE_OP
from alexprof.measure.loop import Block
from alexprof.record.run import Run
from alexprof.tensorboard.scalars import Samples, TracedSteps

if TYPE_CHECKING:
    import polars as pl


def samples_of(blocks: Mapping[str, Sequence[Block]], variant: str) -> dict[str, Samples]:
    """The timed steps of a variant, by phase."""
    found = {}
    for key, phase_blocks in blocks.items():
        mine = [block for block in phase_blocks if block.variant == variant and not block.warm_up]
        if mine:
            found[key] = Samples(
                steps=np.concatenate(
                    [one.first_step + np.arange(len(one.start_ns)) for one in mine]
                ),
                seconds=np.concatenate([one.seconds for one in mine]),
                wall_time_s=np.concatenate(
                    [(one.end_ns + one.unix_offset_ns) / 1e9 for one in mine]
                ),
            )
    return found


def traced_steps_of(
    run: Run, costs: Mapping[tuple[str, str], pl.DataFrame], variant: str
) -> dict[str, TracedSteps]:
    """The traced steps of a variant, by phase, on the device that the step is divided on."""
    found = {}
    for (name, key), table in costs.items():
        books = run.variants[name].phases[key].attribution
        if name == variant and books is not None:
            mine = table.filter(table["device"] == books.device)
            found[key] = _traced_steps(mine)
    return found


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
