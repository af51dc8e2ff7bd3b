"""The scale of timed steps: by what to multiply times of a phase's traced ones.

On a CPU times are fractions of the timed step, whose own interval adds to theirs; on a GPU kernels
keep their times (see `measure.slowdown`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alexprof.analysis.difference import center_ci95_s, center_s
from alexprof.measure.slowdown import Scale, timed_scale
from alexprof.record.phase import Phase
from alexprof.record.values import Estimator, Interval, of_duration

if TYPE_CHECKING:
    import polars as pl

    from alexprof.measure.spread import Floats


def scale_of(phase: Phase, estimator: Estimator) -> Scale:
    """The factors from a phase's traced steps to its timed ones; 1 without either of them."""
    traced, timed = phase.traced, phase.timed
    timeline = phase.attribution.timeline if phase.attribution else None
    if timeline is None or traced is None or timed is None or not timeline.wall_ns:
        return Scale(1.0, 1.0)
    return timed_scale(
        timeline.share_ns / traced.steps / 1e9,
        timeline.idle_ns / traced.steps / 1e9,
        center_s(timed, estimator),
        on_cpu=not phase.on_gpu,
    )


def timed_half_s(phase: Phase, estimator: Estimator) -> float:
    """Half the interval of the timed steps, in seconds; 0 where there is none."""
    interval = center_ci95_s(phase.timed, estimator) if phase.timed else None
    return (interval[1] - interval[0]) / 2 if interval else 0.0


def timed_part(phase: Phase, estimator: Estimator) -> float:
    """What the timed steps leave open of times scaled to them: half their interval, as a fraction.

    0 on a GPU, whose kernels' times don't rest on it, and where there is no such interval.
    """
    half_s = timed_half_s(phase, estimator)
    if phase.timed is None or phase.on_gpu:
        return 0.0
    return half_s / (center_s(phase.timed, estimator) or math.inf)


def scaled_interval(
    traced_s: float, ci95_s: Interval | None, factor: float, timed: float = 0.0
) -> Interval | None:
    """The interval of factor · traced_s, by traced steps and `timed_part` as independent errors."""
    if ci95_s is None:
        return None
    half_s = factor * math.hypot(ci95_s[1] - traced_s, timed * traced_s)
    return of_duration((factor * traced_s - half_s, factor * traced_s + half_s))


class StepCosts:
    """The costs of a phase's traced steps on one device, on the scale of its timed steps."""

    def __init__(self, rows: pl.DataFrame, timed_s: float, *, on_cpu: bool) -> None:
        """Scales the rows of one variant, phase and device of the table of costs.

        With `timed_s` 0, for want of timed steps, nothing is scaled.
        """
        import polars as pl

        from alexprof.attribute import IDLE_OP

        idle_ns = pl.col("share_ns") * (pl.col("op") == IDLE_OP)
        self._rows = rows.with_columns(idle_ns.alias("idle_ns"))
        self._steps = rows.select(pl.col("step").unique().sort()).with_row_index("at")
        idle_s = float(self._rows["idle_ns"].sum()) / self._steps.height / 1e9
        self.traced_s = float(rows["share_ns"].sum()) / self._steps.height / 1e9
        self.busy_s = self.traced_s - idle_s  # neither is scaled
        self._scale = timed_scale(self.busy_s, idle_s, timed_s or self.traced_s, on_cpu=on_cpu)

    def by(self, *columns: str, idle: bool = True) -> dict[tuple[str, ...], Floats]:
        """Seconds in each step, float64 [steps], by the values of columns of the table of costs."""
        import numpy as np
        import polars as pl

        from alexprof.attribute import IDLE_OP

        rows = self._rows if idle else self._rows.filter(pl.col("op") != IDLE_OP)
        parts = rows.select(columns).unique(maintain_order=True).with_row_index("row")
        # Whole nanoseconds add up to the same sum in any order.
        sums = rows.group_by(*columns, "step").agg(pl.col("share_ns", "idle_ns").sum())
        sums = sums.join(parts, on=columns).join(self._steps, on="step")
        work_ns, idle_ns = sums["share_ns"] - sums["idle_ns"], sums["idle_ns"]
        scaled_ns = work_ns * self._scale.work + idle_ns * self._scale.idle
        seconds = np.zeros((parts.height, self._steps.height))
        seconds[sums["row"].to_numpy(), sums["at"].to_numpy()] = scaled_ns.to_numpy() / 1e9
        return dict(zip(parts.select(columns).iter_rows(), seconds, strict=True))
