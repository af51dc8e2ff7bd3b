"""What leaving ops out saves: the measured difference, and the rows that add up to it.

All figures are by the leading estimator. The record has what traces say on the scale of the timed
means; here each variant's times are brought to its leading center, and idle time is what they leave
of the difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Literal

from msgspec import Struct

from alexprof.analysis.difference import (
    center_over_mean,
    difference_s,
    leading_estimator,
    of_ablation,
)
from alexprof.analysis.timed_scale import scale_of, scaled_interval, timed_part
from alexprof.record.ablation import Ablation, AblationPart
from alexprof.record.run import Run
from alexprof.record.trace import LayerChange, OneSided
from alexprof.record.values import Interval, Reason, Verdict
from alexprof.workload.base import matches, matches_kind

SavingVerdict = Literal["saves", "costs", "unclear"]
RowKind = Literal[
    "own",
    "own part",
    "layer",
    "not significant",
    "gone",
    "new",
    "unassigned",
    "idle",
    "remainder",
]
_VERDICTS: dict[Verdict, SavingVerdict] = {
    "faster": "saves",
    "slower": "costs",
    "same": "unclear",
    "unclear": "unclear",
}
WORTH = 0.02
"""Part of the step from which on a saving is large enough to ask how far its prediction is off."""
_PARTS, _LAYERS, _TYPES = 8, 8, 4
"""So many own parts, other layers and one-sided types have rows of their own."""


class SavingRow(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """A part of a measured saving."""

    kind: RowKind  # What it is of. Parts of "own" are in it already; all other rows add up
    name: str = ""  # The layer or type; "" where the kind says it all, and of several together
    pass_: str = ""  # Of own parts
    count: int = 1  # How many ops of the type it has; or how many rows it joins
    value_s: float | None  # By how much a step is shorter without it; None if not known
    # Its 95 % interval: of own ops as `own_ci95_s`, of the rest from traced steps; None if not
    # known
    ci95_s: Interval | None = None


class MeasuredSaving(Struct, frozen=True, kw_only=True):
    """What leaving some ops out saves, measured, and what it consists of."""

    phase: str  # Key of the phase
    name: str  # The ablation
    reference: str  # The variant with it
    without: str  # The variant without it
    # Kinds of the ops left out, if other ops of their layers stay; None if not known. Empty if
    # the name says it all
    kinds: tuple[str, ...] | None = ()
    saved_s: float  # Measured saving per step
    ci95_s: Interval | None  # Its 95 % interval; None with too few blocks
    fraction: float  # `saved_s` as a fraction of the reference's step
    verdict: SavingVerdict  # "unclear" where the interval includes 0, or there is none
    reason: Reason | None  # Why it is unclear: "not_seen", or "no_interval"; None with a verdict
    own_s: float | None  # What its own ops take, on the scale of timed steps; None without a trace
    own_ci95_s: Interval | None  # Its 95 % interval: traced steps, and on a CPU also the timed ones
    own_fraction: float | None  # `own_s` as a fraction of the reference's step
    own_over_saved: float | None  # `own_s` over `saved_s`; None where that may be nothing
    own_within_interval: bool | None  # Whether `own_s` is within `ci95_s`; None without either
    # What adds up to `saved_s`; own ops and the remainder without traces of both variants, nothing
    # without one of the reference
    rows: tuple[SavingRow, ...]
    # All rows but own ops and idle time together; None without traces of both variants
    others_s: float | None
    others_ci95_s: Interval | None  # Its 95 % interval, from traced steps
    idle_s: float | None  # The row of idle time; None likewise
    predicted_s: float | None  # What the reference's trace predicts; None without a prediction
    # Its 95 % interval: replayed steps and drift; None of a share
    predicted_ci95_s: Interval | None
    # Predicted over measured step without the ops, less 1; None without a prediction
    step_off: float | None
    # The same of the saving; None also where that is small or may be nothing
    saving_off: float | None
    prediction_agrees: bool | None  # Whether prediction and measurement agree, given both intervals


class PredictionErrors(Struct, frozen=True, kw_only=True):
    """How far the predictions of a phase's savings are off."""

    phase: str  # Key of the phase
    steps: int  # Savings with a prediction
    step_median: float  # Median of abs(predicted / measured step − 1)
    step_most: float  # The largest
    savings: int  # Those that are clear, and 2 % of the step or more
    # Median of abs(predicted / measured saving − 1) of these; None without any
    saving_median: float | None
    compared: int  # Those with an interval of both
    agree: int  # Those that agree within the intervals
    unseen: int  # Predictions of ops that have no event of their own, which are 0


def measured_savings(run: Run) -> tuple[MeasuredSaving, ...]:
    """What each ablation of a run saves, by phase; the largest first."""
    phases = run.phase_keys
    savings = [
        measured_saving(run, ablation)
        for ablation in run.ablations
        if ablation.phase in phases
        and {ablation.reference, ablation.without} <= run.variants.keys()
    ]
    return tuple(sorted(savings, key=lambda saving: (phases.index(saving.phase), -saving.saved_s)))


def ablation_of(run: Run, saving: MeasuredSaving) -> Ablation:
    """The record that a saving was worked out from."""
    key = (saving.phase, saving.name, saving.reference, saving.without)
    return next(
        ablation
        for ablation in run.ablations
        if (ablation.phase, ablation.name, ablation.reference, ablation.without) == key
    )


def measured_saving(run: Run, ablation: Ablation) -> MeasuredSaving:
    """What an ablation saves, and what that consists of."""
    estimator = leading_estimator(run)
    saved_s, ci95_s = difference_s(ablation, estimator)
    difference = of_ablation(run, ablation, estimator)
    step_s = difference.before_s
    own_s, own_ci95_s = own_ops(run, ablation)
    rows: list[SavingRow] = []
    if own_s is not None or ablation.others_s is not None:
        rows.append(SavingRow(kind="own", value_s=own_s, ci95_s=own_ci95_s))
        rows += _own_parts(run, ablation)
    others_s = idle_s = others_ci95_s = None
    if ablation.others_s is not None:
        a, b = (_to_center(run, ablation, name) for name in (ablation.reference, ablation.without))
        others = [*_layers(run, ablation, max(a, b)), *_one_sided(ablation, a, b)]
        others_s = math.fsum(row.value_s or 0.0 for row in others)
        others_ci95_s = _moved(ablation.others_ci95_s, others_s, max(a, b))
        idle_s = saved_s - (own_s or 0.0) - others_s
        idle_ci95_s = _moved(ablation.idle_ci95_s, idle_s, max(a, b))
        rows += [*others, SavingRow(kind="idle", value_s=idle_s, ci95_s=idle_ci95_s)]
    elif own_s is not None:
        rows.append(_remainder(saved_s, ci95_s, own_s, own_ci95_s))
    compared_s = own_s if saved_s and difference.reason != "not_seen" else None
    within = None
    if compared_s is not None and ci95_s is not None:
        within = ci95_s[0] <= compared_s <= ci95_s[1]
    predicted_s, predicted_ci95_s = _predicted(run, ablation)
    step_off = saving_off = agrees = None
    if predicted_s is not None and difference.after_s > 0:
        step_off = (step_s - predicted_s) / difference.after_s - 1
        if difference.verdict == "faster" and saved_s >= WORTH * step_s:
            saving_off = predicted_s / saved_s - 1
    if predicted_s is not None and predicted_ci95_s is not None and ci95_s is not None:
        halves_s = [(high - low) / 2 for low, high in (ci95_s, predicted_ci95_s)]
        agrees = abs(saved_s - predicted_s) <= math.hypot(*halves_s)
    return MeasuredSaving(
        phase=ablation.phase,
        name=ablation.name,
        reference=ablation.reference,
        without=ablation.without,
        kinds=_kinds(run, ablation),
        saved_s=saved_s,
        ci95_s=ci95_s,
        fraction=saved_s / step_s if step_s else 0.0,
        verdict=_VERDICTS[difference.verdict],
        reason=difference.reason,
        own_s=own_s,
        own_ci95_s=own_ci95_s,
        own_fraction=own_s / step_s if own_s is not None and step_s else None,
        own_over_saved=None if compared_s is None else compared_s / saved_s,
        own_within_interval=within,
        rows=tuple(rows),
        others_s=others_s,
        others_ci95_s=others_ci95_s,
        idle_s=idle_s,
        predicted_s=predicted_s,
        predicted_ci95_s=predicted_ci95_s,
        step_off=step_off,
        saving_off=saving_off,
        prediction_agrees=agrees,
    )


def _remainder(
    saved_s: float, ci95_s: Interval | None, own_s: float, own_ci95_s: Interval | None
) -> SavingRow:
    """What own ops leave of a saving; both errors are independent."""
    value_s, interval_s = saved_s - own_s, None
    if ci95_s is not None:
        own_half_s = own_ci95_s[1] - own_s if own_ci95_s is not None else 0.0
        half_s = math.hypot((ci95_s[1] - ci95_s[0]) / 2, own_half_s)
        interval_s = value_s - half_s, value_s + half_s
    return SavingRow(kind="remainder", value_s=value_s, ci95_s=interval_s)


def _kinds(run: Run, ablation: Ablation) -> tuple[str, ...] | None:
    """The kinds of the ops left out, with fused ones; () for whole layers or kinds."""
    if not ablation.layers or len(ablation.kinds) == 1:
        return ()
    phase = run.phase(ablation.reference, ablation.phase)
    ops = [op for op in phase.ops if op.layer in ablation.layers] if phase else []
    own = [op for op in ops if matches(ablation, op.name, op.kind, op.layer)]
    if len(own) == len(ops):
        return () if ops or not ablation.kinds else None
    fused = [kind for op in ops for kind in op.fused if matches_kind(ablation, kind, op.layer)]
    return tuple(sorted({*fused, *(op.kind for op in own)}))


def prediction_errors(savings: Sequence[MeasuredSaving]) -> Iterator[PredictionErrors]:
    """How far predictions are off, for each phase that has any."""
    for phase in dict.fromkeys(saving.phase for saving in savings):
        predicted = [
            saving for saving in savings if saving.phase == phase and saving.step_off is not None
        ]
        steps = [abs(saving.step_off or 0.0) for saving in predicted]
        off = [abs(saving.saving_off) for saving in predicted if saving.saving_off is not None]
        agree = [saving.prediction_agrees for saving in predicted]
        if predicted:
            yield PredictionErrors(
                phase=phase,
                steps=len(steps),
                step_median=median(steps),
                step_most=max(steps),
                savings=len(off),
                saving_median=median(off) if off else None,
                compared=len(agree) - agree.count(None),
                agree=agree.count(True),
                unseen=sum(not saving.predicted_s for saving in predicted),
            )


def _predicted(run: Run, ablation: Ablation) -> tuple[float | None, Interval | None]:
    """A prediction is a fraction of the step, but one by kernels: these keep their times."""
    phase = run.phase(ablation.reference, ablation.phase)
    if ablation.predicted_s is None or phase is None or phase.timed is None:
        return None, None
    factor = 1.0
    if ablation.predicted_by != "kernels":
        factor = center_over_mean(phase.timed, leading_estimator(run))
    predicted_s = factor * ablation.predicted_s
    return predicted_s, _moved(ablation.predicted_ci95_s, predicted_s, factor)


def own_ops(run: Run, ablation: Ablation) -> tuple[float | None, Interval | None]:
    """What the ops that an ablation leaves out take themselves, and its 95 % interval.

    On a CPU that is a fraction of the timed step, whose interval adds to that of the fraction; a
    GPU's kernels take as long as they were traced. Both None without a trace.
    """
    phase = run.phase(ablation.reference, ablation.phase)
    if phase is None:
        return None, None
    estimator = leading_estimator(run)
    if (traced_s := ablation.attributed_s) is not None:
        factor = _to_center(run, ablation, ablation.reference)
        timed = timed_part(phase, estimator)
        return factor * traced_s, scaled_interval(
            traced_s, ablation.attributed_ci95_s, factor, timed
        )
    if ablation.ops is not None or phase.attribution is None:
        return None, None
    # Without a trace of the other variant all ops that it was to leave out count.
    own = [
        op.share_mean_s
        for op in phase.ops
        if op.device == phase.attribution.device and matches(ablation, op.name, op.kind, op.layer)
    ]
    return (scale_of(phase, estimator).work * math.fsum(own) if own else None), None


def _to_center(run: Run, ablation: Ablation, variant: str) -> float:
    """From the scale of a variant's timed mean to that of its center; a GPU's kernels have none."""
    phase = run.phase(variant, ablation.phase)
    if phase is None or phase.timed is None:
        return 1.0
    if phase.on_gpu:
        return 1.0
    return center_over_mean(phase.timed, leading_estimator(run))


def _moved(ci95_s: Interval | None, value_s: float, factor: float) -> Interval | None:
    """The interval of a change of two variants: as wide, times the larger of their factors."""
    if ci95_s is None:
        return None
    half_s = factor * (ci95_s[1] - ci95_s[0]) / 2
    return value_s - half_s, value_s + half_s


def _own_parts(run: Run, ablation: Ablation) -> Iterator[SavingRow]:
    """In the order given, of many the largest first; none of a single part."""
    phase = run.phase(ablation.reference, ablation.phase)
    if phase is None or len(ablation.parts) < 2:
        return
    parts: Sequence[AblationPart] = ablation.parts
    if len(parts) > _PARTS:
        parts = sorted(parts, key=lambda part: -part.attributed_s)
    factor = _to_center(run, ablation, ablation.reference)
    timed = timed_part(phase, leading_estimator(run))
    rows = [
        SavingRow(
            kind="own part",
            name=part.layer,
            pass_=part.pass_,
            value_s=factor * part.attributed_s,
            ci95_s=scaled_interval(part.attributed_s, part.ci95_s, factor, timed),
        )
        for part in parts
    ]
    yield from _limited(rows, _PARTS)


def layer_change(
    run: Run, ablation: Ablation, change: LayerChange
) -> tuple[float, float, Interval | None]:
    """A layer's time with and without the ops, as the rows of a saving have it.

    Returns:
        Both by the leading estimator, and the 95 % interval of the first minus the second.
    """
    a, b = (_to_center(run, ablation, name) for name in (ablation.reference, ablation.without))
    with_s, without_s = a * change.with_s, b * change.without_s
    return with_s, without_s, _moved(change.ci95_s, with_s - without_s, max(a, b))


def _layers(run: Run, ablation: Ablation, factor: float) -> Iterator[SavingRow]:
    """The layers whose change is significant, then the others as one."""
    rows, small = [], []
    for change in ablation.others:
        with_s, without_s, ci95_s = layer_change(run, ablation, change)
        value_s = with_s - without_s
        if change.significant:
            rows.append(SavingRow(kind="layer", name=change.name, value_s=value_s, ci95_s=ci95_s))
        else:
            small.append(value_s)
    yield from _limited(rows, _LAYERS)
    if small:
        value_s = math.fsum(small)
        ci95_s = _moved(ablation.not_significant_ci95_s, value_s, factor)
        count = len(small)
        yield SavingRow(kind="not significant", count=count, value_s=value_s, ci95_s=ci95_s)
    if lost := ablation.unassigned:
        with_s, without_s, ci95_s = layer_change(run, ablation, lost)
        yield SavingRow(kind="unassigned", value_s=with_s - without_s, ci95_s=ci95_s)


def _one_sided(ablation: Ablation, a: float, b: float) -> Iterator[SavingRow]:
    """Ops of other kinds that only one of the variants has, by type."""
    sides: tuple[tuple[RowKind, Sequence[OneSided], float], ...] = (
        ("gone", ablation.only_with, a),
        ("new", ablation.only_without, b),
    )
    for kind, changes, factor in sides:
        rows = [
            SavingRow(
                kind=kind,
                name=change.type,
                count=len(change.ops),
                value_s=factor * change.change_s,
                ci95_s=_moved(change.ci95_s, factor * change.change_s, factor),
            )
            for change in changes
        ]
        yield from _limited(rows, _TYPES)


def _limited(rows: Sequence[SavingRow], most: int) -> Iterator[SavingRow]:
    """The first rows, and the sum of the rest."""
    yield from rows[:most]
    if rest := rows[most:]:
        value_s = math.fsum(row.value_s or 0.0 for row in rest)
        yield SavingRow(kind=rest[0].kind, count=len(rest), value_s=value_s)
