"""Runs made by hand, on disk: what each step took is said, and so what has to come out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from alexprof.analysis.changes import RunComparison
from alexprof.analysis.compare import compare
from alexprof.analysis.selection import Group
from alexprof.measure.loop import Block
from alexprof.record.ablation import AblationSpec
from alexprof.record.environment import Device, Machine, Software
from alexprof.record.interference import Interference
from alexprof.record.parquet import COSTS_FILE, STEPS_FILE, costs_table, save_tables
from alexprof.record.run import MachineRecord, Run, Variant, WorkloadRecord
from alexprof.record.store import save_run
from alexprof.record.workload import Setting
from alexprof.tracer.sources import select, select_each
from alexprof.tracer.steps import steps_table
from tests.factory import OpTimes, block, idle, layer_of, measured, run_of, wave

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


def made_run(
    folder: Path,
    steps_s: Mapping[str, float],
    *,
    ops: Mapping[str, float] | None = None,
    phase: str = "forward",
    noise: float = 0.005,
    seed: int = 0,
    count: int = 100,
    levels: Sequence[float] = (1.0,),
    traced: int = 10,
    host: Machine = HOST,
    software: Software = SOFTWARE,
    accelerators: tuple[Device, ...] = (),
    started: str = "2026-11-24T04:42:00+00:00",
    settings: Mapping[str, Setting] | None = None,
    without: Mapping[str, tuple[str, ...]] | None = None,
    gained_s: Mapping[str, Mapping[str, float]] | None = None,
    interference: Interference | None = LONG,
    ablations: Sequence[AblationSpec] = (),
    **fields: Any,
) -> Run:
    """Writes a run with one phase whose variants take turns; `steps_s` has their step times.

    `ops` are parts of the step. A variant `without` some of them is shorter by their time, and its
    other ops take `gained_s` more. `noise` is the largest deviation of a step, and of an op in a
    traced step. `levels` are added to the mean of the blocks in turn.
    """
    blocks, op_times = {}, {}
    for number, (variant, whole_s) in enumerate(steps_s.items()):
        gained = (gained_s or {}).get(variant, {})
        ops_s = {name: part * whole_s + gained.get(name, 0) for name, part in (ops or OPS).items()}
        step_s = whole_s - sum(ops_s.pop(name) for name in (without or {}).get(variant, ()))
        blocks[variant] = _blocks(variant, number, len(steps_s), step_s, noise, seed, count, levels)
        if traced:
            op_times[variant] = _op_times(ops_s, step_s, noise, seed + number, traced)
    phases, measured_ablations, costs = measured(
        phase,
        blocks,
        op_times,
        ablations,
        change=lambda _, record: msgspec.structs.replace(record, interference=interference),
        file="trace.xplane.pb",
    )
    usual = {
        "started": started,
        "workload": WorkloadRecord(name="alexnet", settings={**SETTINGS, **(settings or {})}),
        "machine": MachineRecord(host, software, accelerators),
        "ablations": measured_ablations,
    }
    variants = {
        variant: Variant(
            label=variant.replace("_", " ").replace("lrn", "LRN"), phases={phase: record}
        )
        for variant, record in phases.items()
    }
    run = run_of(folder.name, variants, **{**usual, **fields})
    every = sorted(itertools.chain(*blocks.values()), key=lambda block: block.order)
    tables = {STEPS_FILE: steps_table({phase: every})}
    if costs:
        tables[COSTS_FILE] = costs_table(costs)
    folder.mkdir(parents=True, exist_ok=True)
    run = save_tables(folder, run, tables)
    save_run(folder, run)
    return run


def _blocks(
    variant: str,
    number: int,
    variants: int,
    step_s: float,
    noise: float,
    seed: int,
    count: int,
    levels: Sequence[float],
) -> list[Block]:
    """Ten blocks, in turns with the other variants'."""
    seconds = step_s * (1 + noise * wave(count, 3 * seed + number))
    return [
        block(
            variant,
            at,
            at * variants + (variants - 1 - number if at % 2 else number),
            part * levels[at % len(levels)],
        )
        for at, part in enumerate(np.array_split(seconds, 10))
    ]


def _op_times(
    ops_s: Mapping[str, float], step_s: float, noise: float, seed: int, steps: int
) -> list[OpTimes]:
    """Ops after one another in traced steps that take 5 % longer, then idle time."""
    wobble = wave(steps * len(ops_s), seed).reshape(steps, len(ops_s))
    times = []
    for place, (name, seconds) in enumerate(ops_s.items()):
        share_ns = np.round(seconds * 1.05e9 * (1 + noise * wobble[:, place]))
        pass_ = "backward" if "grad" in name else "forward"
        times.append(OpTimes(name, KINDS.get(layer_of(name), "Conv2D"), pass_, share_ns))
    left_ns = round(step_s * 1.05e9) - np.sum([op.share_ns for op in times], axis=0)
    return [*times, idle(left_ns)]


def compared(logdir: Path, *names: str) -> RunComparison:
    """Runs, variants or traces, as `alexprof compare` compares them."""
    return compare(select_each(list(map(str, names)), logdir))


def group(logdir: Path, *names: str) -> Group:
    """Runs that stand for the same thing."""
    return Group(tuple(select(str(name), logdir) for name in names))


def sum_of_accounts(ablation):
    """What own ops, everything else and idle time add up to, in seconds."""
    return (ablation.attributed_s or 0) + ablation.others_s + ablation.idle_s
