"""What a step is predicted to save without each layer, and how good such predictions were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from alexprof.analysis.division import DividedStep, divide
from alexprof.record.run import Run
from alexprof.record.trace import PredictedBy, Replay

LEAST = 0.01
"""Part of the step from which on a saving is predicted."""
What = Literal["layer", "ablation"]
_Fractions = tuple[What, str, float, float | None, float]
"""Of the step: what goes with something, its deviation, and what goes if it is twice as fast."""


class PredictedSaving(Struct, frozen=True, kw_only=True):
    """What a step is predicted to save without some ops."""

    what: What  # "layer", or "ablation" for ops that another variant leaves out
    name: str  # The layer; of ops that are left out the ablation
    fraction: float  # Of the step
    saves_s: float  # Of the step
    std_s: float | None  # Its standard deviation over traced steps; None with one
    speed_up: float | None  # Step with it over step without it; None if nothing is left
    halved_s: float  # What the step saves if they become twice as fast
    halved_speed_up: float | None  # The same as a speed-up


class Predictions(Struct, frozen=True, kw_only=True):
    """What is predicted of a phase's step."""

    variant: str  # Key of the variant
    phase: str  # Key of the phase
    # As `Replay.how`, or "share" of the step; None where a GPU waits: nothing is predicted
    how: PredictedBy | None
    step_s: float  # The step that they are of
    # Ops that another variant leaves out, then layers, in the record's order
    savings: tuple[PredictedSaving, ...]


def predictions(run: Run) -> Iterator[Predictions]:
    """What is predicted, for every variant and phase."""
    for variant, key, _ in run.all_phases():
        if predicted := predict(run, variant, key):
            yield predicted


def predict(run: Run, variant: str, phase: str) -> Predictions | None:
    """Predictions for a phase; None without a step time, or a trace whose shares may be shown."""
    division = divide(run, variant, phase)
    if division is None or not division.layers or not division.step_s:
        return None
    record = run.variants[variant].phases[phase]
    step_s, scale = division.step_s, 1.0
    how: PredictedBy | None = "share"
    savings: Iterator[_Fractions] = iter(())
    if record.replay and record.replay.savings:
        how = record.replay.how
        if how == "kernels" and record.timed:
            scale = record.timed.mean_s / step_s  # kernel times don't depend on the estimator
        savings = _replayed(run, record.replay, division, scale)
    elif record.attribution and record.attribution.bound_by not in ("", "kernels"):
        how = None
    else:
        savings = _by_share(run, division)
    return Predictions(
        variant=variant,
        phase=phase,
        how=how,
        step_s=step_s,
        savings=tuple(
            PredictedSaving(
                what=what,
                name=name,
                fraction=fraction,
                saves_s=fraction * step_s,
                std_s=None if std is None else std * step_s,
                speed_up=_speed_up(fraction),
                halved_s=halved * step_s,
                halved_speed_up=_speed_up(halved),
            )
            for what, name, fraction, std, halved in savings
            if what == "ablation" or fraction >= LEAST
        ),
    )


def _by_share(run: Run, division: DividedStep) -> Iterator[_Fractions]:
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
            yield "layer", layer.name, layer.fraction, std, layer.fraction / 2


def _replayed(
    run: Run, replay: Replay, division: DividedStep, scale: float
) -> Iterator[_Fractions]:
    """Yields ops that another variant leaves out, then layers; recorded fractions times `scale`."""
    left_out = [
        ("ablation", ablation.name)
        for ablation in run.ablations
        if (ablation.phase, ablation.reference) == (division.phase, division.variant)
    ]
    recorded = {(saving.what, saving.name): saving for saving in replay.savings}
    layers = (key for key in recorded if key[0] == "layer")
    for key in (*left_out, *layers):
        if saving := recorded.get(key):
            std = None if saving.fraction_std is None else scale * saving.fraction_std
            what: What = "layer" if saving.what == "layer" else "ablation"
            yield what, saving.name, scale * saving.fraction, std, scale * saving.halved_fraction


def _speed_up(saved: float) -> float | None:
    return 1 / (1 - saved) if saved < 0.9999 else None
