"""The answers of a run in one piece: the summary, and all that full report and JSON show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

from alexprof.analysis.account import Account, accounts
from alexprof.analysis.difference import (
    center_ci95_s,
    center_s,
    difference_s,
    leading_estimator,
    of_ablation,
)
from alexprof.analysis.division import DividedStep, divided_steps
from alexprof.analysis.findings import Finding, findings_of
from alexprof.analysis.predictions import Predictions, predictions
from alexprof.record.ablation import Ablation
from alexprof.record.phase import Phase, on_cpu
from alexprof.record.run import Run
from alexprof.record.values import Estimator, Interval, Verdict
from alexprof.workload.base import matches

SavingVerdict = Literal["saves", "costs", "unclear"]
ShareOf = Literal["layer", "left out", "idle"]
_VERDICTS: dict[Verdict, SavingVerdict] = {
    "faster": "saves",
    "slower": "costs",
    "same": "unclear",
    "unclear": "unclear",
}


class StepTime(Struct, frozen=True, kw_only=True):
    """How long a timed step takes.

    Attributes:
        phase: Key of the phase.
        variant: Key of the variant.
        steps: Number of steps.
        center_s: Mean or median, as `estimator` says.
        std_s: Standard deviation of the steps.
        ci95_s: 95 % interval of the center; None with too few blocks.
    """

    phase: str
    variant: str
    steps: int
    center_s: float
    std_s: float
    ci95_s: Interval | None


class MeasuredSaving(Struct, frozen=True, kw_only=True):
    """What leaving some ops out saves, measured.

    Attributes:
        phase: Key of the phase.
        name: The ablation.
        reference: The variant with it.
        without: The variant without it.
        saved_s: Measured saving per step.
        ci95_s: Its 95 % interval; None with too few blocks.
        fraction: `saved_s` as a fraction of the reference's step.
        verdict: "unclear" where the interval includes 0.
        own_s: What its own ops take in the trace; None without one.
        own_ci95_s: Its 95 % interval: traced steps, and on a CPU also the timed ones.
    """

    phase: str
    name: str
    reference: str
    without: str
    saved_s: float
    ci95_s: Interval | None
    fraction: float
    verdict: SavingVerdict
    own_s: float | None
    own_ci95_s: Interval | None


class LayerShare(Struct, frozen=True, kw_only=True):
    """What a layer takes of the traced step, in each phase.

    Attributes:
        name: The layer, or the ablation whose ops are left out.
        what: Kind of row.
        fractions: Fraction of the step, by phase.
    """

    name: str
    what: ShareOf
    fractions: dict[str, float]


class Summary(Struct, frozen=True, kw_only=True):
    """The answers of a run.

    Attributes:
        estimator: What `center_s`, `saved_s` and `own_s` are.
        steps: Timed steps, by phase and variant.
        savings: Measured savings, by phase; the largest first.
        variant: The variant that `traced` and `shares` are about; "" without a trace.
        traced: Its traced steps, by phase; always means.
        shares: Where these steps go, the largest first.
        of_timed: Whether `shares` are fractions of the timed step (GPU), not of the traced one.
        findings: What makes numbers unsure, the most harmful first.
    """

    estimator: Estimator
    steps: tuple[StepTime, ...]
    savings: tuple[MeasuredSaving, ...]
    variant: str
    traced: tuple[StepTime, ...]
    shares: tuple[LayerShare, ...]
    of_timed: bool
    findings: tuple[Finding, ...]


class Answers(Summary, frozen=True, kw_only=True):
    """The summary of a run, and what only the full report and the JSON show.

    Attributes:
        divisions: The traced step of each variant and phase, divided.
        accounts: Each measured saving taken apart.
        predictions: What each variant and phase is predicted to save.
    """

    divisions: tuple[DividedStep, ...]
    accounts: tuple[Account, ...]
    predictions: tuple[Predictions, ...]


def summarize(run: Run, variant: str | None = None) -> Summary:
    """Works out the answers of a run; traced steps are a variant's, None takes the first."""
    estimator = leading_estimator(run)
    phases = tuple(dict.fromkeys(key for record in run.variants.values() for key in record.phases))
    variant = variant or next(iter(run.variants), "")
    traced = {
        phase: record
        for phase in phases
        if (record := run.variants[variant].phases.get(phase)) is not None
        and record.traced is not None
        and record.attribution is not None
        and record.ops
    }
    savings = [
        _saving(run, ablation, estimator)
        for ablation in run.ablations
        if ablation.phase in phases
        and {ablation.reference, ablation.without} <= run.variants.keys()
    ]
    savings.sort(key=lambda saving: (phases.index(saving.phase), -saving.saved_s))
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
            for phase in phases
            for name, record in run.variants.items()
            if phase in record.phases and (timed := record.phases[phase].timed) is not None
        ),
        savings=tuple(savings),
        variant=variant if traced else "",
        traced=tuple(
            StepTime(
                phase=phase,
                variant=variant,
                steps=record.traced.steps,
                center_s=record.traced.mean_s,
                std_s=record.traced.std_s or 0.0,
                ci95_s=record.traced.ci95_s,
            )
            for phase, record in traced.items()
            if record.traced is not None
        ),
        shares=_shares(run, traced, estimator),
        of_timed=any(_on_gpu_timed(record) for record in traced.values()),
        findings=findings_of(run),
    )


def _saving(run: Run, ablation: Ablation, estimator: Estimator) -> MeasuredSaving:
    saved_s, ci95_s = difference_s(ablation, estimator)
    difference = of_ablation(run, ablation, estimator)
    step_s = difference.before_s
    own_s, own_ci95_s = _own(run, ablation, estimator)
    return MeasuredSaving(
        phase=ablation.phase,
        name=ablation.name,
        reference=ablation.reference,
        without=ablation.without,
        saved_s=saved_s,
        ci95_s=ci95_s,
        fraction=saved_s / step_s if step_s else 0.0,
        verdict=_VERDICTS[difference.verdict],
        own_s=own_s,
        own_ci95_s=own_ci95_s,
    )


def _own(
    run: Run, ablation: Ablation, estimator: Estimator
) -> tuple[float | None, Interval | None]:
    """What the ops that were left out take themselves, on the scale of the leading estimator."""
    # On a CPU that is a fraction of the timed step, whose own interval adds to that of the
    # fraction. A GPU's kernels take as long as they were traced.
    record = run.variants[ablation.reference].phases.get(ablation.phase)
    if ablation.attributed_s is None or record is None:
        return None, None
    timed, traced_ci95_s = record.timed, ablation.attributed_ci95_s
    own_s, scale, of_step_s = ablation.attributed_s, 1.0, 0.0
    if timed is not None and (record.attribution is None or on_cpu(record.attribution.device)):
        scale = center_s(timed, estimator) / timed.mean_s
        step_ci95_s = center_ci95_s(timed, estimator)
        if step_ci95_s is not None:
            of_step_s = own_s / timed.mean_s * (step_ci95_s[1] - step_ci95_s[0]) / 2
    own_s *= scale
    if traced_ci95_s is None:
        return own_s, None
    half_s = math.hypot(scale * (traced_ci95_s[1] - traced_ci95_s[0]) / 2, of_step_s)
    return own_s, (max(own_s - half_s, 0.0), own_s + half_s)


def _on_gpu_timed(record: Phase) -> bool:
    attributed = record.attribution
    return record.timed is not None and attributed is not None and not on_cpu(attributed.device)


def _shares(run: Run, traced: dict[str, Phase], estimator: Estimator) -> tuple[LayerShare, ...]:
    """The layers of the traced steps; ops that were left out somewhere are rows of their own."""
    fractions: dict[tuple[str, ShareOf], dict[str, float]] = {}
    for phase, record in traced.items():
        ablations = [ablation for ablation in run.ablations if ablation.phase == phase]
        largest = max(
            ablations, key=lambda ablation: difference_s(ablation, estimator)[0], default=None
        )
        attributed = record.attribution
        if attributed is None or not attributed.wall_ns or record.traced is None:
            continue
        # What of the traced step's time is so much of the step that is shown.
        scale, idle = 1.0, attributed.idle_ns / attributed.wall_ns
        if _on_gpu_timed(record) and record.timed is not None:
            step_s = center_s(record.timed, estimator)
            busy_s = attributed.share_ns / record.traced.steps / 1e9
            scale = record.traced.mean_s / max(step_s, busy_s)
            idle = max(1 - busy_s / step_s, 0.0)
        for op in record.ops:
            if op.device == attributed.device:
                key: tuple[str, ShareOf] = (op.layer, "layer")
                if largest is not None and matches(largest, op.name, op.kind, op.layer):
                    key = (largest.name, "left out")
                row = fractions.setdefault(key, {})
                row[phase] = row.get(phase, 0.0) + op.share_fraction * scale
        fractions.setdefault(("idle", "idle"), {})[phase] = idle
    rows = [
        LayerShare(name=name, what=what, fractions=row) for (name, what), row in fractions.items()
    ]
    return tuple(sorted(rows, key=lambda share: -max(share.fractions.values())))


def answers(run: Run) -> Answers:
    """Works out all answers of a run."""
    return Answers(
        **asdict(summarize(run)),
        divisions=tuple(divided_steps(run)),
        accounts=accounts(run),
        predictions=tuple(predictions(run)),
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
