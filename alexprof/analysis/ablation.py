"""From two variants' steps and traces to the record of what some ops cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import asdict, replace

from alexprof.analysis.kernel_savings import StepWork
from alexprof.analysis.reconcile import reconciled
from alexprof.analysis.timed_scale import timed_half_s
from alexprof.measure.intervals import mean_difference, median_difference, student_half_width
from alexprof.record.ablation import Ablation, AblationSpec
from alexprof.record.phase import Phase
from alexprof.record.trace import FusedOp, PredictedBy, Replay
from alexprof.record.values import Interval
from alexprof.workload.base import matches, matches_kind

if TYPE_CHECKING:
    import polars as pl

    from alexprof.measure.loop import Block

_Prediction = tuple[float | None, Interval | None, PredictedBy | None]
"""What is saved, its 95 % interval, and what it rests on, as in `Ablation`."""
_NO_PREDICTION: _Prediction = (None, None, None)


def ablation(
    spec: AblationSpec,
    phase: str,
    blocks: Sequence[Block],
    phases: Mapping[str, Phase],
    costs: Mapping[tuple[str, str], pl.DataFrame],
    *,
    interleaved: bool,
) -> Ablation:
    """What some ops cost by leaving them out, beside what the traces and the replay say.

    Args:
        spec: Which variants, which ops.
        phase: The phase's key.
        blocks: The phase's blocks, of all variants.
        phases: Both variants' records of the phase.
        costs: Costs by variant and phase; what has no trace is missing.
        interleaved: Whether the variants' blocks took turns.
    """
    reference_blocks, blocks_without = (
        [block.seconds for block in blocks if block.variant == variant and not block.warm_up]
        for variant in (spec.reference, spec.without)
    )
    by_mean, by_median = (
        difference(reference_blocks, blocks_without, paired=interleaved)
        for difference in (mean_difference, median_difference)
    )
    record = Ablation(
        **asdict(spec),
        phase=phase,
        paired=interleaved and len(reference_blocks) == len(blocks_without),
        measured_s=by_mean[0],
        ci95_s=by_mean[1],
        measured_median_s=by_median[0],
        median_ci95_s=by_median[1],
    )
    return explained(record, phases, costs)


def explained(
    ablation: Ablation, phases: Mapping[str, Phase], costs: Mapping[tuple[str, str], pl.DataFrame]
) -> Ablation:
    """Sets a measured difference beside what the traces say and what is predicted from them.

    The arguments are those of `ablation`.
    """
    phase = phases[ablation.reference]
    traced = {
        variant: costs[variant, ablation.phase]
        for variant in (ablation.reference, ablation.without)
        if phases[variant].attribution is not None
    }
    if len(traced) == 2:
        ablation = reconciled(ablation, phases, traced)
    predicted_s, predicted_ci95_s, predicted_by = _predicted(
        ablation, phase, traced.get(ablation.reference)
    )
    return replace(
        ablation,
        fused=_fused(ablation, phase),
        predicted_s=predicted_s,
        predicted_ci95_s=predicted_ci95_s,
        predicted_by=predicted_by,
    )


def _fused(ablation: Ablation, phase: Phase) -> tuple[FusedOp, ...]:
    """The ops of the reference that compute some of the ablation's ops too."""
    types = {
        op: tuple(kind for kind in op.fused if matches_kind(ablation, kind, op.layer))
        for op in sorted(phase.ops, key=lambda op: op.name)
        if op.fused
    }
    return tuple(
        FusedOp(op=op.name, layer=op.layer, kind=op.kind, pass_=op.pass_, fused=fused)
        for op, fused in types.items()
        if fused
    )


def _predicted(ablation: Ablation, phase: Phase, costs: pl.DataFrame | None) -> _Prediction:
    """By a replay where there is one, else by the time of the ops that go."""
    replay, timed, attribution = phase.replay, phase.timed, phase.attribution
    if timed is None:
        return _NO_PREDICTION
    gone = replay.dependents.get(ablation.name, ()) if replay else ()
    if replay is not None and (replayed := _replayed(replay, ablation.name, timed.mean_s)):
        return replayed
    if attribution is not None and phase.on_gpu:
        if costs is None or attribution.bound_by != "kernels":
            return _NO_PREDICTION  # it takes a replay; `Replay.reason` says why there is none
        work = StepWork(costs, attribution.device)
        own = {name for name, kind, layer in work.ops if matches(ablation, name, kind, layer)}
        half_s = timed_half_s(phase, "mean")
        saved = work.saving(own.union(gone), timed.mean_s, half_s) if own else (None, None)
        return *saved, "kernels" if own else None
    if ablation.attributed_s is None:
        return _NO_PREDICTION
    gone_s = 0.0
    if attribution is not None and ablation.traced_over_timed is not None:
        ops = [op for op in phase.ops if op.name in gone and op.device == attribution.device]
        gone_s = math.fsum(op.share_mean_s for op in ops) / ablation.traced_over_timed[0]
    return ablation.attributed_s + gone_s, None, "share"


def _replayed(replay: Replay, name: str, step_s: float) -> _Prediction | None:
    savings = (saving for saving in replay.savings if saving.what == "ablation")
    saving = next((saving for saving in savings if saving.name == name), None)
    if saving is None or replay.drift is None:
        return None
    spread = 0.0
    if saving.fraction_std is not None:
        spread = student_half_width(saving.fraction_std**2, replay.steps)
    saved_s, half_s = step_s * saving.fraction, step_s * math.hypot(spread, replay.drift)
    by_ops = replay.how == "ops"  # by kernels layers, kinds and ops alone are predicted
    return saved_s, (saved_s - half_s, saved_s + half_s), "ops" if by_ops else "launches"
