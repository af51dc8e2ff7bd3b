"""Runs that are not the ordinary case: each once made some report look wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from msgspec.structs import replace as changed

from alexprof.record.environment import Device
from alexprof.record.note import Note
from alexprof.record.phase import Phase
from alexprof.record.run import MachineRecord, Run, Variant, WorkloadRecord
from alexprof.record.trace import Replay
from alexprof.workload.base import AblationSpec
from tests.factory import MACHINE, NOT_REPLAYED, OpTimes, change_phases, costs_of, run_of, traced
from tests.show.runs import (
    BOTH_MS,
    FORWARD,
    FORWARD_BACKWARD,
    FORWARD_BACKWARD_IDLE_MS,
    FORWARD_IDLE_MS,
    FORWARD_MS,
    LRN,
    WITH,
    WITHOUT,
    alexnet,
    blocks,
    idle_ms,
    in_turns,
    measured_phase,
    ops,
    steady,
    timed,
    without,
)

GPU_OPS = """
conv2/Conv2D Conv2D forward 1.31 0.02 1.44 0.02
conv1/Conv2D Conv2D forward 0.62 0.01 0.62 0.01
lrn1/LRN LRN forward 0.48 0.03 0.48 0.03
gradients/conv2/Conv2D_grad/Conv2DBackpropInput Conv2D backward 1.65 0.04 2.10 0.05
gradients/conv2/Conv2D_grad/Conv2DBackpropFilter Conv2D backward 1.58 0.03 2.02 0.03
train/update_conv2/ResourceApplyGradientDescent ApplyGradientDescent optimizer 0.21 0.01 0.21 0.01
data/IteratorGetNext Iterator input 0.09 0.01 0.09 0.01
"""
HOST_OPS = "host/Decode Decode input 0.4 0.1 0.4 0.1"


def two_phases(run: Run) -> dict[str, dict[str, Phase]]:
    return {name: dict(variant.phases) for name, variant in run.variants.items()}


def with_phases(run: Run, phases: dict[str, dict[str, Phase]]) -> Run:
    variants = {
        name: changed(run.variants[name], phases=variant_phases)
        for name, variant_phases in phases.items()
    }
    return changed(run, variants=variants)


def only_both(run: Run, phases: dict[str, Phase]) -> Run:
    """With these phases, by variant, and no other."""
    return with_phases(run, {name: {"forward_backward": both} for name, both in phases.items()})


@cache
def incomplete() -> Run:
    """Stopped in the second phase: one variant timed in part, nothing traced of it."""
    run = alexnet()
    phases = two_phases(run)
    short = timed(in_turns(*BOTH_MS)[WITH][:3])
    phases[WITH]["forward_backward"] = Phase(label="Forward-backward", timed=short)
    del phases[WITHOUT]["forward_backward"]
    no_memory = "no memory left in forward-backward, without LRN"
    return changed(
        with_phases(run, phases),
        complete=False,
        stopped=Note("failed", text=no_memory),
        ablations=run.ablations[:1],
        stretches=(),
    )


def nothing() -> Run:
    """Killed before anything was timed."""
    return run_of(
        "alexnet-20261124-080000",
        complete=False,
        stopped=Note("unfinished"),
        started="2026-11-24T08:00:00+00:00",
    )


@cache
def one_step() -> Run:
    """One variant of a user's own graph, one timed and one traced step, no batch size."""
    once = timed(blocks("default", {0: 20.5}, steps=1), burn_in=0)
    costs = costs_of(
        [*ops("dense/MatMul MatMul forward 19.9 0 19.9 0", steps=1), idle_ms(0.6, steps=1)]
    )
    phase = traced(Phase(label="Inference", timed=once), costs)
    default = Variant(label="default", phases={"inference": phase})
    return run_of("mine", {"default": default}, started="2026-11-24T09:00:00+00:00")


@cache
def two_gpus() -> Run:
    """A training phase on two GPUs: kernel times, four passes, idle time explained."""
    steps = 20
    waits = {"launching": 1.5, "input": 0.6, "python": 0.06}
    costs = costs_of(
        [
            *ops(GPU_OPS, "GPU:0", steps),
            *(idle_ms(ms, steps, "GPU:0", reason) for reason, ms in waits.items()),
            *ops("conv2/Conv2D Conv2D forward 5.2 0.1 5.2 0.1", "GPU:1", steps),
            idle_ms(2.9, steps, "GPU:1", "launching"),
            *ops(HOST_OPS, "CPU", steps),
            idle_ms(7.7, steps),
        ]
    )
    trained = timed(blocks("default", {order: 8.0 + order % 3 / 50 for order in range(10)}))
    notes = (Note("profiler_warning", text="3 kernels were dropped"),)
    phase = traced(Phase(label="Train", timed=trained, notes=notes), costs, device="GPU:0")
    gpus = (Device("GPU:0", "NVIDIA H100 80GB HBM3"), Device("GPU:1", "NVIDIA H100 80GB HBM3"))
    return run_of(
        "train-20261124-093000",
        {"default": Variant(label="default", phases={"train": phase})},
        started="2026-11-24T09:30:00+00:00",
        workload=WorkloadRecord(name="mine", settings={"batch_size": 256}),
        machine=MachineRecord(MACHINE.host, replace(MACHINE.software, onednn=None), gpus),
    )


@cache
def untraced() -> Run:
    """Two variants timed one after the other, no trace: no own ops, nothing to predict."""
    run = alexnet()
    steps = {
        variant: [replace(block, order=place * 10 + block.block) for block in variant_blocks]
        for place, (variant, variant_blocks) in enumerate(in_turns(*BOTH_MS).items())
    }
    phases, ablations = measured_phase("forward_backward", steps, {}, LRN, interleaved=False)
    assert run.workload is not None
    settings = {**run.workload.settings, "interleave": False}
    return changed(
        only_both(run, phases),
        workload=changed(run.workload, settings=settings),
        stretches=(),
        ablations=ablations,
    )


@cache
def withheld() -> Run:
    """Trace and stopwatch disagree in one phase; nothing ran in the other."""

    def bad(phase: Phase) -> Phase:
        assert phase.traced is not None
        traced_twice = changed(phase.traced, wall_clock_mean_s=0.181)
        return changed(
            phase,
            traced=traced_twice,
            attribution=None,
            ops=(),
            layers=(),
            layers_whole=(),
            kinds=(),
        )

    def untouched(phase: Phase) -> Phase:
        timed_alone = Phase(label=phase.label, timed=phase.timed)
        return traced(timed_alone, costs_of([idle_ms(610.0)]))

    run = change_phases(alexnet(), bad, WITH, "forward")
    run = change_phases(run, untouched, WITH, "forward_backward")
    return changed(run, ablations=(), stretches=())


@cache
def long_names() -> Run:
    """Names that fit no column, many layers, a time whose op is not known, odd characters."""
    lines = "\n".join(
        f"model/transformer/encoder/layer_{number:02}/self_attention/output/dense_{number:02}/"
        f"Tensordot/MatMul BatchMatMulWithBroadcast forward {60 - number} 1.5 {60 - number} 1.5"
        for number in range(30)
    )
    costs = [
        replace(op, layer=f"model/transformer/encoder/layer_{number:02}/attention")
        for number, op in enumerate(ops(lines))
    ]
    lost = "(unassigned) (unassigned) other 12 0.1 12 0.1"
    long = timed(blocks("v", {order: 1390.0 + order for order in range(4)}))
    phase = traced(
        Phase(label="LSTM-like | <b>training</b>", timed=long),
        costs_of([*costs, *ops(lost), idle_ms(3.2)]),
    )
    run = one_step()
    name = "a-run-with-a-name-that-someone-gave-it-and-that-goes-on-\x1b[31mand-on-and-on-and-on"
    return changed(
        run, run=name, variants={"v": Variant(label="bert_*large* & co.", phases={"lstm": phase})}
    )


@cache
def one_traced() -> Run:
    """The other variant's trace is missing."""
    run = alexnet()
    own_ops = [*ops(FORWARD), idle_ms(FORWARD_IDLE_MS)]
    forward, ablations = measured_phase(
        "forward", in_turns(*FORWARD_MS), {WITH: own_ops}, LRN, replay=NOT_REPLAYED
    )
    phases = {name: {**both, "forward": forward[name]} for name, both in two_phases(run).items()}
    return changed(with_phases(run, phases), ablations=ablations)


@cache
def ablated() -> Run:
    """Several ablations of one phase: a table of them, one without an interval."""
    specs = [
        AblationSpec("LRN", WITH, WITHOUT, kinds=("LRN",)),
        AblationSpec("lrn1", WITH, "without_lrn1", layers=("lrn1",)),
        AblationSpec("conv1:Relu", WITH, "without_conv1:Relu", kinds=("Relu",), layers=("conv1",)),
        AblationSpec("BiasAdd", WITH, "without_BiasAdd", kinds=("BiasAdd",)),
    ]
    both_ops = ops(FORWARD_BACKWARD)
    steps = {WITH: blocks(WITH, {5 * at: ms for at, ms in enumerate(BOTH_MS[0])})}
    times = {WITH: [*both_ops, idle_ms(FORWARD_BACKWARD_IDLE_MS)]}
    for place, (spec, saved_ms) in enumerate(zip(specs, (55.9, 29.1, -1.2, 3.0), strict=True), 1):
        means_ms = np.roll(BOTH_MS[0], place) - saved_ms
        in_turn = {5 * at + place: ms for at, ms in enumerate(means_ms.tolist())}
        steps[spec.without] = blocks(spec.without, in_turn)
        times[spec.without] = [*without(both_ops, spec), idle_ms(1.12)]
    phases, (*ablations, bias) = measured_phase("forward_backward", steps, times, *specs)
    labels = {WITH: "with LRN", WITHOUT: "without LRN"}
    variants = {
        name: Variant(
            label=labels.get(name, name.replace("_", " ")), phases={"forward_backward": phase}
        )
        for name, phase in phases.items()
    }
    bias = changed(bias, ci95_s=None, median_ci95_s=None)
    return changed(alexnet(), variants=variants, ablations=(*ablations, bias))


@cache
def gone_along() -> Run:
    """Ops that went with others or are new without them, many layers that changed, lost time."""
    gone = "\n".join(
        f"{type_}_{at} {type_} forward {0.2 / number} 0 {0.2 / number} 0"
        for number, type_ in enumerate(("Transpose", "Cast", "Reshape", "Pack", "Fill"), 1)
        for at in range(number)
    )
    own, new = "lrn1/LRN LRN forward 41.3 0.5 41.3 0.5", "conv1/Relu Relu forward 3.1 0.1 3.1 0.1"

    def others(slower_ms: float, lost_ms: float) -> list[OpTimes]:
        layers = "\n".join(
            f"encoder/layer_{number:02}/MatMul MatMul forward {4 + number * slower_ms} 0.01 4 0.01"
            for number in range(1, 11)
        )
        lost = f"(unassigned) (unassigned) other {lost_ms} 0.01 {lost_ms} 0.01"
        return [
            *(replace(op, layer=op.name.removesuffix("/MatMul")) for op in ops(layers)),
            *ops(lost),
            idle_ms(1.1),
        ]

    times = {
        WITH: [*ops(own), *ops(gone), *others(0, 0.1)],
        WITHOUT: [*ops(new), *others(0.1, 0.5)],
    }
    replay = Replay(
        reason=Note("replay_not_cpu_alone"),
        dependents={"lrn": ("Transpose_0", "Cast_0", "Cast_1", "Fill_0")},
    )
    means_ms = ([84.1, 84.9] * 5, [50.0, 50.4] * 5)
    phases, ablations = measured_phase(
        "forward_backward", in_turns(*means_ms), times, LRN, replay=replay
    )
    return changed(only_both(steady(), phases), ablations=ablations)
