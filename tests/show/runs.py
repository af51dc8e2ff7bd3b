"""Runs made by hand: what a report has to look right for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from alexprof.capture.executed import Node
from alexprof.measure.loop import Block
from alexprof.measure.timed import describe
from alexprof.record.ablation import Ablation
from alexprof.record.phase import Phase
from alexprof.record.program import ExecutedOp
from alexprof.record.run import Run, Variant, WorkloadRecord
from alexprof.record.timed import Stretch, Timed
from alexprof.record.trace import PathOp, Replay, Saving
from alexprof.record.workload import Published, Setting
from alexprof.workload.base import AblationSpec, matches
from tests import factory
from tests.factory import NOT_REPLAYED, OpTimes, block, idle, layer_of, run_of, scattered

WITH, WITHOUT = "with_lrn", "without_lrn"
ALEXNET = Path(__file__).parents[1] / "data" / "alexnet"
"""What a real run gave on two cores with batch 32, over ten traced steps; lines are for `ops`."""
FORWARD, FORWARD_BACKWARD = (
    (ALEXNET / f"{name}.txt").read_text() for name in ("forward", "forward_backward")
)
FORWARD_IDLE_MS, FORWARD_BACKWARD_IDLE_MS = 0.7729, 1.1408


def ops(lines: str, device: str = "CPU", steps: int = 10) -> list[OpTimes]:
    """Ops from lines of name, kind, pass, share, its std, busy, its std; ms."""
    rows = []
    for seed, line in enumerate(lines.strip().splitlines()):
        name, kind, pass_, *times = line.split()
        share, share_std, busy, busy_std = (float(ms) * 1e6 for ms in times)
        share_ns = scattered(share, share_std, steps, seed)
        busy_ns = scattered(busy, busy_std, steps, seed)
        rows.append(OpTimes(name, kind, pass_, share_ns, busy_ns, device))
    return rows


def idle_ms(ms: float, steps: int = 10, device: str = "CPU", reason: str = "python") -> OpTimes:
    """Idle time that varies by a twentieth."""
    return idle(scattered(ms * 1e6, ms * 5e4, steps, 7), device, reason)


def blocks(variant: str, means_ms: Mapping[int, float], steps: int = 10) -> list[Block]:
    """Blocks by their places in the order measured; their means in ms."""
    return [
        block(variant, number, order, scattered(mean_ms / 1e3, mean_ms / 1e5, steps, number))
        for number, (order, mean_ms) in enumerate(means_ms.items())
    ]


def in_turns(with_ms: Sequence[float], without_ms: Sequence[float]) -> dict[str, list[Block]]:
    """The blocks of two variants that took turns A B B A."""
    orders = {WITH: [0, 3], WITHOUT: [1, 2]}
    return {
        variant: blocks(
            variant, {4 * (at // 2) + orders[variant][at % 2]: ms for at, ms in enumerate(means_ms)}
        )
        for variant, means_ms in ((WITH, with_ms), (WITHOUT, without_ms))
    }


def timed(variant_blocks: Sequence[Block], burn_in: int = 10) -> Timed:
    """Timed steps; whether they were steady is not what these runs are about."""
    described = describe(variant_blocks, fetch=True)
    return replace(described, burn_in=burn_in, steadiness=None, outliers=None)


FORWARD_MS = (
    (206.7, 212.2, 209.7, 218.4, 379.8, 209.6, 208.1, 211.5, 210.3, 207.4),
    (181.6, 185.5, 181.0, 182.9, 216.3, 183.1, 182.2, 181.4, 184.0, 182.7),
)
BOTH_MS = (
    (611.4, 603.1, 608.8, 623.7, 607.2, 605.9, 610.0, 604.4, 609.3, 606.6),
    (546.9, 634.8, 520.2, 583.6, 601.0, 549.7, 507.3, 642.4, 550.6, 638.8),
)
STRETCHES = (
    Stretch("forward", 78, 94, 2.02, (WITH, WITHOUT)),
    Stretch("forward_backward", 28, 30, 1.84, (WITHOUT,)),
    Stretch("forward_backward", 64, 74, 1.11, (WITHOUT, WITH)),
)
CLASSIC = "the classic benchmark's author, on a GPU of 2017"
PUBLISHED = (
    Published(WITH, "forward", 0.026, CLASSIC),
    Published(WITHOUT, "forward", 0.007, CLASSIC),
    Published(WITH, "forward_backward", 0.078, CLASSIC),
    Published(WITHOUT, "forward_backward", 0.025, CLASSIC),
)
NOT_TIMED = (
    *(ExecutedOp(f"const{number}", "Const", "CPU") for number in range(11)),
    *(ExecutedOp(f"identity{number}", "Identity", "CPU") for number in range(6)),
    *(ExecutedOp(f"shape{number}", "Shape", "CPU") for number in range(2)),
    ExecutedOp("init", "NoOp", "CPU"),
    ExecutedOp("unknown", "", "CPU"),
)
NODES = {f"conv{number}": Node("_FusedConv2D", ("BiasAdd", "Relu")) for number in range(1, 6)}
LRN = AblationSpec("lrn", WITH, WITHOUT, kinds=("LRN",))


def replayed(phase: Phase, *specs: AblationSpec) -> Replay:
    """A replay that is 0.2 % off and gives each layer, kind and ablation 98 % of its share."""
    assert phase.timed is not None
    fractions = {("ablation", spec.name): 0.0 for spec in specs}
    for op in phase.ops:
        own = [spec.name for spec in specs if matches(spec, op.name, op.kind, op.layer)]
        for key in (("layer", op.layer), ("kind", op.kind), *(("ablation", name) for name in own)):
            fractions[key] = fractions.get(key, 0.0) + 0.98 * op.share_fraction
    savings = [
        Saving(
            what=what,
            name=name,
            fraction=fraction,
            fraction_std=0.004,
            halved_fraction=fraction / 2,
        )
        for (what, name), fraction in fractions.items()
    ]
    savings.sort(key=lambda saving: (saving.what, -saving.fraction))
    path = tuple(PathOp(op=op.name, mean_s=op.share_mean_s) for op in phase.ops[:25])
    return Replay(
        drift=0.0021, drift_worst=0.0094, steps=10, critical_path=path, savings=tuple(savings)
    )


def measured_phase(
    key: str,
    steps: Mapping[str, Sequence[Block]],
    op_times: Mapping[str, Sequence[OpTimes]],
    *specs: AblationSpec,
    replay: Replay | None = None,
    executed: Sequence[ExecutedOp] = (),
    interleaved: bool = True,
) -> tuple[dict[str, Phase], tuple[Ablation, ...]]:
    """A phase of each variant, and what the specs give; with LRN it is replayed."""

    def change(variant: str, phase: Phase) -> Phase:
        phase = msgspec.structs.replace(phase, timed=timed(steps[variant]))
        if variant == WITH and phase.traced:
            phase = msgspec.structs.replace(phase, replay=replay or replayed(phase, *specs))
        return phase

    given: dict[str, Any] = {"change": change, "executed": executed, "nodes": NODES}
    return factory.measured(key, steps, op_times, specs, interleaved=interleaved, **given)[:2]


def without(times: Iterable[OpTimes], spec: AblationSpec) -> list[OpTimes]:
    return [op for op in times if not matches(spec, op.name, op.kind, layer_of(op.name))]


def alexnet_run(
    forward_steps: Mapping[str, Sequence[Block]],
    both_steps: Mapping[str, Sequence[Block]],
    stretches: tuple[Stretch, ...] = (),
) -> Run:
    """Two variants, two phases; without LRN conv2 is slower."""
    forward_ops, both_ops = ops(FORWARD), ops(FORWARD_BACKWARD)
    slower = [
        replace(op, share_ns=op.share_ns * 1.2) if "conv2" in op.name else op for op in both_ops
    ]
    forward_times = {
        WITH: [*forward_ops, idle_ms(FORWARD_IDLE_MS)],
        WITHOUT: [*without(forward_ops, LRN), idle_ms(0.75)],
    }
    both_times = {
        WITH: [*both_ops, idle_ms(FORWARD_BACKWARD_IDLE_MS)],
        WITHOUT: [*without(slower, LRN), idle_ms(1.12)],
    }
    executed = NOT_TIMED[-4:]
    forward, ablations = measured_phase(
        "forward", forward_steps, forward_times, LRN, replay=NOT_REPLAYED, executed=executed
    )
    both, both_ablations = measured_phase(
        "forward_backward", both_steps, both_times, LRN, executed=NOT_TIMED
    )
    settings: dict[str, Setting] = {"batch_size": 32, "seed": 0}
    return run_of(
        "alexnet-20261124-071417",
        {
            name: Variant(
                label=name.replace("_lrn", " LRN"),
                build_s=build_s,
                phases={"forward": forward[name], "forward_backward": both[name]},
            )
            for name, build_s in ((WITH, 0.31), (WITHOUT, 0.28))
        },
        started="2026-11-24T07:14:17+00:00",
        workload=WorkloadRecord(name="alexnet", settings=settings, published=PUBLISHED),
        stretches=stretches,
        ablations=(*ablations, *both_ablations),
    )


@cache
def alexnet() -> Run:
    """The run of the design's pictures, with slow stretches: medians lead."""
    return alexnet_run(in_turns(*FORWARD_MS), in_turns(*BOTH_MS), STRETCHES)


@cache
def steady() -> Run:
    """The same with no slow stretch: means lead; forward-backward is too noisy to tell."""
    forward_ms = ([min(ms, 1.03 * min(means_ms)) for ms in means_ms] for means_ms in FORWARD_MS)
    return alexnet_run(in_turns(*forward_ms), in_turns(*BOTH_MS))
