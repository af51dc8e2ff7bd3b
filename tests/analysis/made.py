"""Runs made by hand, on disk: what each step took is said, and so what has to come out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from alexprof.analysis.changes import RunComparison
from alexprof.analysis.compare import compare
from alexprof.analysis.selection import Group
from alexprof.measure.loop import Block
from alexprof.measure.timed import describe
from alexprof.record.environment import Device, Machine, Software
from alexprof.record.interference import Interference
from alexprof.record.phase import Phase
from alexprof.record.run import MachineRecord, Run, Variant, WorkloadRecord
from alexprof.record.store import save_run
from alexprof.record.tables import COSTS_FILE, STEPS_FILE, costs_table, save_table
from alexprof.record.workload import Setting
from alexprof.tracer.sources import select, select_each
from alexprof.tracer.steps import steps_table
from tests.factory import OpTimes, costs_of, idle, run_of, wave
from tests.factory import traced as traced_phase

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
            times = tuple(mine.items())
            record, costs[variant, phase] = _trace(
                record, times, step_s - gone_s, noise, seed + number, traced
            )
        record = msgspec.structs.replace(record, interference=interference)
        label = variant.replace("_", " ").replace("lrn", "LRN")
        variants[variant] = Variant(label=label, phases={phase: record})
    usual = {
        "started": started,
        "workload": WorkloadRecord(name="alexnet", settings={**SETTINGS, **(settings or {})}),
        "machine": MachineRecord(host, software, accelerators),
    }
    run = run_of(folder.name, variants, **{**usual, **fields})
    save_run(folder, run)
    save_table(
        folder, STEPS_FILE, steps_table({phase: sorted(blocks, key=lambda block: block.order)})
    )
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


@cache
def _trace(
    phase: Phase,
    ops: tuple[tuple[str, float], ...],
    step_s: float,
    noise: float,
    seed: int,
    steps: int,
) -> tuple[Phase, pl.DataFrame]:
    """Ops after one another in traced steps that take 5 % longer, then idle time."""
    wobble = wave(steps * len(ops), seed).reshape(steps, len(ops))
    times = []
    for place, (name, seconds) in enumerate(ops):
        layer = name.removeprefix("gradients/").split("/")[0].removesuffix("_grad")
        share_ns = np.round(seconds * 1.05e9 * (1 + noise * wobble[:, place]))
        pass_ = "backward" if "grad" in name else "forward"
        times.append(OpTimes(name, KINDS.get(layer, "Conv2D"), pass_, share_ns))
    left_ns = round(step_s * 1.05e9) - np.sum([op.share_ns for op in times], axis=0)
    costs = costs_of([*times, idle(left_ns)])
    return traced_phase(phase, costs, file="trace.xplane.pb"), costs


def compared(logdir: Path, *names: str) -> RunComparison:
    """Runs, variants or traces, as `alexprof compare` compares them."""
    return compare(select_each(list(map(str, names)), logdir))


def group(logdir: Path, *names: str) -> Group:
    """Runs that stand for the same thing."""
    return Group(tuple(select(str(name), logdir) for name in names))


def sum_of_accounts(ablation):
    """What own ops, everything else and idle time add up to, in seconds."""
    return (ablation.attributed_s or 0) + ablation.others_s + ablation.idle_s
