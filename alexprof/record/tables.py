"""What the columns of a run's tables hold, and checks of the tables against the record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from alexprof.record.metrics import IDLE_OP, METRICS
from alexprof.record.run import Run
from alexprof.record.values import MOST_S

if TYPE_CHECKING:
    import polars as pl


class Column(NamedTuple):
    """A column of a table."""

    name: str
    type: str = "Int64"  # The name of the type in polars
    least: float = 0  # The smallest number allowed
    most: float = 1e18  # The largest number allowed
    known: bool = True  # False: values, or the whole column, may be missing


_PLACE = (Column("variant", "String"), Column("phase", "String"))
_ALWAYS = ("kernels", "busy_ns", "share_ns")
STEPS = (
    *_PLACE,
    Column("block", least=-1, most=1e15),
    Column("step", least=-1e15, most=1e15),
    Column("order", most=1e15),
    Column("start_s", "Float64", most=MOST_S),
    Column("seconds", "Float64", most=MOST_S),
    Column("traced", "Boolean", known=False),  # the first runs of schema 2 lack it
    Column("unix_s", "Float64", least=-1e15, most=1e15, known=False),  # they lack this too
)
COSTS = (
    *_PLACE,
    Column("step", least=-1e15, most=1e15),
    *(Column(name, "String") for name in ("device", "op", "type", "kind", "layer", "pass")),
    *(Column(metric.column, known=metric.column in _ALWAYS) for metric in METRICS),
    Column("wall_ns"),
)


def wrong_type(columns: tuple[Column, ...], schema: pl.Schema) -> str | None:
    """Says which column is missing or has the wrong type; None if all are right."""
    for column in columns:
        if column.name not in schema:
            if column.known:
                return f"it has no column {column.name}"
        elif (type_ := str(schema[column.name])) != column.type:
            return f"column {column.name} is {type_}, not {column.type}"
    return None


def with_all(columns: tuple[Column, ...], table: pl.DataFrame) -> pl.DataFrame:
    """Adds the optional columns that a table lacks: traced is false, metrics are null."""
    import polars as pl

    nothing = {
        column.name: pl.lit(False if column.type == "Boolean" else None, getattr(pl, column.type))
        for column in columns
        if column.name not in table.columns
    }
    return table.with_columns(**nothing)


def wrong_value(columns: tuple[Column, ...], table: pl.DataFrame) -> str | None:
    """Says which column lacks values or has some out of range; None if all are right."""
    for column in columns:
        values = table[column.name]
        if column.known and values.null_count():
            rows = f"{values.null_count()} of {len(values)} rows"
            return f"column {column.name} has no value in {rows}"
        if column.type in ("Int64", "Float64"):
            # `is_between` is false for NaN.
            outside = values.filter(~values.is_between(column.least, column.most))
            if len(outside):
                bounds = f"{column.least:g} to {column.most:g}"
                return f"column {column.name} has {outside[0]}, which is outside {bounds}"
    return None


Pairs = Iterator[tuple[str, float, float]]
"""What is compared, the table's number, and the record's number."""


def compared_steps(table: pl.DataFrame, run: Run) -> Pairs:
    """How many steps each phase has, and how long they take."""
    import polars as pl

    seconds = pl.col("seconds")
    groups = table.filter(pl.col("block") >= 0).group_by("variant", "phase", "traced")
    figures = groups.agg(
        pl.len(), seconds.mean(), seconds.min().alias("least"), seconds.max().alias("most")
    )
    by_place = {row[:3]: row[3:] for row in figures.iter_rows()}
    for variant, key, phase in run.all_phases():
        where = f"of {variant}, {key}"
        if timed := phase.timed:
            steps, *times_s = by_place.get((variant, key, False), (0, 0.0, 0.0, 0.0))
            yield f"timed steps {where}", steps, timed.steps
            recorded_s = timed.mean_s, timed.min_s, timed.max_s
            for what, table_s, record_s in zip(
                ("mean", "min", "max"), times_s, recorded_s, strict=True
            ):
                yield f"s as the {what} {where}", table_s, record_s
        if phase.traced and phase.attribution and table["traced"].any():
            steps = by_place.get((variant, key, True), (0,))[0]
            yield f"traced steps {where}", steps, phase.traced.steps


def compared_costs(table: pl.DataFrame, run: Run) -> Pairs:
    """How the traced steps of each phase are divided."""
    import polars as pl

    groups = table.group_by("variant", "phase", "device", "op").agg(pl.col("share_ns").sum())
    by_op = {row[:4]: row[4] for row in groups.iter_rows()}
    groups = table.group_by("variant", "phase", "device").agg(
        pl.col("step").n_unique(), pl.col("share_ns").sum()
    )
    by_device = {row[:3]: row[3:] for row in groups.iter_rows()}
    for variant, key, phase in run.all_phases():
        if phase.attribution is None or phase.traced is None:
            continue
        for times in phase.attribution.devices:
            place, where = (variant, key, times.device), f"of {variant}, {key} on {times.device}"
            steps, wall_ns = by_device.get(place, (0, 0))
            yield f"ns {where}", wall_ns, times.wall_ns
            yield f"idle ns {where}", by_op.get((*place, IDLE_OP), 0), times.idle_ns
            if times.device == phase.attribution.device:
                yield f"traced steps {where}", steps, phase.traced.steps
            shares_ns: dict[str, float] = {}
            for op in phase.ops:
                if op.device == times.device:
                    share_ns = op.share_fraction * times.wall_ns
                    shares_ns[op.name] = shares_ns.get(op.name, 0.0) + share_ns
            for op_name, share_ns in shares_ns.items():
                yield f"ns of {op_name} {where}", by_op.get((*place, op_name), 0), share_ns
