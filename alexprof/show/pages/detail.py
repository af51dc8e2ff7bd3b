"""What a row of the table opens: an op's or a layer's ops, kernels and single steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alexprof.analysis.breakdown import LEVELS, name_of, steps_by_group
from alexprof.analysis.division import DividedStep, device_ops, divide
from alexprof.errors import UsageError, check_name
from alexprof.record.kernels import Kernel
from alexprof.record.phase import OpCost, Phase
from alexprof.show import numbers
from alexprof.show.document import Axis, Bar, Block, Column, Piece, Remark, Table, cleaned
from alexprof.show.pages.view import PageView
from alexprof.show.sections.trace_tables import op_columns

OPS_SHOWN = 50
KERNELS_SHOWN = 50
STEPS_SHOWN = 100


def row_detail(view: PageView, key: str) -> tuple[Block, ...]:
    """What is known of the row of that name, in the breakdown that was chosen.

    Raises:
        UsageError: If there is no such row.
    """
    phase, division = view.phase(view.variant, view.key), divide(view.run, view.variant, view.key)
    level = view.choices.roll or "layer"
    check_name("roll", level, LEVELS)
    if phase is None or division is None:
        raise UsageError("this phase has no traced steps")
    ops = _ops(phase, division, level, key, view.choices.depth if level == "layer" else 0)
    blocks: tuple[Block, ...] = cleaned(tuple(_blocks(view, phase, division, key, ops)))
    return blocks


def _ops(phase: Phase, division: DividedStep, level: str, key: str, depth: int) -> list[OpCost]:
    names = next(name_of(known, depth) for known in LEVELS if known == level)
    ops = [op for op in device_ops(phase, division) if names(op) == key]
    if not ops:
        raise UsageError(f"no {level} {key!r} in this phase")
    return ops


def _blocks(
    view: PageView, phase: Phase, division: DividedStep, key: str, ops: Sequence[OpCost]
) -> Iterator[Block]:
    unit = view.unit([division.step_s], division.step_s)
    yield from map(Remark, _facts(ops))
    if len(ops) > 1:
        yield Table.of(
            op_columns(unit),
            _with_totals(ops[:OPS_SHOWN]),
            title=f"Its ops{_of(len(ops), OPS_SHOWN)}",
        )
    names = {op.name for op in ops}
    kernels = [kernel for kernel in phase.kernels if kernel.op in names]
    kernels = [kernel for kernel in kernels if kernel.device == division.device]
    if kernels:
        yield _kernels(kernels)
    costs = view.tables.costs
    if costs is None:
        yield Remark("Single steps are in the run's folder, which can't be reached from here.")
    else:
        shares_s = steps_by_group(costs, division, {key: list(ops)})[key]
        yield _steps(unit, division, shares_s.tolist())


def _with_totals(ops: Sequence[OpCost]) -> list[tuple[OpCost, float]]:
    total, rows = 0.0, []
    for op in ops:
        total += op.share_fraction
        rows.append((op, total))
    return rows


def _of(count: int, most: int) -> str:
    return f", the first {most} of {count}" if count > most else ""


def _facts(ops: Sequence[OpCost]) -> Iterator[str]:
    types = ", ".join(dict.fromkeys(op.type or "type not known" for op in ops[:6]))
    yield f"Types: {types}{', …' if len(ops) > 6 else ''}."
    if fused := sorted({name for op in ops for name in op.fused}):
        yield f"Computes too, without an event of their own: {', '.join(fused)}."
    if any(op.estimated for op in ops):
        yield "Estimated: XLA fused these ops with others, and their kernels' time is divided."
    if not all(op.covered for op in ops):
        yield "Some traced steps don't show all of these ops."


def _kernels(kernels: Sequence[Kernel]) -> Table:
    """Its kernels, in the whole trace."""
    longest = sorted(kernels, key=lambda kernel: -kernel.total_ns)
    unit = numbers.table_unit([kernel.total_ns / 1e9 for kernel in longest[:1]])

    def mean(kernel: Kernel) -> str:
        return unit.plain(kernel.total_ns / 1e9 / max(kernel.executions, 1))

    columns = (
        Column("kernel", "", lambda kernel: kernel.name, align="name"),
        Column("stream", "", lambda kernel: kernel.stream, align="text", drop=3),
        Column("count", "", lambda kernel: str(kernel.executions), align="right", drop=2),
        Column("total", unit.name, lambda kernel: unit.plain(kernel.total_ns / 1e9)),
        Column("mean", unit.name, mean, drop=1),
    )
    title = f"Its kernels{_of(len(longest), KERNELS_SHOWN)}"
    return Table.of(columns, longest[:KERNELS_SHOWN], title=title, aside="whole trace")


def _steps(unit: numbers.Unit, division: DividedStep, steps_s: Sequence[float]) -> Table:
    """Its share of each traced step."""
    rows = [(place, float(step_s)) for place, step_s in enumerate(steps_s, start=1)]
    most_s = max((step_s for _, step_s in rows), default=0.0) or 1.0
    columns = (
        Column("step", "", lambda row: str(row[0]), align="right"),
        Column("share", unit.name, lambda row: unit.plain(row[1])),
        Column("", "", lambda row: Bar((Piece(0.0, row[1], "measured"),)), align="bar"),
    )
    title = f"Single steps{_of(len(rows), STEPS_SHOWN)}"
    scaled = "on the scale of the timed step" if division.scale != 1 else "as traced"
    return Table.of(columns, rows[:STEPS_SHOWN], axis=Axis(0, most_s), title=title, aside=scaled)
