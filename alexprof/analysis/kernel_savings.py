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
from typing import TYPE_CHECKING

import numpy as np

from alexprof.analysis.timed_scale import StepCosts
from alexprof.attribute import IDLE_OP, UNASSIGNED_OP
from alexprof.measure.chunks import step_interval
from alexprof.measure.slowdown import timed_idle_s
from alexprof.measure.spread import Floats
from alexprof.record.trace import Saving
from alexprof.record.values import Interval

if TYPE_CHECKING:
    import polars as pl

LEAST = 0.01
"""Part of the step from which on a saving is listed."""


class StepWork:
    """What a GPU did in traced steps; its kernels keep their times without a profiler."""

    def __init__(self, costs: pl.DataFrame, device: str) -> None:
        """Adds up a table of costs of one variant and phase."""
        import polars as pl

        rows = costs.filter(pl.col("device") == device)
        self._costs = StepCosts(rows, 0.0, on_cpu=False)
        self._ran = rows.filter(pl.col("op") != IDLE_OP)
        self._launching = "launching_ns" if self._ran["launching_ns"].sum() else "kernels"
        self.ops = list(self._costs.by("op", "kind", "layer", idle=False))

    def saving(
        self, names: Collection[str], step_s: float, step_half_s: float = 0.0
    ) -> tuple[float, Interval | None]:
        """What a step would save without some ops.

        Args:
            names: All ops that go, at least one that ran.
            step_s: Mean of the steps, timed ones where there are any.
            step_half_s: Half its 95 % interval.

        Returns:
            Seconds; and their 95 % interval, by traced steps and by the mean's own; None with too
            few traced steps.
        """
        gone = [(values, part) for name, values, part in self._by("op") if name in names]
        seconds = np.sum([values for values, _ in gone], axis=0)
        launches = math.fsum(part for _, part in gone)
        mean_s, spread = float(seconds.mean()), step_interval(seconds)
        saved_s = mean_s + launches * timed_idle_s(self._costs.busy_s, step_s)
        if spread is None:
            return saved_s, None
        half_s = math.hypot(spread[1] - mean_s, launches * step_half_s)
        return saved_s, (saved_s - half_s, saved_s + half_s)

    def savings(self, step_s: float) -> tuple[Saving, ...]:
        """What a step would save without each layer, each kind and each op, the largest first."""
        savings: list[Saving] = []
        for what in ("layer", "kind", "op"):
            groups = (
                self._saving(what, name, seconds, launches, step_s)
                for name, seconds, launches in self._by(what)
                if name != UNASSIGNED_OP
            )
            listed = [saving for saving in groups if saving.fraction >= LEAST]
            savings += sorted(listed, key=lambda saving: -saving.fraction)
        return tuple(savings)

    def _by(self, column: str) -> Iterator[tuple[str, Floats, float]]:
        """Each layer, kind or op: its seconds of each step, and its part of all launches."""
        counts = self._ran.select(column, self._launching)
        launches = dict(counts.group_by(column).sum().iter_rows())
        total = sum(launches.values()) or 1
        for (name,), seconds in self._costs.by(column, idle=False).items():
            yield name, seconds, launches[name] / total

    def _saving(
        self, what: str, name: str, seconds: Floats, launches: float, step_s: float
    ) -> Saving:
        mean_s = float(seconds.mean())
        saved_s = mean_s + launches * timed_idle_s(self._costs.busy_s, step_s)
        std_s = float(seconds.std(ddof=1)) if len(seconds) > 1 else None
        return Saving(
            what=what,
            name=name,
            fraction=saved_s / step_s,
            fraction_std=None if std_s is None else std_s / step_s,
            halved_fraction=mean_s / 2 / step_s,
        )
