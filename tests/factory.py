"""Runs for tests, by the real pipeline: the times of steps and ops are made up, the rest follows.

steps = {"with_lrn": [block("with_lrn", 0, 0, seconds), …], …}
ops = {"with_lrn": [OpTimes("conv1", "Conv2D", "forward", share_ns), idle(…)], …}
phases, ablations, costs = measured("forward", steps, ops, [AblationSpec("lrn", …)])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from alexprof.analysis.ablation import ablation
from alexprof.analysis.assemble import Beside, traced_phase
from alexprof.attribute import IDLE_OP, Attribution, bound_by, totals
from alexprof.capture.executed import Executed, Node
from alexprof.measure.loop import Block
from alexprof.measure.timed import describe
from alexprof.record.ablation import Ablation
from alexprof.record.environment import Machine, Software
from alexprof.record.note import Note
from alexprof.record.phase import Phase
from alexprof.record.program import ExecutedOp
from alexprof.record.run import SCHEMA_VERSION, MachineRecord, Run, Variant
from alexprof.record.trace import Replay
from alexprof.workload.base import AblationSpec

if TYPE_CHECKING:
    import polars as pl

TYPES = {"Conv2D": "_MklNativeFusedConv2D"}
"""As TensorFlow calls ops of a kind, where it doesn't use the kind's name."""
MACHINE = MachineRecord(
    Machine("AMD EPYC", 2, 23 * 2**30, "Linux 6.8.0", 0.2),
    Software("0.1.0", "3.11.2", "2.21.0", "2.4.0", True),
    (),
)
NOT_REPLAYED = Replay(reason=Note("replay_no_graph"))


def wave(count: int, seed: int) -> NDArray[np.float64]:
    """Numbers about 0 between −1 and 1 that look independent, the same on every machine."""
    place = np.arange(count) + 1
    return np.asarray(2 * ((place * 0.6180339887498949 + seed * 0.7548776662466927) % 1) - 1)


def scattered(mean: float, std: float, count: int, seed: int) -> NDArray[np.float64]:
    """So many numbers above 0 with this mean and sample deviation, or less where 0 is near."""
    if count == 1:
        return np.full(1, mean)
    deviations = wave(count, seed)
    deviations -= deviations.mean()
    deviations /= deviations.std(ddof=1)
    return np.asarray(mean + deviations * min(std, -mean / deviations.min()))


def block(variant: str, number: int, order: int, seconds: NDArray[np.float64]) -> Block:
    """A block of timed steps; `order` is its place among those of all variants."""
    lengths_ns = np.round(seconds * 1e9).astype(np.int64)
    start_ns = order * 10**12 + np.cumsum(lengths_ns)
    return Block(variant, number, order, number * len(seconds), start_ns, start_ns + lengths_ns)


@dataclass(frozen=True)
class OpTimes:
    """An op, or a reason for idle time: its share of each traced step, and how long it ran.

    Without `busy_ns` it ran for its share; without `layer` that is the first part of its name;
    without `type` that is TensorFlow's for its kind.
    """

    name: str
    kind: str
    pass_: str
    share_ns: NDArray[np.float64]
    busy_ns: NDArray[np.float64] | None = None
    device: str = "CPU"
    layer: str | None = None
    type: str | None = None


def idle(share_ns: NDArray[np.float64], device: str = "CPU", reason: str = "python") -> OpTimes:
    """Idle time of each step for a reason."""
    return OpTimes(IDLE_OP, reason, "idle", share_ns, np.zeros(len(share_ns)), device)


def layer_of(op: str) -> str:
    return op.removeprefix("gradients/").split("/")[0].removesuffix("_grad")


def costs_of(ops: Iterable[OpTimes]) -> pl.DataFrame:
    """The table of costs of ops and idle time that make up the steps of each device."""
    import polars as pl

    rows = []
    for op in ops:
        is_idle = op.name == IDLE_OP
        share_ns = np.rint(op.share_ns).astype(np.int64)
        row = {
            "step": np.arange(len(share_ns)),
            "share_ns": share_ns,
            "busy_ns": share_ns if op.busy_ns is None else np.rint(op.busy_ns).astype(np.int64),
            "device": op.device,
            "op": op.name,
            "type": op.type or TYPES.get(op.kind, op.kind),
            "kind": IDLE_OP if is_idle else op.kind,
            "layer": op.layer or layer_of(op.name),
            "pass": op.pass_,
            "executions": int(not is_idle),
            "kernels": int(not is_idle and op.device != "CPU"),
        }
        rows.append(row)
    unknown = ("core_ns", "at_work_ns", "idle_before_ns", "launching_ns")
    table = pl.DataFrame(rows).explode("step", "share_ns", "busy_ns")
    return table.with_columns(
        pl.col("share_ns").sum().over("device", "step").alias("wall_ns"),
        *(pl.lit(None, pl.Int64).alias(column) for column in unknown),
    )


def traced(
    timed: Phase,
    costs: pl.DataFrame,
    *,
    device: str = "CPU",
    file: str = "with_lrn/plugins/profile/forward/vm.xplane.pb",
    replayed: Replay = NOT_REPLAYED,
    executed: Sequence[ExecutedOp] = (),
    nodes: dict[str, Node] | None = None,
) -> Phase:
    """A phase with a trace that gave these costs, of which a device's steps are the steps."""
    import polars as pl

    steps = costs.filter(pl.col("device") == device).unique("step").sort("step")
    (total,) = (total for total in totals(costs) if total.device == device)
    timed_s = timed.timed.mean_s if timed.timed else None
    wall_ns = steps["wall_ns"].to_list()
    attribution = Attribution(
        costs=costs,
        marked=True,
        steps=steps.select("step", "wall_ns"),
        device=device,
        outside_events=0,
        devices=(),
        kernels=(),
        replayed=replayed,
        notes=(),
        bound_by="" if device == "CPU" else bound_by(total, steps.height, timed_s),
        marked_ns=tuple(wall_ns),
    )
    beside = Beside(
        timed=timed,
        file=file,
        executed=Executed(tuple(executed), {}, nodes or {}, b""),
        wall_clock_s=tuple(ns / 1e9 for ns in wall_ns),
    )
    return traced_phase(attribution, beside, host_level=3)


def measured(
    key: str,
    steps: Mapping[str, Sequence[Block]],
    op_times: Mapping[str, Sequence[OpTimes]],
    specs: Sequence[AblationSpec] = (),
    *,
    change: Callable[[str, Phase], Phase] = lambda _, phase: phase,
    interleaved: bool = True,
    **trace: Any,
) -> tuple[dict[str, Phase], tuple[Ablation, ...], dict[tuple[str, str], pl.DataFrame]]:
    """A phase of each variant that has steps, traced where it has ops; ablations; tables of costs.

    `change` gets each variant's phase before ablations are worked out; `trace` is for `traced`.
    """
    costs = {(variant, key): costs_of(times) for variant, times in op_times.items()}
    phases = {}
    for variant, blocks in steps.items():
        label = key.capitalize().replace("_", "-")
        phase = Phase(label=label, timed=describe(blocks, fetch=True))
        if (variant, key) in costs:
            phase = traced(phase, costs[variant, key], **trace)
        phases[variant] = change(variant, phase)
    every = [block for blocks in steps.values() for block in blocks]
    ablations = tuple(
        ablation(spec, key, every, phases, costs, interleaved=interleaved) for spec in specs
    )
    return phases, ablations, costs


def run_of(name: str, variants: Mapping[str, Variant] | None = None, **fields: Any) -> Run:
    """A complete run of nothing in particular; `fields` replace any of its own."""
    usual: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "run": name,
        "complete": True,
        "stopped": None,
        "started": "2026-11-24T04:42:00+00:00",
        "workload": None,
        "machine": MACHINE,
        "variants": dict(variants or {}),
    }
    return Run(**{**usual, **fields})


def change_phases(
    run: Run, change: Callable[[Phase], Phase], variant: str = "", phase: str = ""
) -> Run:
    """The run with each of its phases changed, or only those of a variant or name."""
    variants = {}
    for name, record in run.variants.items():
        phases = {
            key: change(old) if variant in ("", name) and phase in ("", key) else old
            for key, old in record.phases.items()
        }
        variants[name] = msgspec.structs.replace(record, phases=phases)
    return msgspec.structs.replace(run, variants=variants)


def with_fields(
    run: Run,
    variant: str = "",
    phase: str = "",
    *,
    timed: Mapping[str, Any] | None = None,
    traced: Mapping[str, Any] | None = None,
    attribution: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Run:
    """The run with these fields of such phases and of what they hold."""

    def change(old: Phase) -> Phase:
        return msgspec.structs.replace(
            old,
            timed=old.timed and replace(old.timed, **(timed or {})),
            traced=old.traced and msgspec.structs.replace(old.traced, **(traced or {})),
            attribution=old.attribution
            and msgspec.structs.replace(old.attribution, **(attribution or {})),
            **fields,
        )

    return change_phases(run, change, variant, phase)
