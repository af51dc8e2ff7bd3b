"""A measured difference reconciled: each row's bar begins where the one above ended."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alexprof.record.ablation import Ablation, AblationPart
from alexprof.record.trace import OneSided
from alexprof.record.values import Interval
from alexprof.show import numbers
from alexprof.show.document import Axis, Bar, Column, Mark, Piece, Row, RowStyle, Span, Table
from alexprof.show.fit import clean
from alexprof.show.view import View, measured, plural

PARTS_SHOWN = 8
LAYERS_SHOWN = 8
TYPES_SHOWN = 4
_WIDEST = 1.2
"""An interval may widen the axis to so many times what the bars take, on either side."""
_NOTHING_S = 1e-9
"""Rounding leaves less than that."""


@dataclass(frozen=True)
class _Line:
    """A row before it is drawn: its bar begins at the sum of those above, or at `start_s`."""

    label: str
    value_s: float | None
    interval: Interval | None
    mark: Mark
    start_s: float | None = None
    style: RowStyle = "plain"


def waterfall(view: View, one: Ablation) -> Table:
    """What was measured, own ops by layer and pass, every other layer, idle."""
    lines = tuple(_accounts(view, one))
    unit = _unit(view, one)
    by_median = view.by_median
    found = [(name, measured(one, by_median=name == "medians")) for name in ("medians", "means")]
    found = found if by_median else found[1:]
    rows = [
        row
        for name, figures in found
        for row in _measured(f"measured, {name}" if by_median else "measured", figures, unit)
    ]
    rows += _drawn(lines, view.ablation_label(one), unit)
    if one.others_s is not None:
        rows.append(_sum(one, unit))
    columns = (
        Column("", align="name"),
        Column("", unit.name),
        Column("± 95 %", drop=1) if lines else Column("", drop=1),
        Column("", align="bar"),
    )
    axis = _axis(rows, [interval for _, (_, interval) in found], unit)
    return Table(columns, tuple(rows), axis, part="ablation")


def _unit(view: View, one: Ablation) -> numbers.Unit:
    """The unit of parts of the reference's step."""
    timed = view.timed(one.reference, one.phase)
    return numbers.table_unit([one.measured_s, timed.mean_s if timed else None])


def _rounded(seconds: float) -> float:
    """Exactly 0 for what rounding left."""
    return 0.0 if abs(seconds) < _NOTHING_S else seconds


def _accounts(view: View, one: Ablation) -> Iterator[_Line]:
    if one.attributed_s is None and one.others_s is None:
        return
    name = view.ablation_label(one)
    yield _Line(f"{name}’s own ops", one.attributed_s, one.attributed_ci95_s, "own")
    yield from _parts(one)
    if one.others:
        yield from _layers(one)
    elif one.others_s is not None:
        yield _Line("other layers", one.others_s, one.others_ci95_s, "others")
    yield from _one_sided(f"gone with {name}", one.only_with)
    yield from _one_sided(f"new without {name}", one.only_without)
    if one.unassigned is not None:
        change = one.unassigned
        yield _Line("op not known", change.change_s, change.ci95_s, "others")
    if one.idle_s is not None:
        yield _Line("idle", one.idle_s, one.idle_ci95_s, "idle")


def _parts(one: Ablation) -> Iterator[_Line]:
    """Own ops by layer and pass, the largest in the order given, then the others as one."""
    if len(one.parts) < 2:
        return
    largest = sorted(one.parts, key=lambda part: -abs(part.attributed_s))[:PARTS_SHOWN]
    end_s = 0.0
    for part in one.parts:
        if part in largest:
            label = f"  {clean(part.layer)} {part.pass_}"
            yield _Line(label, part.attributed_s, part.ci95_s, "own", end_s, "muted")
            end_s += part.attributed_s
    rest: list[AblationPart] = [part for part in one.parts if part not in largest]
    if rest:
        rest_s = math.fsum(part.attributed_s for part in rest)
        yield _Line(f"  {len(rest)} more", rest_s, None, "own", end_s, "muted")


def _layers(one: Ablation) -> Iterator[_Line]:
    """The layers whose change can be told from none, then the others as one."""
    told = [change for change in one.others if change.significant]
    for change in told[:LAYERS_SHOWN]:
        yield _Line(clean(change.name), change.change_s, change.ci95_s, "others")
    rest = told[LAYERS_SHOWN:]
    if rest:
        rest_s = math.fsum(change.change_s for change in rest)
        yield _Line(plural(len(rest), "more layer"), rest_s, None, "others")
    if one.not_significant is not None:
        count = len(one.not_significant.names)
        label = f"{plural(count, 'other layer')}, {'none' if count > 1 else 'not'} significant"
        yield _Line(label, one.not_significant.change_s, one.not_significant.ci95_s, "others")


def _one_sided(what: str, found: Sequence[OneSided]) -> Iterator[_Line]:
    for each in found[:TYPES_SHOWN]:
        count = f", {len(each.ops)} ops" if len(each.ops) > 1 else ""
        yield _Line(f"{what}: {clean(each.type)}{count}", each.change_s, each.ci95_s, "others")
    rest = found[TYPES_SHOWN:]
    if rest:
        rest_s = math.fsum(each.change_s for each in rest)
        yield _Line(f"{what}: {plural(len(rest), 'more type')}", rest_s, None, "others")


def _drawn(lines: Sequence[_Line], kind: str, unit: numbers.Unit) -> list[Row]:
    rows, end_s = [], 0.0
    for line in lines:
        start_s = end_s if line.start_s is None else line.start_s
        stop_s = start_s + (line.value_s or 0.0)
        piece = Piece(start_s, stop_s, line.mark, kind if line.mark == "own" else "")
        value = numbers.MISSING if line.value_s is None else unit.signed(_rounded(line.value_s))
        half = unit.half_width(line.interval) if line.interval else ""
        bar = Bar((piece,) if line.value_s else ())
        rows.append(Row((line.label, value, half, bar), line.style))
        end_s = stop_s if line.start_s is None else end_s
    return rows


def _sum(one: Ablation, unit: numbers.Unit) -> Row:
    """What own ops, everything else and idle time add up to."""
    sum_s = math.fsum(part for part in (one.attributed_s, one.others_s, one.idle_s) if part)
    bar = Bar((Piece(0, sum_s, "measured"),))
    return Row(("sum", unit.signed(_rounded(sum_s)), "", bar), "sum")


def _measured(
    label: str, found: tuple[float, Interval | None], unit: numbers.Unit
) -> Iterator[Row]:
    value_s, interval = found
    bar = Bar((Piece(0, value_s, "measured"),))
    yield Row((label, unit.signed(value_s), "", bar), "group")
    if interval is not None:
        span = Span(unit.interval(interval))
        whisker = Bar((Piece(*interval, "interval"),))
        yield Row((f"  {numbers.unit('95', '%')} interval", span, None, whisker), "muted")


def _axis(rows: Sequence[Row], intervals: Sequence[Interval | None], unit: numbers.Unit) -> Axis:
    pieces = [
        piece
        for row in rows
        for cell in row.cells
        if isinstance(cell, Bar)
        for piece in cell.pieces
        if piece.mark != "interval"
    ]
    ends = [0.0, *(piece.start for piece in pieces), *(piece.end for piece in pieces)]
    low, high = min(ends), max(ends)
    reach = (high - low) * _WIDEST
    known = [one for one in intervals if one]
    low = min(low, max(min((one[0] for one in known), default=low), low - reach))
    high = max(high, min(max((one[1] for one in known), default=high), high + reach))
    if high <= low:
        high = low + 1 / unit.per_second
    return Axis(low, high, round_ticks(low, high), unit.per_second)


def round_ticks(low: float, high: float, about: int = 6) -> tuple[float, ...]:
    """Round values on an axis: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(place * step for place in range(first, last + 1))
