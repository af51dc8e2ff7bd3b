"""From the rooms' values to the record: a traced phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from alexprof.analysis.kernel_savings import StepWork
from alexprof.attribute import (
    IDLE_OP,
    NOT_REPLAYED,
    Attribution,
    Totals,
    by_kind,
    by_layer,
    by_layer_whole,
    by_op,
    totals,
)
from alexprof.capture.executed import Node
from alexprof.measure.chunks import step_interval
from alexprof.record.phase import Books, Cost, DeviceBooks, OpCost, Phase, Traced, on_cpu
from alexprof.record.program import ExecutedOp
from alexprof.record.trace import Kernel, PathOp, RecordedDevice, Replay, Saving
from alexprof.record.values import Timed

if TYPE_CHECKING:
    import polars as pl


NAMED = 10
"""Of the ops that go with others so many are named."""
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
    nodes: Mapping[str, Node] | None = None,
) -> Phase:
    """Adds what the trace says to a timed phase.

    Args:
        timed: The phase as it was timed.
        attribution: The trace's costs.
        executed: What run metadata says ran in a step.
        facts: The trace itself.
        nodes: What the executed graph says of its nodes.
    """
    costs = attribution.costs
    seen = set(costs["op"].unique())
    books = books_of(
        costs,
        attribution.device,
        timed.timed,
        launches=attribution.launches_per_step,
        bound_by=attribution.bound_by,
    )
    return msgspec.structs.replace(
        timed,
        traced=_traced(timed.timed, attribution, facts),
        attribution=books,
        ops=_with_fused(
            [_with_facts(op, attribution) for op in cost_rows(by_op(costs), OpCost)], nodes or {}
        ),
        layers=cost_rows(by_layer(costs), Cost),
        layers_whole=cost_rows(by_layer_whole(costs), Cost),
        kinds=cost_rows(by_kind(costs), Cost),
        devices=cost_rows(attribution.devices, RecordedDevice),
        kernels=cost_rows(attribution.kernels, Kernel),
        replay=_replay(timed.timed, attribution, books),
        not_timed=tuple(op for op in executed if op.name not in seen),
        notes=(*timed.notes, *facts.notes, *attribution.notes),
    )


def _with_fused(ops: Sequence[OpCost], nodes: Mapping[str, Node]) -> tuple[OpCost, ...]:
    fused = {name: node.fused for name, node in nodes.items() if node.fused}
    return tuple(
        msgspec.structs.replace(op, fused=fused[op.name]) if op.name in fused else op for op in ops
    )


def _with_facts(op: OpCost, attribution: Attribution) -> OpCost:
    """Adds whether an op is estimated."""
    estimated = (op.name, op.type) in attribution.estimated
    return msgspec.structs.replace(op, estimated=True) if estimated else op


def cost_rows(summary: pl.DataFrame, row_type: type[AnyRow]) -> tuple[AnyRow, ...]:
    """Turns a summary of `attribute.rollup` into rows of a record."""
    return tuple(msgspec.convert(row, row_type) for row in summary.iter_rows(named=True))


def _traced(timed: Timed | None, attribution: Attribution, facts: TraceFacts) -> Traced:
    late = attribution.left_out
    # The step that is left out is the first, and the stopwatch's first is the same.
    stopwatch_s = facts.stopwatch_s if late is None else facts.stopwatch_s[1:]
    ran = attribution.costs.filter(attribution.costs["op"] != IDLE_OP)
    is_cpu = ran["device"].is_in([device for device in ran["device"].unique() if on_cpu(device)])
    return Traced(
        **lengths(attribution.steps, late, timed),
        stopwatch_mean_s=sum(stopwatch_s) / len(stopwatch_s) if stopwatch_s else None,
        file=facts.file,
        host_level=facts.host_level,
        events=int(ran.filter(is_cpu)["executions"].sum()) + int(ran["kernels"].sum()),
        page_faults_per_step=facts.page_faults_per_step,
        span_s=attribution.span_ns / 1e9 if attribution.span_ns else None,
        outside_s=attribution.outside_ns / 1e9 if attribution.span_ns else None,
    )


def lengths(steps: pl.DataFrame, late: pl.DataFrame | None, timed: Timed | None) -> dict[str, Any]:
    """Fields of `Traced` about how long the steps took.

    Args:
        steps: A row per step with `wall_ns`, in the order of time.
        late: A row of a first step that is left out; None where there is none.
        timed: The timed steps, if there are any.
    """
    wall_s = steps["wall_ns"].to_numpy() / 1e9
    mean_s = float(wall_s.mean())
    late_s = None if late is None else late["wall_ns"].item() / 1e9
    every_s = float(wall_s.sum()) + (late_s or 0.0)
    return {
        "steps": len(wall_s),
        "mean_s": mean_s,
        "std_s": float(wall_s.std(ddof=1)) if len(wall_s) > 1 else None,
        "slowdown": mean_s / timed.mean_s if timed else None,
        "ci95_s": step_interval(wall_s),
        "steps_s": tuple(wall_s.tolist()),
        "left_out_s": late_s,
        "mean_with_s": None if late_s is None else every_s / (len(wall_s) + 1),
    }


def _replay(timed: Timed | None, attribution: Attribution, books: Books) -> Replay:
    """Puts the parts of a step on the scale of the timed mean.

    A GPU's launches are worth a replay where the step is bound by them; else its kernels tell.
    """
    found = attribution.replayed
    wall_ns = attribution.steps["wall_ns"].to_numpy()
    step_s = timed.mean_s if timed else float(wall_ns.mean()) / 1e9
    if books.bound_by == "kernels":
        return by_kernels(attribution.costs, books.device, step_s, found.gone_with)
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
                gone_with_it=len(one.with_it),
                with_it=one.with_it[:NAMED],
            )
            for one in found.savings
        ),
        gone_with=dict(found.gone_with),
        how="launches" if found.of_launches else "ops",
    )


def by_kernels(
    costs: pl.DataFrame, device: str, step_s: float, gone_with: Mapping[str, tuple[str, ...]]
) -> Replay:
    """What the steps of a GPU that works for most of them would save, by its kernels.

    Args:
        costs: The costs of the traced steps.
        device: The GPU.
        step_s: Mean of the steps, timed ones where there are any.
        gone_with: For each question that was asked the other ops that go.
    """
    return Replay(
        reason=NOT_REPLAYED["kernels"],
        savings=StepWork.of(costs, device).savings(step_s),
        gone_with=dict(gone_with),
        how="kernels",
    )


def books_of(
    costs: pl.DataFrame,
    device: str,
    timed: Timed | None,
    *,
    launches: float | None = None,
    bound_by: str | None = None,
) -> Books:
    """Adds up the time of each device.

    Args:
        costs: The costs of the traced steps.
        device: The one that steps are judged by.
        timed: The timed steps, if there are any.
        launches: How often a step launched something on it; None takes what ran for launched alone.
        bound_by: What decides how long its steps take; None works it out from the costs.
    """
    sums = totals(costs)
    total = next(total for total in sums if total.device == device)
    return Books(
        device=device,
        wall_ns=total.wall_ns,
        share_ns=total.share_ns,
        idle_ns=total.idle_ns,
        unassigned_ns=total.unassigned_ns,
        devices=tuple(msgspec.convert(each, DeviceBooks, from_attributes=True) for each in sums),
        **({} if on_cpu(device) else _waiting(costs, total, timed, launches, bound_by)),
    )


def _waiting(
    costs: pl.DataFrame,
    total: Totals,
    timed: Timed | None,
    launches: float | None,
    bound_by: str | None,
) -> dict[str, Any]:
    """How often a GPU was launched, for how long it waited for that, and what bounds its steps."""
    kernels = costs.filter(costs["device"] == total.device)["kernels"].sum()
    timed_s = timed.mean_s if timed else None
    return {
        "launches_per_step": launches or float(kernels) / total.steps,
        "launching_s": total.idle_s("launching", timed_s),
        "bound_by": bound_by or total.bound_by(timed_s),
    }
