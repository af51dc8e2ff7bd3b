"""What a step is predicted to save without each layer, and how good such predictions were."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

from msgspec import Struct

from alexprof.analysis.difference import leading_estimator
from alexprof.analysis.division import DividedStep, divide
from alexprof.analysis.timed_scale import timed_half_s
from alexprof.record.phase import Phase
from alexprof.record.run import Run
from alexprof.record.trace import PredictedBy, Replay, Saving
from alexprof.record.values import Interval

LEAST = 0.01
"""Part of the step from which on a saving is predicted."""
LEAST_REPLAYED = 2
"""Steps without which a prediction has no interval."""
What = Literal["layer", "kind", "ablation"]


class _Fractions(NamedTuple):
    """Of the step."""

    what: What
    name: str
    saved: float
    std: float | None
    half: float | None  # Half the 95 % interval
    halved: float  # What goes if it becomes twice as fast


class PredictedSaving(Struct, frozen=True, kw_only=True):
    """What a step is predicted to save without some ops."""

    what: What  # "layer" or "kind", or "ablation" for ops that another variant leaves out
    name: str  # The layer or kind; of ops that are left out the ablation
    fraction: float  # Of the step
    saves_s: float  # Of the step
    std_s: float | None  # Its standard deviation over traced steps; None with one
    # Its 95 % interval: traced steps, and the replay's error or the timed step's interval; None
    # with too few steps, and of a kind's share
    ci95_s: Interval | None = None
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
    # Ops that another variant leaves out, then layers and kinds, each in the record's order
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
    step_s = division.step_s
    how: PredictedBy | None = "share"
    savings: Iterator[_Fractions] = iter(())
    if record.replay and record.replay.savings:
        how = record.replay.how
        savings = _replayed(run, record.replay, division)
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
                what=part.what,
                name=part.name,
                fraction=part.saved,
                saves_s=part.saved * step_s,
                std_s=None if part.std is None else part.std * step_s,
                ci95_s=_interval(part, step_s),
                speed_up=_speed_up(part.saved),
                halved_s=part.halved * step_s,
                halved_speed_up=_speed_up(part.halved),
            )
            for part in savings
            if part.what == "ablation" or part.saved >= LEAST
        ),
    )


def _interval(part: _Fractions, step_s: float) -> Interval | None:
    if part.half is None:
        return None
    return (part.saved - part.half) * step_s, (part.saved + part.half) * step_s


def _by_share(run: Run, division: DividedStep) -> Iterator[_Fractions]:
    """By the share of the step, of layers and kinds that nobody measured."""
    ablations = [
        ablation
        for ablation in run.ablations
        if (ablation.phase, ablation.reference) == (division.phase, division.variant)
    ]
    left_out = {part.layer for ablation in ablations for part in ablation.parts}
    for layer in division.layers:
        if layer.name not in left_out:
            std = None if layer.std_s is None else layer.std_s / division.step_s
            half = None
            if layer.ci95_s is not None:
                half = (layer.ci95_s[1] - layer.share_s) / division.step_s
            fraction = layer.fraction
            yield _Fractions("layer", layer.name, fraction, std, half, fraction / 2)
    kinds_left_out = {kind for ablation in ablations for kind in ablation.kinds}
    for kind in division.kinds:
        if kind.name not in kinds_left_out:
            yield _Fractions("kind", kind.name, kind.fraction, None, None, kind.fraction / 2)


def _replayed(run: Run, replay: Replay, division: DividedStep) -> Iterator[_Fractions]:
    """Yields ops that another variant leaves out, then layers and kinds."""
    record = run.variants[division.variant].phases[division.phase]
    scale = 1.0
    if replay.how == "kernels" and record.timed:
        # Kernel times don't depend on the estimator.
        scale = record.timed.mean_s / division.step_s
    left_out = [
        ("ablation", ablation.name)
        for ablation in run.ablations
        if (ablation.phase, ablation.reference) == (division.phase, division.variant)
    ]
    recorded = {(saving.what, saving.name): saving for saving in replay.savings}
    layers, kinds = ([key for key in recorded if key[0] == what] for what in ("layer", "kind"))
    names: dict[str, What] = {"ablation": "ablation", "layer": "layer", "kind": "kind"}
    for key in (*left_out, *layers, *kinds):
        if saving := recorded.get(key):
            std = None if saving.fraction_std is None else scale * saving.fraction_std
            half = _half(run, record, saving, division)
            yield _Fractions(
                names[saving.what],
                saving.name,
                scale * saving.fraction,
                std,
                None if half is None else scale * half,
                scale * saving.halved_fraction,
            )


def _half(run: Run, phase: Phase, saving: Saving, division: DividedStep) -> float | None:
    """Half the 95 % interval of a recorded fraction, as of a measured variant's prediction."""
    from alexprof.measure.intervals import student_half_width

    replay = phase.replay
    if replay is None or saving.fraction_std is None:
        return None
    by_kernels = replay.how == "kernels" and saving.what != "ablation"
    steps = phase.traced.steps if by_kernels and phase.traced else replay.steps
    if steps < LEAST_REPLAYED:
        return None
    spread = student_half_width(saving.fraction_std**2, steps)
    if not by_kernels:
        return math.hypot(spread, replay.drift or 0.0)
    # What is saved beside kernels is a part of the timed step's idle time, and as uncertain.
    launches = max(saving.fraction - 2 * saving.halved_fraction, 0.0)
    timed_half = timed_half_s(phase, leading_estimator(run)) / (division.idle_s or math.inf)
    return math.hypot(spread, launches * timed_half)


def _speed_up(saved: float) -> float | None:
    return 1 / (1 - saved) if saved < 0.9999 else None
