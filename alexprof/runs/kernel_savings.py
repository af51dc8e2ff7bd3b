"""What a GPU's step would save without some ops: their kernels' time, and that of launching them.

A kernel that goes takes its time with it (its share, where others ran beside it), the kernels of
what exists only because of it, and a part of the time in which the GPU waited: what a step leaves
idle without a profiler, divided by the host's time for launching, or where that is not known in
equal parts for each launch. Of 22 measured ablations on an H200 equal parts were 2.9 % off in the
median; without the idle time 6.3 % (docs/validation/gpu.md).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute import IDLE_OP
from alexprof.measure.chunks import step_interval
from alexprof.measure.values import Interval
from alexprof.runs.recorded import Saving
from alexprof.runs.tables import without_long_first

if TYPE_CHECKING:
    import polars as pl

LEAST = 0.01
"""Part of the step from which on a saving is listed."""


@dataclass(frozen=True)
class StepWork:
    """What the steps of a GPU did.

    Attributes:
        ops: A row per op: `op` (name), `kind`, `layer`, `share_s`, `launches` and `launching_s`,
            the host's time for them, mean per step.
        per_step: A row per step and op: `step`, `op`, `share_ns`.
        steps: How many steps there are.
        busy_s: What any kernel or copy took of a step, mean.
    """

    ops: pl.DataFrame
    per_step: pl.DataFrame
    steps: int
    busy_s: float

    @classmethod
    def of(cls, costs: pl.DataFrame, device: str) -> StepWork:
        """Adds up a table of costs of one variant and phase."""
        import polars as pl

        rows = without_long_first(costs.filter(pl.col("device") == device), device)
        steps = rows["step"].n_unique()
        rows = rows.filter(pl.col("op") != IDLE_OP)
        ops = rows.group_by("op", "kind", "layer", maintain_order=True).agg(
            (pl.col("share_ns").sum() / steps / 1e9).alias("share_s"),
            (pl.col("kernels").sum() / steps).alias("launches"),
            (pl.col("launching_ns").sum() / steps / 1e9).alias("launching_s"),
        )
        return cls(
            ops=ops,
            per_step=rows.select("step", "op", "share_ns"),
            steps=steps,
            busy_s=float(ops["share_s"].sum()),
        )

    def saving(
        self, names: Collection[str], step_s: float, ci95_s: Interval | None = None
    ) -> tuple[float, Interval | None]:
        """What a step would save without some ops.

        Args:
            names: All ops that go.
            step_s: Mean of the steps, timed ones where there are any.
            ci95_s: Its 95 % interval.

        Returns:
            Seconds; and their 95 % interval, by traced steps and by the mean's own; None with too
            few traced steps.
        """
        import polars as pl

        gone = self.ops.filter(pl.col("op").is_in(list(names)))
        by = "launching_s" if self.ops["launching_s"].sum() else "launches"
        total = float(self.ops[by].sum())
        part = float(gone[by].sum()) / total if total else 0.0
        idle_s = max(step_s - self.busy_s, 0.0)
        saved_s = float(gone["share_s"].sum()) + part * idle_s
        spread = step_interval(self._seconds(names))
        if spread is None:
            return saved_s, None
        of_mean_s = (ci95_s[1] - ci95_s[0]) / 2 if ci95_s else 0.0
        half_s = math.hypot((spread[1] - spread[0]) / 2, part * of_mean_s)
        return saved_s, (saved_s - half_s, saved_s + half_s)

    def savings(self, step_s: float) -> tuple[Saving, ...]:
        """What a step would save without each layer, kind and op, largest first in each sort."""
        return tuple(
            saving
            for what in ("layer", "kind", "op")
            for saving in sorted(self._of_each(what, step_s), key=lambda one: -one.fraction)
            if saving.fraction >= LEAST
        )

    def _of_each(self, what: str, step_s: float) -> Iterator[Saving]:
        for (name,), ops in self.ops.partition_by(what, as_dict=True, maintain_order=True).items():
            names = ops["op"].to_list()
            saved_s, _ = self.saving(names, step_s)
            seconds = self._seconds(names)
            std = float(seconds.std(ddof=1)) / step_s if len(seconds) > 1 else None
            halved_s = float(ops["share_s"].sum()) / 2
            yield Saving(
                what=what,
                name=str(name),
                fraction=saved_s / step_s,
                fraction_std=std,
                saves_s=saved_s,
                halved_fraction=halved_s / step_s,
                halved_s=halved_s,
            )

    def _seconds(self, names: Collection[str]) -> NDArray[np.float64]:
        import polars as pl

        steps = self.per_step.select(pl.col("step").unique().sort())
        gone = self.per_step.filter(pl.col("op").is_in(list(names)))
        sums = gone.group_by("step").agg(pl.col("share_ns").sum())
        joined = steps.join(sums, on="step", how="left", maintain_order="left")
        seconds: NDArray[np.float64] = joined["share_ns"].fill_null(0).to_numpy() / 1e9
        return seconds
