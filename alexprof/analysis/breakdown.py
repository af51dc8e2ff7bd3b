"""A divided step broken down by layer, kind, pass or op: rows of a table, and blocks inside blocks.

Seconds are on the scale of the divided step (`division`), and everything adds up to it with the
idle time. What single traced steps say comes from the table of costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from alexprof.analysis.division import (
    NO_LAYER,
    UNASSIGNED,
    DividedStep,
    device_ops,
    main_kind,
)
from alexprof.analysis.timed_scale import scaled_interval
from alexprof.record.metrics import IDLE_OP
from alexprof.record.phase import OpCost, Phase
from alexprof.record.values import Interval

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

Level = Literal["layer", "kind", "pass", "op"]
LEVELS: dict[Level, tuple[Level, ...]] = {
    "layer": ("layer", "pass", "op"),
    "kind": ("kind", "pass", "layer"),
    "pass": ("pass", "layer", "op"),
    "op": ("op",),
}
"""What the blocks of a breakdown are divided into, from the outside in."""
_PASSES = ("input", "forward", "backward", "optimizer")
"""In the order they run."""


class Part(Struct, frozen=True, kw_only=True):
    """Ops that are one row: their part of the step."""

    name: str  # Of the layer, kind, pass or op; "(unassigned)" if not known
    share_s: float  # Their share
    ci95_s: Interval | None  # Its 95 % interval; None with fewer than three traced steps
    fraction: float  # Of the step
    busy_s: float  # Sum of their events' durations
    by_pass_s: dict[str, float]  # The share by pass
    kind: str = ""  # The kind of 90 % of it; "" if there is none
    ops: int = 1  # How many ops they are
    steps_s: tuple[float, ...] = ()  # The share in each traced step; empty if not known


class Block(Struct, frozen=True, kw_only=True):
    """A part of the step, and the parts of it."""

    name: str  # As in `Part`
    share_s: float  # Its share
    fraction: float  # Of the step
    kind: str  # As in `Part`
    pass_: str  # The pass of all of it; "" if several
    parts: tuple[Block, ...] = ()  # Together as large


def name_of(level: Level, depth: int = 0) -> Callable[[OpCost], str]:
    """What an op counts to at a level; of layers' names the first `depth` parts, 0 for all."""

    def layer(op: OpCost) -> str:
        scopes = op.layer.split("/")
        return "/".join(scopes[:depth] if depth else scopes) or (
            NO_LAYER if op.name else UNASSIGNED
        )

    names: dict[Level, Callable[[OpCost], str]] = {
        "layer": layer,
        "kind": lambda op: op.kind or UNASSIGNED,
        "pass": lambda op: op.pass_,
        "op": lambda op: op.name or UNASSIGNED,
    }
    return names[level]


def layer_depth(phase: Phase) -> int:
    """The most parts that a layer's name has."""
    return max((op.layer.count("/") + 1 for op in phase.ops), default=1)


def parts_of(
    phase: Phase,
    division: DividedStep,
    level: Level,
    depth: int = 0,
    costs: pl.DataFrame | None = None,
) -> tuple[Part, ...]:
    """The rows of a breakdown, the largest first; with idle time they add up to the step.

    Args:
        phase: What was divided.
        division: How.
        level: What rows are.
        depth: As of `name_of`.
        costs: The run's table of costs; None leaves out what single steps say.
    """
    name = name_of(level, depth)
    groups: dict[str, list[OpCost]] = {}
    for op in device_ops(phase, division):
        groups.setdefault(name(op), []).append(op)
    steps = {} if costs is None else steps_by_group(costs, division, groups)
    recorded = _recorded_intervals(phase, division, level, depth)
    parts = []
    for key, ops in groups.items():
        share_s = math.fsum(op.share_mean_s for op in ops)
        steps_s = tuple(steps[key].tolist()) if key in steps else ()
        ci95_s = recorded[key] if key in recorded else _interval(division, steps_s)
        parts.append(
            Part(
                name=key,
                share_s=share_s,
                ci95_s=ci95_s,
                fraction=math.fsum(op.share_fraction for op in ops),
                busy_s=math.fsum(op.busy_mean_s for op in ops),
                by_pass_s=_by_pass(ops),
                kind=_kind(ops),
                ops=len(ops),
                steps_s=steps_s,
            )
        )
    return tuple(sorted(parts, key=lambda part: -part.share_s))


def _recorded_intervals(
    phase: Phase, division: DividedStep, level: Level, depth: int
) -> dict[str, Interval | None]:
    """The intervals that the record has: of whole layers and of ops that have one pass."""
    if level == "layer" and not depth:
        return {layer.name: layer.ci95_s for layer in division.layers}
    if level == "op":
        ops = device_ops(phase, division)
        names = [op.name for op in ops]
        return (
            {op.name: op.share_ci95_s for op in ops if names.count(op.name) == 1}
            if (len(names) < 2000)
            else {}
        )
    return {}


def _interval(division: DividedStep, steps_s: Sequence[float]) -> Interval | None:
    """The interval of a mean over traced steps, with the timed step's own uncertainty."""
    from alexprof.measure.chunks import step_interval

    if len(steps_s) < 3 or not division.scale:
        return None
    import numpy as np

    traced_s = np.asarray(steps_s) / division.scale
    interval = step_interval(traced_s)
    return scaled_interval(float(traced_s.mean()), interval, division.scale, division.timed_part)


def steps_by_group(
    costs: pl.DataFrame, division: DividedStep, groups: dict[str, list[OpCost]]
) -> dict[str, np.ndarray]:
    """Each group's share in each traced step: float64 [steps] seconds, in the order of steps."""
    import numpy as np
    import polars as pl

    rows = costs.filter(
        (pl.col("variant") == division.variant)
        & (pl.col("phase") == division.phase)
        & (pl.col("device") == division.device)
        & (pl.col("op") != IDLE_OP)
    )
    place = {
        (op.name, op.type, op.pass_): number
        for number, ops in enumerate(groups.values())
        for op in ops
    }
    keys = rows.select("op", "type", "pass").iter_rows()
    number = np.array([place.get(key, -1) for key in keys], dtype=np.int64)
    steps, step = np.unique(rows["step"].to_numpy(), return_inverse=True)
    shares = np.zeros((len(groups), len(steps)))
    known = number >= 0
    np.add.at(shares, (number[known], step[known]), rows["share_ns"].to_numpy()[known])
    return dict(zip(groups, division.scale * shares / 1e9, strict=True))


def blocks_of(
    phase: Phase, division: DividedStep, levels: Sequence[Level], order: Sequence[str] = ()
) -> tuple[Block, ...]:
    """Blocks inside blocks, one level for each name in `levels`.

    Args:
        phase: What was divided.
        division: How.
        levels: From the outside in.
        order: Names of layers in the order of the network; what it lacks comes last.
    """
    places = {name: place for place, name in enumerate(order)}
    return _inside(device_ops(phase, division), levels, places)


def _inside(
    ops: Sequence[OpCost], levels: Sequence[Level], places: dict[str, int]
) -> tuple[Block, ...]:
    if not levels:
        return ()
    name = name_of(levels[0])
    groups: dict[str, list[OpCost]] = {}
    for op in ops:
        groups.setdefault(name(op), []).append(op)
    blocks = [
        Block(
            name=key,
            share_s=math.fsum(op.share_mean_s for op in inside),
            fraction=math.fsum(op.share_fraction for op in inside),
            kind=_kind(inside),
            pass_=inside[0].pass_ if len({op.pass_ for op in inside}) == 1 else "",
            parts=_inside(inside, levels[1:], places),
        )
        for key, inside in groups.items()
    ]
    if levels[0] == "pass":
        places = {pass_: place for place, pass_ in enumerate(_PASSES)}
    most = len(places)
    return tuple(sorted(blocks, key=lambda block: (places.get(block.name, most), -block.share_s)))


def _by_pass(ops: Sequence[OpCost]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for op in ops:
        sums[op.pass_] = sums.get(op.pass_, 0.0) + op.share_mean_s
    return sums


def _kind(ops: Sequence[OpCost]) -> str:
    shares_s: dict[str, float] = {}
    for op in ops:
        shares_s[op.kind] = shares_s.get(op.kind, 0.0) + op.share_mean_s
    return main_kind(shares_s)
