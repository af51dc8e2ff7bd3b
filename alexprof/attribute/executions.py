"""The traced steps as executions of ops, to be replayed."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alexprof.attribute.activity import CPU, Activity
from alexprof.attribute.cores import core_time
from alexprof.attribute.ops import Work
from alexprof.attribute.replay import ExecutedStep, Execution
from alexprof.attribute.steps import PS_PER_NS, Steps
from alexprof.attribute.timeline import Float, Int, alone, cut, distinct, self_segments, touching
from alexprof.record.note import Note

_LEAST_ALONE = 0.1  # of an op's time, to tell from it how many cores the op can use


@dataclass(frozen=True)
class Executions:
    """What ran in the steps, in columns of n executions by step and begin."""

    names: Sequence[str]  # name of each op
    op: Int  # [n]
    thread: Int  # [n]
    start_ns: Float  # [n], from the step's begin
    end_ns: Float  # [n]
    first: Int  # [steps + 1], where the executions of each step begin
    wall_ns: Int  # [steps]
    usable: Float  # [ops], how many cores each op can use at once
    cores: float  # how many there are
    threads: int  # how many ops can run at once

    @classmethod
    def of(cls, work: Work, steps: Steps) -> Executions | Note:
        """Draws the steps; or the reason why they can't be replayed."""
        if len(work.devices) > 1 or work.devices[0].device != CPU:
            return Note("replay_not_cpu_alone")
        (cpu,) = work.devices
        if cpu.at_work is not None:
            return Note("replay_xla")
        at = steps.at(cpu.start_ps, cpu.end_ps)
        rows = np.flatnonzero(at >= 0)
        rows = rows[np.lexsort((cpu.start_ps[rows], at[rows]))]
        step, op = at[rows], cpu.op[rows]
        if distinct([step * len(work.ops) + op]).size < rows.size:
            return Note("replay_repeated_ops")
        if (cpu.occurrences[rows] > 1).any() or _nested(cpu):
            return Note("replay_nested_ops")
        first = np.searchsorted(step, np.arange(len(steps) + 1))
        if (np.diff(first) == 0).any():
            return Note("replay_empty_steps")
        usable, cores = _usable(cpu, work)
        start, end = steps.start_ps[step], steps.end_ps[step]
        return cls(
            names=[name for name, _ in work.ops],
            op=op,
            thread=cpu.thread[rows],
            start_ns=(np.maximum(cpu.start_ps[rows], start) - start) / PS_PER_NS,
            end_ns=(np.minimum(cpu.end_ps[rows], end) - start) / PS_PER_NS,
            first=first,
            wall_ns=steps.wall_ns,
            usable=usable,
            cores=cores,
            threads=int(np.unique(cpu.thread[rows]).size),
        )

    @property
    def size(self) -> float:
        """Executions in a step, on average."""
        return self.op.size / self.wall_ns.size

    def part_in(self, nodes: Container[str]) -> float:
        """The part of the ops' time that belongs to known ones."""
        is_known = np.array([name in nodes for name in self.names], bool)
        time = self.end_ns - self.start_ns
        return float(time[is_known[self.op]].sum() / max(time.sum(), 1))

    def steps(self, chosen: Sequence[int]) -> Iterator[ExecutedStep]:
        """Makes the steps with these indexes."""
        for at in chosen:
            rows = slice(self.first[at], self.first[at + 1])
            op = self.op[rows]
            columns = self.thread[rows], self.start_ns[rows], self.end_ns[rows], self.usable[op]
            ran = zip(op.tolist(), *(column.tolist() for column in columns), strict=True)
            executions = tuple(Execution(self.names[which], *rest) for which, *rest in ran)
            yield ExecutedStep(executions, float(self.wall_ns[at]), self.cores, self.threads)


def _nested(cpu: Activity) -> bool:
    """Tells whether ops of a thread overlap."""
    order = np.lexsort((cpu.start_ps, cpu.thread))
    return touching(cpu.start_ps[order], cpu.end_ps[order], cpu.thread[order])


def _usable(cpu: Activity, work: Work) -> tuple[Float, float]:
    """How many cores each op can use at once, and how many there are.

    An op that hands no work to the pool uses its own thread. For the others it shows when they ran
    with no op beside them; those that never did are taken for able to use all. Without core times
    all ops count the same: one divides the machine with the others.
    """
    regions = work.regions
    if regions is None:
        return np.ones(len(work.ops)), 1.0
    own = self_segments(cpu.start_ps, cpu.end_ps, cpu.thread)
    windows = alone(own.start_ps, own.end_ps)
    pieces, _ = cut(own, *windows)
    worked, _ = cut(regions.worked(), *windows)
    of_region = regions.op[worked.owner]
    owned = of_region >= 0
    ops = len(work.ops)
    core_ps, _ = core_time(
        (cpu.op[pieces.owner], pieces), (of_region[owned], worked.take(owned)), ops, regions.threads
    )
    alone_ps = np.bincount(
        cpu.op[pieces.owner], weights=pieces.end_ps - pieces.start_ps, minlength=ops
    )
    busy_ps = np.bincount(cpu.op, weights=cpu.end_ps - cpu.start_ps, minlength=ops)
    is_known = alone_ps > _LEAST_ALONE * np.maximum(busy_ps, 1)
    most = float(regions.threads)
    cores = np.where(is_known, np.clip(core_ps / np.maximum(alone_ps, 1), 1, most), most)
    shares_work = np.bincount(regions.op[regions.op >= 0], minlength=ops) > 0
    return np.where(shares_work, cores, 1.0), most
