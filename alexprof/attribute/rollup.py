"""Costs to summaries over the traced steps: per op, layer or kind, and the totals of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alexprof.attribute.division import UNASSIGNED_OP
from alexprof.measure.slowdown import timed_idle_s
from alexprof.record.metrics import IDLE_OP, METRICS, Metric
from alexprof.record.phase import Cost, DeviceTimes

if TYPE_CHECKING:
    import polars as pl

_NS_PER_S = 1e9

SUMMARY = Cost.__struct_encode_fields__
"""The columns of a summary."""

# What a GPU may wait for: idle reasons of `division`, but for what the GPU itself has yet to begin.
_BOUNDS = ("launching", "input", "fetching", "python", "unknown")


def by_op(costs: pl.DataFrame) -> pl.DataFrame:
    """Summarizes each op on each device; see `by_layer`.

    Has `type`, `kind` and `layer` too, and `covered`: whether every traced step shows the op.
    """
    return _summary(costs, "op", ("type", "kind", "layer"))


def by_layer(costs: pl.DataFrame) -> pl.DataFrame:
    """Summarizes each layer and pass on each device.

    Returns:
        A row per layer, pass and device, longest share first, without idle time: the fields of
        `record.phase.Cost`, null where not known. A step that shows nothing of a row counts as 0.
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


def totals(costs: pl.DataFrame) -> tuple[DeviceTimes, ...]:
    """Adds up each device's time, in the order of the table; idle time by reason, longest first."""
    import polars as pl

    devices = []
    for (device,), rows in costs.group_by("device", maintain_order=True):
        idle = rows.filter(pl.col("op") == IDLE_OP)
        reasons = idle.group_by("type").agg(pl.col("share_ns").sum())
        reasons = reasons.sort(["share_ns", "type"], descending=[True, False])
        idle_ns = int(idle["share_ns"].sum())
        devices.append(
            DeviceTimes(
                device=str(device),
                wall_ns=int(rows.unique("step")["wall_ns"].sum()),
                share_ns=int(rows["share_ns"].sum()) - idle_ns,
                unassigned_ns=int(rows.filter(pl.col("op") == UNASSIGNED_OP)["share_ns"].sum()),
                idle_ns=idle_ns,
                idle_by_reason_ns=dict(reasons.iter_rows()),
            )
        )
    return tuple(devices)


def bound_by(gpu: DeviceTimes, steps: int, timed_s: float | None) -> str:
    """What decides how long a GPU's steps take: the largest of its busy time and what it waits.

    Args:
        gpu: Its time in all traced steps.
        steps: How many these are.
        timed_s: Mean of the timed steps, whose idle time is divided as that of the traced ones.

    Returns:
        "kernels", "launching", "input", "fetching", "python" or "unknown".
    """
    busy_s, idle_s = gpu.share_ns / steps / _NS_PER_S, gpu.idle_ns / steps / _NS_PER_S
    scale = timed_idle_s(busy_s, timed_s) / idle_s if timed_s is not None and idle_s else 1.0
    waits_s = {
        reason: scale * gpu.idle_by_reason_ns.get(reason, 0) / steps / _NS_PER_S
        for reason in _BOUNDS
    }
    longest = max(_BOUNDS, key=lambda reason: waits_s[reason])
    return longest if waits_s[longest] > busy_s else "kernels"


def _summary(
    costs: pl.DataFrame, name: str, more: tuple[str, ...], *, idle: bool = False
) -> pl.DataFrame:
    """Adds up within each step, then averages over the steps of the device."""
    import polars as pl

    keys = [name, "device", "pass", *more]
    worked = costs.filter(pl.col("op") != IDLE_OP)
    per_step = (
        (costs if idle else worked)
        .group_by(*keys, "step", maintain_order=True)
        .agg(_total(metric.column) for metric in METRICS)
    )
    # Every step has a row of each device, be it of idle time.
    steps = costs.unique(["device", "step"]).group_by("device")
    devices = steps.agg(pl.len().alias("steps"), pl.col("wall_ns").sum()).join(
        worked.group_by("device").agg(pl.col("share_ns").sum().alias("worked_ns")),
        on="device",
        how="left",
    )
    share_ns, at_work_ns = _total("share_ns"), _total("at_work_ns")
    low = (pl.col("share_mean_s") - pl.col("half_s")).clip(lower_bound=0)
    high = pl.col("share_mean_s") + pl.col("half_s")
    summary = (
        per_step.join(devices, on="device")
        .group_by(keys, maintain_order=True)
        .agg(
            *(_mean(metric).alias(metric.mean) for metric in METRICS if metric.mean),
            *(_std(metric).alias(metric.std) for metric in METRICS if metric.std),
            (share_ns / pl.col("wall_ns").first()).alias("share_fraction"),
            pl.when(pl.col(name).first() != IDLE_OP)
            .then(share_ns / pl.col("worked_ns").first())
            .alias("busy_fraction"),
            pl.when(at_work_ns > 0).then(_total("core_ns") / at_work_ns).alias("parallelism"),
            (pl.len() == pl.col("steps").first()).alias("covered"),
        )
        .join(_half_widths(costs, per_step, keys), on=keys, nulls_equal=True)
        .with_columns(
            pl.when(pl.col("half_s").is_not_null())
            .then(pl.concat_list(low, high))
            .alias("share_ci95_s")
        )
    )
    return (
        summary.rename({name: "name"})
        .select(*SUMMARY, *more, *(("covered",) if name == "op" else ()))
        .sort(
            ["share_mean_s", "busy_mean_s", "name", "pass", "device", *more],
            descending=[True, True, *[False] * (3 + len(more))],
        )
    )


def _total(column: str) -> pl.Expr:
    """The sum of a metric; null unless all of it is known."""
    import polars as pl

    return pl.when(pl.col(column).is_not_null().all()).then(pl.col(column).sum())


def _half_widths(costs: pl.DataFrame, per_step: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Half the 95 % interval of each row's mean share, as `step_interval`; null with too few."""
    import polars as pl

    from alexprof.measure.chunks import LEAST_CHUNKS, chunk_of_step, half_width

    steps = costs["step"].unique().sort()
    chunk = chunk_of_step(len(steps))
    blocks = int(chunk[-1]) + 1 if len(steps) else 0
    of_step = pl.DataFrame({"step": steps, "block": chunk})
    length = of_step.group_by("block").len("length")
    # A block in which a row had nothing is missing here: its mean is 0.
    means = (
        per_step.join(of_step, on="step")
        .group_by(*keys, "block", maintain_order=True)
        .agg(pl.col("share_ns").sum())
        .join(length, on="block")
        .with_columns(pl.col("share_ns") / pl.col("length"))
    )
    mean = pl.col("share_ns").sum() / blocks
    squares = ((pl.col("share_ns") - mean) ** 2).sum() + (blocks - pl.len()) * mean**2
    half = half_width(blocks) if blocks >= LEAST_CHUNKS else None
    return means.group_by(keys, maintain_order=True).agg(
        ((squares / max(blocks - 1, 1)).sqrt() * pl.lit(half) / _NS_PER_S).alias("half_s")
    )


def _mean(metric: Metric) -> pl.Expr:
    """Mean over all steps, those included in which the rows have no part; times in seconds."""
    import polars as pl

    return _total(metric.column) / pl.col("steps").first() / (_NS_PER_S if metric.is_time else 1)


def _std(metric: Metric) -> pl.Expr:
    """Sample standard deviation over all steps, of times, in seconds; a step without rows had 0."""
    import polars as pl

    steps, amount = pl.col("steps").first().cast(pl.Int64), pl.col(metric.column)
    mean = amount.sum() / steps
    squares = ((amount - mean) ** 2).sum() + (steps - pl.len().cast(pl.Int64)) * mean**2
    return pl.when(steps > 1).then((squares / (steps - 1)).sqrt() / _NS_PER_S)
