"""A metric over runs to text: `alexprof history`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from alexprof.analysis.history import History, Point, Step
from alexprof.measure.between_runs import LEAST_RUNS
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
from alexprof.show.sections.changed import interval_text
from alexprof.show.text import in_sentence, plural
from alexprof.show.verdicts import CANT_TELL, VERDICTS


def render_history(
    history: History, style: str = "text", options: ReportOptions | None = None
) -> str:
    """Renders a history; arguments as for `render_comparison`."""
    return draw(history, lambda: _document(history), style, options or ReportOptions())


def _document(history: History) -> Document:
    unit = numbers.Unit("%", 100)
    if history.unit == "s":
        unit = numbers.table_unit(point.value for point in history.points)
    phase = in_sentence(history.phases.get(history.phase, history.phase))
    return Document(
        name=history.metric,
        status=plural(len(history.points), "run"),
        facts=(f"{phase}, {history.variant}",),
        sections=(Section("When did it change?", unit.name, tuple(_blocks(history, unit))),),
        footer="One run: alexprof report RUN. Two runs: alexprof compare RUN RUN.",
    )


def _blocks(history: History, unit: numbers.Unit) -> Iterator[Block]:
    compared = sum(point.compared for point in history.points)
    if not history.steps:
        number = plural(compared, "run")
        what = f"no change in {number}" if compared > 1 else f"{CANT_TELL}: {number} to compare"
        # Runs without intervals show a change only by what the runs on both sides differ by.
        without = all(point.ci95 is None for point in history.points if point.compared)
        if without and 1 < compared < 2 * LEAST_RUNS:
            what = f"{CANT_TELL}: {number}, and no interval of any"
        yield Lead(f"{history.metric}: {what}.")
    yield from (Lead(_sentence(history, step, unit)) for step in history.steps)
    yield _table(history, unit)
    runs: dict[str, list[str]] = {}
    for point in history.points:
        if point.reasons:
            texts = "; ".join(caveat_text(reason, history.phases) for reason in point.reasons)
            if point.value is not None:
                texts = f"not compared: {texts}"
            elif point.reasons[0].code == "no_value":
                texts = f"no value: {texts}"
            runs.setdefault(texts, []).append(point.run)
    for texts, names in runs.items():
        yield Remark(f"{', '.join(names)}: {texts}.")
    yield from (Remark(f"{caveat_text(caveat, history.phases)}.") for caveat in history.notes)


def _sentence(history: History, step: Step, unit: numbers.Unit) -> str:
    """Says: 8.20 % slower from run b on (251 → 272 ms; …): the first run with NumPy 2."""
    size = numbers.percent_unit(abs(step.ratio - 1))
    if history.unit == "part":
        change = f"{'Up' if step.ratio > 1 else 'Down'} {size}"
    else:
        change = f"{size} {VERDICTS[step.verdict]}"
    values = f"{unit.plain(step.before)} → {unit.named(step.after)}"
    if step.ci95 is not None:
        values += f"; {interval_text(step.ci95)}"
    return f"{change} from {step.run} on ({values}): {_versions(step)}."


def _versions(step: Step) -> str:
    if step.changed is None:
        return "which versions ran is not recorded"
    changed = ", ".join(
        f"{SOFTWARE[version.what]} {version.names[1]} ({version.names[0]} before)"
        for version in step.changed
    )
    return f"the first run with {changed}" if changed else "no version changed there"


def _table(history: History, unit: numbers.Unit) -> Table:
    steps = {step.run: step for step in history.steps}
    rows = []
    for point in history.points:
        if step := steps.get(point.run):
            change = numbers.signed((step.ratio - 1) * 100)
            rows.append(Row((f"▶ {numbers.unit(change, '%')}",), "group"))
        cells = (
            point.run,
            _began(point.started),
            unit.plain(point.value),
            unit.interval(point.ci95),
            point.software.tensorflow if point.software else numbers.MISSING,
            _bar(point),
        )
        rows.append(Row(cells, "plain" if point.compared else "muted"))
    for note in history.notes:
        if note.code == "unreadable":
            rows += [Row((run, *[numbers.MISSING] * 4), "muted") for run in note.runs]
    columns = (
        Column("run", align="name"),
        Column("began", align="right", drop=2),
        Column(history.metric.rpartition(".")[2], unit.name),
        Column("95 % interval", align="right"),
        Column("TensorFlow", align="right", drop=1),
        Column("", align="bar", drop=3),
    )
    return Table(columns, tuple(rows), _axis(history))


def _bar(point: Point) -> Bar:
    pieces = [] if point.ci95 is None else [Piece(*point.ci95, "interval")]
    if point.value is not None:
        pieces.append(Piece(point.value, point.value, "whole" if point.compared else "whole, open"))
    return Bar(tuple(pieces))


def _axis(history: History) -> Axis:
    values = [point.value for point in history.points if point.value is not None]
    low, high = min(values), max(values)
    reach = max((high - low) / 2, high * 0.01, 1e-9)
    return Axis(low - reach, high + reach)


def _began(started: str) -> str:
    try:
        return f"{datetime.fromisoformat(started):%Y-%m-%d %H:%M}"
    except ValueError:
        return started
