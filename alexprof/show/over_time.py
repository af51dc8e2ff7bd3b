"""A metric over runs to text: `alexprof history`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from alexprof.analysis.history import History, Point, Step
from alexprof.show import numbers
from alexprof.show.comparison import draw
from alexprof.show.comparison_texts import SOFTWARE, caveat_text
from alexprof.show.document import (
    Axis,
    Bar,
    Block,
    Column,
    Document,
    Lead,
    Piece,
    Remark,
    Row,
    Section,
    Table,
)
from alexprof.show.options import ReportOptions
from alexprof.show.text import clean, plural
from alexprof.show.verdicts import CANT_TELL, VERDICTS


def render_history(
    history: History, style: str = "text", options: ReportOptions | None = None
) -> str:
    """Renders a history; arguments as for `render_comparison`."""
    return draw(history, _document, style, options or ReportOptions())


def _document(history: History, options: ReportOptions) -> Document:
    del options
    return Document(
        name=clean(history.metric),
        status=plural(len(history.points), "run"),
        facts=(f"{clean(history.phase)}, {clean(history.variant)}",),
        sections=(Section("When did it change?", _unit_name(history), tuple(_blocks(history))),),
        footer="Each run: alexprof report RUN. Two of them: alexprof compare RUN RUN.",
    )


def _blocks(history: History) -> Iterator[Block]:
    compared = sum(point.compared for point in history.points)
    if not history.steps:
        number = plural(compared, "run")
        what = f"no step in {number}" if compared > 1 else f"{CANT_TELL}: {number} to compare"
        yield Lead(f"{clean(history.metric)}: {what}.")
    yield from (Lead(_sentence(history, step)) for step in history.steps)
    yield _table(history)
    runs: dict[tuple[str, str], list[str]] = {}
    for point in history.points:
        if point.reasons:
            state = "no value" if point.value is None else "not compared"
            texts = "; ".join(map(caveat_text, point.reasons))
            runs.setdefault((state, texts), []).append(clean(point.run))
    for (state, texts), names in runs.items():
        yield Remark(f"{', '.join(names)}: {state}: {texts}.")
    yield from (Remark(f"{caveat_text(caveat)}.") for caveat in history.notes)


def _sentence(history: History, step: Step) -> str:
    """Says: 8.20 % slower from run b on (251 → 272 ms; 95 % interval …): the first with NumPy 2."""
    size = numbers.percent_unit(abs(step.ratio - 1))
    if history.unit == "part":
        change = f"{'Up' if step.ratio > 1 else 'Down'} {size}"
    else:
        change = f"{size} {VERDICTS[step.verdict]}"
    after = numbers.unit(_value(history, step.after), _unit_name(history))
    values = f"{_value(history, step.before)} → {after}"
    if step.ci95 is not None:
        low, high = (numbers.percent(bound - 1) for bound in step.ci95)
        values += f"; 95{numbers.NBSP}% interval {numbers.unit(f'{low} to {high}', '%')}"
    return f"{change} from {clean(step.run)} on ({values}): {_versions(step)}."


def _versions(step: Step) -> str:
    if step.changed is None:
        return "which versions ran is not recorded"
    changed = ", ".join(
        f"{SOFTWARE[version.what]} {clean(version.values[1])} ({clean(version.values[0])} before)"
        for version in step.changed
    )
    return f"the first with {changed}" if changed else "no version changed there"


def _table(history: History) -> Table:
    steps = {step.run: step for step in history.steps}
    rows = []
    for point in history.points:
        if step := steps.get(point.run):
            change = numbers.signed((step.ratio - 1) * 100)
            rows.append(Row((f"▶ step, {numbers.unit(change, '%')}",), "group"))
        rows.append(_row(history, point))
    columns = (
        Column("run", align="name"),
        Column("began", align="right", drop=2),
        Column(history.metric.rpartition(".")[2], _unit_name(history)),
        Column("95 % interval", align="right"),
        Column("TensorFlow", align="right", drop=1),
        Column("", align="bar", drop=3),
    )
    return Table(columns, tuple(rows), _axis(history))


def _row(history: History, point: Point) -> Row:
    interval, pieces = numbers.MISSING, []
    if point.ci95 is not None:
        interval = " to ".join(_value(history, bound) for bound in point.ci95)
        pieces.append(Piece(*point.ci95, "interval"))
    if point.value is not None:
        pieces.append(Piece(point.value, point.value, "whole" if point.compared else "whole, open"))
    cells = (
        clean(point.run),
        _began(point.started),
        _value(history, point.value),
        interval,
        clean(point.software.tensorflow) if point.software else numbers.MISSING,
        Bar(tuple(pieces)),
    )
    return Row(cells, "plain" if point.compared else "muted")


def _axis(history: History) -> Axis:
    values = [point.value for point in history.points if point.value is not None]
    low, high = min(values), max(values)
    reach = max((high - low) / 2, high * 0.01, 1e-9)
    return Axis(low - reach, high + reach)


def _began(started: str) -> str:
    try:
        return f"{datetime.fromisoformat(started):%Y-%m-%d %H:%M}"
    except ValueError:
        return clean(started)


def _unit(history: History) -> numbers.Unit:
    return numbers.table_unit(point.value for point in history.points)


def _unit_name(history: History) -> str:
    return "%" if history.unit == "part" else _unit(history).name


def _value(history: History, value: float | None) -> str:
    return numbers.percent(value) if history.unit == "part" else _unit(history).plain(value)
