"""What a GPU's step would save without some ops: their kernels' time, and that of launching them.

A kernel that goes takes its time with it (its share, where others ran beside it), the kernels of
what exists only because of it, and a part of the time in which the GPU waited: what a step leaves
idle without a profiler, divided by the host's time for launching, or where that is not known in
equal parts for each launch. Of 22 measured ablations on an H200 equal parts were 2.9 % off in the
median; without the idle time 6.3 % (docs/validation/gpu.md).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute import IDLE_OP, UNASSIGNED_OP
from alexprof.measure.chunks import step_interval
from alexprof.record.trace import Saving
from alexprof.record.values import Interval

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
LEAST = 0.01
"""Part of the step from which on a saving is listed."""


@dataclass(frozen=True)
class StepWork:
    """What the steps of a GPU did, by op.

    Attributes:
        names: Name of each op; of several types under one name each is an op.
        kinds: Kind of each.
        layers: Layer of each.
        seconds: float64 [ops, steps], its share of each step.
        part: float64 [ops], its part of what all launches cost the host, or of their number.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    layers: tuple[str, ...]
    seconds: Floats
    part: Floats

    @classmethod
    def of(cls, costs: pl.DataFrame, device: str) -> StepWork:
        """Adds up a table of costs of one variant and phase."""
        import polars as pl

        rows = costs.filter(pl.col("device") == device)
        steps = rows.select(pl.col("step").unique().sort()).with_row_index("at")
        rows = rows.filter(pl.col("op") != IDLE_OP)
        ops = rows.group_by("op", "kind", "layer", maintain_order=True).agg(
            pl.col("kernels").sum(), pl.col("launching_ns").sum()
        )
        ops = ops.with_row_index("row")
        sums = rows.group_by("op", "kind", "layer", "step").agg(pl.col("share_ns").sum())
        sums = sums.join(ops, on=["op", "kind", "layer"]).join(steps, on="step")
        seconds = np.zeros((ops.height, steps.height))
        seconds[sums["row"].to_numpy(), sums["at"].to_numpy()] = sums["share_ns"].to_numpy() / 1e9
        by = "launching_ns" if ops["launching_ns"].sum() else "kernels"
        weight = ops[by].to_numpy().astype(np.float64)
        names, kinds, layers = (tuple(ops[column].to_list()) for column in ("op", "kind", "layer"))
        return cls(names, kinds, layers, seconds, weight / (weight.sum() or 1.0))

    @property
    def busy_s(self) -> float:
        """What any kernel or copy took of a step, mean."""
        return float(self.seconds.sum(axis=0).mean())

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
        gone = np.array([name in names for name in self.names], bool)
        part, seconds = float(self.part[gone].sum()), self.seconds[gone].sum(axis=0)
        saved_s = float(seconds.mean()) + part * max(step_s - self.busy_s, 0.0)
        spread = step_interval(seconds)
        if spread is None:
            return saved_s, None
        of_mean_s = (ci95_s[1] - ci95_s[0]) / 2 if ci95_s else 0.0
        half_s = math.hypot((spread[1] - spread[0]) / 2, part * of_mean_s)
        return saved_s, (saved_s - half_s, saved_s + half_s)

    def savings(self, step_s: float) -> tuple[Saving, ...]:
        """What a step would save without each layer, kind and op, largest first in each sort."""
        sorts = (("layer", self.layers), ("kind", self.kinds), ("op", self.names))
        return tuple(
            saving
            for what, groups in sorts
            for saving in sorted(self._of_each(what, groups, step_s), key=lambda s: -s.fraction)
            if saving.fraction >= LEAST and saving.name != UNASSIGNED_OP
        )

    def _of_each(self, what: str, groups: Sequence[str], step_s: float) -> Iterator[Saving]:
        names = tuple(dict.fromkeys(groups))
        place = {name: at for at, name in enumerate(names)}
        group = np.array([place[name] for name in groups], np.int64)
        seconds = np.zeros((len(names), self.seconds.shape[1]))
        np.add.at(seconds, group, self.seconds)
        part = np.bincount(group, weights=self.part, minlength=len(names))
        mean_s = seconds.mean(axis=1)
        saved_s = mean_s + part * max(step_s - self.busy_s, 0.0)
        std_s = seconds.std(axis=1, ddof=1) if seconds.shape[1] > 1 else None
        for at, name in enumerate(names):
            yield Saving(
                what=what,
                name=name,
                fraction=float(saved_s[at]) / step_s,
                fraction_std=None if std_s is None else float(std_s[at]) / step_s,
                saves_s=float(saved_s[at]),
                halved_fraction=float(mean_s[at]) / 2 / step_s,
                halved_s=float(mean_s[at]) / 2,
            )
