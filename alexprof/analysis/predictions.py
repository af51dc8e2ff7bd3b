"""What a step is predicted to save without each layer, and how good such predictions were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from alexprof.analysis.difference import difference_s, leading_estimator
from alexprof.analysis.division import DividedStep, divide
from alexprof.record.run import Run
from alexprof.record.trace import Replay

LEAST = 0.01
"""Part of the step from which on a saving is predicted."""
How = Literal["ops", "launches", "kernels", "share"]


class PredictedSaving(Struct, frozen=True, kw_only=True):
    """What a step is predicted to save without some ops.

    Attributes:
        what: "layer", or "ablation" for ops that another variant leaves out.
        name: The layer; of ops that are left out the ablation.
        fraction: Of the step.
        saves_s: Of the step.
        std_s: Its standard deviation over traced steps; None with one.
        speed_up: Step with it over step without it; None if nothing is left.
        halved_s: What the step saves if they become twice as fast.
        halved_speed_up: The same as a speed-up.
        measured_s: What leaving them out saved; None if not measured, or it may be nothing.
    """

    what: Literal["layer", "ablation"]
    name: str
    fraction: float
    saves_s: float
    std_s: float | None
    speed_up: float | None
    halved_s: float
    halved_speed_up: float | None
    measured_s: float | None = None


class Predictions(Struct, frozen=True, kw_only=True):
    """What is predicted of a phase's step.

    Attributes:
        variant: Key of the variant.
        phase: Key of the phase.
        how: As `Replay.how`, or "share" of the step; "" where a GPU waits: nothing is predicted.
        step_s: The step that they are of.
        savings: Ops that another variant leaves out, then layers, in the record's order.
    """

    variant: str
    phase: str
    how: How | Literal[""]
    step_s: float
    savings: tuple[PredictedSaving, ...]


def predictions(run: Run) -> Iterator[Predictions]:
    """What is predicted, for every variant and phase."""
    for variant, record in run.variants.items():
        for phase in record.phases:
            if predicted := predict(run, variant, phase):
                yield predicted


def predict(run: Run, variant: str, phase: str) -> Predictions | None:
    """What is predicted of a phase; None without a trace whose shares may be shown."""
    division = divide(run, variant, phase)
    if division is None or not division.layers:
        return None
    record = run.variants[variant].phases[phase]
    step_s = division.step_s
    how: How | Literal[""] = "share"
    savings: Iterator[PredictedSaving] = iter(())
    if record.replay and record.replay.savings:
        how = record.replay.how
        if how == "kernels" and record.timed:
            step_s = record.timed.mean_s  # its idle time is a part of what is predicted
        savings = _replayed(run, record.replay, variant, phase, step_s)
    elif record.attribution and record.attribution.bound_by not in ("", "kernels"):
        how = ""
    else:
        savings = _by_share(run, division, step_s)
    return Predictions(
        variant=variant,
        phase=phase,
        how=how,
        step_s=step_s,
        savings=tuple(
            saving for saving in savings if saving.what == "ablation" or saving.fraction >= LEAST
        ),
    )


def _by_share(run: Run, division: DividedStep, step_s: float) -> Iterator[PredictedSaving]:
    """By the share of the step, of layers that nobody measured."""
    left_out = {
        part.layer
        for ablation in run.ablations
        if (ablation.phase, ablation.reference) == (division.phase, division.variant)
        for part in ablation.parts
    }
    for layer in division.layers:
        if layer.name not in left_out:
            std = None if layer.std_s is None else layer.std_s / division.step_s
            yield _saving("layer", layer.name, (layer.fraction, std, layer.fraction / 2), step_s)


def _replayed(
    run: Run, replay: Replay, variant: str, phase: str, step_s: float
) -> Iterator[PredictedSaving]:
    """Ops that another variant leaves out, beside what that saved, then layers."""
    predicted = {(saving.what, saving.name): saving for saving in replay.savings}
    for ablation in run.ablations:
        saving = predicted.get(("ablation", ablation.name))
        if (ablation.phase, ablation.reference) == (phase, variant) and saving is not None:
            saved_s, interval = difference_s(ablation, leading_estimator(run))
            unclear = interval is not None and interval[0] <= 0 <= interval[1]
            measured_s = None if unclear else saved_s
            fractions = (saving.fraction, saving.fraction_std, saving.halved_fraction)
            yield _saving("ablation", ablation.name, fractions, step_s, measured_s)
    for saving in replay.savings:
        if saving.what == "layer":
            fractions = (saving.fraction, saving.fraction_std, saving.halved_fraction)
            yield _saving("layer", saving.name, fractions, step_s)


def _saving(
    what: Literal["layer", "ablation"],
    name: str,
    fractions: tuple[float, float | None, float],
    step_s: float,
    measured_s: float | None = None,
) -> PredictedSaving:
    """Of the fractions of the step that go, their deviation, and those that halving takes."""
    fraction, std, halved = fractions
    return PredictedSaving(
        what=what,
        name=name,
        fraction=fraction,
        saves_s=fraction * step_s,
        std_s=None if std is None else std * step_s,
        speed_up=_speed_up(fraction),
        halved_s=halved * step_s,
        halved_speed_up=_speed_up(halved),
        measured_s=measured_s,
    )


def _speed_up(saved: float) -> float | None:
    return 1 / (1 - saved) if saved < 0.9999 else None
