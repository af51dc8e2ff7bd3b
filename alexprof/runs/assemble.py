"""From the rooms' values to the record: a traced phase, an ablation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from alexprof.attribute import (
    IDLE_OP,
    Attribution,
    by_kind,
    by_layer,
    by_layer_whole,
    by_op,
    sum_per_step,
    totals,
)
from alexprof.capture.executed import ExecutedOp
from alexprof.measure.chunks import step_interval
from alexprof.measure.statistics import difference, student_half_width
from alexprof.measure.values import Timed
from alexprof.runs.record import (
    Ablation,
    AblationPart,
    Books,
    Cost,
    DeviceBooks,
    OpCost,
    Phase,
    Traced,
    on_cpu,
)
from alexprof.runs.recorded import Kernel, PathOp, RecordedDevice, Replay, Saving
from alexprof.workload.base import Ablation as Question

if TYPE_CHECKING:
    import polars as pl

    from alexprof.measure.loop import Block


AnyRow = TypeVar("AnyRow", bound=msgspec.Struct)


@dataclass(frozen=True)
class TraceFacts:
    """What is known of a phase's trace beside its attribution.

    Attributes:
        file: The trace, relative to the run's folder.
        host_level: The host tracer level in force; None if the trace doesn't say.
        stopwatch_s: Each traced step by the clock that times untraced ones.
        page_faults_per_step: Of the traced steps; None if not known.
        notes: What the profiler said and what it left out, one sentence each.
    """

    file: str
    host_level: int | None
    stopwatch_s: tuple[float, ...]
    page_faults_per_step: float | None
    notes: tuple[str, ...]


def traced_phase(
    timed: Phase,
    attribution: Attribution,
    executed: Sequence[ExecutedOp],
    facts: TraceFacts,
) -> Phase:
    """Adds what the trace says to a timed phase.

    Args:
        timed: The phase as it was timed.
        attribution: The trace's costs.
        executed: What run metadata says ran in a step.
        facts: The trace itself.
    """
    costs = attribution.costs
    seen = set(costs["op"].unique())
    return msgspec.structs.replace(
        timed,
        traced=_traced(timed.timed, attribution, facts),
        attribution=_books(attribution),
        ops=tuple(_with_events(op, attribution) for op in _rows(by_op(costs), OpCost)),
        layers=_rows(by_layer(costs), Cost),
        layers_whole=_rows(by_layer_whole(costs), Cost),
        kinds=_rows(by_kind(costs), Cost),
        devices=_rows(attribution.devices, RecordedDevice),
        kernels=_rows(attribution.kernels, Kernel),
        replay=_replay(timed.timed, attribution),
        not_timed=tuple(op for op in executed if op.name not in seen),
        notes=(*timed.notes, *facts.notes, *attribution.notes),
    )


def ablation(
    question: Question,
    phase: str,
    blocks: Sequence[Block],
    phases: Mapping[str, Phase],
    costs: Mapping[tuple[str, str], pl.DataFrame],
    *,
    interleaved: bool,
) -> Ablation:
    """Sets what some ops cost by leaving them out beside what the trace gives them.

    Shares are of traced steps; here they are scaled to the timed mean, step by step of the sum, so
    that own ops, other layers and idle time add up to the measured difference.

    Args:
        question: Which variants, which kinds of op.
        phase: The phase's key.
        blocks: The phase's blocks, of all variants.
        phases: Both variants' records of the phase.
        costs: Costs by variant and phase; what has no trace is missing.
        interleaved: Whether the variants' blocks took turns.
    """
    reference, without = question.reference, question.without
    samples = {
        variant: [one.seconds for one in blocks if one.variant == variant and not one.warm_up]
        for variant in (reference, without)
    }
    measured = difference(samples[reference], samples[without], paired=interleaved)
    answer = Ablation(
        name=question.name,
        phase=phase,
        reference=reference,
        without=without,
        kinds=question.kinds,
        layers=question.layers,
        paired=measured.paired,
        measured_s=measured.mean_s,
        ci95_s=measured.ci95_s,
        measured_median_s=measured.median_s,
        median_ci95_s=measured.median_ci95_s,
        attributed_s=None,
        attributed_std_s=None,
        ops=None,
        parts=(),
        others_s=None,
        idle_s=None,
        **_predicted(question.name, phases[reference]),
    )
    traced = {
        variant: costs[variant, phase]
        for variant in (reference, without)
        if phases[variant].attribution is not None
    }
    if len(traced) < 2:
        return answer
    return _attributed(answer, question, phases, traced)


def _predicted(name: str, phase: Phase) -> dict[str, Any]:
    """What the replay says that leaving the ops of a question out saves."""
    replay, timed = phase.replay, phase.timed
    found = (
        [one for one in replay.savings if (one.what, one.name) == ("asked", name)] if replay else []
    )
    if not found or replay is None or replay.drift is None or timed is None:
        return {}
    (saving,) = found
    spread = 0.0
    if saving.fraction_std is not None:
        spread = student_half_width(saving.fraction_std**2, replay.steps)
    half_s = timed.mean_s * math.hypot(spread, replay.drift)
    return {
        "predicted_s": saving.saves_s,
        "predicted_ci95_s": (saving.saves_s - half_s, saving.saves_s + half_s),
    }


def _attributed(
    answer: Ablation,
    question: Question,
    phases: Mapping[str, Phase],
    costs: Mapping[str, pl.DataFrame],
) -> Ablation:
    import polars as pl

    scaled = {variant: _scaled(phases[variant], costs[variant]) for variant in costs}
    own = scaled[answer.reference].filter(pl.col("pass") != "idle")
    for column, names in (("kind", question.kinds), ("layer", question.layers)):
        own = own.filter(pl.col(column).is_in(list(names))) if names else own
    if own.is_empty():
        return answer
    steps = scaled[answer.reference]["step"].unique()
    idle_s = _idle_s(scaled[answer.reference]) - _idle_s(scaled[answer.without])
    mean_s, std_s = _mean_std(own, steps)
    parts = [
        AblationPart(
            layer=str(layer),
            pass_=str(pass_),
            attributed_s=(figures := _mean_std(rows, steps))[0],
            attributed_std_s=figures[1],
        )
        for (layer, pass_), rows in own.group_by("layer", "pass", maintain_order=True)
    ]
    return msgspec.structs.replace(
        answer,
        attributed_s=mean_s,
        attributed_std_s=std_s,
        ops=own["op"].n_unique(),
        parts=tuple(sorted(parts, key=lambda part: (part.layer, part.pass_ != "forward"))),
        others_s=answer.measured_s - mean_s - idle_s,
        idle_s=idle_s,
    )


def _scaled(phase: Phase, costs: pl.DataFrame) -> pl.DataFrame:
    """The rows of the device that the step is divided on, with `share_s` on the timed scale."""
    import polars as pl

    assert phase.timed is not None
    assert phase.attribution is not None
    assert phase.traced is not None
    steps = phase.traced.steps
    factor = phase.timed.mean_s * steps / phase.attribution.wall_ns
    return costs.filter(pl.col("device") == phase.attribution.device).with_columns(
        (pl.col("share_ns") * factor).alias("share_s")
    )


def _mean_std(rows: pl.DataFrame, steps: pl.Series) -> tuple[float, float | None]:
    """Mean and sample standard deviation over steps of the rows' sum; a step without rows is 0."""
    each = sum_per_step(rows, "share_s", steps)
    mean, std = each.mean(), each.std() if len(each) > 1 else None
    assert isinstance(mean, float)
    assert std is None or isinstance(std, float)
    return mean, std


def _idle_s(scaled: pl.DataFrame) -> float:
    import polars as pl

    steps = scaled["step"].n_unique()
    return float(scaled.filter(pl.col("op") == IDLE_OP)["share_s"].sum()) / steps


def _with_events(op: OpCost, attribution: Attribution) -> OpCost:
    """Adds how many events an op's time holds; the pool's threads record side by side."""
    found = attribution.within.get((op.name, op.type))
    if found is None or not on_cpu(op.device):
        return op
    inner, pool = found
    return msgspec.structs.replace(op, events_per_step=inner + pool / (op.parallelism or 1.0))


def _rows(summary: pl.DataFrame, row_type: type[AnyRow]) -> tuple[AnyRow, ...]:
    return tuple(msgspec.convert(row, row_type) for row in summary.iter_rows(named=True))


def _traced(timed: Timed | None, attribution: Attribution, facts: TraceFacts) -> Traced:
    wall_s = attribution.steps["wall_ns"].to_numpy() / 1e9
    mean_s = float(wall_s.mean())
    ran = attribution.costs.filter(attribution.costs["op"] != IDLE_OP)
    is_cpu = ran["device"].is_in([one for one in ran["device"].unique() if on_cpu(one)])
    return Traced(
        steps=len(wall_s),
        mean_s=mean_s,
        std_s=float(wall_s.std(ddof=1)) if len(wall_s) > 1 else None,
        slowdown=mean_s / timed.mean_s if timed else None,
        stopwatch_mean_s=(
            sum(facts.stopwatch_s) / len(facts.stopwatch_s) if facts.stopwatch_s else None
        ),
        file=facts.file,
        host_level=facts.host_level,
        events=int(ran.filter(is_cpu)["executions"].sum()) + int(ran["kernels"].sum()),
        page_faults_per_step=facts.page_faults_per_step,
        ci95_s=step_interval(wall_s),
        events_per_step=attribution.events_per_step,
    )


def _replay(timed: Timed | None, attribution: Attribution) -> Replay:
    """Puts the parts of a step on the scale of the timed mean."""
    found = attribution.replayed
    wall_ns = attribution.steps["wall_ns"].to_numpy()
    step_s = timed.mean_s if timed else float(wall_ns.mean()) / 1e9
    return Replay(
        reason=found.reason,
        drift=found.drift,
        drift_worst=found.drift_worst,
        steps=found.steps,
        critical_path=tuple(PathOp(op=op, mean_s=ns / 1e9) for op, ns in found.path),
        savings=tuple(
            Saving(
                what=one.what,
                name=one.name,
                fraction=one.without,
                fraction_std=one.without_std,
                saves_s=one.without * step_s,
                halved_fraction=one.halved,
                halved_s=one.halved * step_s,
            )
            for one in found.savings
        ),
    )


def _books(attribution: Attribution) -> Books:
    devices = tuple(
        DeviceBooks(
            device=each.device,
            wall_ns=each.wall_ns,
            share_ns=each.share_ns,
            idle_ns=each.idle_ns,
            unassigned_ns=each.unassigned_ns,
            idle_by_reason_ns=each.idle_by_reason,
        )
        for each in totals(attribution.costs)
    )
    main = next(one for one in devices if one.device == attribution.device)
    return Books(
        device=main.device,
        wall_ns=main.wall_ns,
        share_ns=main.share_ns,
        idle_ns=main.idle_ns,
        unassigned_ns=main.unassigned_ns,
        devices=devices,
    )
