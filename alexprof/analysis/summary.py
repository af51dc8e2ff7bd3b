"""The answers of a run in one piece: the summary, and all that full report and JSON show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

from alexprof.analysis.difference import center_ci95_s, center_s, leading_estimator
from alexprof.analysis.division import DividedStep, device_ops, divide, divided_steps
from alexprof.analysis.findings import Finding, findings_of
from alexprof.analysis.order import BlockOrder, block_orders
from alexprof.analysis.predictions import Predictions, predictions
from alexprof.analysis.savings import (
    MeasuredSaving,
    PredictionErrors,
    ablation_of,
    measured_savings,
    prediction_errors,
)
from alexprof.record.run import Run
from alexprof.record.values import Estimator, Interval
from alexprof.workload.base import matches

ShareOf = Literal["layer", "left out", "idle"]


class StepTime(Struct, frozen=True, kw_only=True):
    """How long a timed step takes."""

    phase: str  # Key of the phase
    variant: str  # Key of the variant
    steps: int  # Number of steps
    center_s: float  # Mean or median, as `estimator` says
    std_s: float  # Standard deviation of the steps
    ci95_s: Interval | None  # 95 % interval of the center; None with too few blocks


class LayerShare(Struct, frozen=True, kw_only=True):
    """What a layer takes of a step, in each phase."""

    name: str  # The layer, or the ablation whose ops are left out
    what: ShareOf  # Kind of row
    fractions: dict[str, float]  # Fraction of the step, by phase


class LargestLayer(Struct, frozen=True, kw_only=True):
    """What takes most of a phase's step."""

    # The largest layer; several where they take equally much, to three significant digits
    names: tuple[str, ...]
    fraction: float  # Of the step, that it takes
    idle_longer: bool  # Whether the device is idle for longer than that


class Summary(Struct, frozen=True, kw_only=True):
    """The answers of a run."""

    estimator: Estimator  # What `center_s`, `saved_s` and `own_s` are
    steps: tuple[StepTime, ...]  # Timed steps, by phase and variant
    savings: tuple[MeasuredSaving, ...]  # Measured savings, by phase; the largest first
    # By phase, the index in `savings` of the one to name first: the largest that is not unclear, or
    # the largest
    headline: dict[str, int]
    variant: str  # The variant that `traced`, `shares` and `largest` are about; "" without a trace
    traced: tuple[StepTime, ...]  # Its traced steps, by phase; always means
    shares: tuple[LayerShare, ...]  # Where these steps go, the largest first
    largest: dict[str, LargestLayer]  # What takes most of a step, by phase
    of_timed: bool  # Whether `shares` are fractions of the timed step (GPU), not of the traced one
    findings: tuple[Finding, ...]  # What makes numbers unsure, the most harmful first


class Answers(Summary, frozen=True, kw_only=True):
    """The summary of a run, and what only the full report and the JSON show."""

    divisions: tuple[DividedStep, ...]  # The traced step of each variant and phase, divided
    predictions: tuple[Predictions, ...]  # What each variant and phase is predicted to save
    prediction_errors: tuple[PredictionErrors, ...]  # How far predictions were off, by phase
    # Blocks of steps in the order measured, of phases whose variants took turns
    order: tuple[BlockOrder, ...]


def summarize(run: Run, variant: str | None = None) -> Summary:
    """Works out the answers of a run; traced steps are a variant's, None takes the first."""
    estimator = leading_estimator(run)
    variant = variant or next(iter(run.variants), "")
    divisions = {
        phase: division
        for phase in run.phase_keys
        if (division := divide(run, variant, phase)) and division.layers
    }
    savings = measured_savings(run)
    return Summary(
        estimator=estimator,
        steps=tuple(
            StepTime(
                phase=phase,
                variant=name,
                steps=timed.steps,
                center_s=center_s(timed, estimator),
                std_s=timed.std_s,
                ci95_s=center_ci95_s(timed, estimator),
            )
            for phase in run.phase_keys
            for name in run.variants
            if (record := run.phase(name, phase)) and (timed := record.timed)
        ),
        savings=savings,
        headline=_headline(savings),
        variant=variant if divisions else "",
        traced=tuple(
            StepTime(
                phase=phase,
                variant=variant,
                steps=traced.steps,
                center_s=traced.mean_s,
                std_s=traced.std_s or 0.0,
                ci95_s=traced.ci95_s,
            )
            for phase in divisions
            if (traced := run.variants[variant].phases[phase].traced) is not None
        ),
        shares=_shares(run, divisions, savings),
        largest={phase: _largest(division) for phase, division in divisions.items()},
        of_timed=any(
            not division.on_cpu and run.variants[variant].phases[phase].timed is not None
            for phase, division in divisions.items()
        ),
        findings=findings_of(run),
    )


def _headline(savings: Sequence[MeasuredSaving]) -> dict[str, int]:
    by_phase: dict[str, list[int]] = {}
    for index, saving in enumerate(savings):
        by_phase.setdefault(saving.phase, []).append(index)

    def rank(index: int) -> tuple[bool, float]:
        return savings[index].verdict != "unclear", savings[index].saved_s

    return {phase: max(indices, key=rank) for phase, indices in by_phase.items()}


def _largest(division: DividedStep) -> LargestLayer:
    first, figures = division.layers[0], f"{division.layers[0].fraction:.3g}"
    return LargestLayer(
        names=tuple(layer.name for layer in division.layers if f"{layer.fraction:.3g}" == figures),
        fraction=first.fraction,
        idle_longer=division.idle_s > first.share_s,
    )


def _shares(
    run: Run, divisions: dict[str, DividedStep], savings: Sequence[MeasuredSaving]
) -> tuple[LayerShare, ...]:
    """The layers of divided steps; the ops whose absence saves most are a row of their own."""
    fractions: dict[tuple[str, ShareOf], dict[str, float]] = {}
    for phase, division in divisions.items():
        largest = next((saving for saving in savings if saving.phase == phase), None)
        ablation = None if largest is None else ablation_of(run, largest)
        for op in device_ops(run.variants[division.variant].phases[phase], division):
            key: tuple[str, ShareOf] = (op.layer, "layer")
            if ablation is not None and matches(ablation, op.name, op.kind, op.layer):
                key = (ablation.name, "left out")
            row = fractions.setdefault(key, {})
            row[phase] = row.get(phase, 0.0) + op.share_fraction
        fractions.setdefault(("idle", "idle"), {})[phase] = division.idle_fraction
    rows = [
        LayerShare(name=name, what=what, fractions=row) for (name, what), row in fractions.items()
    ]
    return tuple(sorted(rows, key=lambda share: -max(share.fractions.values())))


def answers(run: Run) -> Answers:
    """Works out all answers of a run."""
    summary = summarize(run)
    return Answers(
        **asdict(summary),
        divisions=tuple(divided_steps(run)),
        predictions=tuple(predictions(run)),
        prediction_errors=tuple(prediction_errors(summary.savings)),
        order=tuple(block_orders(run)),
    )


def largest_shares(
    shares: Sequence[LayerShare], phases: Sequence[str], most: int
) -> tuple[list[LayerShare], int]:
    """The `most` largest rows in any phase, idle and what was left out always, the rest as one.

    Returns:
        The rows, and how many layers the last of them joins; 0 where it is a layer like the others.
    """

    def largest(share: LayerShare) -> float:
        return max(share.fractions.get(phase, 0.0) for phase in phases)

    ranked = [share for share in shares if any(phase in share.fractions for phase in phases)]
    ranked.sort(key=largest, reverse=True)
    layers = [share for share in ranked if share.what == "layer"]
    rest = layers[max(most - (len(ranked) - len(layers)), 1) :]
    kept = [share for share in ranked if share not in rest]
    if rest:
        sums = {
            phase: math.fsum(share.fractions.get(phase, 0.0) for share in rest) for phase in phases
        }
        kept.append(LayerShare(name="(others)", what="layer", fractions=sums))
    return kept, len(rest)
