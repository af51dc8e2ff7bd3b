"""The most expensive ops of a step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from alexprof.runs.record import OpCost
from alexprof.show import numbers
from alexprof.show.document import Column, Row, Table
from alexprof.show.fit import clean
from alexprof.show.sections.shares import UNASSIGNED, Division
from alexprof.show.view import plural

_COLUMNS = (
    Column("op", align="name"),
    Column("kind", align="text", drop=1),
    Column("pass", align="text", drop=3),
    Column("share", "ms"),
    Column("± 95 %", "ms", drop=5),
    Column("step", "%"),
    Column("total", "%", drop=2),
    Column("busy", "ms", drop=4),
    Column("count", align="right", drop=6),
    Column("cores", align="right", drop=7),
)


def op_table(division: Division, top: int, times: str) -> Table | None:
    """The `top` most expensive ops, and one row for the others; None if there are none.

    Args:
        division: The step.
        top: How many.
        times: What times on this device are called.
    """
    shown, others = division.ops[:top], division.ops[top:]
    if not shown:
        return None
    rows, total = [], 0.0
    for op in shown:
        total += op.share_fraction
        rows.append(_row(op, total))
    if others:
        rows.append(_others(others, total))
    few = f"The {len(shown)} most expensive of {plural(len(division.ops), 'op')}"
    every = f"All {len(shown)} ops" if len(shown) > 1 else "The only op"
    title = few if others else every
    columns: tuple[Column, ...] = _COLUMNS
    if all(op.parallelism is None for op in division.ops):
        columns = columns[:-1]
        rows = [Row(row.cells[:-1], row.style) for row in rows]
    return Table(columns, tuple(rows), title=title, aside=times)


def op_note(division: Division, top: int) -> str:
    """What the columns of the table mean."""
    together = any(op.busy_mean_s > op.share_mean_s * 1.005 for op in division.ops[:top])
    why = ": more than the share where ops ran side by side" if together else ""
    return f"Busy is the plain sum of durations{why}. Count is executions in a step."


def _row(op: OpCost, total: float) -> Row:
    return Row(
        (
            clean(op.name) or UNASSIGNED,
            clean(op.kind),
            clean(op.pass_),
            numbers.ms(op.share_mean_s),
            numbers.ms_half_width(op.share_ci95_s),
            numbers.percent(op.share_fraction),
            numbers.percent(total),
            numbers.ms(op.busy_mean_s),
            _count([op]),
            _cores(op),
        )
    )


def _count(ops: Sequence[OpCost]) -> str:
    counts = [op.executions_per_step for op in ops if op.executions_per_step is not None]
    return numbers.count(math.fsum(counts)) if len(counts) == len(ops) else numbers.MISSING


def _cores(op: OpCost) -> str:
    return numbers.MISSING if op.parallelism is None else f"{op.parallelism:.1f}"


def _others(others: tuple[OpCost, ...], total: float) -> Row:
    fraction = math.fsum(op.share_fraction for op in others)
    return Row(
        (
            plural(len(others), "more op"),
            "",
            "",
            numbers.ms(math.fsum(op.share_mean_s for op in others)),
            "",
            numbers.percent(fraction),
            numbers.percent(total + fraction),
            numbers.ms(math.fsum(op.busy_mean_s for op in others)),
            _count(others),
            "",
        ),
        "muted",
    )
