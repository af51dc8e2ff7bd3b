"""A metric over runs to text: `alexprof history`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from alexprof.runs.history import History, Point, Step
from alexprof.show import numbers
from alexprof.show.comparison import draw
from alexprof.show.document import (
    Axis,
    Bar,
    Block,
    Column,
    Document,
    Lead,
    Note,
    Piece,
    Row,
    Section,
    Table,
)
from alexprof.show.fit import clean
from alexprof.show.options import ReportOptions
from alexprof.show.view import plural


def render_history(
    found: History, style: str = "text", options: ReportOptions | None = None
) -> str:
    """Renders a history; arguments as for `render_comparison`."""
    return draw(found, _document, style, options or ReportOptions())


def _document(found: History, options: ReportOptions) -> Document:
    del options
    return Document(
        name=clean(found.metric),
        status=plural(len(found.points), "run"),
        facts=(f"{clean(found.phase)}, {clean(found.variant)}",),
        sections=(Section("When did it change?", _name(found), tuple(_blocks(found))),),
        footer="Each run: alexprof report RUN. Two of them: alexprof compare RUN RUN.",
    )


def _blocks(found: History) -> Iterator[Block]:
    known = [one for one in found.points if one.compared]
    if not found.steps:
        what = "no step seen" if len(known) > 1 else "nothing to compare it with"
        yield Lead(f"{clean(found.metric)}: {what} in {plural(len(known), 'run')}.")
    yield from (Lead(_sentence(found, one)) for one in found.steps)
    yield _table(found)
    by_reason: dict[str, list[str]] = {}
    for one in found.points:
        if one.reason:
            state = "no value" if one.value is None else "not compared"
            by_reason.setdefault(f"{state}: {one.reason}", []).append(clean(one.run))
    for reason, runs in by_reason.items():
        yield Note(f"{', '.join(runs)}: {clean(reason)}.")
    yield from (Note(f"{clean(text)}.") for text in found.notes)


def _sentence(found: History, one: Step) -> str:
    """Says: up 8.20 % from run b on (251 → 272 ms; 95 % interval …): the first with NumPy 2."""
    way = "Up" if one.ratio > 1 else "Down"
    size = numbers.percent_unit(abs(one.ratio - 1))
    span = ""
    if one.ci95 is not None:
        low, high = (numbers.percent(bound - 1) for bound in one.ci95)
        span = f"; 95{numbers.NBSP}% interval {numbers.unit(f'{low} to {high}', '%')}"
    values = f"{_value(found, one.before)} → {numbers.unit(_value(found, one.after), _name(found))}"
    changed = ", ".join(
        f"{clean(each.what)} {clean(each.after)} ({clean(each.before)} before)"
        for each in one.changed
    )
    first = f"the first with {changed}" if changed else "no version changed there"
    return f"{way} {size} from {clean(one.run)} on ({values}{span}): {first}."


def _table(found: History) -> Table:
    first = {one.run: one for one in found.steps}
    rows = []
    for point in found.points:
        if step := first.get(point.run):
            change = numbers.signed((step.ratio - 1) * 100)
            rows.append(Row((f"▶ step, {numbers.unit(change, '%')}",), "group"))
        rows.append(_row(found, point))
    columns = (
        Column("run", align="name"),
        Column("began", align="right", drop=2),
        Column(_heading(found), _name(found)),
        Column("95 % interval", align="right"),
        Column("TensorFlow", align="right", drop=1),
        Column("", align="bar", drop=3),
    )
    return Table(columns, tuple(rows), _axis(found))


def _row(found: History, point: Point) -> Row:
    interval = numbers.MISSING
    if point.ci95 is not None:
        interval = f"{_value(found, point.ci95[0])} to {_value(found, point.ci95[1])}"
    pieces = []
    if point.value is not None:
        pieces += [Piece(*point.ci95, "interval")] if point.ci95 else []
        pieces.append(Piece(point.value, point.value, "whole" if point.compared else "whole, open"))
    cells = (
        clean(point.run),
        _began(point.started),
        _value(found, point.value),
        interval,
        clean(point.software.tensorflow) if point.software else numbers.MISSING,
        Bar(tuple(pieces)),
    )
    return Row(cells, "plain" if point.compared else "muted")


def _axis(found: History) -> Axis:
    """From the smallest to the largest value; an interval may widen it by half of that."""
    values = [one.value for one in found.points if one.value is not None]
    low, high = min(values), max(values)
    reach = max((high - low) / 2, high * 0.01, 1e-9)
    return Axis(low - reach, high + reach)


def _began(started: str) -> str:
    try:
        return f"{datetime.fromisoformat(started):%Y-%m-%d %H:%M}"
    except ValueError:
        return clean(started)


def _heading(found: History) -> str:
    return found.metric.rpartition(".")[2]


def _name(found: History) -> str:
    return "%" if found.unit == "part" else _unit(found).name


def _unit(found: History) -> numbers.Unit:
    return numbers.table_unit(point.value for point in found.points)


def _value(found: History, value: float | None) -> str:
    return numbers.percent(value) if found.unit == "part" else _unit(found).plain(value)
