"""A gate's verdict to text: `alexprof gate`."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alexprof.analysis.changes import GroupRecord
from alexprof.analysis.gate import GateResult, Judged
from alexprof.show import numbers
from alexprof.show.comparison import draw, title
from alexprof.show.comparison_texts import caveat_text
from alexprof.show.document import Block, Column, Document, Lead, Remark, Section, Table, Warn
from alexprof.show.options import ReportOptions
from alexprof.show.sections.changed import (
    interval_text,
    key_of,
    label,
    percent_change,
    percent_interval,
)
from alexprof.show.text import clean, sentence_case
from alexprof.show.verdicts import CANT_TELL, OUTCOMES, gate_word, needed_notes


def render_gate(
    result: GateResult, style: str = "text", options: ReportOptions | None = None
) -> str:
    """Renders a gate's verdict; arguments as for `render_comparison`."""
    options = options or ReportOptions()
    return draw(result, lambda: _document(result, options), style, options)


def _document(result: GateResult, options: ReportOptions) -> Document:
    steps = "traced steps" if result.baseline.traced else "timed steps"
    return Document(
        name=title(result.baseline.name, [result.run.name], "baseline → now", options),
        status="pass" if result.outcome == "within" else _verdict(result),
        facts=(f"baseline {_runs(result.baseline)}", f"now {_runs(result.run)}"),
        sections=(Section("May it pass?", f"{steps}, and shares of them", tuple(_blocks(result))),),
        footer="Exit code 0: within the bounds; 1: slower; 3: unclear, or can’t tell.",
    )


def _blocks(result: GateResult) -> Iterator[Block]:
    slower = [subject for subject in result.judged if subject.outcome == "slower"]
    if result.outcome == "within":
        yield Lead("Yes: nothing slowed down by more than is allowed.")
    elif slower:
        yield from (Lead(_slower(result, subject)) for subject in slower)
    else:
        yield Lead(f"{sentence_case(_verdict(result))}.")
    labels = {**result.run.phases, **result.baseline.phases}
    yield from (Warn(f"{caveat_text(caveat, labels)}.") for caveat in result.why_not)
    if result.judged:
        yield _table(result)
    if result.outcome == "unclear":
        needs = [(_name(result, subject), subject.needed) for subject in result.judged]
        yield from needed_notes(needs, "a verdict needs")
    for note in result.notes:
        busy = note.effect == "times" or note.code == "machine_busy"
        yield (Warn if busy else Remark)(f"{caveat_text(note, labels)}.")


def _verdict(result: GateResult) -> str:
    """Of all together: whether the data can tell at all, and what they tell."""
    can_tell = any(gate_word(result, subject) != CANT_TELL for subject in result.judged)
    return OUTCOMES[result.outcome] if can_tell else CANT_TELL


def _slower(result: GateResult, subject: Judged) -> str:
    allowed = numbers.percent_unit(subject.max_slowdown)
    difference = subject.difference
    size = numbers.percent_unit(difference.ratio - 1)
    span = f" ({interval_text(difference.ratio_ci95)})" if difference.ratio_ci95 else ""
    return f"No: {_name(result, subject)} is {size} slower{span}; {allowed} is allowed."


def _table(result: GateResult) -> Table:
    differences = [subject.difference for subject in result.judged]
    unit = numbers.table_unit(
        time_s for difference in differences for time_s in (difference.before_s, difference.after_s)
    )
    columns = (
        Column("", "", lambda subject: _name(result, subject), align="name"),
        Column("baseline", unit.name, lambda it: unit.plain(it.difference.before_s), drop=2),
        Column("now", unit.name, lambda it: unit.plain(it.difference.after_s), drop=1),
        Column("change", "%", lambda it: percent_change(it.difference)),
        Column(
            "95 % interval",
            "",
            lambda it: percent_interval(it.difference.ratio_ci95),
            align="right",
        ),
        Column("allowed", "%", lambda it: numbers.percent(it.max_slowdown)),
        Column("verdict", "", lambda it: gate_word(result, it), align="right"),
    )
    return Table.of(
        columns, result.judged, style=lambda it: "muted" if it.outcome == "within" else "plain"
    )


def _name(result: GateResult, subject: Judged) -> str:
    """What it is: "forward, with LRN", "LRN in forward, with LRN"."""
    variants = {**result.baseline.variants, **result.run.variants}
    where = label(key_of(subject), msgspec.structs.replace(result.run, variants=variants))
    return where if subject.level == "phase" else f"{clean(subject.name)} in {where}"


def _runs(group: GroupRecord) -> str:
    """The runs of a group as a user names them: "monday, tuesday", "monday:with_lrn"."""
    variant = "" if group.variant is None else f":{group.variant}"
    return ", ".join(clean(f"{run}{variant}") for run in group.runs)
