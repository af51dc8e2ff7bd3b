"""A measured difference taken apart: each row begins where the one above ended."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from alexprof.measure.values import Interval
from alexprof.runs.record import Ablation, AblationPart
from alexprof.show import numbers
from alexprof.show.document import Axis, Bar, Column, Mark, Piece, Row, RowStyle, Span, Table
from alexprof.show.fit import clean
from alexprof.show.view import View, measured

PARTS_SHOWN = 8
_WIDEST = 1.2
"""An interval may widen the axis to so many times what the bars take, on either side."""


def waterfall(view: View, one: Ablation) -> Table:
    """Own ops by layer and pass, other layers, idle, what remains, and what was measured."""
    explained = tuple(_explained(view, one))
    means = measured(one, by_median=False)
    medians = measured(one, by_median=True)
    rows = (
        *explained,
        *_measured("measured, means", means, "sum" if explained else "plain"),
        *_measured("measured, medians", medians, "plain"),
    )
    columns = (
        Column("", align="name"),
        Column("", "ms"),
        Column("std", "ms", drop=1) if explained else Column("", drop=1),
        Column("", align="bar"),
    )
    return Table(columns, rows, _axis(rows, (means[1], medians[1])))


def _explained(view: View, one: Ablation) -> Iterator[Row]:
    if one.attributed_s is None:
        return
    name = view.ablation_label(one)
    yield from _parts(one, name)
    own = Bar((Piece(0, one.attributed_s, "own", name),))
    std = numbers.ms(one.attributed_std_s)
    yield Row((f"{name}’s own ops", numbers.ms_signed(one.attributed_s), std, own))
    steps: tuple[tuple[str, float, Mark], ...]
    if one.others_s is None or one.idle_s is None:
        steps = (("remainder", one.measured_s - one.attributed_s, "remainder"),)
    else:
        steps = (("other layers", one.others_s, "others"), ("idle", one.idle_s, "idle"))
    end = one.attributed_s
    for label, change_s, mark in steps:
        bar = Bar((Piece(end, end + change_s, mark),))
        yield Row((label, numbers.ms_signed(change_s), "", bar))
        end += change_s


def _parts(one: Ablation, kind: str) -> Iterator[Row]:
    if len(one.parts) < 2:
        return
    end = 0.0
    for label, part_s, std_s in _labelled(one.parts):
        bar = Bar((Piece(end, end + part_s, "own", kind),))
        yield Row((f"  {label}", numbers.ms_signed(part_s), numbers.ms(std_s), bar), "muted")
        end += part_s


def _labelled(parts: Sequence[AblationPart]) -> Iterator[tuple[str, float, float | None]]:
    """The largest parts in the order given, then the others as one."""
    largest = sorted(parts, key=lambda part: -abs(part.attributed_s))[:PARTS_SHOWN]
    for part in parts:
        if part in largest:
            yield f"{clean(part.layer)} {part.pass_}", part.attributed_s, part.attributed_std_s
    rest = [part for part in parts if part not in largest]
    if rest:
        yield f"{len(rest)} more", math.fsum(part.attributed_s for part in rest), None


def _measured(label: str, found: tuple[float, Interval | None], style: RowStyle) -> Iterator[Row]:
    value_s, interval = found
    yield Row((label, numbers.ms_signed(value_s), "", Bar((Piece(0, value_s, "measured"),))), style)
    if interval is not None:
        span = Span(numbers.ms_interval(interval))
        whisker = Bar((Piece(*interval, "interval"),))
        yield Row((f"  {numbers.unit('95', '%')} interval", span, None, whisker), "muted")


def _axis(rows: Sequence[Row], intervals: Sequence[Interval | None]) -> Axis:
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
        high = low + 1e-3
    return Axis(low, high, round_ticks(low, high))


def round_ticks(low: float, high: float, about: int = 6) -> tuple[float, ...]:
    """Round values on an axis: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(place * step for place in range(first, last + 1))
