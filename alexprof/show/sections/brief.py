"""The short report: the answer, what it rests on, where a step goes, what makes it unsure."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.analysis.findings import Finding
from alexprof.analysis.summary import LayerShare, Saving, StepTime, Summary, summarize
from alexprof.record.run import Run
from alexprof.show import numbers
from alexprof.show.document import (
    Axis,
    Bar,
    Block,
    Column,
    Document,
    Lead,
    Mark,
    Note,
    Piece,
    Row,
    Section,
    Table,
    Warn,
)
from alexprof.show.finding_texts import finding_text
from alexprof.show.fit import clean
from alexprof.show.options import ReportOptions
from alexprof.show.savings import difference_text, saving_label
from alexprof.show.sections.header import banner, facts, status
from alexprof.show.view import View, article, plural, sentence_case

MOST_LINES = 30
FINDINGS_SHOWN = 3
MOST_ROWS = 12
"""Layers of a step; fewer where the report would be longer than `MOST_LINES`."""
FEWEST_ROWS = 3
_LEAST_SEVERE = 2
_SAVINGS_SHOWN = 4


def make_brief(run: Run, options: ReportOptions, rows: int = MOST_ROWS) -> Document:
    """Makes the short report.

    Args:
        run: The run, complete or not.
        options: What to show.
        rows: How many layers to list.

    Raises:
        UsageError: If the run has no such variant or phase.
    """
    options.check(run)
    view = View(run, options)
    summary = summarize(run, options.variant)
    name = clean(run.run)
    full = f"Details: {options.again or f'alexprof report {name}'} --full"
    logdir = options.logdir or "LOGDIR"
    charts = "" if view.trace_alone else f" · Charts: tensorboard --logdir {logdir}"
    return Document(
        name=name,
        status="" if run.complete else status(run),
        facts=facts(run),
        banner=banner(run),
        sections=(Section("", "", tuple(_blocks(view, summary, rows))),),
        footer=full + charts,
    )


def _blocks(view: View, summary: Summary, rows: int) -> Iterator[Block]:
    outside = [one for one in summary.findings if one.code.startswith("outside_")]
    if outside:
        yield Lead(_with_outside(view, outside[0]))
    else:
        yield from (Lead(text) for text in _answers(view, summary))
    if any(step.phase in view.phases for step in summary.steps):
        yield _times(view, summary)
    elif len(summary.traced) > 1:
        yield _traced_times(view, summary)
    if any(step.phase in view.phases for step in summary.traced):
        yield _where(view, summary, rows)
    shown = [
        finding
        for finding in summary.findings
        if finding.code != "incomplete"
        and (finding.severity >= _LEAST_SEVERE or view.trace_alone)
        and (not finding.phases or set(finding.phases) & set(view.phases))
    ]
    for finding in shown[:FINDINGS_SHOWN]:
        text = finding_text(view, finding)
        yield Warn(text) if finding.severity >= _LEAST_SEVERE else Note(text)
    if len(shown) > FINDINGS_SHOWN:
        yield Note(f"{plural(len(shown) - FINDINGS_SHOWN, 'more finding')}: --full.")


def phase_answer(run: Run, phase: str) -> str:
    """What leaving ops out of a phase saves, while other phases are still to come; "" if nothing.

    It names its estimator: slow steps of a later phase may make medians lead in the whole run.
    """
    summary = summarize(run)
    savings = [saving for saving in summary.savings if saving.phase == phase]
    if not savings:
        return ""
    return f"So far, by {summary.estimator}s: {_saved(View(run, ReportOptions()), savings)}"


def _answers(view: View, summary: Summary) -> Iterator[str]:
    savings = [saving for saving in summary.savings if saving.phase in view.phases]
    if savings:
        yield _saved(view, savings)
    elif any(step.phase in view.phases for step in summary.traced):
        yield _largest(view, summary)
    elif summary.steps:
        yield _fastest(view, summary)
    elif view.trace_alone:
        yield "No op ran in the traced steps."
    else:
        yield "No phase was timed."


def _saved(view: View, savings: list[Saving]) -> str:
    """Says: leaving LRN out saves 13 % of a forward step; of another it can't be told yet."""
    largest = [
        max(
            (one for one in savings if one.phase == key),
            key=lambda one: (one.verdict != "unclear", one.saved_s),
        )
        for key in dict.fromkeys(saving.phase for saving in savings)
    ]
    known = [saving for saving in largest if saving.verdict != "unclear"]
    said = []
    for saving in known:
        phase = view.phase_label(saving.phase)
        part = numbers.percent_unit(abs(saving.fraction))
        said.append(
            f"leaving {saving_label(view, saving)} out {saving.verdict} {part} of {article(phase)} "
            f"{phase} step"
        )
    if len({(saving.name, saving.verdict) for saving in known}) == 1:
        head = f"leaving {saving_label(view, known[0])} out {known[0].verdict} "
        said = [said[0], *(text.removeprefix(head) for text in said[1:])]
    text = " and ".join(said)
    unclear = [saving for saving in largest if saving.verdict == "unclear"]
    if unclear:
        phases = " and ".join(
            f"{article(label)} {label} step"
            for label in (view.phase_label(saving.phase) for saving in unclear)
        )
        if text:
            same = {saving.name for saving in largest} == {known[0].name}
            what = "it" if same else f"what leaving {saving_label(view, unclear[0])} out saves"
            text += f"; of {phases} {what} can’t be told yet"
        else:
            name = saving_label(view, unclear[0])
            text = f"it can’t be told yet what leaving {name} out saves"
    return f"{sentence_case(text)}."


def _with_outside(view: View, finding: Finding) -> str:
    """Says: a step takes 62.4 ms with what lies between the marked steps, 85.8 % of it."""
    known = finding.numbers
    part = numbers.percent_unit(1 - known["held_s"] / known["span_s"])
    what = "the loop waits" if finding.code == "outside_waits" else "ops run"
    step = numbers.time(known["step_with_it_s"])
    return (
        f"A step takes {step} with what lies between the marked steps: {what} there, {part} of it."
    )


def _largest(view: View, summary: Summary) -> str:
    """Says: a forward step takes 9.25 ms; conv2 takes 27.6 % of it; idle where that is most."""
    said = []
    timed = {step.phase for step in summary.steps}
    own = (step for step in summary.steps if step.variant == summary.variant)
    times_s = {step.phase: step.center_s for step in (*summary.traced, *own)}
    for step in summary.traced:
        if step.phase not in view.phases:
            continue
        ranked = sorted(summary.shares, key=lambda one: -one.fractions.get(step.phase, 0.0))
        most = [one for one in ranked if one.what == "idle"][:1] if ranked[0].what == "idle" else []
        most += [one for one in ranked if one.what != "idle"][:1]
        parts = " and ".join(
            f"{'idle' if one.what == 'idle' else clean(one.name)} "
            f"{numbers.percent_unit(one.fractions.get(step.phase, 0.0))}"
            for one in most
        )
        name = "" if view.trace_alone and step.phase == "trace" else view.phase_label(step.phase)
        noun = f"{name} step".strip() if step.phase in timed else f"traced {name} step"
        noun = " ".join(noun.split())
        said.append(
            f"{article(noun)} {noun} takes {numbers.time(times_s[step.phase])}, of it {parts}"
        )
    return sentence_case(f"{'; '.join(said)}.") if said else "No op ran in the traced steps."


def _fastest(view: View, summary: Summary) -> str:
    first = next((step for step in summary.steps if step.phase in view.phases), summary.steps[0])
    phase = view.phase_label(first.phase)
    return (
        f"{sentence_case(article(phase))} {phase} step takes {numbers.time(first.center_s)} "
        f"({summary.estimator})."
    )


def _times(view: View, summary: Summary) -> Table:
    """A row for each phase; what leaving ops out saves beside it, or below it if it is several."""
    steps = [step for step in summary.steps if step.phase in view.phases]
    unit = numbers.table_unit([step.center_s for step in steps])
    by_mean = summary.estimator == "mean"
    title = f"{unit.name} per step ({'mean ± std' if by_mean else 'medians'})"
    one_each = all(
        sum(saving.phase == key for saving in summary.savings) == 1 for key in view.phases
    )
    if one_each and len(view.run.variants) == 2:
        return _side_by_side(view, summary, unit, title)
    columns: tuple[Column, ...] = (
        Column("", align="name"),
        Column("step", align="right", drop=1),
        Column("own ops", align="right", drop=2),
        Column("saved without it, 95 % interval", align="right"),
    )
    rows = []
    for key in view.phases:
        for step in steps:
            if step.phase == key and not _is_without(summary, key, step.variant):
                label = ", ".join((view.phase_label(key), *view.needed_label(step.variant)))
                rows.append(Row((label, _time(unit, step, by_mean=by_mean))))
        savings = [saving for saving in summary.savings if saving.phase == key]
        for saving in savings[:_SAVINGS_SHOWN]:
            label = f"  without {saving_label(view, saving)}"
            time = next(
                (
                    _time(unit, step, by_mean=by_mean)
                    for step in steps
                    if (step.phase, step.variant) == (key, saving.without)
                ),
                "",
            )
            rows.append(Row((label, time, _own(unit, saving), difference_text(unit, saving))))
        if more := len(savings[_SAVINGS_SHOWN:]):
            rows.append(Row((f"  {more} more that save less",), "muted"))
    if not summary.savings:
        columns = columns[:2]
    return Table(columns, tuple(rows), title=title)


def _traced_times(view: View, summary: Summary) -> Table:
    """A row for each phase of a trace."""
    unit = numbers.table_unit([step.center_s for step in summary.traced])
    columns = (
        Column("", align="name"),
        Column("traced steps", align="right", drop=1),
        Column("mean ± std", align="right"),
    )
    rows = tuple(
        Row((view.phase_label(step.phase), str(step.steps), _time(unit, step, by_mean=True)))
        for step in summary.traced
        if step.phase in view.phases
    )
    return Table(columns, rows, title=f"{unit.name} per step")


def _is_without(summary: Summary, phase: str, variant: str) -> bool:
    return any((one.phase, one.without) == (phase, variant) for one in summary.savings)


def _side_by_side(view: View, summary: Summary, unit: numbers.Unit, title: str) -> Table:
    names = tuple(view.run.variants)
    name = saving_label(view, summary.savings[0])
    columns = (
        Column("", align="name"),
        *(
            Column(view.variant_label(variant), align="right", drop=place)
            for place, variant in enumerate(names, start=1)
        ),
        Column(f"{name}’s own ops", align="right", drop=3),
        Column("saved without it", align="right"),
    )
    by_mean = summary.estimator == "mean"
    rows = []
    for key in view.phases:
        (saving,) = [saving for saving in summary.savings if saving.phase == key]
        times = {step.variant: step for step in summary.steps if step.phase == key}
        cells = [
            _time(unit, times[variant], by_mean=by_mean) if variant in times else numbers.MISSING
            for variant in names
        ]
        label = view.phase_label(key)
        rows.append(Row((label, *cells, _own(unit, saving), difference_text(unit, saving))))
    return Table(columns, tuple(rows), title=title, aside=f"95{numbers.NBSP}% interval")


def _time(unit: numbers.Unit, step: StepTime, *, by_mean: bool) -> str:
    center = unit.plain(step.center_s)
    return f"{center} ± {unit.plain(step.std_s)}" if by_mean and step.steps > 1 else center


def _own(unit: numbers.Unit, saving: Saving) -> str:
    if saving.own_s is None:
        return numbers.MISSING
    spread = f" ± {unit.half_width(saving.own_ci95_s)}" if saving.own_ci95_s else ""
    return unit.plain(saving.own_s) + spread


def _where(view: View, summary: Summary, rows: int) -> Table:
    phases = [step.phase for step in summary.traced if step.phase in view.phases]
    shares = sorted(
        (share for share in summary.shares if any(key in share.fractions for key in phases)),
        key=lambda share: -max(share.fractions.get(key, 0.0) for key in phases),
    )
    idle = [share for share in shares if share.what == "idle"]
    left_out = [share for share in shares if share.what == "left out"]
    layers = [share for share in shares if share.what == "layer"]
    count = max(rows - len(idle) - len(left_out), 1)
    shown = {share.name for share in (*layers[:count], *idle, *left_out)}
    listed = [share for share in shares if share.name in shown]
    steps = sorted({step.steps for step in summary.traced if step.phase in phases})
    count_text = " to ".join(dict.fromkeys((str(steps[0]), str(steps[-1])))) if steps else "0"
    columns = (
        Column("", align="name"),
        *(
            Column(view.phase_label(key) if len(phases) > 1 else "%", drop=len(phases) - place)
            for place, key in enumerate(phases, start=1)
        ),
        Column("", align="bar"),
    )
    rows_ = [_share_row(view, share, phases) for share in listed]
    if rest := layers[count:]:
        sums = {key: sum(one.fractions.get(key, 0.0) for one in rest) for key in phases}
        both = LayerShare(name=plural(len(rest), "more layer"), what="layer", fractions=sums)
        rows_.append(_share_row(view, both, phases))
    highest = max((share.fractions.get(phases[-1], 0.0) for share in listed), default=1.0)
    variant = "" if view.trace_alone else ", ".join(view.needed_label(summary.variant))
    aside = f"% of {count_text} traced steps" if count_text != "1" else "% of the traced step"
    if summary.of_timed:
        aside = f"% of the timed step, kernels of {count_text} traced ones"
    title = "Where a step goes" + (f", {variant}" if variant else "")
    return Table(
        columns,
        tuple(rows_),
        Axis(0, highest or 1.0),
        title=title,
        aside=aside,
    )


def _share_row(view: View, share: LayerShare, phases: list[str]) -> Row:
    name = clean(share.name)
    if share.what == "left out":
        labels = [view.ablation_label(one) for one in view.run.ablations if one.name == share.name]
        name = labels[0] if labels else name
    cells = [numbers.percent(share.fractions.get(key)) for key in phases]
    marks: dict[str, Mark] = {"idle": "idle", "left out": "own", "layer": "forward"}
    fraction = share.fractions.get(phases[-1], 0.0)
    return Row((name, *cells, Bar((Piece(0.0, fraction, marks[share.what]),))))
