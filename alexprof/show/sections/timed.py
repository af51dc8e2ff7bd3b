"""What does a step cost? The timed steps of every phase and variant, and their differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from alexprof.analysis.findings import of_note
from alexprof.record.ablation import Ablation
from alexprof.record.timed import Stretch, Timed, blocks_together
from alexprof.record.workload import Published
from alexprof.show import numbers
from alexprof.show.document import Block, Column, Lead, Remark, Row, Section, Table, Warn
from alexprof.show.finding_texts import finding_text
from alexprof.show.sections.brief import saved_text, step_times
from alexprof.show.sections.order import order_table
from alexprof.show.text import clean, plural
from alexprof.show.view import View

STRETCHES_SHOWN = 4


def cost_section(view: View) -> Section:
    """Answers what a step costs."""
    unit = _unit(view)
    return Section(
        "What does a step cost?",
        f"{unit.name}, no profiler attached",
        tuple(_blocks(view, unit)) if view.phases else (Lead("No phase was timed."),),
    )


def _unit(view: View) -> numbers.Unit:
    """The unit of the table: of means, medians and differences of all phases."""
    times_s: list[float] = []
    for key in view.phases:
        for timed in view.timed_of(key).values():
            times_s += [timed.mean_s, timed.median_s]
        for saving in view.savings(key):
            ablation = view.ablation(saving)
            times_s += [ablation.measured_s, ablation.measured_median_s]
    return numbers.table_unit(times_s)


def _blocks(view: View, unit: numbers.Unit) -> Iterator[Block]:
    if view.headlines:
        yield Lead(saved_text(view))
    else:
        yield from map(Lead, step_times(view))
    if view.by_median:
        yield Remark(
            "Medians are used because several steps in a row were slow, which distorts the means."
        )
    lines = [line for key in view.phases for line in _lines(view, key)]
    yield Table.of(
        _columns(unit),
        lines,
        style=lambda line: "muted" if isinstance(line.figures, Ablation) else "plain",
    )
    if note := _footnote(view):
        yield Remark(note)
    yield from map(Warn, _warnings(view))
    if order := order_table(view):
        yield order
    yield from _published(view)


class _Line(NamedTuple):
    """A row: the timed steps of a variant, if there are any, or the difference of two."""

    label: str
    figures: Timed | Ablation | None


def _columns(unit: numbers.Unit) -> tuple[Column, ...]:
    def column(
        title: str,
        of_steps: Callable[[Timed], str],
        of_difference: Callable[[Ablation], str] = lambda row: "",
        **layout: Any,
    ) -> Column:
        def cell(line: _Line) -> str:
            if isinstance(line.figures, Ablation):
                return of_difference(line.figures)
            return of_steps(line.figures) if line.figures else numbers.MISSING

        return Column(title, "", cell, **layout)

    def half(row: Timed | Ablation) -> str:
        return unit.half_width(row.ci95_s)

    def interval(row: Timed | Ablation) -> str:
        return unit.interval(row.median_ci95_s)

    plain, signed = unit.plain, unit.signed
    return (
        Column("", "", lambda line: line.label, align="name"),
        column("steps", lambda row: str(row.steps), align="right", drop=2),
        column("mean", lambda row: plain(row.mean_s), lambda row: signed(row.measured_s)),
        column("± 95 %", half, half),
        column("std", lambda row: plain(row.std_s if row.steps > 1 else None), drop=3),
        column(
            "median", lambda row: plain(row.median_s), lambda row: signed(row.measured_median_s)
        ),
        column("95 % interval", interval, interval, align="right"),
    )


def _lines(view: View, key: str) -> Iterator[Row | _Line]:
    yield Row((view.phase_label(key),), "group")
    for name in view.run.variants:
        timed = view.timed(name, key)
        if timed or view.phase(name, key) or not view.run.complete:
            yield _Line(f"  {view.variant_label(name)}", timed)
    savings = view.savings(key)
    for saving in savings:
        what = "" if len(savings) == 1 else f", {view.saving_label(saving)}"
        yield _Line(f"  difference{what}", view.ablation(saving))


def _block_sizes(timed: Timed) -> Iterator[int]:
    """Steps of the blocks that an interval comes from: neighbors are together in many."""
    together = blocks_together(len(timed.blocks))
    for start in range(0, len(timed.blocks) - together + 1, together):
        yield sum(block.steps for block in timed.blocks[start : start + together])


def _footnote(view: View) -> str:
    every = [view.timed(name, key) for key in view.phases for name in view.run.variants]
    all_timed = [timed for timed in every if timed]
    texts = []
    if any(timed.ci95_s for timed in all_timed):
        sizes = {size for timed in all_timed for size in _block_sizes(timed)}
        largest = plural(max(sizes, default=0), "step")
        texts.append(
            f"Intervals are computed from blocks of {'' if len(sizes) == 1 else 'up to '}{largest}."
        )
    if any(timed.ci95_s is None for timed in all_timed):
        texts.append("– marks an interval that would need at least two blocks of steps.")
    if None in every and not view.run.complete:
        texts.append("– marks what the run did not reach.")
    if burn_in := {timed.burn_in for timed in all_timed if timed.burn_in}:
        fewest, most = min(burn_in), max(burn_in)
        count = plural(most, "warm-up step")
        texts.append(f"Excluded: {count if fewest == most else f'{fewest} to {count}'}.")
    if all_timed and not all(timed.burn_in for timed in all_timed):
        texts.append("There was no warm-up: these numbers include the slow first step.")
    if any(not timed.fetch for timed in all_timed):
        texts.append("Results were not fetched to Python.")
    return " ".join(texts)


def _warnings(view: View) -> Iterator[str]:
    stretches = [stretch for stretch in view.run.stretches if stretch.phase in view.phases]
    worst = sorted(stretches, key=lambda stretch: -stretch.ratio)[:STRETCHES_SHOWN]
    yield from (_stretch(view, stretch) for stretch in stretches if stretch in worst)
    if len(stretches) > len(worst):
        yield f"… and {len(stretches) - len(worst)} more stretches of slow steps, none slower"
    for key in view.phases if view.run.complete else ():
        for name in view.run.variants:
            phase = view.phase(name, key)
            if phase and phase.timed is None:
                where = f"{view.phase_label(key)}, {view.variant_label(name)}"
                why = " ".join(finding_text(view, of_note(note)) for note in phase.notes)
                yield f"{where}: not timed. {why}".rstrip()


def _stretch(view: View, stretch: Stretch) -> str:
    variants = len(view.run.variants)
    order = " in the order run" if variants > 1 else ""
    whose = f", {' and '.join(map(view.variant_label, stretch.variants))} only"
    if len(stretch.variants) == variants:
        whose = {1: "", 2: ", both variants"}.get(variants, ", all variants")
    steps = f"steps {stretch.first_step}–{stretch.last_step}{order}"
    longest = f"slow, up to {numbers.times(stretch.ratio)} the median"
    return f"{view.phase_label(stretch.phase)}, {steps}: {longest}{whose}"


def _published(view: View) -> Iterator[Block]:
    published = [
        figure
        for figure in (view.run.workload.published if view.run.workload else ())
        if figure.phase in view.phases and figure.variant in view.run.variants
    ]
    if not published:
        return

    def times(figure: Published) -> tuple[str, ...]:
        timed = view.timed(figure.variant, figure.phase)
        if timed is None:
            return (numbers.MISSING,) * 3
        std_s = timed.std_s if timed.steps > 1 else None
        ratio = timed.mean_s / figure.mean_s if figure.mean_s else None
        return (*numbers.classic_seconds(timed.mean_s, std_s), numbers.times(ratio))

    rows: list[Row | Published] = []
    for phase in dict.fromkeys(figure.phase for figure in published):
        rows.append(Row((view.phase_label(phase),), "group"))
        rows += [figure for figure in published if figure.phase == phase]
    yield Table.of(
        (
            Column("", "", lambda figure: f"  {view.variant_label(figure.variant)}", align="name"),
            Column("classic", "s", lambda figure: f"{figure.mean_s:.3f}"),  # as it was printed
            Column("this run", "s", lambda figure: times(figure)[0]),
            Column("std", "s", lambda figure: times(figure)[1], drop=1),
            Column("this run / classic", "", lambda figure: times(figure)[2]),
        ),
        rows,
        title="Published times of the classic benchmark",
        aside="means",
    )
    for source in dict.fromkeys(figure.source for figure in published):
        yield Remark(f"Source of the published times: {clean(source)}.")
