"""From the rooms' values to the record: a traced phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from alexprof.analysis.kernel_savings import StepWork
from alexprof.attribute import (
    IDLE_OP,
    Attribution,
    by_kind,
    by_layer,
    by_layer_whole,
    by_op,
    totals,
)
from alexprof.errors import TraceError
from alexprof.measure.chunks import step_interval
from alexprof.record.note import Note
from alexprof.record.phase import AttributedTimes, Cost, OpCost, Phase, Traced, on_cpu
from alexprof.record.timed import Timed
from alexprof.record.trace import Replay

if TYPE_CHECKING:
    import polars as pl

    from alexprof.capture.executed import Executed, Node
    from alexprof.record.ablation import AblationSpec

AnyRow = TypeVar("AnyRow", bound=msgspec.Struct)


@dataclass(frozen=True)
class Beside:
    """What is known of traced steps beside their trace."""

    timed: Phase  # The phase as it was timed
    file: str  # The trace, relative to the run's folder
    executed: Executed | None = None  # What run metadata says of a step; None if not known
    ablations: Sequence[AblationSpec] = ()  # What is to be predicted
    wall_clock_s: tuple[float, ...] = ()  # Each traced step by the clock that times untraced ones
    page_faults_per_step: float | None = None  # None if not known


def traced_phase(
    attribution: Attribution,
    beside: Beside,
    *,
    host_level: int | None = None,
    notes: Sequence[Note] = (),
) -> Phase:
    """Adds what the trace says to a timed phase.

    Args:
        attribution: The trace's costs.
        beside: What else is known of the steps.
        host_level: The host tracer level in force; None if the trace doesn't say.
        notes: What the profiler reports and what it left out.
    """
    phase, costs, executed = beside.timed, attribution.costs, beside.executed
    seen = set(costs["op"].unique())
    ran = executed.ops if executed else ()
    return replace(
        phase,
        traced=_traced(beside, attribution, host_level),
        attribution=_times(attribution),
        ops=_ops(attribution, executed.nodes if executed else {}),
        layers=_rows(by_layer(costs), Cost),
        layers_whole=_rows(by_layer_whole(costs), Cost),
        kinds=_rows(by_kind(costs), Cost),
        devices=attribution.devices,
        kernels=attribution.kernels,
        replay=_replay(phase.timed, attribution),
        not_timed=tuple(op for op in ran if op.name not in seen),
        notes=(*phase.notes, *notes, *attribution.notes),
    )


def _ops(attribution: Attribution, nodes: Mapping[str, Node]) -> tuple[OpCost, ...]:
    """What each op costs, with what is fused into it and whether a part of it is estimated."""
    return tuple(
        replace(
            op,
            fused=nodes[op.name].fused if op.name in nodes else (),
            estimated=(op.name, op.type) in attribution.estimated,
        )
        for op in _rows(by_op(attribution.costs), OpCost)
    )


def _rows(summary: pl.DataFrame, row_type: type[AnyRow]) -> tuple[AnyRow, ...]:
    try:
        return tuple(msgspec.convert(row, row_type) for row in summary.iter_rows(named=True))
    except msgspec.ValidationError as error:
        raise TraceError(f"the trace has impossible figures: {error}") from error


def _traced(beside: Beside, attribution: Attribution, host_level: int | None) -> Traced:
    first, timed = attribution.left_out, beside.timed.timed
    # The step that is left out is the first, by the wall clock as well.
    wall_clock_s = beside.wall_clock_s if first is None else beside.wall_clock_s[1:]
    ran = attribution.costs.filter(attribution.costs["op"] != IDLE_OP)
    is_cpu = ran["device"].is_in([device for device in ran["device"].unique() if on_cpu(device)])
    steps_s = attribution.steps["wall_ns"].to_numpy() / 1e9
    mean_s = float(steps_s.mean())
    first_s = None if first is None else first["wall_ns"].item() / 1e9
    total_s = float(steps_s.sum()) + (first_s or 0.0)
    return Traced(
        steps=len(steps_s),
        mean_s=mean_s,
        std_s=float(steps_s.std(ddof=1)) if len(steps_s) > 1 else None,
        slowdown=mean_s / timed.mean_s if timed else None,
        wall_clock_mean_s=sum(wall_clock_s) / len(wall_clock_s) if wall_clock_s else None,
        file=beside.file,
        host_level=host_level,
        events=int(ran.filter(is_cpu)["executions"].sum()) + int(ran["kernels"].sum()),
        page_faults_per_step=beside.page_faults_per_step,
        ci95_s=step_interval(steps_s),
        left_out_s=first_s,
        mean_with_s=None if first_s is None else total_s / (len(steps_s) + 1),
        steps_s=tuple(steps_s.tolist()),
        span_s=attribution.span_ns / 1e9 if attribution.span_ns else None,
        outside_s=attribution.outside_ns / 1e9 if attribution.span_ns else None,
    )


def _replay(timed: Timed | None, attribution: Attribution) -> Replay:
    """Predictions by the replay, and by a GPU's kernels where these bound the step."""
    if attribution.bound_by != "kernels":
        return attribution.replayed
    step_s = timed.mean_s if timed else float(attribution.steps["wall_ns"].to_numpy().mean()) / 1e9
    by_kernels = StepWork(attribution.costs, attribution.device).savings(step_s)
    replayed = attribution.replayed
    return replace(replayed, savings=(*replayed.savings, *by_kernels), how="kernels")


def _times(attribution: Attribution) -> AttributedTimes:
    times = AttributedTimes(device=attribution.device, devices=totals(attribution.costs))
    if on_cpu(times.device):
        return times
    launches = attribution.launches_per_step
    if launches is None:
        rows = attribution.costs.filter(attribution.costs["device"] == times.device)
        launches = float(rows["kernels"].sum()) / rows["step"].n_unique()
    return replace(times, launches_per_step=launches, bound_by=attribution.bound_by)
