"""The table of costs: divisions of all devices with names, at whole nanoseconds; its closure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from alexprof.attribute.division import IDLE_REASONS, Division
from alexprof.attribute.metrics import METRICS, Metric
from alexprof.attribute.names import Labels
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import PS_PER_NS, Steps
from alexprof.attribute.symbols import UNASSIGNED
from alexprof.attribute.timeline import Float, Int

if TYPE_CHECKING:
    import polars as pl

IDLE_OP = "(idle)"
UNASSIGNED_OP = "(unassigned)"


def costs_table(
    divisions: Sequence[Division], steps: Steps, work: Work, labels: Labels
) -> pl.DataFrame:
    """Joins the devices, settles shares at whole nanoseconds and puts the names in.

    Has `at` beside the columns of the costs: the index of the step among those of all sorts.
    """
    import polars as pl

    columns = [metric.column for metric in METRICS]
    types = dict.fromkeys(["step", "device", "label", *columns], pl.Int64)
    parts = (_rows(division, at, len(work.ops)) for at, division in enumerate(divisions))
    # Where no device knows a metric, its column is there all the same.
    nothing = pl.DataFrame(schema=types | {"share_ns": pl.Float64})
    rows = pl.concat([nothing, *parts], how="diagonal")
    wall_ns = np.concatenate(
        [(division.end_ps - division.start_ps) // PS_PER_NS for division in divisions]
    )
    group = (rows["device"] * len(steps) + rows["step"]).to_numpy()
    share_ns = settle(rows["share_ns"].to_numpy() / PS_PER_NS, group, wall_ns)
    rows = rows.with_columns(
        *(_in_table(metric) for metric in METRICS if metric.column != "share_ns"),
        pl.Series("share_ns", share_ns),
        pl.Series("wall_ns", wall_ns[group]),
    ).sort("step", "device", "share_ns", descending=[False, False, True], maintain_order=True)
    columns.insert(columns.index("share_ns") + 1, "wall_ns")
    return rows.select(
        pl.Series("step", steps.number[rows["step"]]),
        pl.Series("device", [division.device for division in divisions]).gather(rows["device"]),
        *(
            pl.Series(name, texts, dtype=pl.String).gather(rows["label"])
            for name, texts in _label_columns(work, labels).items()
        ),
        *columns,
        pl.col("step").alias("at"),
    )


def _in_table(metric: Metric) -> pl.Expr:
    """A metric's column: null where it is not known, times rounded to nanoseconds."""
    import polars as pl

    known = pl.when(pl.col(metric.column) >= 0).then(pl.col(metric.column))
    return (known + PS_PER_NS // 2) // PS_PER_NS if metric.is_time else known


def _rows(division: Division, device: int, ops: int) -> pl.DataFrame:
    """A device's ops, then its idle time; `label` is a row of the text columns."""
    import polars as pl

    of_ops = {
        "step": division.step,
        "device": np.full(division.op.size, device),
        "label": np.where(division.op == UNASSIGNED, ops, division.op),
        **division.amounts,
    }
    reason, step = np.nonzero(division.idle_ps)
    idle = {
        "step": step,
        "device": np.full(step.size, device),
        "label": ops + 1 + reason,
        "share_ns": division.idle_ps[reason, step].astype(np.float64),
        **{
            metric.column: np.full(step.size, metric.of_idle)
            for metric in METRICS
            if metric.of_idle is not None
        },
    }
    return pl.concat([pl.DataFrame(of_ops), pl.DataFrame(idle)], how="diagonal")


def _label_columns(work: Work, labels: Labels) -> dict[str, list[str]]:
    """The text columns: a row per op, one for the unassigned, one per reason to be idle."""
    reasons = len(IDLE_REASONS)
    idle = [IDLE_OP] * reasons
    return {
        "op": [name for name, _ in work.ops] + [UNASSIGNED_OP, *idle],
        "type": [type_ for _, type_ in work.ops] + [UNASSIGNED_OP, *IDLE_REASONS],
        "kind": [*labels.kind, UNASSIGNED_OP, *idle],
        "layer": [*labels.layer, UNASSIGNED_OP, *idle],
        "pass": [*labels.passes, "other", *["idle"] * reasons],
    }


def settle(parts: Float, group: Int, total: Int) -> Int:
    """Rounds the parts of each group to integers that add up to the group's total.

    Each part is rounded down, and what is missing goes, 1 each, to those that lost most (the
    method of largest remainders), so each stays within 1 of its exact value.

    Args:
        parts: float64 [r], not negative.
        group: int64 [r], index into `total`.
        total: int64 [g], the sum of each group's parts, up to rounding errors far below 1.
    """
    whole = np.floor(parts).astype(np.int64)
    given = np.zeros(total.size, np.int64)
    np.add.at(given, group, whole)
    order = np.lexsort((whole - parts, group))
    first = np.searchsorted(group[order], np.arange(total.size))
    place = np.empty(group.size, np.int64)
    place[order] = np.arange(group.size) - first[group[order]]
    settled: Int = whole + (place < (total - given)[group])
    return settled
