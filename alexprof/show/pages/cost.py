"""What does a step cost? Timed steps of each variant, and what leaving ops out saves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from alexprof.show import numbers
from alexprof.show.document import Block, Columns, Figure, Lead, Remark, Section, Table
from alexprof.show.figures.steps import (
    MOST_POINTS,
    Band,
    Series,
    Slow,
    Step,
    Steps,
    order_chart,
    spread_chart,
    thinned,
)
from alexprof.show.pages.view import PageView
from alexprof.show.sections.brief import MOST, answers, brief_findings, brief_table
from alexprof.show.sections.order import ORDER_TITLE
from alexprof.show.sections.timed import cost_section
from alexprof.show.text import article, listed, plural, sentence_case

if TYPE_CHECKING:
    import polars as pl

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def cost_page(view: PageView) -> Section:
    """Makes the page."""
    return Section("What does a step cost?", "", tuple(_blocks(view)))


def _blocks(view: PageView) -> Iterator[Block]:
    yield from map(Lead, answers(view))
    if own := _own_text(view):
        yield Remark(own)
    if view.by_median and view.headlines:
        yield Remark(
            "Medians lead: several steps in a row were slow, which says more about the machine "
            "than about the graph."
        )
    figures = tuple(step_figures(view))
    yield from (Columns(figures[:1], figures[1:]),) if figures else ()
    brief = [table] if (table := brief_table(view)) else []
    findings = tuple(brief_findings(view, MOST.findings, "see Limits"))
    details = () if view.run.is_trace else _details(view, findings)
    tables: tuple[Block, ...] = (*brief, *details)
    yield from (Columns(tables, findings),) if tables and findings else (*tables, *findings)
    if view.run.machine is not None:
        yield _machine(view)


def _own_text(view: PageView) -> str:
    """Says: in the trace, LRN takes 17.5 % of a forward step, 6.90 ± 0.28 ms, and …; "" without."""
    parts = []
    for saving in view.headlines:
        if saving.own_s is not None and saving.own_fraction is not None:
            size = numbers.time_with_interval(saving.own_s, saving.own_ci95_s, view.step_s(saving))
            part = numbers.percent_unit(saving.own_fraction)
            label = view.phase_label(saving.phase)
            parts.append(f"{part} of {article(label)} {label} step, {size}")
    if not parts:
        return ""
    name = view.left_out_text(view.headlines[0])
    return f"In the trace, {name} takes {listed(parts)}."


def _details(view: PageView, said: tuple[Block, ...]) -> Iterator[Block]:
    """The report's section on the same question, without what stands on the page already."""
    texts = {block.text for block in said if isinstance(block, Remark)}
    for block in cost_section(view).texts:
        is_there = isinstance(block, Remark) and block.text in texts
        is_drawn = isinstance(block, Table) and block.title == ORDER_TITLE
        if not (isinstance(block, Lead) or is_there or is_drawn):
            yield block


def step_figures(view: PageView) -> Iterator[Figure]:
    """The steps of the chosen phase: in the order run, and as histograms."""
    steps = timed_steps(view) or traced_steps(view)
    if steps is None:
        return
    phase = view.phase_label(view.key)
    how = "no profiler attached" if view.timed_of(view.key) else "under the profiler"
    count = sum(len(series.steps) for series in steps.series)
    together = (
        " Each point is the median of neighbors, each line their range."
        if (any(step.low is not None for series in steps.series for step in series.steps))
        else ""
    )
    lines = "Line: " + ("median" if view.by_median else "mean") + "; band: 95 % interval."
    bands = _bands_text(view, steps)
    labels = " and ".join(series.label for series in steps.series)
    yield Figure(
        "steps",
        "Every step, in the order it ran",
        order_chart(steps),
        f"{sentence_case(phase)}, {labels}: the durations of {plural(count, 'step')} in order.",
        aside=f"{phase}, {steps.unit} per step, {how}",
        hint=f"{lines}{bands}{together} Point at a step to read it.",
    )
    yield Figure(
        "spread",
        "How they are spread",
        spread_chart(steps),
        f"{sentence_case(phase)}, {labels}: histograms of step durations.",
        aside="steps per bin, same axis",
    )


def _bands_text(view: PageView, steps: Steps) -> str:
    if not steps.bands:
        return ""
    named = [
        f"{letter} {view.variant_label(variant)}"
        for letter, variant in zip(_LETTERS, view.timed_of(view.key), strict=False)
    ]
    return f" Blocks: {', '.join(named)}."


def timed_steps(view: PageView) -> Steps | None:
    """The timed steps of the chosen phase; None without them or their table."""
    table, key = view.tables.steps, view.key
    timed = view.timed_of(key)
    if table is None or not timed:
        return None
    import polars as pl

    rows = (
        table.filter((pl.col("phase") == key) & (pl.col("block") >= 0) & ~pl.col("traced"))
        .sort("order", "step")
        .with_row_index("place", offset=1)
    )
    first = next(iter(timed.values()))
    unit = view.unit([figures.median_s for figures in timed.values()], first.median_s)
    series = [
        Series(
            view.variant_label(variant),
            _drawn(view, rows.filter(pl.col("variant") == variant), variant, unit, len(timed)),
            *_center(view, variant, unit),
        )
        for variant in timed
    ]
    return Steps(unit.name, tuple(series), tuple(_bands(rows, list(timed))), tuple(_slow(view)))


def _center(
    view: PageView, variant: str, unit: numbers.Unit
) -> tuple[float | None, str, tuple[float, float] | None]:
    """A variant's mean or median in a unit, as a number and a text, and its interval."""
    step = view.step(variant, view.key)
    if step is None:
        return None, "", None
    interval = step.ci95_s and (
        step.ci95_s[0] * unit.per_second,
        step.ci95_s[1] * unit.per_second,
    )
    return step.center_s * unit.per_second, unit.plain(step.center_s), interval or None


def _drawn(
    view: PageView, rows: pl.DataFrame, variant: str, unit: numbers.Unit, variants: int
) -> tuple[Step, ...]:
    label = view.variant_label(variant)
    steps = [
        Step(place, seconds * unit.per_second, f"Step {place}, {label}: {unit.named(seconds)}.")
        for place, seconds in rows.select("place", "seconds").iter_rows()
    ]
    text = f"Steps {{first}} to {{last}}, {label}: median {{value}}{numbers.NBSP}{unit.name}."
    return thinned(steps, MOST_POINTS // variants, text)


def _bands(rows: pl.DataFrame, variants: list[str]) -> Iterator[Band]:
    if len(variants) < 2:
        return
    columns = rows.select("order", "variant", "place").iter_rows()
    for (_, variant), block in groupby(columns, key=lambda row: row[:2]):
        places = [place for _, _, place in block]
        number = variants.index(variant) if variant in variants else 0
        letter = _LETTERS[number] if number < len(_LETTERS) else ""
        yield Band(places[0], places[-1], letter, number == 0)


def _slow(view: PageView) -> Iterator[Slow]:
    for stretch in view.run.stretches:
        if stretch.phase == view.key:
            text = f"slow steps {stretch.first_step}–{stretch.last_step}"
            yield Slow(stretch.first_step, stretch.last_step, text)


def traced_steps(view: PageView) -> Steps | None:
    """The traced steps of the chosen phase, of every variant; None without a trace."""
    series = []
    unit: numbers.Unit | None = None
    for variant in view.run.variants:
        phase = view.phase(variant, view.key)
        if phase is None or phase.traced is None or not phase.traced.steps_s:
            continue
        traced = phase.traced
        unit = unit or view.unit([traced.mean_s], traced.mean_s)
        steps = [
            Step(place, step_s * unit.per_second, f"Traced step {place}: {unit.named(step_s)}.")
            for place, step_s in enumerate(traced.steps_s, start=1)
        ]
        interval = traced.ci95_s and (
            traced.ci95_s[0] * unit.per_second,
            traced.ci95_s[1] * unit.per_second,
        )
        text = f"Traced steps {{first}} to {{last}}: median {{value}}{numbers.NBSP}{unit.name}."
        series.append(
            Series(
                view.variant_label(variant),
                thinned(steps, MOST_POINTS, text),
                traced.mean_s * unit.per_second,
                unit.plain(traced.mean_s),
                interval or None,
            )
        )
    return Steps(unit.name, tuple(series)) if unit is not None else None


def _machine(view: PageView) -> Table:
    """What the run ran on."""
    from alexprof.show.document import Column, Row
    from alexprof.show.report import facts

    rows = tuple(Row((fact,)) for fact in facts(view.run))
    return Table((Column("", align="name"),), rows, title="Machine")
