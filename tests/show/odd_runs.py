"""Runs that are not the ordinary case: each once made some report look wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import msgspec

from alexprof.record.ablation import Ablation
from alexprof.record.environment import Device
from alexprof.record.note import Note
from alexprof.record.phase import Phase
from alexprof.record.run import MachineRecord, Run, Variant, WorkloadRecord
from alexprof.record.timed import Timed
from alexprof.record.trace import FusedOp, OneSided, Replay, SeenOps
from tests.factory import MACHINE, costs_of, run_of, traced
from tests.show.runs import (
    BOTH_WITH,
    BOTH_WITHOUT,
    FORWARD_WITHOUT,
    alexnet,
    change,
    forward_ablation,
    idle_ms,
    ops,
    steady,
    timed,
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
        name: msgspec.structs.replace(run.variants[name], phases=of_variant)
        for name, of_variant in phases.items()
    }
    return msgspec.structs.replace(run, variants=variants)


@cache
def incomplete() -> Run:
    """Stopped in the second phase: one variant timed in part, nothing traced of it."""
    run = alexnet()
    phases = two_phases(run)
    short = replace(BOTH_WITH, steps=30, blocks=BOTH_WITH.blocks[:3])
    phases["with_lrn"]["forward_backward"] = Phase(label="Forward-backward", timed=short)
    del phases["without_lrn"]["forward_backward"]
    return msgspec.structs.replace(
        with_phases(run, phases),
        complete=False,
        stopped=Note("failed", text="no memory left in forward-backward, without LRN"),
        ablations=(forward_ablation(),),
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
    once = timed(20.5, None, 0.0, (20.5, None, None), [(0, 20.5)], block_steps=1, burn_in=0)
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
    trained = timed(
        8.02, 0.11, 0.2, (8.0, 7.9, 8.1), [(n, 8.0 + n % 3 / 50) for n in range(10)]
    )  # fmt: skip
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


def without_traces(ablation: Ablation) -> Ablation:
    """An ablation as it is measured without traces of both variants."""
    return Ablation(
        name=ablation.name,
        phase=ablation.phase,
        reference=ablation.reference,
        without=ablation.without,
        kinds=ablation.kinds,
        measured_s=ablation.measured_s,
        ci95_s=ablation.ci95_s,
        measured_median_s=ablation.measured_median_s,
        median_ci95_s=ablation.median_ci95_s,
    )


@cache
def untraced() -> Run:
    """Two variants timed one after the other, no trace: no own ops, nothing to predict."""
    run = alexnet()
    phases = {
        name: {"forward_backward": Phase(label="Forward-backward", timed=timed)}
        for name, timed in (("with_lrn", alone(BOTH_WITH)), ("without_lrn", alone(BOTH_WITHOUT)))
    }
    assert run.workload is not None
    settings = {**run.workload.settings, "interleave": False}
    answer = msgspec.structs.replace(
        without_traces(run.ablations[1]),
        paired=False,
        ci95_s=(0.0121, 0.0546),
    )
    workload = msgspec.structs.replace(run.workload, settings=settings)
    run = msgspec.structs.replace(with_phases(run, phases), workload=workload, stretches=())
    return msgspec.structs.replace(run, ablations=(answer,))


def alone(timed: Timed) -> Timed:
    return replace(timed, blocks=tuple(replace(block, order=block.block) for block in timed.blocks))


@cache
def withheld() -> Run:
    """Trace and stopwatch disagree in one phase; nothing ran in the other."""
    run = alexnet()
    phases = two_phases(run)
    bad = phases["with_lrn"]["forward"]
    assert bad.traced is not None
    phases["with_lrn"]["forward"] = msgspec.structs.replace(
        bad,
        traced=msgspec.structs.replace(bad.traced, wall_clock_mean_s=0.181),
        attribution=None,
        ops=(),
        layers=(),
        layers_whole=(),
        kinds=(),
    )
    untouched = Phase(label="Forward-backward", timed=BOTH_WITH)
    phases["with_lrn"]["forward_backward"] = traced(untouched, costs_of([idle_ms(610.0)]))
    return msgspec.structs.replace(with_phases(run, phases), ablations=(), stretches=())


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
    long = timed(1400, 9.1, 22, (1398, 1391, 1404), [(n, 1390 + n) for n in range(4)])
    phase = traced(
        Phase(label="LSTM-like | <b>training</b>", timed=long),
        costs_of([*costs, *ops(lost), idle_ms(3.2)]),
    )
    run = one_step()
    name = "a-run-with-a-name-that-someone-gave-it-and-that-goes-on-\x1b[31mand-on-and-on-and-on"
    return msgspec.structs.replace(
        run, run=name, variants={"v": Variant(label="bert_*large* & co.", phases={"lstm": phase})}
    )


@cache
def one_traced() -> Run:
    """Own ops are known, the other variant's trace is missing."""
    run = alexnet()
    phases = two_phases(run)
    phases["without_lrn"]["forward"] = Phase(label="Forward", timed=FORWARD_WITHOUT)
    ablation = without_traces(run.ablations[0])
    return msgspec.structs.replace(with_phases(run, phases), ablations=(ablation,))


@cache
def ablated() -> Run:
    """Several ablations of one phase: a table of them."""
    run = alexnet()
    phases = two_phases(run)
    for left_out in ("lrn1", "conv1:Relu", "BiasAdd"):
        phases[f"without_{left_out}"] = {
            "forward_backward": phases["without_lrn"]["forward_backward"]
        }
    (known,) = [ablation for ablation in run.ablations if ablation.phase == "forward_backward"]
    rows = (
        ("LRN", 0.0559, (0.0450, 0.0670), 0.0547),
        ("lrn1", 0.0291, (0.0201, 0.0381), 0.0301),
        ("conv1:Relu", -0.0012, (-0.0100, 0.0076), 0.0009),
        ("BiasAdd", 0.0030, None, None),
    )
    ablations = tuple(
        msgspec.structs.replace(
            known,
            name=name,
            without="without_lrn" if name == "LRN" else f"without_{name}",
            measured_median_s=saved_s,
            median_ci95_s=interval,
            predicted_s=predicted_s,
            predicted_ci95_s=None
            if predicted_s is None
            else (predicted_s - 0.002, predicted_s + 0.002),
        )
        for name, saved_s, interval, predicted_s in rows
    )
    lrn, one, relu, bias = ablations
    ablations = (
        lrn,
        one,
        msgspec.structs.replace(
            relu,
            seen=(SeenOps(type="ReluGrad", pass_="backward", ops=1),),
            fused=(fused_conv(1, "Relu"),),
        ),
        msgspec.structs.replace(
            bias,
            attributed_s=None,
            attributed_ci95_s=None,
            parts=(),
            seen=(),
            fused=tuple(fused_conv(number, "BiasAdd") for number in range(1, 6)),
            others_s=0.03334,
            predicted_s=0.0,
        ),
    )
    variants = {
        name: run.variants.get(name, Variant(label=name.replace("_", " "), phases=of_variant))
        for name, of_variant in phases.items()
    }
    return msgspec.structs.replace(run, variants=variants, ablations=ablations)


def fused_conv(number: int, *fused: str) -> FusedOp:
    layer = f"conv{number}"
    return FusedOp(op=layer, layer=layer, kind="Conv2D", pass_="forward", fused=fused)


@cache
def gone_along() -> Run:
    """Ops that went with others or are new without them, many layers that changed, lost time."""
    run = steady()
    (both,) = [ablation for ablation in run.ablations if ablation.phase == "forward_backward"]
    layers = tuple(
        change(f"encoder/layer_{number:02}", 0.004, 0.004 + number / 1e4, 0.00005, significant=True)
        for number in range(10, 0, -1)
    )
    types = ("Transpose", "Cast", "Reshape", "Pack", "Fill")
    gone = tuple(
        OneSided(type=type_, ops=tuple(f"{type_}_{at}" for at in range(number)), change_s=0.0002)
        for number, type_ in enumerate(types, 1)
    )
    new = OneSided(type="Relu", ops=("conv1",), change_s=-0.0031, ci95_s=(-0.0034, -0.0028))
    others_s = -0.0055 + 0.001 - 0.0031 - 0.0004
    ablation = msgspec.structs.replace(
        both,
        ci95_s=(0.0281, 0.0386),
        attributed_s=0.04134,
        attributed_ci95_s=(0.0373, 0.04538),
        parts=(),
        others=layers,
        others_s=others_s,
        not_significant=None,
        only_with=gone,
        only_without=(new,),
        unassigned=change("", 0.0001, 0.0005, 0.0003),
        predicted_s=0.04314,
        predicted_ci95_s=None,
        predicted_from="share",
        fused=(fused_conv(1, "LRN"),),
    )
    phases = two_phases(run)
    del phases["with_lrn"]["forward"], phases["without_lrn"]["forward"]
    replay = Replay(
        reason=Note("replay_not_cpu_alone"),
        dependents={"lrn": ("Transpose_0", "Cast_0", "Cast_1", "Fill_0")},
    )
    whole = phases["with_lrn"]["forward_backward"]
    phases["with_lrn"]["forward_backward"] = msgspec.structs.replace(whole, replay=replay)
    return msgspec.structs.replace(with_phases(run, phases), ablations=(ablation,))
