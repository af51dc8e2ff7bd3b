"""Costs to summaries over the traced steps: per op, layer or kind, and the totals of a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alexprof.attribute.costs import IDLE_OP, UNASSIGNED_OP

if TYPE_CHECKING:
    import polars as pl

_NS_PER_S = 1e9

SUMMARY = (
    "name",
    "device",
    "pass",
    "executions_per_step",
    "kernels_per_step",
    "busy_mean_s",
    "busy_std_s",
    "share_mean_s",
    "share_std_s",
    "share_fraction",
    "core_mean_s",
    "parallelism",
)


@dataclass(frozen=True)
class Totals:
    """Where the time of a device went, over all traced steps together.

    Attributes:
        device: "CPU", "GPU:0", …
        steps: Number of steps.
        wall_ns: Duration of the steps; equals `share_ns + idle_ns`.
        share_ns: Time that something ran, the unassigned included.
        unassigned_ns: The part of `share_ns` that names no op.
        idle_ns: Time that nothing ran.
        idle_by_reason: `idle_ns` by reason, longest first; see `division.IDLE_REASONS`.
    """

    device: str
    steps: int
    wall_ns: int
    share_ns: int
    unassigned_ns: int
    idle_ns: int
    idle_by_reason: dict[str, int]


def by_op(costs: pl.DataFrame) -> pl.DataFrame:
    """Summarizes each op on each device; see `by_layer`.

    Has `type`, `kind` and `layer` too, and `covered`: whether every traced step shows the op.
    """
    return _summary(costs, "op", ("type", "kind", "layer"))


def by_layer(costs: pl.DataFrame) -> pl.DataFrame:
    """Summarizes each layer and pass on each device.

    Args:
        costs: As made by `costs.attribute`.

    Returns:
        A row per layer, pass and device, longest share first, without idle time: `name`, `device`,
        `pass`; means over the traced steps, in which one that is absent from a step had 0:
        `executions_per_step` (null where not known), `kernels_per_step`, `busy_mean_s`,
        `share_mean_s`; sample standard deviations between steps, null with a single step:
        `busy_std_s`, `share_std_s`; and
        `share_fraction`, the part of the device's steps; `core_mean_s`, what threads worked, and
        `parallelism`, that over the time in which any did, both null where that is not known.
    """
    return _summary(costs, "layer", ())


def by_layer_whole(costs: pl.DataFrame) -> pl.DataFrame:
    """Summarizes each layer in all passes together (pass "all"), and idle time; see `by_layer`.

    The rows of a device make up its steps.
    """
    import polars as pl

    return _summary(costs.with_columns(pl.lit("all").alias("pass")), "layer", (), idle=True)


def by_kind(costs: pl.DataFrame) -> pl.DataFrame:
    """Summarizes each kind of op and pass on each device; see `by_layer`."""
    return _summary(costs, "kind", ())


def totals(costs: pl.DataFrame) -> list[Totals]:
    """Adds up each device's time, in the order of the table."""
    import polars as pl

    result = []
    for device in costs["device"].unique(maintain_order=True):
        rows = costs.filter(pl.col("device") == device)
        steps = rows.unique("step")
        idle = rows.filter(pl.col("op") == IDLE_OP)
        reasons = idle.group_by("type").agg(pl.col("share_ns").sum())
        reasons = reasons.sort(["share_ns", "type"], descending=[True, False])
        wall, idle_ns = int(steps["wall_ns"].sum()), int(idle["share_ns"].sum())
        lost = rows.filter(pl.col("op") == UNASSIGNED_OP)
        result.append(
            Totals(
                device=device,
                steps=steps.height,
                wall_ns=wall,
                share_ns=int(rows["share_ns"].sum()) - idle_ns,
                unassigned_ns=int(lost["share_ns"].sum()),
                idle_ns=idle_ns,
                idle_by_reason=dict(reasons.iter_rows()),
            )
        )
    return result


def sum_per_step(rows: pl.DataFrame, column: str, steps: pl.Series) -> pl.Series:
    """Adds up a column within each step.

    Args:
        rows: Rows of a table of costs.
        column: What to add up.
        steps: The steps, unique; one without rows has 0.

    Returns:
        A sum for each of `steps`, in their order.
    """
    import polars as pl

    sums = rows.group_by("step").agg(pl.col(column).sum())
    joined = steps.to_frame("step").join(sums, on="step", how="left", maintain_order="left")
    return joined[column].fill_null(0)


def _summary(
    costs: pl.DataFrame, name: str, more: tuple[str, ...], *, idle: bool = False
) -> pl.DataFrame:
    """Adds up within each step, then averages over the steps of the device."""
    import polars as pl

    keys = [name, "device", "pass", *more]
    amounts = ["kernels", "busy_ns", "share_ns"]
    counted = pl.col("executions").is_not_null().all()
    core = ["core_ns", "at_work_ns"]
    known = pl.col("core_ns").is_not_null().any()
    per_step = (
        costs.filter(idle | (pl.col("op") != IDLE_OP))
        .group_by(*keys, "step")
        .agg(
            pl.col(amounts).sum().cast(pl.Float64),
            pl.when(counted).then(pl.col("executions").sum().cast(pl.Float64)).alias("executions"),
            *(pl.when(known).then(pl.col(one).sum().cast(pl.Float64)).alias(one) for one in core),
        )
    )
    # Every step has a row of each device, be it of idle time.
    steps = costs.unique(["device", "step"]).group_by("device")
    device = steps.agg(pl.len().alias("steps"), pl.col("wall_ns").sum())
    summary = (
        per_step.join(device, on="device")
        .group_by(keys)
        .agg(
            pl.when(counted).then(_mean("executions")).alias("executions_per_step"),
            _mean("kernels").alias("kernels_per_step"),
            (_mean("busy_ns") / _NS_PER_S).alias("busy_mean_s"),
            (_std("busy_ns") / _NS_PER_S).alias("busy_std_s"),
            (_mean("share_ns") / _NS_PER_S).alias("share_mean_s"),
            pl.when(known).then(_mean("core_ns") / _NS_PER_S).alias("core_mean_s"),
            pl.when(known & (pl.col("at_work_ns").sum() > 0))
            .then(pl.col("core_ns").sum() / pl.col("at_work_ns").sum())
            .alias("parallelism"),
            (_std("share_ns") / _NS_PER_S).alias("share_std_s"),
            (pl.col("share_ns").sum() / pl.col("wall_ns").first()).alias("share_fraction"),
            (pl.len() == pl.col("steps").first()).alias("covered"),
        )
    )
    return (
        summary.rename({name: "name"})
        .select(*SUMMARY, *more, *(("covered",) if name == "op" else ()))
        .sort(
            ["share_mean_s", "busy_mean_s", "name", "pass", "device"],
            descending=[True, True, False, False, False],
        )
    )


def _mean(amount: str) -> pl.Expr:
    """Mean over all steps, those included in which the rows have no part."""
    import polars as pl

    return pl.col(amount).sum() / pl.col("steps").first()


def _std(amount: str) -> pl.Expr:
    """Sample standard deviation over all steps; a step without rows had 0."""
    import polars as pl

    steps, mean = pl.col("steps").first().cast(pl.Int64), _mean(amount)
    squares = ((pl.col(amount) - mean) ** 2).sum() + (steps - pl.len().cast(pl.Int64)) * mean**2
    return pl.when(steps > 1).then((squares / (steps - 1)).sqrt())
