"""Costs to summaries over the traced steps: per op, layer or kind, and the totals of a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alexprof.attribute.table import IDLE_OP, UNASSIGNED_OP

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
    "share_ci95_s",
    "busy_fraction",
    "idle_before_s",
    "launching_s",
)

# What a GPU may wait for: idle reasons of `division`, but for what the GPU itself has yet to begin.
_BOUNDS = ("launching", "input", "fetching", "python", "unknown")


@dataclass(frozen=True)
class Totals:
    """Where the time of a device went, over all traced steps together."""

    device: str  # "CPU", "GPU:0", …
    steps: int  # number of steps
    wall_ns: int  # duration of the steps; equals `share_ns + idle_ns`
    share_ns: int  # time that something ran, the unassigned included
    unassigned_ns: int  # the part of `share_ns` that names no op
    idle_ns: int  # time that nothing ran
    # `idle_ns` by reason, longest first; see `division.IDLE_REASONS`.
    idle_by_reason_ns: dict[str, int]

    def idle_s(self, reason: str, timed_s: float | None) -> float:
        """How long the device is idle in a step for one reason, mean, in seconds.

        With the mean of the timed steps their idle time is divided as that of the traced ones: a
        profiler slows down the host and not kernels.
        """
        traced_s = self.idle_by_reason_ns.get(reason, 0) / self.steps / 1e9
        if timed_s is None or not self.idle_ns:
            return traced_s
        return traced_s * max(timed_s * 1e9 * self.steps - self.share_ns, 0.0) / self.idle_ns

    def bound_by(self, timed_s: float | None) -> str:
        """What decides how long a GPU's steps take: the largest of its busy time and what it waits.

        Returns:
            "kernels", "launching", "input", "fetching", "python" or "unknown".
        """
        waits_s = {reason: self.idle_s(reason, timed_s) for reason in _BOUNDS}
        longest = max(_BOUNDS, key=lambda reason: waits_s[reason])
        busy_s = self.share_ns / self.steps / 1e9
        return longest if waits_s[longest] > busy_s else "kernels"


def by_op(costs: pl.DataFrame) -> pl.DataFrame:
    """Summarizes each op on each device; see `by_layer`.

    Has `type`, `kind` and `layer` too, and `covered`: whether every traced step shows the op.
    """
    return _summary(costs, "op", ("type", "kind", "layer"))


def by_layer(costs: pl.DataFrame) -> pl.DataFrame:
    """Summarizes each layer and pass on each device.

    Returns:
        A row per layer, pass and device, longest share first, without idle time: `name`, `device`,
        `pass`; means over the traced steps, in which one that is absent from a step had 0:
        `executions_per_step` (null where not known), `kernels_per_step`, `busy_mean_s`,
        `share_mean_s`; sample standard deviations between steps, null with a single step:
        `busy_std_s`, `share_std_s`; `share_fraction`, the part of the device's steps;
        `core_mean_s`, what threads worked, and `parallelism`, that over the time in which any did,
        null where not known; `share_ci95_s`, list [low, high]: the 95 % interval of `share_mean_s`,
        by Student's t over blocks of steps as `measure.chunks` takes them, null with a single step;
        `busy_fraction`, the part of the time in which the device ran anything, null for idle time;
        `idle_before_s`, for how long a GPU was idle right before its kernels, and `launching_s`,
        the host's time for its launches, null on a CPU.
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
                idle_by_reason_ns=dict(reasons.iter_rows()),
            )
        )
    return result


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
    waits = pl.col("idle_before_ns").is_not_null().any()
    waiting = ["idle_before_ns", "launching_ns"]
    per_step = (
        costs.filter(idle | (pl.col("op") != IDLE_OP))
        .group_by(*keys, "step", maintain_order=True)
        .agg(
            pl.col(amounts).sum().cast(pl.Float64),
            *(pl.when(waits).then(pl.col(time).sum().cast(pl.Float64)) for time in waiting),
            pl.when(counted).then(pl.col("executions").sum().cast(pl.Float64)).alias("executions"),
            *(
                pl.when(known).then(pl.col(time).sum().cast(pl.Float64)).alias(time)
                for time in core
            ),
        )
    )
    # Every step has a row of each device, be it of idle time.
    steps = costs.unique(["device", "step"]).group_by("device")
    worked = costs.filter(pl.col("op") != IDLE_OP).group_by("device")
    device = steps.agg(pl.len().alias("steps"), pl.col("wall_ns").sum()).join(
        worked.agg(pl.col("share_ns").sum().alias("worked_ns")), on="device", how="left"
    )
    low = (pl.col("share_mean_s") - pl.col("half_s")).clip(lower_bound=0)
    high = pl.col("share_mean_s") + pl.col("half_s")
    summary = (
        per_step.join(device, on="device")
        .group_by(keys, maintain_order=True)
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
            pl.when(pl.lit(name != "layer") | (pl.col(name).first() != IDLE_OP))
            .then(pl.col("share_ns").sum() / pl.col("worked_ns").first())
            .alias("busy_fraction"),
            *(
                pl.when(waits).then(_mean(time) / _NS_PER_S).alias(time.replace("_ns", "_s"))
                for time in waiting
            ),
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
