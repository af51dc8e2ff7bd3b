"""What each layer would save: from a replay of the step, or by its share where there is none."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from alexprof.analysis.predictions import PredictedSaving, What, predict
from alexprof.record.ablation import Ablation
from alexprof.record.phase import Phase
from alexprof.record.trace import PredictedBy, Replay
from alexprof.show import numbers
from alexprof.show.document import Block, Column, Remark, Table, Warn
from alexprof.show.reason_texts import note_text
from alexprof.show.text import listed, plural
from alexprof.show.view import View

LAYERS_SHOWN = 10
PREDICTED_BY: dict[PredictedBy, tuple[str, str]] = {
    "ops": ("the step replayed without the layer", "by a replay"),
    "launches": ("the launches replayed without the layer’s", "by a replay of the launches"),
    "kernels": ("the layer’s kernels, and launching them", "by kernel times and launch costs"),
    "share": ("the layer’s share, all else equal", "by the ops’ share"),
}
"""What a prediction rests on: over a table, and in a sentence."""
FEW = 2
"""More ablations than this share a table; so few have a chart each."""
_OPS_NAMED = 3
"""Of the ops that go with others so many are named."""


def predicted_by(how: PredictedBy, what: What = "layer") -> str:
    """What predictions of layers or kinds rest on."""
    return PREDICTED_BY[how][0].replace("layer", what)


def prediction(view: View, key: str, what: What = "layer") -> Iterator[Block]:
    """A table of what the variant in view would save, what was left out by others set beside it.

    `what` says of what: layers or kinds.
    """
    variant = view.variant
    phase = view.phase(variant, key)
    predicted = predict(view.run, variant, key) if phase else None
    if phase is None or predicted is None:
        return
    if not predicted.how:
        reason = "its launches were not replayed"
        if phase.replay and phase.replay.reason:
            reason = note_text(phase.replay.reason)
        bound = phase.attribution.bound_by if phase.attribution else ""
        because = "the step is launch-bound, and " if bound == "launching" else ""
        yield Remark(f"Savings can’t be predicted: {because}{reason}.")
        return
    few = len(view.savings(key)) <= FEW
    left_out = [saving for saving in predicted.savings if saving.what == "ablation" and few]
    parts = [saving for saving in predicted.savings if saving.what == what]
    shown = parts[:LAYERS_SHOWN]
    if shown or left_out:
        unit = view.unit([predicted.step_s], predicted.step_s)
        measured = any(
            saving.reference == variant and view.ablation(saving).parts
            for saving in view.savings(key)
        )
        others = " for the others" if predicted.how == "share" and measured else ""
        yield Table.of(
            _columns(view, key, unit, what),
            [*left_out, *shown],
            key=lambda saving: "" if saving.what == "ablation" else saving.name,
            title=f"Predicted{others}: {predicted_by(predicted.how, what)}",
            part="predictions",
            aside=", ".join(view.needed_label(variant)),
        )
        texts = [_scale(view, phase, predicted.how)]
        if more := parts[LAYERS_SHOWN:]:
            texts.append(f"Not listed: {plural(len(more), f'more {what}')}.")
        if predicted.how == "share":
            texts.append(
                f"Ops that would go with a {what}, such as conversions around it, are not included."
            )
        yield Remark(" ".join(texts))
        if phase.replay:
            keys = [(saving.what, saving.name) for saving in (*left_out, *shown)]
            yield from map(Remark, gone_with(phase.replay, keys))
        yield from map(Warn, _fused(phase))
    if drift := _replay(phase.replay, trace_alone=view.run.is_trace):
        yield Remark(drift)


def _columns(view: View, key: str, unit: numbers.Unit, what: What) -> tuple[Column, ...]:
    measured = {saving.name: saving for saving in view.savings(key)}

    def label(predicted: PredictedSaving) -> str:
        saving = measured.get(predicted.name)
        if predicted.what != "ablation" or saving is None:
            return predicted.name
        name = view.left_out_label(saving)
        if saving.verdict == "unclear" and saving.ci95_s is not None:
            return name
        return f"{name} (measured: {numbers.time(saving.saved_s, view.step_s(saving))})"

    return (
        Column(what, "", label, align="name"),
        Column("saves", unit.name, lambda saving: unit.plain(saving.saves_s)),
        Column("std", unit.name, lambda saving: unit.plain(saving.std_s), drop=2),
        Column("speed-up", "", lambda saving: numbers.times(saving.speed_up)),
        Column("2× as fast", unit.name, lambda saving: unit.plain(saving.halved_s), drop=1),
        Column("speed-up", "", lambda saving: numbers.times(saving.halved_speed_up), drop=1),
    )


def _scale(view: View, phase: Phase, how: PredictedBy) -> str:
    """What the times of the table rest on."""
    if phase.timed is None:
        step = numbers.time(phase.traced.mean_s if phase.traced else None)
        return f"Relative to the traced step, {step}, as there are no timed steps."
    if not phase.on_gpu:
        return f"Scaled to the timed {view.summary.estimator}."
    if how == "launches":
        return "The host’s time is scaled until the replayed step is as long as a timed one."
    if how == "kernels":
        by_time = any(layer.launching_s for layer in phase.layers_whole)
        by = "in proportion to the host’s launch time" if by_time else "equally among launches"
        return f"Kernel times as traced; the timed step’s idle time is divided {by}."
    return "Kernel times as traced."


def _fused(phase: Phase) -> Iterator[str]:
    """Says which ops a GPU's trace can't show, because they are fused into others."""
    if phase.attribution is None or not phase.on_gpu:
        return
    if ops := [op for op in phase.ops if op.fused and op.device == phase.attribution.device]:
        types = listed([type_ for op in ops for type_ in op.fused])
        kinds = listed([op.kind for op in ops])
        kernels = sum(op.kernels_per_step for op in ops)
        yield (
            f"{types} have no time of their own because they are fused into {kinds} "
            f"({plural(len(ops), 'op')}, {kernels:.0f} kernels a step). On a GPU a fusion may "
            "launch more kernels and cost more than it saves; measure it with alexprof ablate "
            "--measure."
        )


def _replay(replay: Replay | None, *, trace_alone: bool) -> str | None:
    if replay is None or (replay.reason and trace_alone):
        return None
    if replay.reason is not None:
        return f"Not replayed: {note_text(replay.reason)}."
    if replay.drift is None:
        return None
    if replay.how == "launches":
        return f"Replayed from the host’s launches in {plural(replay.steps, 'traced step')}."
    drift = (
        f"A replay of {plural(replay.steps, 'traced step')} from the graph and the ops’ durations "
        f"has a median error of {numbers.percent_unit(replay.drift)}, at most "
        f"{numbers.percent_unit(replay.drift_worst or 0.0)}"
    )
    return f"{drift}." if replay.savings else f"{drift}: too large to predict from it."


def coverage(ablation: Ablation) -> str | None:
    """Says what a prediction covers, where that is not all: "fused into Conv2D (forward), …"."""
    if ablation.traced_over_timed is None or ablation.predicted_s is None:
        return None
    if not ablation.fused and any(seen.pass_ == "forward" for seen in ablation.seen):
        return None
    covered = listed([f"{seen.type} ({seen.pass_})" for seen in ablation.seen])
    covers = f"the prediction covers {covered or 'none of it'}"
    if not ablation.fused:
        return f"the trace shows {'only a part' if covered else 'no op'} of it: {covers}"
    fused = listed([type_ for op in ablation.fused for type_ in op.fused])
    into = listed([f"{op.kind} ({op.pass_})" for op in ablation.fused])
    return f"fused into {into}, with no event of its own: {fused}; {covers}"


def gone_with(replay: Replay, keys: Collection[tuple[str, str]]) -> Iterator[str]:
    """Says which other ops are included in predictions of these savings, by what and name."""
    gone = {
        (saving.what, saving.name): (saving.dependent_ops, saving.dependents)
        for saving in replay.savings
        if saving.dependent_ops
    }
    if not replay.savings:  # predicted by the share
        gone = {("ablation", name): (len(ops), ops) for name, ops in replay.dependents.items()}
    texts = []
    for (what, name), (count, ops) in gone.items():
        if (what, name) in keys:
            names = [*ops[:_OPS_NAMED], *["…"] * (count > _OPS_NAMED)]
            texts.append(f"with {name} {plural(count, 'more op')} ({', '.join(names)})")
    if texts:
        yield f"Predictions include ops that exist only because of others: {'; '.join(texts)}."
