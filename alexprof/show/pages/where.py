"""Where does it go? The traced step divided among layers, passes and ops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from alexprof.analysis.breakdown import (
    LEVELS,
    Level,
    Part,
    blocks_of,
    layer_depth,
    parts_of,
)
from alexprof.analysis.division import DividedStep, device_ops, divide
from alexprof.errors import check_name
from alexprof.record.phase import Phase
from alexprof.show import numbers
from alexprof.show.document import (
    Axis,
    Bar,
    Block,
    Choice,
    Column,
    Figure,
    Lead,
    Mark,
    Piece,
    Row,
    Section,
    Table,
)
from alexprof.show.figures.icicle import Placed, icicle_chart, placed
from alexprof.show.pages.view import PageView
from alexprof.show.palette import kind_legend
from alexprof.show.sections.trace_tables import times_of
from alexprof.show.sections.where import IDLE_ROW, TABLES, where_section
from alexprof.show.text import plural

ROWS_SHOWN = 2000
"""More rows are put together."""
_MUCH_IDLE = 0.5
"""From this part of the step on, idle time can be left out of charts."""
_SPREAD = 0.25
"""The ends of the axis of single steps, as fractions of their mean."""
_LABELS: dict[Level, str] = {"layer": "Layer", "kind": "Kind", "pass": "Pass", "op": "Op"}
_MARKS: dict[str, Mark] = {"forward": "forward", "backward": "backward", IDLE_ROW: "idle"}
_OF_ROWS = ("layers", "ops")
"""The report's tables that this page's own one replaces."""


def where_page(view: PageView) -> Section:
    """Makes the page."""
    section = where_section(view, view.key)
    phase, division = view.phase(view.variant, view.key), divide(view.run, view.variant, view.key)
    if phase is None or division is None:
        return section
    level = _level(view)
    said = [block for block in section.texts if not isinstance(block, Table)]
    tables = [
        block
        for block in section.texts
        if isinstance(block, Table) and block.part not in _OF_ROWS and block.part in TABLES
    ]
    leads = [block for block in said if isinstance(block, Lead)]
    remarks = [block for block in said if not isinstance(block, Lead)]
    blocks: list[Block] = [
        *leads,
        *remarks[:1],
        *_choices(view, phase, division, level),
        icicle(view, phase, division, level),
        _table(view, phase, division, level),
        *remarks[1:],
        *tables,
    ]
    return Section(section.title, section.aside, tuple(blocks))


def _level(view: PageView) -> Level:
    chosen = view.choices.roll or "layer"
    check_name("roll", chosen, LEVELS)
    return next(level for level in LEVELS if level == chosen)


def _choices(view: PageView, phase: Phase, division: DividedStep, level: Level) -> Iterator[Choice]:
    yield Choice("roll", "The step, split by", tuple(_LABELS.items()), level)
    deepest = layer_depth(phase)
    if level == "layer" and deepest > 1:
        depths = (str(depth) for depth in range(1, min(deepest, 5)))
        options = (*((depth, depth) for depth in depths), ("", "all"))
        chosen = str(view.choices.depth or "")
        yield Choice("depth", "Parts of names", options, chosen)
    if division.idle_fraction > _MUCH_IDLE:
        options = (("", "shown"), ("out", "left out"))
        yield Choice("idle", "Idle time", options, "out" if _without_idle(view) else "")


def _without_idle(view: PageView) -> bool:
    return view.choices.idle == "out"


def icicle(view: PageView, phase: Phase, division: DividedStep, level: Level) -> Figure:
    """The figure of a breakdown."""
    unit = view.unit([division.step_s], division.step_s)
    levels = LEVELS[level]
    order = [layer.name for layer in view.run.variants[view.variant].layers]
    whole, drawn_s = "step", division.step_s
    if _without_idle(view):
        whole, drawn_s = "busy time", division.step_s - division.idle_s
    blocks = blocks_of(phase, division, levels, order)
    rows = placed(blocks, unit.per_second, drawn_s)
    step = division.step_s * unit.per_second
    texts = [*(_block_text(row, unit, step) for row in rows), _idle_text(division)]
    drawn = {
        upright: icicle_chart(
            rows, texts, levels, (unit.name, drawn_s * unit.per_second), upright=upright
        )
        for upright in (False, True)
    }
    size = f"{unit.plain(drawn_s)}{numbers.NBSP}{unit.name}"
    return Figure(
        "icicle",
        f"The {whole}",
        drawn[False],
        f"The {whole} of {size}, split by {' and '.join(levels)}. The table below has the numbers.",
        aside=f"every row is the whole {whole}, {size}",
        hint="Point at a block, or use Tab and arrow keys, to read it. Enter filters the table.",
        narrow=drawn[True],
        legend=legend_of(phase, division),
    )


def legend_of(phase: Phase, division: DividedStep) -> tuple[tuple[str, str], ...]:
    """What the fills of a phase's blocks mean."""
    ops = device_ops(phase, division)
    backward = any(op.pass_ == "backward" for op in ops)
    return kind_legend((op.kind for op in ops), backward=backward)


def _block_text(row: Placed, unit: numbers.Unit, step: float) -> str:
    """Says: conv2 › backward › …: 18.3 ms, 15.5 % of the step."""
    seconds = (row.end - row.start) / unit.per_second
    part = numbers.percent_unit((row.end - row.start) / step) if step else numbers.MISSING
    kind = f" ({row.kind})" if row.kind and row.kind != row.name else ""
    path = " › ".join((*row.inside, row.name))
    size = unit.named(seconds) if unit.name != "%" else ""
    return f"{path}{kind}: {', '.join(filter(None, (size, part)))} of the step."


def _idle_text(division: DividedStep) -> str:
    size = numbers.time(division.idle_s, division.step_s)
    return f"Idle, no op running: {size}, {numbers.percent_unit(division.idle_fraction)}."


def _table(view: PageView, phase: Phase, division: DividedStep, level: Level) -> Table:
    """A row for each part, idle time among them, and the sum."""
    depth = view.choices.depth if level == "layer" else 0
    parts = list(parts_of(phase, division, level, depth, view.tables.costs))
    shown, rest = parts[:ROWS_SHOWN], parts[ROWS_SHOWN:]
    idle = Part(
        name=IDLE_ROW,
        share_s=division.idle_s,
        ci95_s=division.idle_ci95_s,
        fraction=division.idle_fraction,
        busy_s=0.0,
        by_pass_s={IDLE_ROW: division.idle_s},
        ops=0,
    )
    entries = sorted([*shown, idle], key=lambda part: -part.share_s)
    if rest:
        entries.append(_together(rest))
    unit = view.unit([division.step_s], division.step_s)
    totals = accumulate(part.fraction for part in entries)
    half = unit.half_width(division.step_ci95_s, division.step_s)
    total = ("shares + idle = step", "", unit.plain(division.step_s), half, "100")
    busy = unit.plain(sum(part.busy_s for part in parts))
    passes = [unit.plain(sum(part.by_pass_s.get(name, 0.0) for part in parts)) for name in _PASSES]
    return Table.of(
        _columns(level, unit, division),
        [*zip(entries, totals, strict=True), Row((*total, "", *passes, busy), "sum")],
        key=lambda item: "" if item[0].name == IDLE_ROW or not item[0].steps_s else item[0].name,
        axis=_axis(view, entries),
        title=f"By {level}",
        aside=times_of(division.device, on_cpu=division.on_cpu),
        part="rows",
    )


def _axis(view: PageView, entries: Sequence[Part]) -> Axis:
    drawn = [part for part in entries if part.name != IDLE_ROW or not _without_idle(view)]
    ends = [max((part.share_s, *(part.ci95_s or ()))) for part in drawn]
    return Axis(0, max(ends, default=0.0) or 1.0)


_PASSES = ("forward", "backward")


def _together(parts: Sequence[Part]) -> Part:
    return Part(
        name=plural(len(parts), "more row"),
        share_s=sum(part.share_s for part in parts),
        ci95_s=None,
        fraction=sum(part.fraction for part in parts),
        busy_s=sum(part.busy_s for part in parts),
        by_pass_s={},
    )


def _columns(level: Level, unit: numbers.Unit, division: DividedStep) -> tuple[Column, ...]:
    """Of pairs of a part and the total so far."""

    def of_pass(name: str) -> Column:
        def cell(item: tuple[Part, float]) -> str:
            share_s = item[0].by_pass_s.get(name)
            return "" if share_s is None else unit.plain(share_s)

        return Column(name, unit.name, cell, drop=4, optional=True)

    def busy(item: tuple[Part, float]) -> str:
        return unit.plain(item[0].busy_s) if item[0].ops else ""

    return (
        Column(level, "", lambda item: item[0].name, align="name"),
        Column("", "", lambda item: _bar(item[0]), align="bar"),
        Column("share", unit.name, lambda item: unit.plain(item[0].share_s)),
        Column("± 95 %", unit.name, lambda item: unit.half_width(item[0].ci95_s, item[0].share_s)),
        Column("step", "%", lambda item: numbers.percent(item[0].fraction)),
        Column("total", "%", lambda item: numbers.percent(item[1]), drop=5),
        *map(of_pass, _PASSES),
        Column("busy", unit.name, busy, drop=3),
        Column("traced steps", "−25 % … mean … +25 %", _steps, align="bar", drop=6),
    )


def _bar(part: Part) -> Bar:
    order = sorted(part.by_pass_s, key=lambda name: (name != "forward", name != "backward"))
    ends = list(accumulate((part.by_pass_s[name] for name in order), initial=0.0))
    pieces = [
        Piece(start, end, _MARKS.get(name, "pass"), part.kind)
        for name, start, end in zip(order, ends, ends[1:], strict=False)
    ]
    if part.ci95_s:
        pieces.append(Piece(*part.ci95_s, "interval"))
    return Bar(tuple(pieces))


def _steps(item: tuple[Part, float]) -> Bar:
    """Single steps around their mean."""
    part = item[0]
    mean_s = sum(part.steps_s) / len(part.steps_s) if part.steps_s else 0.0
    if not mean_s:
        return Bar(())
    axis = Axis(-_SPREAD, _SPREAD)
    places = (step_s / mean_s - 1 for step_s in part.steps_s[:40])
    dots = (Piece(place, place, "dot") for place in places)
    return Bar((Piece(0.0, 0.0, "zero"), *dots), axis)
