"""The traced step divided: each layer with both passes joined, idle time, the critical path.

All times are of traced steps, in seconds per step, on the device of `Phase.attribution`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from alexprof.attribute.metrics import METRICS
from alexprof.record.ablation import Ablation
from alexprof.record.phase import Cost, OpCost, Phase, on_cpu
from alexprof.record.run import Run
from alexprof.record.values import Interval
from alexprof.workload.base import matches

UNASSIGNED, IDLE, NO_LAYER = "(unassigned)", "(idle)", "(no layer)"
_SAME_KIND = 0.9
"""A layer is of a kind that takes this fraction of it."""


class LayerTime(Struct, frozen=True, kw_only=True):
    """A layer's part of the step, all passes together.

    Attributes:
        name: The layer; "(unassigned)" for time whose op is not known.
        share_s: Its share.
        std_s: Standard deviation over traced steps; None if not known.
        ci95_s: 95 % interval of the share; None if not known.
        fraction: Of the step.
        busy_fraction: Of the time in which a GPU ran anything; None on a CPU.
        by_pass_s: The share by pass.
        kind: The kind of 90 % of it; "" if there is none.
    """

    name: str
    share_s: float
    std_s: float | None = None
    ci95_s: Interval | None = None
    fraction: float
    busy_fraction: float | None = None
    by_pass_s: dict[str, float]
    kind: str = ""


class KindTime(Struct, frozen=True, kw_only=True):
    """A kind's part of the step, all passes together.

    Attributes:
        name: The kind.
        share_s: Its share.
        fraction: Of the step.
        busy_fraction: As in `LayerTime`.
        backward_fraction: The part of its share that is in the backward pass.
    """

    name: str
    share_s: float
    fraction: float
    busy_fraction: float | None
    backward_fraction: float


class DividedStep(Struct, frozen=True, kw_only=True):
    """A traced step divided: shares + idle = step.

    Attributes:
        variant: Key of the variant.
        phase: Key of the phase.
        device: "CPU", "GPU:0", …
        steps: Traced steps.
        step_s: Mean wall time of a traced step.
        step_ci95_s: Its 95 % interval; None with one step.
        idle_s: Mean idle time of a step.
        idle_ci95_s: Its 95 % interval; None with one step.
        idle_fraction: Of the step.
        idle_by_reason_s: Idle time by what the host did meanwhile, the longest first.
        layers: The heaviest first.
        kinds: The heaviest first.
        critical_path: By layer, the fraction of the step by which its ops made it longer.
    """

    variant: str
    phase: str
    device: str
    steps: int
    step_s: float
    step_ci95_s: Interval | None
    idle_s: float
    idle_ci95_s: Interval | None
    idle_fraction: float
    idle_by_reason_s: dict[str, float]
    layers: tuple[LayerTime, ...]
    kinds: tuple[KindTime, ...]
    critical_path: dict[str, float]

    @property
    def on_cpu(self) -> bool:
        """Whether shares are of op times, not of kernel times."""
        return on_cpu(self.device)


def divided_steps(run: Run) -> Iterator[DividedStep]:
    """Divides the traced step of every variant and phase that has one to show."""
    for variant, record in run.variants.items():
        for phase in record.phases:
            if division := divide(run, variant, phase):
                yield division


def divide(run: Run, variant: str, phase: str) -> DividedStep | None:
    """Divides a phase's step; None if it has no trace, or one that must not be shown."""
    record = run.variants[variant].phases.get(phase)
    if record is None or record.attribution is None or record.traced is None:
        return None
    timeline = record.attribution
    steps = max(record.traced.steps, 1)
    step_s = timeline.wall_ns / steps / 1e9
    whole = {row.name: row for row in record.layers_whole if row.device == timeline.device}
    idle = whole.pop(IDLE, None)
    reasons = sorted(timeline.idle_by_reason_ns.items(), key=lambda item: -item[1])
    return DividedStep(
        variant=variant,
        phase=phase,
        device=timeline.device,
        steps=record.traced.steps,
        step_s=step_s,
        step_ci95_s=record.traced.ci95_s,
        idle_s=timeline.idle_ns / steps / 1e9,
        idle_ci95_s=idle.share_ci95_s if idle else None,
        idle_fraction=timeline.idle_ns / timeline.wall_ns if timeline.wall_ns else 0.0,
        idle_by_reason_s={
            reason: idle_ns / steps / 1e9 for reason, idle_ns in reasons if idle_ns > 0
        },
        layers=tuple(_layers(record, timeline.device, list(whole.values()))),
        kinds=tuple(_kinds(record, timeline.device)),
        critical_path=_critical_path(record, timeline.device, step_s),
    )


def device_ops(phase: Phase, device: str) -> list[OpCost]:
    """The ops of a device, the heaviest first."""
    ops = [op for op in phase.ops if op.device == device]
    return sorted(ops, key=lambda op: -op.share_mean_s)


def own_cost(phase: Phase, device: str, ablation: Ablation) -> Cost | None:
    """What the ops that an ablation leaves out take of the traced step; None without any."""
    ops = [op for op in device_ops(phase, device) if matches(ablation, op.name, op.kind, op.layer)]
    return costs_together(ops, ablation.name) if ops else None


def costs_together(costs: Sequence[Cost], name: str) -> Cost:
    """Several costs as one row: sums of what adds up, None for the rest and where one is None."""
    sums: dict[str, Any] = {}
    means = (metric.mean for metric in METRICS if metric.mean)
    for field in (*means, "share_fraction", "busy_fraction"):
        values = [getattr(cost, field) for cost in costs]
        sums[field] = None if None in values else math.fsum(values)
    device = costs[0].device
    return Cost(name=name, device=device, pass_="", busy_std_s=None, share_std_s=None, **sums)


def ops_together(ops: Sequence[OpCost], name: str) -> OpCost:
    """Several ops as one row; see `costs_together`."""
    return OpCost(**asdict(costs_together(ops, name)), type="", kind="", layer="")


def layers_together(layers: Sequence[LayerTime], name: str) -> LayerTime:
    """Several layers as one row, without an interval: it is of none of them."""
    busy = [layer.busy_fraction for layer in layers if layer.busy_fraction is not None]
    return LayerTime(
        name=name,
        share_s=math.fsum(layer.share_s for layer in layers),
        fraction=math.fsum(layer.fraction for layer in layers),
        busy_fraction=math.fsum(busy) if busy else None,
        by_pass_s=_sums(item for layer in layers for item in layer.by_pass_s.items()),
    )


def busy_fraction(cost: Cost) -> float | None:
    """A cost's part of the time in which a GPU ran anything; None on a CPU."""
    return None if on_cpu(cost.device) else cost.busy_fraction


def _layers(phase: Phase, device: str, whole: Sequence[Cost]) -> list[LayerTime]:
    by_pass_s: dict[str, dict[str, float]] = defaultdict(dict)
    for row in phase.layers:
        if row.device == device:
            by_pass_s[row.name][row.pass_] = row.share_mean_s
    kinds: dict[str, dict[str, float]] = {}
    for op in phase.ops:
        if op.device == device:
            kinds.setdefault(op.layer, defaultdict(float))[op.kind] += op.share_mean_s
    layers = [
        LayerTime(
            name=row.name or NO_LAYER,
            share_s=row.share_mean_s,
            std_s=row.share_std_s,
            ci95_s=row.share_ci95_s,
            fraction=row.share_fraction,
            busy_fraction=busy_fraction(row),
            by_pass_s=by_pass_s[row.name] or {"other": row.share_mean_s},
            kind=_main_kind(kinds.get(row.name, {})),
        )
        for row in whole
    ]
    return sorted(layers, key=lambda layer: -layer.share_s)


def _kinds(phase: Phase, device: str) -> list[KindTime]:
    rows: dict[str, list[Cost]] = defaultdict(list)
    for row in phase.kinds:
        if row.device == device:
            rows[row.name].append(row)
    kinds = []
    for name, costs in rows.items():
        cost = costs_together(costs, name)
        backward_s = math.fsum(row.share_mean_s for row in costs if row.pass_ == "backward")
        kinds.append(
            KindTime(
                name=name,
                share_s=cost.share_mean_s,
                fraction=cost.share_fraction,
                busy_fraction=busy_fraction(cost),
                backward_fraction=backward_s / cost.share_mean_s if cost.share_mean_s else 0.0,
            )
        )
    return sorted(kinds, key=lambda kind: -kind.share_s)


def _critical_path(phase: Phase, device: str, step_s: float) -> dict[str, float]:
    path = phase.replay.critical_path if phase.replay else ()
    layers = {op.name: op.layer for op in phase.ops if op.device == device}
    seconds = _sums((layers.get(op.op, op.op), op.mean_s) for op in path)
    ranked = sorted(seconds.items(), key=lambda item: -item[1])
    return {name: layer_s / step_s for name, layer_s in ranked} if step_s else {}


def _main_kind(shares_s: dict[str, float]) -> str:
    largest = max(shares_s, key=lambda kind: shares_s[kind], default="")
    enough = shares_s and shares_s[largest] >= _SAME_KIND * math.fsum(shares_s.values())
    return largest if enough else ""


def _sums(items: Iterable[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, seconds in items:
        sums[name] = sums.get(name, 0.0) + seconds
    return sums
