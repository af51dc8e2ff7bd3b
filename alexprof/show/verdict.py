"""A gate's verdict to text: `alexprof gate`."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alexprof.analysis.changes import SideRecord
from alexprof.analysis.gate import GateResult, Judged
from alexprof.show import numbers
from alexprof.show.comparison import draw
from alexprof.show.document import Block, Column, Document, Lead, Note, Row, Section, Table, Warn
from alexprof.show.options import ReportOptions
from alexprof.show.sections.changed import label, percent_interval
from alexprof.show.text import clean

_READINGS = {"within": "within", "slower": "slower", "unclear": "can’t tell"}


def render_gate(
    found: GateResult, style: str = "text", options: ReportOptions | None = None
) -> str:
    """Renders a gate's verdict; arguments as for `render_comparison`."""
    return draw(found, _document, style, options or ReportOptions())


def _document(found: GateResult, options: ReportOptions) -> Document:
    del options
    return Document(
        name=f"{clean(found.baseline.name)} → {clean(found.run.name)}",
        status={"within": "pass", "slower": "slower", "unclear": "can’t tell"}[found.outcome],
        facts=(
            f"baseline {', '.join(_runs(found.baseline))}",
            f"now {', '.join(_runs(found.run))}",
        ),
        sections=(Section("May it pass?", "timed steps; shares of them", tuple(_blocks(found))),),
        footer="Exit code 0: within what is allowed. 1: slower, with evidence. 3: can’t tell.",
    )


def _blocks(found: GateResult) -> Iterator[Block]:
    slower = [one for one in found.judged if one.outcome == "slower"]
    if found.outcome == "within":
        yield Lead("Yes: nothing slowed down by more than is allowed.")
    elif slower:
        yield from (Lead(_slower(found, one)) for one in slower)
    else:
        yield Lead("Can’t tell.")
    yield from (Warn(f"{clean(text)}.") for text in found.why_not)
    if found.judged:
        yield _table(found)
    by_need: dict[str, list[str]] = {}
    for one in found.judged if found.outcome == "unclear" else ():
        if one.needed:
            by_need.setdefault(one.needed, []).append(_name(found, one))
    for need, names in by_need.items():
        yield Note(f"{'; '.join(names)}: to tell it takes {clean(need)}.")
    yield from (Note(f"{clean(text)}.") for text in found.notes)


def _slower(found: GateResult, one: Judged) -> str:
    allowed = numbers.percent_unit(one.max_slowdown)
    size = numbers.percent_unit(one.ratio - 1)
    span = f"95{numbers.NBSP}% interval {numbers.unit(percent_interval(one.ci95), '%')}"
    return f"No: {_name(found, one)} is {size} slower ({span}); allowed are {allowed}."


def _table(found: GateResult) -> Table:
    unit = numbers.table_unit(time_s for one in found.judged for time_s in (one.a_s, one.b_s))
    columns = (
        Column("", align="name"),
        Column("baseline", unit.name, drop=2),
        Column("now", unit.name, drop=1),
        Column("change", "%"),
        Column("95 % interval", align="right"),
        Column("allowed", "%"),
        Column("reading", align="right"),
    )
    return Table(columns, tuple(_row(found, one, unit) for one in found.judged))


def _row(found: GateResult, one: Judged, unit: numbers.Unit) -> Row:
    cells = (
        _name(found, one),
        unit.plain(one.a_s),
        unit.plain(one.b_s),
        numbers.signed((one.ratio - 1) * 100),
        percent_interval(one.ci95),
        numbers.percent(one.max_slowdown),
        _READINGS[one.outcome],
    )
    return Row(cells, "muted" if one.outcome == "within" else "plain")


def _name(found: GateResult, one: Judged) -> str:
    """What it is: "forward, with LRN", "LRN in forward, with LRN"."""
    variants = {**found.baseline.variants, **found.run.variants}
    names = msgspec.structs.replace(found.run, variants=variants)
    where = label((_before(found, one), one.variant, one.phase), names)
    return where if one.level == "phase" else f"{clean(one.name)} in {where}"


def _before(found: GateResult, one: Judged) -> str:
    """The baseline's variant that one of the run was set beside (`runs.sides.variant_pairs`)."""
    there_are = found.baseline.variants
    if found.baseline.variant is not None:
        return found.baseline.variant
    return one.variant if one.variant in there_are else next(iter(there_are), one.variant)


def _runs(side: SideRecord) -> list[str]:
    """The runs of a side as a user names them: "monday", "monday:with_lrn"."""
    variant = "" if side.variant is None else f":{side.variant}"
    return [clean(f"{run}{variant}") for run in side.runs]
