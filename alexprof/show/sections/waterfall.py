"""A measured difference reconciled: each row's bar begins where the one above ended."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from alexprof.analysis.account import Account, AccountRow
from alexprof.record.ablation import Ablation
from alexprof.record.values import Interval
from alexprof.show import numbers
from alexprof.show.document import Axis, Bar, Column, Mark, Piece, Row, Span, Table
from alexprof.show.text import clean, plural
from alexprof.show.view import View

_WIDEST = 1.2
"""An interval may widen the axis to so many times what the bars take, on either side."""
_NOTHING_S = 1e-9
"""Rounding leaves less than that."""
_MARKS: dict[str, Mark] = {"own": "own", "own part": "own", "idle": "idle"}


def waterfall(view: View, ablation: Ablation, account: Account) -> Table:
    """What was measured, own ops by layer and pass, every other layer, idle."""
    timed = view.timed(ablation.reference, ablation.phase)
    unit = numbers.table_unit([ablation.measured_s, timed.mean_s if timed else None])
    measured = [("measured", ablation.measured_s, ablation.ci95_s)]
    if view.by_median:
        measured = [
            ("measured, medians", ablation.measured_median_s, ablation.median_ci95_s),
            ("measured, means", ablation.measured_s, ablation.ci95_s),
        ]
    rows = [row for figures in measured for row in _measured(*figures, unit)]
    rows += _drawn(account.rows, view.saving_label(ablation), unit)
    if account.sum_s is not None:
        bar = Bar((Piece(0, account.sum_s, "measured"),))
        rows.append(Row(("sum", _signed(unit, account.sum_s), "", bar), "sum"))
    columns = (
        Column("", align="name"),
        Column("", unit.name),
        Column("± 95 %" if account.rows else "", drop=1),
        Column("", align="bar"),
    )
    axis = _axis(rows, [interval for _, _, interval in measured if interval], unit)
    return Table(columns, tuple(rows), axis, part="ablation")


def _signed(unit: numbers.Unit, seconds: float) -> str:
    return unit.signed(0.0 if abs(seconds) < _NOTHING_S else seconds)


def _measured(
    label: str, value_s: float, interval: Interval | None, unit: numbers.Unit
) -> Iterator[Row]:
    bar = Bar((Piece(0, value_s, "measured"),))
    yield Row((label, unit.signed(value_s), "", bar), "group")
    if interval is not None:
        whisker = Bar((Piece(*interval, "interval"),))
        label = f"  {numbers.unit('95', '%')} interval"
        yield Row((label, Span(unit.interval(interval)), None, whisker), "muted")


def _drawn(rows: Sequence[AccountRow], name: str, unit: numbers.Unit) -> Iterator[Row]:
    end_s = part_s = 0.0
    for row in rows:
        is_part = row.kind == "own part"
        start_s = part_s if is_part else end_s
        stop_s = start_s + (row.value_s or 0.0)
        mark = _MARKS.get(row.kind, "others")
        piece = Piece(start_s, stop_s, mark, name if mark == "own" else "")
        value = numbers.MISSING if row.value_s is None else _signed(unit, row.value_s)
        half = unit.half_width(row.ci95_s) if row.ci95_s else ""
        bar = Bar((piece,) if row.value_s else ())
        yield Row((_label(row, name), value, half, bar), "muted" if is_part else "plain")
        if is_part:
            part_s = stop_s
        else:
            end_s = stop_s


def _label(row: AccountRow, name: str) -> str:
    what = f"{row.count} more"
    if row.name:
        what = clean(row.name) + (f", {row.count} ops" if row.count > 1 else "")
    return {
        "own": f"{name}’s own ops",
        "own part": f"  {what} {row.pass_}".rstrip(),
        "others": "other layers",
        "layer": what if row.name else plural(row.count, "more layer"),
        "not significant": f"{plural(row.count, 'other layer')}, not significant",
        "gone": f"gone with {name}: {what}",
        "new": f"new without {name}: {what}",
        "unassigned": "op not known",
        "idle": "idle",
    }[row.kind]


def _axis(rows: Sequence[Row], intervals: Sequence[Interval], unit: numbers.Unit) -> Axis:
    bars = [cell for row in rows for cell in row.cells if isinstance(cell, Bar)]
    pieces = [piece for bar in bars for piece in bar.pieces if piece.mark != "interval"]
    ends = [0.0, *(end for piece in pieces for end in (piece.start, piece.end))]
    low, high = min(ends), max(ends)
    reach = (high - low) * _WIDEST
    low = min(low, max(min((start for start, _ in intervals), default=low), low - reach))
    high = max(high, min(max((end for _, end in intervals), default=high), high + reach))
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
