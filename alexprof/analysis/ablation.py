"""From two variants' steps and traces to the record of what some ops cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from alexprof.analysis.kernel_savings import StepWork
from alexprof.analysis.predictions import prediction_error
from alexprof.analysis.reconcile import reconciled
from alexprof.measure.statistics import difference, student_half_width
from alexprof.record.ablation import Ablation
from alexprof.record.phase import Phase, on_cpu
from alexprof.record.trace import FusedOp, Replay, Saving
from alexprof.record.values import Timed
from alexprof.workload.base import AblationSpec, matches, matches_kind

if TYPE_CHECKING:
    import polars as pl

    from alexprof.measure.loop import Block


def ablation(
    question: AblationSpec,
    phase: str,
    blocks: Sequence[Block],
    phases: Mapping[str, Phase],
    costs: Mapping[tuple[str, str], pl.DataFrame],
    *,
    interleaved: bool,
) -> Ablation:
    """Sets what some ops cost by leaving them out beside what the traces and the replay say.

    Args:
        question: Which variants, which ops.
        phase: The phase's key.
        blocks: The phase's blocks, of all variants.
        phases: Both variants' records of the phase.
        costs: Costs by variant and phase; what has no trace is missing.
        interleaved: Whether the variants' blocks took turns.
    """
    answer = _measured(question, phase, blocks, interleaved=interleaved)
    return explained(answer, phases, costs)


def explained(
    answer: Ablation, phases: Mapping[str, Phase], costs: Mapping[tuple[str, str], pl.DataFrame]
) -> Ablation:
    """Sets what was measured beside what the traces say and what is predicted from them.

    Args:
        answer: What was measured.
        phases: Both variants' records of the phase.
        costs: Costs by variant and phase; what has no trace is missing.
    """
    reference, without = answer.reference, answer.without
    traced = {
        variant: costs[variant, answer.phase]
        for variant in (reference, without)
        if phases[variant].attribution is not None
    }
    if len(traced) == 2:
        answer = reconciled(answer, phases, traced)
    predicted = _predicted(answer, phases[reference], traced.get(reference))
    nothing = {"predicted_s": None, "predicted_ci95_s": None, "predicted_from": ""}
    answer = msgspec.structs.replace(
        answer, fused=_fused(answer, phases[reference]), **{**nothing, **predicted}
    )
    whole, rest = phases[reference].timed, phases[without].timed
    if whole is None or rest is None:
        return answer
    return msgspec.structs.replace(answer, predicted_error=prediction_error(answer, whole, rest))


def _measured(
    question: AblationSpec, phase: str, blocks: Sequence[Block], *, interleaved: bool
) -> Ablation:
    """What timing says."""
    a, b = (
        [block.seconds for block in blocks if block.variant == variant and not block.warm_up]
        for variant in (question.reference, question.without)
    )
    measured = difference(a, b, paired=interleaved)
    return Ablation(
        name=question.name,
        phase=phase,
        reference=question.reference,
        without=question.without,
        kinds=question.kinds,
        layers=question.layers,
        scopes=question.scopes,
        products=question.products,
        paired=measured.paired,
        measured_s=measured.mean_s,
        ci95_s=measured.ci95_s,
        measured_median_s=measured.median_s,
        median_ci95_s=measured.median_ci95_s,
    )


def _fused(question: Ablation, phase: Phase) -> tuple[FusedOp, ...]:
    """The ops of the reference that compute some of the question's ops too."""
    fused = []
    for op in phase.ops:
        types = tuple(kind for kind in op.fused if matches_kind(question, kind, op.layer))
        if types:
            fused.append(
                FusedOp(op=op.name, layer=op.layer, kind=op.kind, pass_=op.pass_, fused=types)
            )
    return tuple(sorted(fused, key=lambda op: op.op))


def _predicted(answer: Ablation, phase: Phase, costs: pl.DataFrame | None) -> dict[str, Any]:
    """What is predicted: by a replay where there is one, else by the time of the ops that go."""
    replay, timed = phase.replay, phase.timed
    if timed is None:
        return {}
    saving = _replayed(replay, answer.name) if replay is not None else None
    if replay is not None and saving is not None and replay.drift is not None:
        spread = 0.0
        if saving.fraction_std is not None:
            spread = student_half_width(saving.fraction_std**2, replay.steps)
        half_s = timed.mean_s * math.hypot(spread, replay.drift)
        return {
            "predicted_s": saving.saves_s,
            "predicted_ci95_s": (saving.saves_s - half_s, saving.saves_s + half_s),
            "predicted_from": "launches" if replay.how == "launches" else "replay",
        }
    device = phase.attribution.device if phase.attribution else "CPU"
    if phase.attribution is not None and not on_cpu(device):
        if costs is None or phase.attribution.bound_by != "kernels":
            return {}  # without a replay it can't be predicted; `Replay.reason` says why
        return _by_kernels(answer, phase, StepWork(costs, device), timed)
    if answer.attributed_s is not None:
        gone_s = _gone_with_s(answer, phase)
        return {"predicted_s": answer.attributed_s + gone_s, "predicted_from": "share"}
    return {}


def _by_kernels(answer: Ablation, phase: Phase, work: StepWork, timed: Timed) -> dict[str, Any]:
    """What the kernels of the ops that go take, and launching them."""
    own = {name for name, kind, layer in work.ops if matches(answer, name, kind, layer)}
    if not own:
        return {}
    gone = phase.replay.dependents.get(answer.name, ()) if phase.replay else ()
    saved_s, interval = work.saving(own.union(gone), timed.mean_s, timed.ci95_s)
    return {"predicted_s": saved_s, "predicted_ci95_s": interval, "predicted_from": "kernels"}


def _gone_with_s(answer: Ablation, phase: Phase) -> float:
    """The shares of the ops that go too, on the timed scale."""
    gone = phase.replay.dependents.get(answer.name, ()) if phase.replay else ()
    if not gone or phase.attribution is None or answer.traced_over_timed is None:
        return 0.0
    device = phase.attribution.device
    shares_s = [op.share_mean_s for op in phase.ops if op.name in gone and op.device == device]
    return math.fsum(shares_s) / answer.traced_over_timed[0]


def _replayed(replay: Replay, name: str) -> Saving | None:
    """The replay's saving by an ablation; None if it has none."""
    savings = (saving for saving in replay.savings if saving.what == "ablation")
    return next((saving for saving in savings if saving.name == name), None)
