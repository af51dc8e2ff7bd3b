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
from alexprof.show.finding_texts import LEAST_SEVERE, finding_text
from alexprof.show.options import ReportOptions
from alexprof.show.text import article, plural, sentence_case
from alexprof.show.verdicts import CANT_TELL, WHY_CANT_TELL, verdict_word
from alexprof.show.view import View


class Size(NamedTuple):
    """How many layers have a row, beside one for the rest, and how many findings a sentence."""

    rows: int
    findings: int


MOST_LINES = 30
MOST = Size(12, 3)
SIZES = (*(Size(rows, 3) for rows in range(12, 5, -1)), Size(6, 2), Size(6, 1), Size(5, 1))
"""The first that leaves the report `MOST_LINES` is taken: the harmful findings stay longest."""
_MARKS: dict[str, Mark] = {"idle": "idle", "left out": "own", "layer": "forward"}
_SAVINGS_SHOWN = 4


def brief_section(view: View, size: Size) -> Section:
    """The short report of at most that size."""
    return Section("", "", tuple(_blocks(view, size)))


def _blocks(view: View, size: Size) -> Iterator[Block]:
    yield from map(Lead, answers(view))
    if table := brief_table(view):
        yield table
    if traced := [step for step in view.summary.traced if step.phase in view.phases]:
        yield _where(view, traced, size.rows)
    yield from brief_findings(view, size.findings)


def brief_table(view: View) -> Table | None:
    """A row for each phase: what a step takes, and what leaving ops out saves; None without."""
    if steps := [step for step in view.summary.steps if step.phase in view.phases]:
        return _times(view, steps)
    return _traced_times(view) if len(view.summary.traced) > 1 else None


def brief_findings(view: View, most: int, rest: str = "add --full") -> Iterator[Block]:
    """The most harmful findings; how many more there are, and where the `rest` stands."""
    findings = [finding for finding in view.findings if finding.code != "incomplete"]
    shown = [
        finding for finding in findings if finding.severity >= LEAST_SEVERE or view.run.is_trace
    ][:most]
    yield from (finding_block(view, finding) for finding in shown)
    if more := len(findings) - len(shown):
        yield Remark(f"{plural(more, 'more finding')}: {rest}.")


def finding_block(view: View, finding: Finding) -> Block:
    """A finding; a warning where it makes numbers unsure."""
    text = finding_text(view, finding)
    return Warn(text) if finding.severity >= LEAST_SEVERE else Remark(text)


def phase_answer(run: Run, phase: str) -> str:
    """What leaving ops out of a phase saves, while other phases are still to come; "" if nothing.

    It names its estimator: slow steps of a later phase may make medians lead in the whole run.
    """
    view = View(run, ReportOptions(phase=phase))
    if not view.headlines:
        return ""
    return f"So far, by {view.summary.estimator}s: {saved_text(view)}"


def answers(view: View) -> Iterator[str]:
    """What a report says first, in sentences."""
    if view.outside:
        yield loop_time(view.outside)
    elif view.headlines:
        yield saved_text(view)
    elif any(step.phase in view.phases for step in view.summary.traced):
        yield _largest(view)
    elif view.summary.steps:
        yield from step_times(view)
    elif view.run.is_trace:
        yield "No op ran in the traced steps."
    else:
        yield "No phase was timed."


def saved_text(view: View) -> str:
    """Says: leaving LRN out saves 13 % of a forward step; how much of another is unclear."""
    headlines = view.headlines
    text = _clear_text(view, [saving for saving in headlines if saving.verdict != "unclear"])
    texts = [text] if text else []
    steps: dict[str, list[str]] = {}
    for saving in headlines:
        if saving.verdict == "unclear":
            why = WHY_CANT_TELL.get(saving.reason, "") if saving.reason else ""
            steps.setdefault(why, []).append(a_step(view, saving.phase))
    one_name = len({saving.name for saving in headlines}) == 1
    subject = "it" if text and one_name else f"leaving {view.left_out_text(headlines[0])} out"
    for why, of_steps in steps.items():
        what = f"how much {subject} saves of {' and '.join(of_steps)}"
        texts.append(f"AlexProf {CANT_TELL} {what}: {why}" if why else f"{what} is unclear")
    return f"{sentence_case('; '.join(texts))}."


def _clear_text(view: View, savings: Sequence[MeasuredSaving]) -> str:
    """Says: leaving LRN out saves 13 % of a forward step and 9 % of a train step."""
    heads = [f"leaving {view.left_out_text(saving)} out {saving.verdict} " for saving in savings]
    parts = [
        f"{numbers.percent_unit(abs(saving.fraction))} of {a_step(view, saving.phase)}"
        for saving in savings
    ]
    if len(set(heads)) == 1:
        heads[1:] = [""] * (len(heads) - 1)
    return " and ".join(head + part for head, part in zip(heads, parts, strict=True))


def a_step(view: View, phase: str) -> str:
    """Says: a forward step."""
    label = view.phase_label(phase)
    return f"{article(label)} {label} step"


def loop_time(finding: Finding) -> str:
    """Says: A step takes 62.4 ms, 85.8 % of it between the marked steps, where ops run."""
    figures = finding.numbers
    part = numbers.percent_unit(1 - figures["held_s"] / figures["span_s"])
    what = "the loop waits" if finding.code == "outside_waits" else "ops run"
    step = numbers.time(figures["step_with_it_s"])
    return f"A step takes {step}, {part} of it between the marked steps, where {what}."


def _largest(view: View) -> str:
    """Says: A forward step takes 9.25 ms; the largest layer, conv2, takes 27.6 % of it."""
    texts = []
    for traced in view.summary.traced:
        if traced.phase not in view.phases:
            continue
        timed = view.step(view.summary.variant, traced.phase)
        alone = view.run.is_trace and traced.phase == "trace"
        measured = any(step.phase == traced.phase for step in view.summary.steps)
        words = ("" if measured else "traced", "" if alone else view.phase_label(traced.phase))
        noun = " ".join((*filter(None, words), "step"))
        takes = numbers.time((timed or traced).center_s)
        text = f"{article(noun)} {noun} takes {takes}; {_largest_parts(view, traced.phase)}."
        texts.append(sentence_case(text))
    return " ".join(texts)


def _largest_parts(view: View, phase: str) -> str:
    """Says: 40 % of it is idle, and the largest layer, conv2, takes 27.6 %."""
    largest = view.summary.largest[phase]
    size = numbers.percent_unit(largest.fraction)
    label = view.largest_label(phase)
    layer = f"the largest layer, {label}," if len(largest.names) == 1 else label
    if not largest.idle_longer:
        return f"{layer} takes {size} of it"
    idle = next(share for share in view.summary.shares if share.what == "idle")
    text = f"{numbers.percent_unit(idle.fractions[phase])} of it is idle"
    return f"{text}, and {layer} takes {size}" if largest.names else text


def step_times(view: View) -> Iterator[str]:
    """Says: a forward step takes 244 ms (mean); of the first variant, for each phase."""
    for key in view.phases:
        if step := next((step for step in view.summary.steps if step.phase == key), None):
            takes = f"{a_step(view, key)} takes {numbers.time(step.center_s)}"
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
    named, rest = (shares[:-1], shares[-1:]) if joined else (shares, [])
    # In the order of the bars, which are of the last phase.
    named = sorted(named, key=lambda share: -share.fractions.get(phases[-1], 0.0))
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
    variant = "" if view.run.is_trace else ", ".join(view.needed_label(view.summary.variant))
    return Table.of(
        columns,
        [*named, *rest],
        axis=Axis(0, highest or 1.0),
        title="Where a step goes" + (f", {variant}" if variant else ""),
        aside=_of_steps(view, traced),
    )


def _of_steps(view: View, traced: Sequence[StepTime]) -> str:
    counts = sorted({step.steps for step in traced})
    count = " to ".join(dict.fromkeys((str(counts[0]), str(counts[-1]))))
    text = "% of the traced step" if count == "1" else f"% of {count} traced steps"
    if view.summary.of_timed:
        text = f"% of the timed step; kernels from {count} traced ones"
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
        return next(labels, share.name)
    return share.name
