"""The traced step divided: each layer with both passes joined, idle time, the critical path.

All times are of traced steps, in seconds per step, on the device of `Phase.attribution`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

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

    def fraction(self, seconds: float) -> float:
        """Seconds as a fraction of the step."""
        return seconds / self.step_s if self.step_s else 0.0

    def busy_fraction(self, seconds: float) -> float | None:
        """Seconds as a fraction of the time in which a GPU ran anything; None on a CPU."""
        busy_s = self.step_s - self.idle_s
        return seconds / busy_s if busy_s > 0 and not self.on_cpu else None


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
    idle = next(
        (row for row in record.layers_whole if (row.device, row.name) == (timeline.device, IDLE)),
        None,
    )
    reasons = next(
        (row.idle_by_reason_ns for row in timeline.devices if row.device == timeline.device), {}
    )
    empty = DividedStep(
        variant=variant,
        phase=phase,
        device=timeline.device,
        steps=record.traced.steps,
        step_s=timeline.wall_ns / steps / 1e9,
        step_ci95_s=record.traced.ci95_s,
        idle_s=timeline.idle_ns / steps / 1e9,
        idle_ci95_s=idle.share_ci95_s if idle else None,
        idle_fraction=timeline.idle_ns / timeline.wall_ns if timeline.wall_ns else 0.0,
        idle_by_reason_s={
            reason: idle_ns / steps / 1e9
            for reason, idle_ns in sorted(reasons.items(), key=lambda item: -item[1])
            if idle_ns > 0
        },
        layers=(),
        kinds=(),
        critical_path={},
    )
    return _filled(empty, record, timeline.share_ns / steps / 1e9)


def device_ops(phase: Phase, device: str) -> list[OpCost]:
    """The ops of a device, the heaviest first."""
    ops = [op for op in phase.ops if op.device == device]
    return sorted(ops, key=lambda op: -op.share_mean_s)


def own_share_s(division: DividedStep, phase: Phase, ablation: Ablation) -> float:
    """What the ops that an ablation leaves out take of the traced step."""
    return math.fsum(
        op.share_mean_s
        for op in phase.ops
        if op.device == division.device and matches(ablation, op.name, op.kind, op.layer)
    )


def ops_together(ops: Sequence[OpCost], name: str) -> OpCost:
    """Several ops as one row: sums of what adds up, None for the rest."""
    counts = [op.executions_per_step for op in ops if op.executions_per_step is not None]
    return OpCost(
        name=name,
        device=ops[0].device,
        pass_="",
        type="",
        kind="",
        layer="",
        executions_per_step=math.fsum(counts) if len(counts) == len(ops) else None,
        kernels_per_step=math.fsum(op.kernels_per_step for op in ops),
        busy_mean_s=math.fsum(op.busy_mean_s for op in ops),
        busy_std_s=None,
        share_mean_s=math.fsum(op.share_mean_s for op in ops),
        share_std_s=None,
        share_fraction=math.fsum(op.share_fraction for op in ops),
    )


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


def _filled(empty: DividedStep, phase: Phase, busy_s: float) -> DividedStep:
    layers = list(_layers(empty, phase))
    rest_s = busy_s - math.fsum(layer.share_s for layer in layers)
    # Adding up in floating point, and rounding to nanoseconds, can leave a little.
    if rest_s > max(1e-6, 1e-5 * empty.step_s):
        layers.append(
            LayerTime(
                name=UNASSIGNED,
                share_s=rest_s,
                fraction=empty.fraction(rest_s),
                busy_fraction=empty.busy_fraction(rest_s),
                by_pass_s={"other": rest_s},
            )
        )
    return replace(
        empty,
        layers=tuple(sorted(layers, key=lambda layer: -layer.share_s)),
        kinds=tuple(_kinds(empty, phase)),
        critical_path=_critical_path(empty, phase),
    )


def _layers(step: DividedStep, phase: Phase) -> Iterator[LayerTime]:
    whole = {row.name: row for row in phase.layers_whole if row.device == step.device}
    passes: dict[str, list[Cost]] = defaultdict(list)
    for row in phase.layers:
        if row.device == step.device:
            passes[row.name].append(row)
    kinds: dict[str, dict[str, float]] = {}
    for op in phase.ops:
        if op.device == step.device:
            kinds.setdefault(op.layer, defaultdict(float))[op.kind] += op.share_mean_s
    for name, rows in passes.items():
        joined = whole.get(name)
        share_s = math.fsum(row.share_mean_s for row in rows)
        yield LayerTime(
            name=name or NO_LAYER,
            share_s=share_s,
            std_s=joined.share_std_s if joined else None,
            ci95_s=joined.share_ci95_s if joined else None,
            fraction=math.fsum(row.share_fraction for row in rows),
            busy_fraction=step.busy_fraction(share_s),
            by_pass_s=_sums((row.pass_, row.share_mean_s) for row in rows),
            kind=_main_kind(kinds.get(name, {})),
        )


def _kinds(step: DividedStep, phase: Phase) -> list[KindTime]:
    shares_s: dict[str, dict[str, float]] = {}
    for row in phase.kinds:
        if row.device == step.device:
            shares_s.setdefault(row.name, defaultdict(float))[row.pass_] += row.share_mean_s
    kinds = [
        KindTime(
            name=name,
            share_s=(share_s := math.fsum(by_pass_s.values())),
            fraction=step.fraction(share_s),
            busy_fraction=step.busy_fraction(share_s),
            backward_fraction=by_pass_s.get("backward", 0.0) / share_s if share_s else 0.0,
        )
        for name, by_pass_s in shares_s.items()
    ]
    return sorted(kinds, key=lambda kind: -kind.share_s)


def _critical_path(step: DividedStep, phase: Phase) -> dict[str, float]:
    path = phase.replay.critical_path if phase.replay else ()
    layers = {op.name: op.layer for op in phase.ops if op.device == step.device}
    seconds = _sums((layers.get(op.op, op.op), op.mean_s) for op in path)
    ranked = sorted(seconds.items(), key=lambda item: -item[1])
    return {name: step.fraction(layer_s) for name, layer_s in ranked}


def _main_kind(shares_s: dict[str, float]) -> str:
    largest = max(shares_s, key=lambda kind: shares_s[kind], default="")
    enough = shares_s and shares_s[largest] >= _SAME_KIND * math.fsum(shares_s.values())
    return largest if enough else ""


def _sums(items: Iterable[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, seconds in items:
        sums[name] = sums.get(name, 0.0) + seconds
    return sums
