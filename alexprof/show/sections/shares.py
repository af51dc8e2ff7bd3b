"""The step of one phase divided among its layers: both passes of a layer joined, idle, the sum.

All times are of traced steps, in seconds per step; the divided device is the one of
`Phase.attribution`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from alexprof.record.phase import Cost, OpCost, Phase, on_cpu
from alexprof.record.values import Interval
from alexprof.show.fit import clean

AnyCost = TypeVar("AnyCost", bound=Cost)

FORWARD, BACKWARD = "forward", "backward"
UNASSIGNED, IDLE = "(unassigned)", "(idle)"
GPU_BUSY_NOTE = "GPU-busy % is of the time in which the GPU ran anything: step less idle."
PURE = 0.9
"""A layer has the colour of a kind that is this part of it."""


@dataclass(frozen=True)
class Share:
    """A layer's part of the step.

    Attributes:
        name: The layer.
        share_s: Its share, both passes and any other together.
        std_s: Standard deviation over traced steps; None if not known.
        ci95_s: 95 % interval of the share; None if not known.
        fraction: Its part of the step.
        by_pass_s: The share by pass.
        kind: The kind that it mostly is, or "".
    """

    name: str
    share_s: float
    std_s: float | None
    ci95_s: Interval | None
    fraction: float
    by_pass_s: dict[str, float]
    kind: str = ""


@dataclass(frozen=True)
class Division:
    """A step divided: shares + idle = step.

    Attributes:
        device: "CPU", "GPU:0", …
        steps: Traced steps.
        step_s: Mean wall time of a traced step.
        step_ci95_s: Its 95 % interval; None with one step.
        idle_s: Mean idle time of a step.
        idle_ci95_s: Its 95 % interval; None with one step.
        layers: The heaviest first; a row for time whose op is not known, if there is any.
        ops: The same device's ops, the heaviest first.
        kinds: The same device's kinds.
    """

    device: str
    steps: int
    step_s: float
    step_ci95_s: Interval | None
    idle_s: float
    idle_ci95_s: Interval | None
    layers: tuple[Share, ...]
    ops: tuple[OpCost, ...]
    kinds: tuple[Cost, ...]

    @property
    def idle_fraction(self) -> float:
        """Idle time's part of the step."""
        return self.part(self.idle_s)

    def part(self, seconds: float) -> float:
        """Seconds as a part of the step."""
        return seconds / self.step_s if self.step_s else 0.0

    def busy_part(self, seconds: float) -> float | None:
        """Seconds as a part of the time in which the device ran anything; None on a CPU."""
        busy_s = self.step_s - self.idle_s
        return seconds / busy_s if busy_s > 0 and not on_cpu(self.device) else None


def divide(phase: Phase | None) -> Division | None:
    """Divides a phase's step; None if it has no trace, or one that must not be shown."""
    if phase is None or phase.attribution is None or phase.traced is None:
        return None
    books = phase.attribution
    steps = max(phase.traced.steps, 1)
    step_s = books.wall_ns / steps / 1e9
    layers = _joined(phase, books.device)
    idle = _whole(phase, books.device).get(IDLE)
    rest_s = books.share_ns / steps / 1e9 - math.fsum(one.share_s for one in layers)
    if rest_s > _least_rest_s(step_s):
        layers.append(Share(UNASSIGNED, rest_s, None, None, rest_s / step_s, {"other": rest_s}))
    return Division(
        device=books.device,
        steps=phase.traced.steps,
        step_s=step_s,
        step_ci95_s=phase.traced.ci95_s,
        idle_s=books.idle_ns / steps / 1e9,
        idle_ci95_s=idle.share_ci95_s if idle else None,
        layers=tuple(sorted(layers, key=lambda one: -one.share_s)),
        ops=tuple(sorted(_on(books.device, phase.ops), key=lambda one: -one.share_mean_s)),
        kinds=tuple(_on(books.device, phase.kinds)),
    )


def kind_total(division: Division, kind: str) -> tuple[float, float]:
    """A kind's share over all passes, and its backward part, in seconds."""
    mine = [one for one in division.kinds if one.name == kind]
    backward = math.fsum(one.share_mean_s for one in mine if one.pass_ == BACKWARD)
    return math.fsum(one.share_mean_s for one in mine), backward


def _joined(phase: Phase, device: str) -> list[Share]:
    """The layers on a device, in the order of the record, passes joined."""
    layers: dict[str, list[Cost]] = {}
    for one in _on(device, phase.layers):
        layers.setdefault(one.name, []).append(one)
    kinds: dict[str, dict[str, float]] = {}
    for op in _on(device, phase.ops):
        mine = kinds.setdefault(op.layer, {})
        mine[op.kind] = mine.get(op.kind, 0.0) + op.share_mean_s
    whole = _whole(phase, device)
    return [
        _share(name, rows, whole.get(name), _main(kinds.get(name, {})))
        for name, rows in layers.items()
    ]


def _whole(phase: Phase, device: str) -> dict[str, Cost]:
    """Each layer over all passes, and idle time."""
    return {one.name: one for one in _on(device, phase.layers_whole)}


def _share(name: str, rows: list[Cost], whole: Cost | None, kind: str) -> Share:
    by_pass_s: dict[str, float] = {}
    for one in rows:
        by_pass_s[one.pass_] = by_pass_s.get(one.pass_, 0.0) + one.share_mean_s
    return Share(
        name=clean(name) or "(no layer)",
        share_s=math.fsum(one.share_mean_s for one in rows),
        std_s=whole.share_std_s if whole else None,
        ci95_s=whole.share_ci95_s if whole else None,
        fraction=math.fsum(one.share_fraction for one in rows),
        by_pass_s=by_pass_s,
        kind=kind,
    )


def _main(kinds: dict[str, float]) -> str:
    """The kind that nearly all of it is; "" if there is none."""
    largest = max(kinds, key=lambda kind: kinds[kind], default="")
    return largest if kinds and kinds[largest] >= PURE * math.fsum(kinds.values()) else ""


def _on(device: str, costs: Iterable[AnyCost]) -> list[AnyCost]:
    return [one for one in costs if one.device == device]


def _least_rest_s(step_s: float) -> float:
    """What adding up in floating point, and rounding to nanoseconds, can leave."""
    return max(1e-6, 1e-5 * step_s)
