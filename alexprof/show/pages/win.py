"""What would I win? What leaving ops out saves: measured, attributed and predicted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alexprof.analysis.division import divide
from alexprof.analysis.pair_savings import pair_savings
from alexprof.analysis.predictions import PredictedSaving, Predictions, What, predict
from alexprof.analysis.savings import MeasuredSaving
from alexprof.show import numbers
from alexprof.show.document import Block, Choice, Figure, Lead, Remark, Section
from alexprof.show.figures.predicted import Prediction, predicted_chart
from alexprof.show.figures.waterfall import kind_left_out, waterfall
from alexprof.show.pages.view import PageView
from alexprof.show.sections.ablations import ablations_table
from alexprof.show.sections.brief import a_step, saved_text
from alexprof.show.sections.predict import predicted_by, prediction
from alexprof.show.sections.win import saving_remarks, saving_table, saving_text
from alexprof.show.text import listed, sentence_case
from alexprof.workload.ops_to_leave_out import KINDS, SHAPE_KINDS
from alexprof.workload.registry import WORKLOADS

TITLE = "What would I win?"
_DRAWN = 16
"""So many predictions at most have a bar."""
_SUGGESTED = 3


def win_page(view: PageView) -> Section:
    """Makes the page."""
    return Section(TITLE, "", tuple(_blocks(view)))


def _blocks(view: PageView) -> Iterator[Block]:
    savings = view.savings(view.key)
    predicted = predict(view.run, view.variant, view.key) if view.key else None
    if view.headlines:
        yield Lead(saved_text(view))
    else:
        yield Lead(_predicted_text(view))
        if view.phases:
            yield Remark(_how_to_measure(view))
    if savings:
        yield from _measured(view, savings)
    elif view.headlines:
        label = view.phase_label(view.key)
        yield Remark(f"Nothing was left out in {label}: what follows is predicted, not measured.")
    yield from _predictions(view, savings, predicted)


def _measured(view: PageView, savings: Sequence[MeasuredSaving]) -> Iterator[Block]:
    """The chosen saving as a figure and a table; of many a table of all first."""
    saving = _chosen(view, savings)
    several = len(savings) > 1
    phase = f"{sentence_case(view.phase_label(view.key))}: " if view.several_phases else ""
    text = saving_text(view, saving)
    yield Remark(f"{phase}{text[:1].lower() + text[1:] if phase else text}")
    if several:
        options = tuple((saving.without, view.left_out_label(saving)) for saving in savings)
        yield Choice("against", "Left out", options, saving.without)
    pairs_s = pair_savings(view.run, view.ablation(saving), view.tables.steps)
    step_s = view.step_s(saving)
    yield waterfall(view, saving, pairs_s, view.unit([saving.saved_s, step_s], step_s))
    yield from map(Remark, saving_remarks(view, saving))
    yield saving_table(view, saving)
    if several:
        yield from ablations_table(view, savings)


def _chosen(view: PageView, savings: Sequence[MeasuredSaving]) -> MeasuredSaving:
    """The saving that is looked into: the one chosen, else the one to name first."""
    headline = view.summary.savings[view.summary.headline[view.key]]
    return next((saving for saving in savings if saving.without == view.choices.against), headline)


def _predictions(
    view: PageView, savings: Sequence[MeasuredSaving], predicted: Predictions | None
) -> Iterator[Block]:
    """A bar for each layer or kind, what was measured beside it, and the report's tables."""
    what: What = "kind" if view.choices.roll == "kind" else "layer"
    if predicted is not None and predicted.how:
        if any(saving.what == "kind" for saving in predicted.savings):
            options = (("layer", "layers"), ("kind", "kinds of op"))
            yield Choice("roll", "Predicted savings of", options, what)
        if figure := _figure(view, savings, predicted, what):
            yield figure
    yield from prediction(view, view.key, what)


def _figure(
    view: PageView,
    savings: Sequence[MeasuredSaving],
    predicted: Predictions,
    what: What,
) -> Figure | None:
    speed_ups = {
        saving.name: saving.speed_up for saving in predicted.savings if saving.what == "ablation"
    }
    rows = [
        Prediction(
            view.left_out_label(saving),
            saving.predicted_s,
            saving.predicted_ci95_s,
            speed_ups.get(saving.name),
            kind_left_out(view, saving),
            saving.saved_s,
            saving.ci95_s,
            saving.without if len(savings) > 1 else "",
        )
        for saving in savings
        if saving.reference == predicted.variant
    ]
    kinds = _kinds(view, predicted)
    parts = [saving for saving in predicted.savings if saving.what == what]
    rows += [
        Prediction(
            saving.name,
            saving.saves_s,
            saving.ci95_s,
            saving.speed_up,
            saving.name if saving.what == "kind" else kinds.get(saving.name, ""),
        )
        for saving in parts[: max(_DRAWN - len(rows), 1)]
    ]
    if not rows:
        return None
    assert predicted.how is not None
    unit = view.unit([predicted.step_s], predicted.step_s)
    both = any(row.measured_s is not None for row in rows)
    named = listed([row.name for row in rows[:3]])
    aside = [predicted_by(predicted.how, what), *view.needed_label(predicted.variant)]
    return Figure(
        "predictions",
        "And the others?" if both else "What each would save, predicted",
        predicted_chart(rows, unit),
        f"Predicted savings in {unit.name}, of {named} first"
        f"{', and what was measured of them' if both else ''}.",
        aside=", ".join(aside),
        hint=f"Bars: predicted{', ◆: measured' if both else ''}. Whiskers: 95 % intervals.",
    )


def _kinds(view: PageView, predicted: Predictions) -> dict[str, str]:
    """The kind of each layer that is of one."""
    division = divide(view.run, predicted.variant, predicted.phase)
    return {layer.name: layer.kind for layer in division.layers} if division else {}


def _predicted_text(view: PageView) -> str:
    """Says: by prediction, leaving conv2 out saves 27 % of a forward step and … of …."""
    texts, before = [], ""
    for key in view.phases:
        largest = _largest(predict(view.run, view.variant, key))
        if largest is not None:
            head = "" if largest.name == before else f"leaving {largest.name} out would save "
            before = largest.name
            alone = view.run.is_trace and not view.several_phases
            step = "a traced step" if alone else a_step(view, key)
            texts.append(f"{head}{numbers.percent_unit(largest.fraction)} of {step}")
    if not texts:
        return "Nothing was left out, and nothing can be predicted."
    return f"{sentence_case(' and '.join(texts))}: predicted, not measured."


def _largest(predicted: Predictions | None) -> PredictedSaving | None:
    layers = [saving for saving in predicted.savings if saving.what == "layer"] if predicted else []
    return max(layers, key=lambda saving: saving.fraction, default=None)


def _how_to_measure(view: PageView) -> str:
    """Which command measures it, for kinds of op that can be left out."""
    phases = [view.phase(view.variant, key) for key in view.phases]
    kinds = {kind.name for phase in phases if phase for kind in phase.kinds}
    known = [kind for kind in KINDS if kind in kinds and kind not in SHAPE_KINDS][:_SUGGESTED]
    workload = view.run.workload.name if view.run.workload else ""
    if workload in WORKLOADS:
        return f"To measure it: alexprof ablate {workload} --measure {','.join(known) or 'LAYER'}"
    if not known:
        return (
            "None of its ops can be left out automatically. To measure it, time a variant without "
            "them beside the whole one (Tracer.time_together)."
        )
    return (
        f"{listed(known)} can be left out automatically. To measure it, build a variant in “with "
        f"alexprof.leaving_out('{known[0]}')”, and time it beside the whole one "
        "(Tracer.time_together)."
    )
