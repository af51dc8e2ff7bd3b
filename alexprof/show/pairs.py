"""Pairs of processes to text: `alexprof ab`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from alexprof.analysis.pairs import PairsRecord, PairsResult, ProcessRecord, TimeChange
from alexprof.measure.processes import Which
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
from alexprof.show.note_texts import stopped_text
from alexprof.show.options import ReportOptions, text_width
from alexprof.show.progress import time_left
from alexprof.show.sections.changed import changed_sections, percent_interval, reading
from alexprof.show.sections.waterfall import round_ticks
from alexprof.show.text import clean, cut_two
from alexprof.show.words import sentence_case

MOST_ROWS = 24
"""Of pairs."""
_NAMES = {"wall": "wall time", "cpu": "CPU time"}
_FOOTER = (
    "Intervals are of the change, 95 %, from the pairs. CPU time: what cores worked for the "
    "process, user and system."
)
_CANT_EXCLUDE = (
    "What pairs can’t exclude is what always favours one side: memory that its other files or "
    "arguments lay out more luckily, a cache that only it fills. Turns share out what comes and "
    "goes, warm-up what only the first process pays."
)


def render_pairs(
    found: PairsResult, style: str = "text", options: ReportOptions | None = None
) -> str:
    """Renders what pairs of processes say; arguments as for `render_comparison`."""
    options = options or ReportOptions()
    a, b = clean(found.record.a), clean(found.record.b)
    if style == "text":
        a, b = cut_two(a, b, text_width(options) - len("A "))
    return draw(found, partial(_document, commands=(a, b)), style, options)


def pair_line(record: PairsRecord) -> str:
    """The newest pair, for whoever waits: "Pair 3 of 7: A 913 ms, B 942 ms; 7 s left"."""
    pairs = record.finished
    a, b = pairs[-1]
    unit = numbers.spoken_unit(a.seconds)
    said = f"A {unit.named(a.seconds)}, B {unit.named(b.seconds)}"
    of_a_pair_s = sum(one.seconds for pair in pairs for one in pair) / len(pairs)
    left = record.pairs - len(pairs)
    ending = f"; {time_left(of_a_pair_s * left)}" if left else ""
    return f"Pair {a.pair} of {record.pairs}: {said}{ending}"


def _document(found: PairsResult, options: ReportOptions, commands: tuple[str, str]) -> Document:
    a, b = commands
    record = found.record
    sections = [*_from_runs(found, options.top), _processes(found), _limits(found)]
    return Document(
        name=clean(record.name),
        status="complete" if record.complete else "incomplete",
        facts=(f"A {a}", f"B {b}", *_facts(found)),
        banner=_banner(found),
        sections=tuple(sections),
        footer=_FOOTER,
    )


def _facts(found: PairsResult) -> Iterator[str]:
    record = found.record
    yield f"{found.finished} pairs, A B B A …"
    yield f"{record.warm_up} warm-up of each" if record.warm_up else "no warm-up"
    yield f"{clean(record.machine.processor)}, {record.machine.cores} cores"


def _banner(found: PairsResult) -> str:
    """What has to be known before any figure."""
    said = []
    if not found.record.complete:
        why = stopped_text(found.record.stopped)
        said.append(f"{found.finished} of {found.record.pairs} pairs: {why}.")
    if found.comparison is not None and found.comparison.same_results is False:
        said.append("The runs don’t compute the same: see “What to know?”.")
    return " ".join(said)


def _from_runs(found: PairsResult, top: int) -> Iterator[Section]:
    if found.comparison is not None:
        for other in found.comparison.others:
            yield from changed_sections(found.comparison, other, top)


def _processes(found: PairsResult) -> Section:
    title = "Which is slower?" if found.comparison is None else "And the processes as a whole?"
    unit = _unit(found)
    aside = f"a process from start to end, {unit.name}"
    return Section(title, aside, tuple(_process_blocks(found, unit)))


def _unit(found: PairsResult) -> numbers.Unit:
    """The unit of both tables: of the means and of every pair."""
    means_s = [time_s for one in found.times for time_s in (one.a_s, one.b_s, one.change_s)]
    pairs_s = [process.seconds for pair in found.record.finished for process in pair]
    return numbers.table_unit([*means_s, *pairs_s])


def _process_blocks(found: PairsResult, unit: numbers.Unit) -> Iterator[Block]:
    wall = found.times[0]
    yield Lead(_sentence(wall))
    if found.comparison is not None:
        yield Note("Starting, building and tracing are in these times, and not in those above.")
    yield _times_table(found.times, unit)
    yield _pairs_table(found, wall, unit)
    for one in found.times:
        if one.needed and (one is wall or found.comparison is None):
            yield Note(
                f"{sentence_case(_NAMES[one.name])}: a verdict would take {clean(one.needed)}."
            )


def _sentence(wall: TimeChange) -> str:
    span = f"95{numbers.NBSP}% interval {numbers.unit(percent_interval(wall.ci95), '%')}"
    if wall.verdict in ("slower", "faster"):
        size = numbers.percent_unit(abs(wall.ratio - 1))
        unit = numbers.spoken_unit(wall.change_s, wall.a_s)
        by = numbers.unit(unit.signed(wall.change_s), unit.name)
        return f"B is {size} {wall.verdict} than A ({by}; {span})."
    return f"{sentence_case(reading(wall))}" + (f" ({span})." if wall.ci95 else ".")


def _times_table(times: Sequence[TimeChange], unit: numbers.Unit) -> Table:
    columns = (
        Column("", align="name"),
        Column("A", unit.name, drop=2),
        Column("B", unit.name, drop=1),
        Column("change", unit.name),
        Column("95 % interval", align="right"),
        Column("change", "%", drop=3),
        Column("reading", align="right"),
    )
    rows = [
        Row(
            (
                _NAMES[one.name],
                unit.plain(one.a_s),
                unit.plain(one.b_s),
                unit.signed(one.change_s),
                unit.interval(one.change_ci95_s),
                numbers.signed((one.ratio - 1) * 100),
                reading(one),
            )
        )
        for one in times
    ]
    return Table(columns, tuple(rows))


def _pairs_table(found: PairsResult, wall: TimeChange, unit: numbers.Unit) -> Table:
    pairs = found.record.finished
    columns = (
        Column("pair", align="name"),
        Column("first", align="right", drop=2),
        Column("A", unit.name),
        Column("B", unit.name),
        Column("change", unit.name),
        Column("", align="bar", drop=1),
    )
    first: dict[int, Which] = {}
    for process in found.record.processes:
        first.setdefault(process.pair, process.side)
    rows = [_pair_row(a, b, first[a.pair], unit) for a, b in pairs[:MOST_ROWS]]
    if len(pairs) > MOST_ROWS:
        rows.append(Row((f"{len(pairs) - MOST_ROWS} more",), "muted"))
    rows.append(_mean_row(wall, unit))
    return Table(columns, tuple(rows), _axis(pairs, wall, unit), title="Wall time, pair by pair")


def _pair_row(a: ProcessRecord, b: ProcessRecord, first: Which, unit: numbers.Unit) -> Row:
    change_s = b.seconds - a.seconds
    bar = Bar((Piece(0, 0, "zero"), Piece(change_s, change_s, "part, open")))
    times = (unit.plain(a.seconds), unit.plain(b.seconds), unit.signed(change_s))
    return Row((str(a.pair), first.upper(), *times, bar))


def _mean_row(wall: TimeChange, unit: numbers.Unit) -> Row:
    interval = wall.change_ci95_s
    pieces = [Piece(0, 0, "zero")]
    pieces += [Piece(*interval, "interval")] if interval else []
    called = wall.verdict in ("slower", "faster")
    pieces.append(Piece(wall.change_s, wall.change_s, "whole" if called else "whole, open"))
    times = (unit.plain(wall.a_s), unit.plain(wall.b_s), unit.signed(wall.change_s))
    return Row(("mean", "", *times, Bar(tuple(pieces))), "sum")


def _axis(
    pairs: Sequence[tuple[ProcessRecord, ProcessRecord]], wall: TimeChange, unit: numbers.Unit
) -> Axis:
    """All pairs, and the interval unless it is far wider than they are."""
    changes = [0.0, *(b.seconds - a.seconds for a, b in pairs)]
    low, high = min(changes), max(changes)
    for end in wall.change_ci95_s or ():
        if abs(end) <= 2 * (high - low):
            low, high = min(low, end), max(high, end)
    if high <= low:
        low, high = -1 / unit.per_second, 1 / unit.per_second
    return Axis(low, high, round_ticks(low, high, about=3), unit.per_second)


def _limits(found: PairsResult) -> Section:
    blocks: list[Block] = []
    if found.comparison is not None:
        blocks += [Note(f"{clean(text)}.") for text in found.comparison.notes]
    elif found.reason:
        blocks.append(Note(f"Judged by the processes’ times: {clean(found.reason)}."))
    blocks.append(Note(_CANT_EXCLUDE))
    return Section("What to know?", "", tuple(blocks))
