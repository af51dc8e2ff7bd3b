"""A step divided: each layer with all passes joined, idle time, the critical path.

Seconds per step on the device of `Phase.attribution`, by the leading estimator: traced steps give
the fractions, and where steps were timed these give the scale (see `timed_scale`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from alexprof.analysis.difference import center_ci95_s, leading_estimator
from alexprof.analysis.timed_scale import scale_of, scaled_interval, timed_half_s, timed_part
from alexprof.record.metrics import METRICS
from alexprof.record.phase import Cost, OpCost, Phase, on_cpu
from alexprof.record.run import Run
from alexprof.record.values import Interval

UNASSIGNED, IDLE, NO_LAYER = "(unassigned)", "(idle)", "(no layer)"
_SAME_KIND = 0.9
"""A layer is of a kind that takes this fraction of it."""
AnyCost = TypeVar("AnyCost", bound=Cost)


class LayerTime(Struct, frozen=True, kw_only=True):
    """A layer's part of the step, all passes together."""

    name: str  # The layer; "(unassigned)" for time whose op is not known
    share_s: float  # Its share
    std_s: float | None = None  # Standard deviation over traced steps; None if not known
    # 95 % interval of the share: traced steps, and on a CPU the timed step's own; None with fewer
    # than three traced steps
    ci95_s: Interval | None = None
    fraction: float  # Of the step
    busy_fraction: float | None = None  # Of the time in which a GPU ran anything; None on a CPU
    by_pass_s: dict[str, float]  # The share by pass
    kind: str = ""  # The kind of 90 % of it; "" if there is none


class KindTime(Struct, frozen=True, kw_only=True):
    """A kind's part of the step, all passes together."""

    name: str  # The kind
    share_s: float  # Its share
    fraction: float  # Of the step
    busy_fraction: float | None  # As in `LayerTime`
    backward_fraction: float  # The part of its share that is in the backward pass


class DividedStep(Struct, frozen=True, kw_only=True):
    """A step divided: shares + idle = step."""

    variant: str  # Key of the variant
    phase: str  # Key of the phase
    device: str  # "CPU", "GPU:0", …
    steps: int  # Traced steps
    # The timed step, by the leading estimator; the mean of traced ones if none was timed
    step_s: float
    step_ci95_s: Interval | None  # Its 95 % interval; None with too few steps
    # Time of ops here over their traced time: timed over traced step on a CPU, 1 on a GPU
    scale: float
    timed_part: float  # Half of `step_ci95_s` as a fraction, which intervals include; 0 on a GPU
    idle_s: float  # Idle time of a step
    idle_ci95_s: Interval | None  # Its 95 % interval; None with fewer than three traced steps
    idle_fraction: float  # Of the step
    # Idle time by what the host did meanwhile, the longest first
    idle_by_reason_s: dict[str, float]
    layers: tuple[LayerTime, ...]  # The heaviest first
    kinds: tuple[KindTime, ...]  # The heaviest first
    # By layer, the fraction of the step by which its ops made it longer
    critical_path: dict[str, float]

    @property
    def on_cpu(self) -> bool:
        """Whether shares are of op times, not of kernel times."""
        return on_cpu(self.device)

    def scaled(self, cost: AnyCost) -> AnyCost:
        """A cost of traced steps on the scale of this step."""
        traced_s, std_s = cost.share_mean_s, cost.share_std_s
        return replace(
            cost,
            busy_mean_s=self.scale * cost.busy_mean_s,
            share_mean_s=self.scale * traced_s,
            share_std_s=None if std_s is None else self.scale * std_s,
            share_ci95_s=scaled_interval(traced_s, cost.share_ci95_s, self.scale, self.timed_part),
            share_fraction=self.scale * traced_s / self.step_s if self.step_s else 0.0,
            busy_fraction=None if self.on_cpu else cost.busy_fraction,
        )


def divided_steps(run: Run) -> Iterator[DividedStep]:
    """Divides the step of every variant and phase that has a trace to show."""
    for variant, key, _ in run.all_phases():
        if division := divide(run, variant, key):
            yield division


def divide(run: Run, variant: str, phase: str) -> DividedStep | None:
    """Divides a phase's step; None if it has no trace, or one that must not be shown."""
    record = run.phase(variant, phase)
    if record is None or record.attribution is None or record.traced is None:
        return None
    timeline, traced = record.attribution.timeline, record.traced
    estimator = leading_estimator(run)
    scale = scale_of(record, estimator)
    busy_s = scale.work * timeline.share_ns / traced.steps / 1e9
    idle_s = scale.idle * timeline.idle_ns / traced.steps / 1e9
    reasons = sorted(timeline.idle_by_reason_ns.items(), key=lambda item: -item[1])
    step_ci95_s = traced.ci95_s
    if record.timed is not None:
        step_ci95_s = center_ci95_s(record.timed, estimator)
    whole = {row.name: row for row in record.layers_whole if row.device == timeline.device}
    idle = whole.pop(IDLE, None)
    division = DividedStep(
        variant=variant,
        phase=phase,
        device=timeline.device,
        steps=traced.steps,
        step_s=busy_s + idle_s,
        step_ci95_s=step_ci95_s,
        scale=scale.work,
        timed_part=timed_part(record, estimator),
        idle_s=idle_s,
        idle_ci95_s=None,
        idle_fraction=idle_s / (busy_s + idle_s) if timeline.wall_ns else 0.0,
        idle_by_reason_s={
            reason: scale.idle * idle_ns / traced.steps / 1e9
            for reason, idle_ns in reasons
            if idle_ns > 0
        },
        layers=(),
        kinds=(),
        critical_path=_critical_path(record, timeline.device, timeline.wall_ns / traced.steps),
    )
    timed = division.timed_part
    if idle_s and not division.on_cpu:
        # A GPU's idle time is what kernels leave of the timed step.
        timed = timed_half_s(record, estimator) / idle_s
    if idle is not None:
        interval = scaled_interval(idle.share_mean_s, idle.share_ci95_s, scale.idle, timed)
        division = replace(division, idle_ci95_s=interval)
    return replace(
        division,
        layers=tuple(_layers(record, division, [*map(division.scaled, whole.values())])),
        kinds=tuple(_kinds(record, division)),
    )


def device_ops(phase: Phase, division: DividedStep) -> list[OpCost]:
    """The ops of the step's device on its scale, the heaviest first."""
    ops = (division.scaled(op) for op in phase.ops if op.device == division.device)
    return sorted(ops, key=lambda op: -op.share_mean_s)


def costs_together(costs: Sequence[AnyCost], name: str) -> AnyCost:
    """Several costs as one row: sums of what adds up, None for the rest and where one is None."""
    sums: dict[str, Any] = {}
    means = (metric.mean for metric in METRICS if metric.mean)
    for field in (*means, "share_fraction", "busy_fraction"):
        values = [getattr(cost, field) for cost in costs]
        sums[field] = None if None in values else math.fsum(values)
    unknown = dict.fromkeys(("busy_std_s", "share_std_s", "share_ci95_s", "parallelism"))
    texts = dict.fromkeys(("type", "kind", "layer") if isinstance(costs[0], OpCost) else (), "")
    return replace(costs[0], name=name, pass_="", **sums, **unknown, **texts)


def layers_together(layers: Sequence[LayerTime], name: str) -> LayerTime:
    """Several layers as one row, without an interval: it is of none of them."""
    return LayerTime(
        name=name,
        share_s=math.fsum(layer.share_s for layer in layers),
        fraction=math.fsum(layer.fraction for layer in layers),
        busy_fraction=_sum(layer.busy_fraction for layer in layers),
        by_pass_s=_sums(item for layer in layers for item in layer.by_pass_s.items()),
    )


def _layers(phase: Phase, division: DividedStep, whole: Sequence[Cost]) -> list[LayerTime]:
    by_pass_s: dict[str, dict[str, float]] = defaultdict(dict)
    for row in phase.layers:
        if row.device == division.device:
            by_pass_s[row.name][row.pass_] = division.scale * row.share_mean_s
    kinds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for op in phase.ops:
        if op.device == division.device:
            kinds[op.layer][op.kind] += op.share_mean_s
    layers = [
        LayerTime(
            name=row.name or NO_LAYER,
            share_s=row.share_mean_s,
            std_s=row.share_std_s,
            ci95_s=row.share_ci95_s,
            fraction=row.share_fraction,
            busy_fraction=row.busy_fraction,
            by_pass_s=by_pass_s[row.name] or {"other": row.share_mean_s},
            kind=main_kind(kinds[row.name]),
        )
        for row in whole
    ]
    return sorted(layers, key=lambda layer: -layer.share_s)


def _kinds(phase: Phase, division: DividedStep) -> list[KindTime]:
    rows: dict[str, list[Cost]] = defaultdict(list)
    for row in phase.kinds:
        if row.device == division.device:
            rows[row.name].append(division.scaled(row))
    kinds = []
    for name, costs in rows.items():
        share_s = math.fsum(cost.share_mean_s for cost in costs)
        backward_s = math.fsum(cost.share_mean_s for cost in costs if cost.pass_ == "backward")
        kinds.append(
            KindTime(
                name=name,
                share_s=share_s,
                fraction=math.fsum(cost.share_fraction for cost in costs),
                busy_fraction=_sum(cost.busy_fraction for cost in costs),
                backward_fraction=backward_s / share_s if share_s else 0.0,
            )
        )
    return sorted(kinds, key=lambda kind: -kind.share_s)


def _critical_path(phase: Phase, device: str, traced_ns: float) -> dict[str, float]:
    path = phase.replay.critical_path if phase.replay else ()
    layers = {op.name: op.layer for op in phase.ops if op.device == device}
    seconds = _sums((layers.get(op.op, op.op), op.mean_s) for op in path)
    ranked = sorted(seconds.items(), key=lambda item: -item[1])
    return {name: layer_s * 1e9 / traced_ns for name, layer_s in ranked} if traced_ns else {}


def main_kind(shares_s: Mapping[str, float]) -> str:
    """The kind that takes 90 % of some shares; "" if there is none."""
    largest = max(shares_s, key=lambda kind: shares_s[kind], default="")
    enough = shares_s and shares_s[largest] >= _SAME_KIND * math.fsum(shares_s.values())
    return largest if enough else ""


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None


def _sums(items: Iterable[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, seconds in items:
        sums[name] = sums.get(name, 0.0) + seconds
    return sums
