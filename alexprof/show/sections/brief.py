"""The short report: the answer, what it rests on, where a step goes, what makes it unsure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from alexprof.analysis.findings import Finding
from alexprof.analysis.savings import MeasuredSaving
from alexprof.analysis.summary import LayerShare, StepTime, largest_shares
from alexprof.record.run import Run
from alexprof.show import numbers
from alexprof.show.document import (
    Axis,
    Bar,
    Block,
    Column,
    Lead,
    Mark,
    Piece,
    Remark,
    Row,
    Section,
    Table,
    Warn,
)
from alexprof.show.finding_texts import finding_text
from alexprof.show.options import ReportOptions
from alexprof.show.text import article, clean, plural, sentence_case
from alexprof.show.verdicts import CANT_TELL, WHY_CANT_TELL, verdict_word
from alexprof.show.view import View


class Size(NamedTuple):
    """How many layers have a row, beside one for the rest, and how many findings a sentence."""

    rows: int
    findings: int


MOST_LINES = 30
MOST = Size(12, 3)
SIZES = (MOST, Size(12, 2), *(Size(rows, 1) for rows in range(12, 4, -1)), Size(5, 0))
"""The first that leaves the report `MOST_LINES` is taken: findings give way before layers."""
_MARKS: dict[str, Mark] = {"idle": "idle", "left out": "own", "layer": "forward"}
_LEAST_SEVERE = 2
_SAVINGS_SHOWN = 4


def brief_section(view: View, size: Size) -> Section:
    """The short report of at most that size."""
    return Section("", "", tuple(_blocks(view, size)))


def _blocks(view: View, size: Size) -> Iterator[Block]:
    yield from map(Lead, _answers(view))
    if steps := [step for step in view.summary.steps if step.phase in view.phases]:
        yield _times(view, steps)
    elif len(view.summary.traced) > 1:
        yield _traced_times(view)
    if traced := [step for step in view.summary.traced if step.phase in view.phases]:
        yield _where(view, traced, size.rows)
    yield from _findings(view, size.findings)


def _findings(view: View, most: int) -> Iterator[Block]:
    shown = [
        finding
        for finding in view.summary.findings
        if finding.code != "incomplete"
        and (finding.severity >= _LEAST_SEVERE or view.trace_alone)
        and (not finding.phases or set(finding.phases) & set(view.phases))
    ]
    for finding in shown[:most]:
        text = finding_text(view, finding)
        yield Warn(text) if finding.severity >= _LEAST_SEVERE else Remark(text)
    if more := shown[most:]:
        yield Remark(f"{plural(len(more), 'more finding')}: --full.")


def phase_answer(run: Run, phase: str) -> str:
    """What leaving ops out of a phase saves, while other phases are still to come; "" if nothing.

    It names its estimator: slow steps of a later phase may make medians lead in the whole run.
    """
    view = View(run, ReportOptions())
    savings = view.savings(phase)
    if not savings:
        return ""
    return f"So far, by {view.summary.estimator}s: {saved_text(view, savings)}"


def _answers(view: View) -> Iterator[str]:
    savings = [saving for key in view.phases for saving in view.savings(key)]
    if view.outside:
        yield loop_time(view.outside)
    elif savings:
        yield saved_text(view, savings)
    elif any(step.phase in view.phases for step in view.summary.traced):
        yield _largest(view)
    elif view.summary.steps:
        yield from step_times(view)
    elif view.trace_alone:
        yield "No op ran in the traced steps."
    else:
        yield "No phase was timed."


def saved_text(view: View, savings: Sequence[MeasuredSaving]) -> str:
    """Says: leaving LRN out saves 13 % of a forward step; what it saves of another is unclear."""
    by_phase: dict[str, list[MeasuredSaving]] = {}
    for saving in savings:
        by_phase.setdefault(saving.phase, []).append(saving)
    largest = [
        max(of_phase, key=lambda saving: (saving.verdict != "unclear", saving.saved_s))
        for of_phase in by_phase.values()
    ]
    text = _clear_text(view, [saving for saving in largest if saving.verdict != "unclear"])
    texts = [text] if text else []
    steps: dict[str, list[str]] = {}
    for saving in largest:
        if saving.verdict == "unclear":
            why = WHY_CANT_TELL.get(saving.reason, "") if saving.reason else ""
            steps.setdefault(why, []).append(_a_step(view, saving.phase))
    one_name = len({saving.name for saving in largest}) == 1
    subject = "it" if text and one_name else f"leaving {view.saving_label(largest[0])} out"
    for why, of_steps in steps.items():
        what = f"what {subject} saves of {' and '.join(of_steps)}"
        texts.append(f"one {CANT_TELL} {what}: {why}" if why else f"{what} is unclear")
    return f"{sentence_case('; '.join(texts))}."


def _clear_text(view: View, savings: Sequence[MeasuredSaving]) -> str:
    """Says: leaving LRN out saves 13 % of a forward step and 9 % of a train step."""
    heads = [f"leaving {view.saving_label(saving)} out {saving.verdict} " for saving in savings]
    parts = [
        f"{numbers.percent_unit(abs(saving.fraction))} of {_a_step(view, saving.phase)}"
        for saving in savings
    ]
    if len(set(heads)) == 1:
        heads[1:] = [""] * (len(heads) - 1)
    return " and ".join(head + part for head, part in zip(heads, parts, strict=True))


def _a_step(view: View, phase: str) -> str:
    label = view.phase_label(phase)
    return f"{article(label)} {label} step"


def loop_time(finding: Finding) -> str:
    """Says: a step takes 62.4 ms with what lies between the marked steps, 85.8 % of it."""
    figures = finding.numbers
    part = numbers.percent_unit(1 - figures["held_s"] / figures["span_s"])
    what = "the loop waits" if finding.code == "outside_waits" else "ops run"
    step = numbers.time(figures["step_with_it_s"])
    return (
        f"A step takes {step} with what lies between the marked steps: {what} there, {part} of it."
    )


def _largest(view: View) -> str:
    """Says: a forward step takes 9.25 ms; conv2 takes 27.6 % of it; idle where that is most."""
    texts = []
    for traced in view.summary.traced:
        if traced.phase not in view.phases:
            continue
        timed = view.step(view.summary.variant, traced.phase)
        alone = view.trace_alone and traced.phase == "trace"
        measured = any(step.phase == traced.phase for step in view.summary.steps)
        words = ("" if measured else "traced", "" if alone else view.phase_label(traced.phase))
        noun = " ".join((*filter(None, words), "step"))
        takes = numbers.time((timed or traced).center_s)
        texts.append(
            f"{article(noun)} {noun} takes {takes}, of it {_largest_parts(view, traced.phase)}"
        )
    return sentence_case(f"{'; '.join(texts)}.")


def _largest_parts(view: View, phase: str) -> str:
    """Says: idle 40 % and conv2 27.6 %; of layers that take equally much none is named alone."""

    def fraction(share: LayerShare) -> float:
        return share.fractions.get(phase, 0.0)

    ranked = sorted(view.summary.shares, key=fraction, reverse=True)
    layers = [share for share in ranked if share.what != "idle"]
    parts = []
    if ranked[0].what == "idle":
        parts.append(f"idle {numbers.percent_unit(fraction(ranked[0]))}")
    if layers:
        size = numbers.percent_unit(fraction(layers[0]))
        equal = sum(numbers.percent_unit(fraction(share)) == size for share in layers)
        name = _share_label(view, layers[0])
        parts.append(f"{name} {size}" if equal == 1 else f"each of {equal} layers {size}")
    return " and ".join(parts)


def step_times(view: View) -> Iterator[str]:
    """Says: a forward step takes 244 ms (mean); of the first variant, for each phase."""
    for key in view.phases:
        if step := next((step for step in view.summary.steps if step.phase == key), None):
            takes = f"{_a_step(view, key)} takes {numbers.time(step.center_s)}"
            several = len(view.run.variants) > 1
            variant = f", {view.variant_label(step.variant)}" if several else ""
            yield f"{sentence_case(takes)} ({view.summary.estimator}){variant}."


def _times(view: View, steps: Sequence[StepTime]) -> Table:
    """A row for each phase; what leaving ops out saves beside it, or below it if it is several."""
    unit = numbers.table_unit([step.center_s for step in steps])
    title = f"{unit.name} per step ({'medians' if view.by_median else 'mean ± std'})"
    one_each = all(len(view.savings(key)) == 1 for key in view.phases)
    if one_each and len(view.run.variants) == 2:
        return _side_by_side(view, unit, title)
    columns: tuple[Column, ...] = (
        Column("", align="name"),
        Column("step", align="right", drop=1),
        Column("own ops", align="right", drop=2),
        Column("saved without it, 95 % interval", align="right"),
    )
    rows = []
    for key in view.phases:
        savings = view.savings(key)
        left_out = {saving.without for saving in savings}
        for step in steps:
            if step.phase == key and step.variant not in left_out:
                label = ", ".join((view.phase_label(key), *view.needed_label(step.variant)))
                rows.append(Row((label, _time(view, unit, step))))
        for saving in savings[:_SAVINGS_SHOWN]:
            label = f"  without {view.saving_label(saving)}"
            time = _time(view, unit, view.step(saving.without, key), missing="")
            rows.append(Row((label, time, _own(unit, saving), difference_text(unit, saving))))
        if more := len(savings[_SAVINGS_SHOWN:]):
            rows.append(Row((f"  {more} more that save less",), "muted"))
    return Table(columns if view.summary.savings else columns[:2], tuple(rows), title=title)


def _traced_times(view: View) -> Table:
    unit = numbers.table_unit([step.center_s for step in view.summary.traced])
    columns = (
        Column("", "", lambda step: view.phase_label(step.phase), align="name"),
        Column("traced steps", "", lambda step: str(step.steps), align="right", drop=1),
        Column("mean ± std", "", lambda step: _mean_std(unit, step), align="right"),
    )
    steps = [step for step in view.summary.traced if step.phase in view.phases]
    return Table.of(columns, steps, title=f"{unit.name} per step")


def _side_by_side(view: View, unit: numbers.Unit, title: str) -> Table:
    def time_of(variant: str) -> Callable[[MeasuredSaving], str]:
        return lambda saving: _time(view, unit, view.step(variant, saving.phase))

    savings = [saving for key in view.phases for saving in view.savings(key)]
    name = view.saving_label(savings[0])
    columns = (
        Column("", "", lambda saving: view.phase_label(saving.phase), align="name"),
        *(
            Column(view.variant_label(variant), "", time_of(variant), align="right", drop=place)
            for place, variant in enumerate(view.run.variants, start=1)
        ),
        Column(f"{name}’s own ops", "", lambda saving: _own(unit, saving), align="right", drop=3),
        Column("saved without it", "", lambda saving: difference_text(unit, saving), align="right"),
    )
    return Table.of(columns, savings, title=title, aside=f"95{numbers.NBSP}% interval")


def _time(
    view: View, unit: numbers.Unit, step: StepTime | None, missing: str = numbers.MISSING
) -> str:
    if step is None:
        return missing
    return unit.plain(step.center_s) if view.by_median else _mean_std(unit, step)


def _mean_std(unit: numbers.Unit, step: StepTime) -> str:
    mean = unit.plain(step.center_s)
    return f"{mean} ± {unit.plain(step.std_s)}" if step.steps > 1 else mean


def _own(unit: numbers.Unit, saving: MeasuredSaving) -> str:
    if saving.own_s is None:
        return numbers.MISSING
    spread = f" ± {unit.half_width(saving.own_ci95_s, saving.own_s)}" if saving.own_ci95_s else ""
    return unit.plain(saving.own_s) + spread


def difference_text(unit: numbers.Unit, saving: MeasuredSaving) -> str:
    """Says: 322 (262 to 381); or "unclear: −20 to 174" where the interval includes 0."""
    if saving.ci95_s is None:
        return verdict_word(saving)
    low, high = (unit.plain(bound_s) for bound_s in saving.ci95_s)
    if saving.verdict == "unclear":
        return f"{verdict_word(saving)}: {low} to {high}"
    return f"{unit.plain(saving.saved_s)} ({low} to {high})"


def _where(view: View, traced: Sequence[StepTime], rows: int) -> Table:
    phases = [step.phase for step in traced]
    shares, joined = largest_shares(view.summary.shares, phases, rows)
    named = shares[:-1] if joined else shares
    highest = max((share.fractions.get(phases[-1], 0.0) for share in named), default=1.0)

    def fraction_of(phase: str) -> Callable[[LayerShare], str]:
        return lambda share: numbers.percent(share.fractions.get(phase))

    def bar(share: LayerShare) -> Bar:
        return Bar((Piece(0.0, share.fractions.get(phases[-1], 0.0), _MARKS[share.what]),))

    columns = (
        Column(
            "",
            "",
            lambda share: (
                _share_label(view, share) if share in named else plural(joined, "more layer")
            ),
            align="name",
        ),
        *(
            Column(
                view.phase_label(key) if len(phases) > 1 else "%",
                "",
                fraction_of(key),
                drop=len(phases) - place,
            )
            for place, key in enumerate(phases, start=1)
        ),
        Column("", "", bar, align="bar"),
    )
    variant = "" if view.trace_alone else ", ".join(view.needed_label(view.summary.variant))
    return Table.of(
        columns,
        shares,
        axis=Axis(0, highest or 1.0),
        title="Where a step goes" + (f", {variant}" if variant else ""),
        aside=_of_steps(view, traced),
    )


def _of_steps(view: View, traced: Sequence[StepTime]) -> str:
    counts = sorted({step.steps for step in traced})
    count = " to ".join(dict.fromkeys((str(counts[0]), str(counts[-1]))))
    text = "% of the traced step" if count == "1" else f"% of {count} traced steps"
    if view.summary.of_timed:
        text = f"% of the timed step, kernels of {count} traced ones"
    phases = (view.phase(view.summary.variant, step.phase) for step in traced)
    devices = {phase.attribution.device for phase in phases if phase and phase.attribution}
    return ", ".join((text, *sorted(devices - {"CPU", "GPU:0"})))


def _share_label(view: View, share: LayerShare) -> str:
    if share.what == "left out":
        labels = (
            view.left_out_label(saving)
            for saving in view.summary.savings
            if saving.name == share.name
        )
        return next(labels, clean(share.name))
    return clean(share.name)
