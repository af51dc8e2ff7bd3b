"""Runs made by hand, on disk: what each step took is said, and so what has to come out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from alexprof.measure.loop import Block, describe
from alexprof.record.environment import Device, Machine, Software
from alexprof.record.interference import Interference
from alexprof.record.phase import AttributedTimes, DeviceTimes, Phase, Traced
from alexprof.record.run import SCHEMA_VERSION, MachineRecord, Run, Variant, WorkloadRecord
from alexprof.record.store import save_run
from alexprof.record.tables import COSTS_FILE, STEPS_FILE, costs_table, save_table
from alexprof.record.workload import Setting
from alexprof.tracer.step_rows import steps_table

OPS = {"conv1": 0.40, "conv2": 0.30, "lrn1": 0.15, "pool1": 0.05, "gradients/conv1_grad/Sum": 0.06}
"""Parts of a step; what is left is idle time."""
KINDS = {"lrn1": "LRN", "pool1": "MaxPool"}
HOST = Machine("a processor", 2, 8 * 2**30, "Linux 6", 0.1)
LONG = Interference(seconds=1e9, cores=2)
"""Of a measurement so long that it knows the machine; nothing else is known."""
SOFTWARE = Software("0.1.0", "3.11.2", "2.21.0", "2.4.0", True, "bfc")
SETTINGS: dict[str, Setting] = {
    "batch_size": 32,
    "seed": 0,
    "intra_op": 0,
    "fetch": True,
    "cpu_allocator": "bfc",
}


def wave(count: int, seed: int) -> NDArray[np.float64]:
    """Numbers about 0 between −1 and 1 that look independent, the same on every machine."""
    place = np.arange(count) + 1
    return np.asarray(2 * ((place * 0.6180339887498949 + seed * 0.7548776662466927) % 1) - 1)


def made_run(
    folder: Path,
    steps_s: Mapping[str, float],
    *,
    ops: Mapping[str, float] | None = None,
    phase: str = "forward",
    noise: float = 0.005,
    seed: int = 0,
    count: int = 100,
    traced: int = 10,
    host: Machine = HOST,
    software: Software = SOFTWARE,
    accelerators: tuple[Device, ...] = (),
    started: str = "2026-11-24T04:42:00+00:00",
    settings: Mapping[str, Setting] | None = None,
    without: Mapping[str, tuple[str, ...]] | None = None,
    interference: Interference | None = LONG,
    **fields: Any,
) -> Run:
    """Writes a run whose variants take turns.

    Args:
        folder: The run's folder.
        steps_s: What a step takes, by variant.
        ops: Parts of the step by op.
        phase: The only phase.
        noise: Largest deviation of a step, and of an op in a traced step, as a part.
        seed: Of that noise.
        count: Timed steps.
        traced: Traced steps; 0: no trace.
        host: The machine.
        software: Versions.
        accelerators: GPUs.
        started: When.
        settings: Those that are not as usual.
        without: Ops that a variant lacks; its step is as much shorter as they are.
        interference: What went on around the timed steps.
        fields: Of the run.
    """
    without = without or {}
    variants, blocks, costs = {}, [], {}
    for number, (variant, step_s) in enumerate(steps_s.items()):
        mine = {name: part * step_s for name, part in (ops or OPS).items()}
        gone_s = sum(mine.pop(name) for name in without.get(variant, ()))
        own = _blocks(variant, number, len(steps_s), step_s - gone_s, noise, seed, count)
        blocks += own
        record = Phase(label=phase.capitalize().replace("_", "-"), timed=describe(own, fetch=True))
        if traced:
            costs[variant, phase] = _costs(mine, step_s - gone_s, noise, seed + number, traced)
            record = _with_trace(record, costs[variant, phase], traced)
        record = msgspec.structs.replace(record, interference=interference)
        label = variant.replace("_", " ").replace("lrn", "LRN")
        variants[variant] = Variant(label=label, phases={phase: record})
    run = Run(
        schema_version=SCHEMA_VERSION,
        run=folder.name,
        complete=True,
        stopped=None,
        started=started,
        workload=WorkloadRecord(name="alexnet", settings={**SETTINGS, **(settings or {})}),
        machine=MachineRecord(host, software, accelerators),
        variants=variants,
    )
    run = msgspec.structs.replace(run, **fields)
    save_run(folder, run)
    save_table(folder, STEPS_FILE, steps_table({phase: sorted(blocks, key=lambda one: one.order)}))
    if costs:
        save_table(folder, COSTS_FILE, costs_table(costs))
    return run


def _blocks(
    variant: str, number: int, variants: int, step_s: float, noise: float, seed: int, count: int
) -> list[Block]:
    """Ten blocks, in turns with the other variants'."""
    seconds = step_s * (1 + noise * wave(count, 3 * seed + number))
    found = []
    for block, part in enumerate(np.array_split(seconds, 10)):
        turn = number if block % 2 == 0 else variants - 1 - number
        order = block * variants + turn
        start_ns = order * 10**12 + np.cumsum(np.round(part * 1e9)).astype(np.int64)
        end_ns = start_ns + np.round(part * 1e9).astype(np.int64)
        found.append(Block(variant, block, order, block * len(part), start_ns, end_ns))
    return found


def _costs(
    ops: Mapping[str, float], step_s: float, noise: float, seed: int, steps: int
) -> pl.DataFrame:
    """Ops after one another in traced steps that take 5 % longer, then idle time."""
    rows = []
    wobble = wave(steps * len(ops), seed).reshape(steps, len(ops))
    for step in range(steps):
        wall_ns = round(step_s * 1.05e9)
        left_ns = wall_ns
        for place, (name, seconds) in enumerate(ops.items()):
            share_ns = round(seconds * 1.05e9 * (1 + noise * wobble[step, place]))
            left_ns -= share_ns
            rows.append(_row(step, name, share_ns, wall_ns))
        rows.append(_row(step, "(idle)", left_ns, wall_ns))
    return pl.DataFrame(rows)


def _row(step: int, name: str, share_ns: int, wall_ns: int) -> dict[str, object]:
    idle = name == "(idle)"
    layer = name.removeprefix("gradients/").split("/")[0].removesuffix("_grad")
    kind = "(idle)" if idle else KINDS.get(layer, "Conv2D")
    return {
        "step": step,
        "device": "CPU",
        "op": name,
        "type": kind,
        "kind": kind,
        "layer": layer,
        "pass": "idle" if idle else "backward" if "grad" in name else "forward",
        "executions": 0 if idle else 1,
        "kernels": 0,
        "busy_ns": 0 if idle else share_ns,
        "share_ns": share_ns,
        "wall_ns": wall_ns,
        "core_ns": None,
    }


def _with_trace(phase: Phase, costs: pl.DataFrame, steps: int) -> Phase:
    idle_ns = int(costs.filter(pl.col("op") == "(idle)")["share_ns"].sum())
    share_ns = int(costs["share_ns"].sum()) - idle_ns
    books = DeviceTimes(
        device="CPU",
        wall_ns=share_ns + idle_ns,
        share_ns=share_ns,
        idle_ns=idle_ns,
        unassigned_ns=0,
        idle_by_reason_ns={"python": idle_ns},
    )
    wall_s = books.wall_ns / steps / 1e9
    return msgspec.structs.replace(
        phase,
        traced=Traced(
            steps=steps,
            mean_s=wall_s,
            std_s=0.0,
            slowdown=1.05,
            wall_clock_mean_s=wall_s,
            file="trace.xplane.pb",
            host_level=3,
            events=steps * 5,
        ),
        attribution=AttributedTimes(
            device="CPU",
            wall_ns=books.wall_ns,
            share_ns=share_ns,
            idle_ns=idle_ns,
            unassigned_ns=0,
            devices=(books,),
        ),
    )


def sum_of_accounts(ablation):
    """What own ops, everything else and idle time add up to, in seconds."""
    return (ablation.attributed_s or 0) + ablation.others_s + ablation.idle_s
