"""Pairs of processes to text: `alexprof ab`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alexprof.analysis.pairs import PairsRecord, PairsResult, ProcessRecord, TimeChange
from alexprof.measure.processes import Which
from alexprof.record.values import Difference
from alexprof.show import numbers
from alexprof.show.comparison import draw
from alexprof.show.comparison_texts import caveat_text
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
    Warn,
)
from alexprof.show.options import ReportOptions, text_width
from alexprof.show.progress import time_left
from alexprof.show.reason_texts import stopped_text
from alexprof.show.sections.changed import (
    change_bar,
    changed_sections,
    percent_change,
    phase_labels,
    verdict_text,
)
from alexprof.show.text import clean, cut_all, sentence_case
from alexprof.show.verdicts import needed_notes, verdict_word

MOST_ROWS = 24
"""Of pairs."""
_NAMES = {"wall": "wall time", "cpu": "CPU time"}
_FOOTER = (
    "Intervals are 95 % intervals of the change, computed over pairs. CPU time is the process’s "
    "user and system time."
)
_CANT_EXCLUDE = (
    "Pairs can’t rule out an effect that always favors one side, such as a luckier memory layout "
    "due to its files or arguments, or a cache that only it fills. Taking turns spreads passing "
    "disturbances over both sides; warm-up absorbs what only a first process pays."
)


def render_pairs(
    result: PairsResult, style: str = "text", options: ReportOptions | None = None
) -> str:
    """Renders what pairs of processes say; arguments as for `render_comparison`."""
    options = options or ReportOptions()
    a, b = clean(result.record.a), clean(result.record.b)
    if style == "text":
        a, b = cut_all([a, b], text_width(options) - len("A "))
    return draw(result, lambda: _document(result, options, (a, b)), style, options)


def pair_line(record: PairsRecord) -> str:
    """The newest pair, for whoever waits: "Pair 3 of 7: A 913 ms, B 942 ms; 7 s left"."""
    pairs = record.finished
    a, b = pairs[-1]
    unit = numbers.spoken_unit(a.seconds)
    times = f"A {unit.named(a.seconds)}, B {unit.named(b.seconds)}"
    of_a_pair_s = sum(process.seconds for pair in pairs for process in pair) / len(pairs)
    left = record.pairs - len(pairs)
    ending = f"; {time_left(of_a_pair_s * left)}" if left else ""
    return f"Pair {a.pair} of {record.pairs}: {times}{ending}"


def _document(result: PairsResult, options: ReportOptions, commands: tuple[str, str]) -> Document:
    a, b = commands
    record, comparison = result.record, result.comparison
    sections = [_processes(result), _limits(result)]
    if comparison is not None:
        for other in reversed(comparison.others):
            sections = [*changed_sections(comparison, other, options.top), *sections]
    if warnings := tuple(_warnings(result)):
        sections.insert(0, Section("", "", warnings))
    return Document(
        name=clean(record.name),
        status="complete" if record.complete else "incomplete",
        facts=(
            f"A {a}",
            f"B {b}",
            f"{result.finished} pairs, A B B A …",
            f"{record.warm_up} warm-up of each" if record.warm_up else "no warm-up",
            f"{clean(record.machine.processor)}, {record.machine.cores} cores",
        ),
        sections=tuple(sections),
        footer=_FOOTER,
    )


def _warnings(result: PairsResult) -> Iterator[Warn]:
    if not result.record.complete:
        why = stopped_text(result.record.stopped)
        yield Warn(f"{result.finished} of {result.record.pairs} pairs: {why}.")
    if result.comparison is not None and result.comparison.same_results is False:
        yield Warn("The runs don’t compute the same: see “What to know”.")


def _processes(result: PairsResult) -> Section:
    title = "Which is slower?" if result.comparison is None else "And the processes as a whole?"
    times_s = [process.seconds for pair in result.record.finished for process in pair]
    for time in result.times:
        times_s += [time.difference.before_s, time.difference.after_s, time.difference.change_s]
    unit = numbers.table_unit(times_s)
    aside = f"a process from start to end, {unit.name}"
    return Section(title, aside, tuple(_process_blocks(result, unit)))


def _process_blocks(result: PairsResult, unit: numbers.Unit) -> Iterator[Block]:
    wall = result.times[0].difference
    verdict = verdict_text(wall, " than A")
    yield Lead(f"{'B is ' if wall.significant else ''}{sentence_case(verdict)}.")
    if result.comparison is not None:
        yield Remark("These times include starting, building and tracing; those above do not.")
    yield _times_table(result.times, unit)
    yield _pairs_table(result, wall, unit)
    judged = result.times if result.comparison is None else result.times[:1]
    needs = [(_NAMES[time.name], time.difference.needed) for time in judged]
    yield from needed_notes(needs, "a verdict needs")


def _times_table(times: Sequence[TimeChange], unit: numbers.Unit) -> Table:
    return Table.of(
        (
            Column("", "", lambda time: _NAMES[time.name], align="name"),
            Column("A", unit.name, lambda time: unit.plain(time.difference.before_s), drop=2),
            Column("B", unit.name, lambda time: unit.plain(time.difference.after_s), drop=1),
            Column("change", unit.name, lambda time: unit.signed(time.difference.change_s)),
            Column(
                "95 % interval",
                "",
                lambda time: unit.interval(time.difference.ci95_s),
                align="right",
            ),
            Column("change", "%", lambda time: percent_change(time.difference), drop=3),
            Column("verdict", "", lambda time: verdict_word(time.difference), align="right"),
        ),
        times,
    )


def _pairs_table(result: PairsResult, wall: Difference, unit: numbers.Unit) -> Table:
    pairs = result.record.finished
    first: dict[int, Which] = {}
    for process in result.record.processes:
        first.setdefault(process.pair, process.side)

    def bar(pair: tuple[ProcessRecord, ProcessRecord]) -> Bar:
        change_s = pair[1].seconds - pair[0].seconds
        return Bar((Piece(0, 0, "zero"), Piece(change_s, change_s, "part, open")))

    rows: list[object] = [*pairs[:MOST_ROWS]]
    if len(pairs) > MOST_ROWS:
        rows.append(Row((f"{len(pairs) - MOST_ROWS} more",), "muted"))
    means = (unit.plain(wall.before_s), unit.plain(wall.after_s), unit.signed(wall.change_s))
    rows.append(Row(("mean", "", *means, change_bar(wall, "whole")), "sum"))
    return Table.of(
        (
            Column("pair", "", lambda pair: str(pair[0].pair), align="name"),
            Column("first", "", lambda pair: first[pair[0].pair].upper(), align="right", drop=2),
            Column("A", unit.name, lambda pair: unit.plain(pair[0].seconds)),
            Column("B", unit.name, lambda pair: unit.plain(pair[1].seconds)),
            Column(
                "change", unit.name, lambda pair: unit.signed(pair[1].seconds - pair[0].seconds)
            ),
            Column("", "", bar, align="bar", drop=1),
        ),
        rows,
        axis=_axis(pairs, wall, unit),
        title="Wall time, pair by pair",
    )


def _axis(
    pairs: Sequence[tuple[ProcessRecord, ProcessRecord]], wall: Difference, unit: numbers.Unit
) -> Axis:
    """All pairs, and the interval unless it is far wider than they are."""
    changes = [0.0, *(b.seconds - a.seconds for a, b in pairs)]
    low, high = min(changes), max(changes)
    for end in wall.ci95_s or ():
        if abs(end) <= 2 * (high - low):
            low, high = min(low, end), max(high, end)
    return Axis.over((low, high), unit.per_second, about=3)


def _limits(result: PairsResult) -> Section:
    blocks: list[Block] = []
    if result.comparison is not None:
        labels = phase_labels(result.comparison)
        blocks += [Remark(f"{caveat_text(caveat, labels)}.") for caveat in result.comparison.notes]
    elif result.reason:
        blocks.append(Remark(f"Process times are compared: {caveat_text(result.reason, {})}."))
    blocks.append(Remark(_CANT_EXCLUDE))
    return Section("What to know", "", tuple(blocks))
