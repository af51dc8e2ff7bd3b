"""The most expensive ops of a step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from alexprof.record.phase import OpCost, on_cpu
from alexprof.show import numbers
from alexprof.show.document import Column, Row, Table
from alexprof.show.fit import clean
from alexprof.show.sections.shares import UNASSIGNED, Division
from alexprof.show.view import plural


def _columns(unit: str) -> tuple[Column, ...]:
    return (
        Column("op", align="name"),
        Column("kind", align="text", drop=1),
        Column("pass", align="text", drop=4),
        Column("share", unit),
        Column("± 95 %", unit, drop=6),
        Column("step", "%"),
        Column("GPU-busy", "%", drop=2),
        Column("total", "%", drop=3),
        Column("busy", unit, drop=5),
        Column("count", align="right", drop=7),
        Column("cores", align="right", drop=8),
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
    unit = numbers.table_unit([division.step_s])
    rows, total = [], 0.0
    for op in shown:
        total += op.share_fraction
        rows.append(_row(division, op, total, unit))
    if others:
        rows.append(_others(division, others, total, unit))
    few = f"The {len(shown)} most expensive of {plural(len(division.ops), 'op')}"
    every = f"All {len(shown)} ops" if len(shown) > 1 else "The only op"
    title = few if others else every
    table = Table(_columns(unit.name), tuple(rows), title=title, aside=times, part="ops")
    unknown = []
    if on_cpu(division.device):
        unknown.append("GPU-busy")
    if all(op.parallelism is None for op in division.ops):
        unknown.append("cores")
    return table.without(*unknown)


def op_note(division: Division, top: int) -> str:
    """What the columns of the table mean."""
    together = any(op.busy_mean_s > op.share_mean_s * 1.005 for op in division.ops[:top])
    why = ": more than the share where ops ran side by side" if together else ""
    return f"Busy is the plain sum of durations{why}. Count is executions in a step."


def _row(division: Division, op: OpCost, total: float, unit: numbers.Unit) -> Row:
    return Row(
        (
            clean(op.name) or UNASSIGNED,
            clean(op.kind),
            clean(op.pass_),
            unit.plain(op.share_mean_s),
            unit.half_width(op.share_ci95_s),
            numbers.percent(op.share_fraction),
            numbers.percent(division.busy_part(op.share_mean_s)),
            numbers.percent(total),
            unit.plain(op.busy_mean_s),
            _count([op]),
            _cores(op),
        )
    )


def _count(ops: Sequence[OpCost]) -> str:
    counts = [op.executions_per_step for op in ops if op.executions_per_step is not None]
    return numbers.count(math.fsum(counts)) if len(counts) == len(ops) else numbers.MISSING


def _cores(op: OpCost) -> str:
    return numbers.MISSING if op.parallelism is None else f"{op.parallelism:.1f}"


def _others(
    division: Division, others: tuple[OpCost, ...], total: float, unit: numbers.Unit
) -> Row:
    share_s = math.fsum(op.share_mean_s for op in others)
    fraction = math.fsum(op.share_fraction for op in others)
    return Row(
        (
            plural(len(others), "more op"),
            "",
            "",
            unit.plain(share_s),
            "",
            numbers.percent(fraction),
            numbers.percent(division.busy_part(share_s)),
            numbers.percent(total + fraction),
            unit.plain(math.fsum(op.busy_mean_s for op in others)),
            _count(others),
            "",
        ),
        "muted",
    )
