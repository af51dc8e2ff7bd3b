"""A step replayed: from dependencies and measured durations to the step's time.

An op can start when what it waits for has ended and a thread is free, in the order in which ops
started in the trace. Ops that run at once divide the machine: each gets as many cores as it can
use, and where there are too few, all get the same. So what an op has to do is a number of core
seconds, taken from the trace by the same rule, and its duration follows from what runs beside it.
Idle time before an op and at the step's end is kept as it was.

A replay that gives back the measured time predicts what the step would take without some ops.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alexprof.attribute.activity import CPU, Activity
from alexprof.attribute.cores import core_time
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import PS_PER_NS, Steps
from alexprof.attribute.timeline import Float, Index, alone, cut, distinct, self_segments, touching
from alexprof.record.note import Note

_DONE = 1e-6  # nanoseconds of work that are none
_LEAST_ALONE = 0.1  # of an op's time, to tell from it how many cores the op can use

Inputs = Mapping[str, Sequence[str]]
"""The nodes that each node of a graph takes values from or, with "^" in front, only waits for."""


class Graph:
    """The executed graph, its nodes numbered; inputs that it does not hold are left out.

    A hidden op (a constant, an identity, a barrier), which the trace does not show, takes no time,
    and hands on what it waits for. It stays a node of its own: led past, a barrier between n ops
    and m would become n · m edges.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.number = {name: at for at, name in enumerate(inputs)}  # of each node by its name
        self.inputs: list[list[int]] = []  # the nodes that each node waits for, each once
        self.users: list[list[int]] = [[] for _ in inputs]  # the nodes that wait for it
        for node, entries in enumerate(inputs.values()):
            names = dict.fromkeys(entry.removeprefix("^") for entry in entries)
            self.inputs.append([self.number[name] for name in names if name in self.number])
            for other in self.inputs[node]:
                self.users[other].append(node)


@dataclass(frozen=True)
class Execution:
    """An op in one step. Times are nanoseconds from the step's begin."""

    op: str  # its name
    thread: int  # which thread ran it
    start_ns: float  # begin
    end_ns: float  # end, not below `start_ns`
    cores: float  # how many cores it can use at once


@dataclass(frozen=True)
class ExecutedStep:
    """A traced step."""

    executions: tuple[Execution, ...]  # each op once, in the order of their begins
    wall_ns: float  # how long the step took
    cores: float  # how many cores there are for ops
    threads: int  # how many ops can run at once


@dataclass(frozen=True)
class Executions:
    """What ran in a CPU's steps, to be drawn one step at a time."""

    work: Work  # what ran
    steps: Steps
    cpu: Activity
    rows: Index  # [n], the events of steps, by step and begin
    first: Index  # [steps + 1], where the rows of each step begin
    usable: Float  # [ops], how many cores each op can use at once
    cores: float  # how many there are

    @classmethod
    def of(cls, work: Work, steps: Steps) -> Executions | Note:
        """Gathers the executions of steps, or the reason why they can't be replayed."""
        if len(work.devices) > 1 or work.devices[0].device != CPU:
            return Note("replay_not_cpu_alone")
        (cpu,) = work.devices
        if cpu.at_work is not None:
            return Note("replay_xla")
        step = steps.at(cpu.start_ps, cpu.end_ps)
        rows = np.flatnonzero(step >= 0)
        rows = rows[np.lexsort((cpu.start_ps[rows], step[rows]))]
        if distinct([step[rows] * len(work.ops) + cpu.op[rows]]).size < rows.size:
            return Note("replay_repeated_ops")
        order = np.lexsort((cpu.start_ps, cpu.thread))
        nested = touching(cpu.start_ps[order], cpu.end_ps[order], cpu.thread[order])
        if nested or (cpu.occurrences[rows] > 1).any():
            return Note("replay_nested_ops")
        first = np.searchsorted(step[rows], np.arange(len(steps) + 1))
        if (np.diff(first) == 0).any():
            return Note("replay_empty_steps")
        return cls(work, steps, cpu, rows, first, *_usable(cpu, work))

    @property
    def size(self) -> float:
        """Executions in a step, on average."""
        return self.rows.size / len(self.steps)

    def part_in(self, graph: Graph) -> float:
        """The part of the ops' time that belongs to nodes of the graph."""
        is_node = np.array([name in graph.number for name, _ in self.work.ops], bool)
        step = np.repeat(np.arange(len(self.steps)), np.diff(self.first))
        start = np.maximum(self.cpu.start_ps[self.rows], self.steps.start_ps[step])
        took = np.minimum(self.cpu.end_ps[self.rows], self.steps.end_ps[step]) - start
        return float(took[is_node[self.cpu.op[self.rows]]].sum() / max(took.sum(), 1))

    def drawn(self, step: int) -> ExecutedStep:
        """Returns a step."""
        rows = self.rows[self.first[step] : self.first[step + 1]]
        begin, end = self.steps.start_ps[step], self.steps.end_ps[step]
        op = self.cpu.op[rows]
        columns = (
            self.cpu.thread[rows],
            (np.maximum(self.cpu.start_ps[rows], begin) - begin) / PS_PER_NS,
            (np.minimum(self.cpu.end_ps[rows], end) - begin) / PS_PER_NS,
            self.usable[op],
        )
        ran = zip(op.tolist(), *(column.tolist() for column in columns), strict=True)
        return ExecutedStep(
            tuple(Execution(self.work.ops[number][0], *rest) for number, *rest in ran),
            wall_ns=float((end - begin) // PS_PER_NS),
            cores=self.cores,
            threads=int(np.unique(self.cpu.thread[self.rows]).size),
        )


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


class StepReplay:
    """A step, ready to be run again."""

    def __init__(self, step: ExecutedStep, graph: Graph) -> None:
        self.step, self.graph = step, graph
        ran = step.executions
        self._node = [graph.number.get(execution.op, -1) for execution in ran]
        self._at = {node: at for at, node in enumerate(self._node) if node >= 0}
        self._work = _work(step)
        self._gap = []  # the time before each op's begin in which no op ran
        reach = 0.0
        for execution in ran:
            self._gap.append(max(execution.start_ns - reach, 0.0))
            reach = max(reach, execution.end_ns)
        self._tail_ns = step.wall_ns - reach

    def wall_ns(self, without: Collection[str] = (), speed: float = float("inf")) -> float:
        """Returns how long the step takes if some ops are so many times as fast, or take no time.

        Raises:
            ValueError: The dependencies have a cycle, so the step could never end.
        """
        ran = self.step.executions
        missing = [len(before) for before in self.graph.inputs]
        # Ops that wait for nothing but a thread: a heap, the first goes first.
        ready = [at for at, node in enumerate(self._node) if node < 0]
        self._free([node for node, count in enumerate(missing) if not count], missing, ready)
        starting: list[tuple[float, int]] = []
        running: dict[int, float] = {}  # the work that is left
        now, ended, free = 0.0, 0, self.step.threads
        while ended < len(ran):
            while ready and free:
                at = heapq.heappop(ready)
                heapq.heappush(starting, (now + self._gap[at], at))
                free -= 1
            if not (starting or running):
                raise ValueError("ops that wait for each other")
            rate = _rates({at: ran[at].cores for at in running}, self.step.cores)
            next_end = min((left / rate[at] for at, left in running.items()), default=float("inf"))
            until = min(next_end, starting[0][0] - now if starting else float("inf"))
            for at in running:
                running[at] -= until * rate[at]
            now += until
            while starting and starting[0][0] <= now:
                at = heapq.heappop(starting)[1]
                running[at] = self._work[at] / (speed if ran[at].op in without else 1)
            for at in [at for at, left in running.items() if left <= _DONE]:
                del running[at]
                ended, free = ended + 1, free + 1
                if self._node[at] >= 0:
                    self._free(self._released(self._node[at], missing), missing, ready)
        return now + self._tail_ns

    def _free(self, nodes: list[int], missing: list[int], ready: list[int]) -> None:
        """Makes ops ready whose inputs are there; hidden ones end at once, and free others."""
        while nodes:
            node = nodes.pop()
            if node in self._at:
                heapq.heappush(ready, self._at[node])
            else:
                nodes += self._released(node, missing)

    def _released(self, node: int, missing: list[int]) -> list[int]:
        """Those that waited for a node last."""
        for user in self.graph.users[node]:
            missing[user] -= 1
        return [user for user in self.graph.users[node] if not missing[user]]

    def critical_path(self) -> list[tuple[str, float]]:
        """Finds the ops that made the step as long as it was, from first to last.

        Back from the op that ended last, to the one that it waited for: of the ops that it needs
        and the one before it on its thread the one that ended last. Each comes with the nanoseconds
        since the one before it had ended; with the time after the last op they add up to the step.
        """
        ran = self.step.executions
        previous: list[int] = []
        last_on: dict[int, int] = {}
        for at, execution in enumerate(ran):
            previous.append(last_on.get(execution.thread, -1))
            last_on[execution.thread] = at
        seen: dict[int, int] = {}
        path: list[tuple[str, float]] = []
        at = max(range(len(ran)), key=lambda at: ran[at].end_ns, default=-1)
        while at >= 0:
            execution = ran[at]
            inputs = self.graph.inputs[self._node[at]] if self._node[at] >= 0 else []
            needed = [
                other
                for other in (*(self._latest(node, seen) for node in inputs), previous[at])
                if 0 <= other < at and ran[other].end_ns <= execution.end_ns
            ]
            up = max(needed, key=lambda other: ran[other].end_ns, default=-1)
            path.append((execution.op, execution.end_ns - (ran[up].end_ns if up >= 0 else 0.0)))
            at = up
        return path[::-1]

    def _latest(self, node: int, seen: dict[int, int]) -> int:
        """The op that ended last of those that a node hands on, -1 if there is none."""
        ran = self.step.executions
        waiting = [node]
        while waiting:
            current = waiting[-1]
            if current in self._at:
                seen[current] = self._at[current]
            elif current not in seen:
                seen[current] = -1  # also where a cycle comes back to it
                waiting += self.graph.inputs[current]
                continue
            else:
                ops = (seen.get(other, -1) for other in self.graph.inputs[current])
                ops = (at for at in ops if at >= 0)
                seen[current] = max(ops, key=lambda at: ran[at].end_ns, default=-1)
            waiting.pop()
        return seen[node]


def _rates(wanted: dict[int, float], cores: float) -> dict[int, float]:
    """Gives each op the cores that it can use; where there are too few, all the same number."""
    rates: dict[int, float] = {}
    for count, (at, want) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
        rates[at] = min(want, cores / (len(wanted) - count))
        cores -= rates[at]
    return rates


def _work(step: ExecutedStep) -> list[float]:
    """The core time that each op had in the trace, by the rule that replays it."""
    edges = []
    for at, execution in enumerate(step.executions):
        edges.append((execution.end_ns, 0, at))
        if execution.end_ns > execution.start_ns:
            edges.append((execution.start_ns, 1, at))
    work = [0.0] * len(step.executions)
    running: dict[int, float] = {}
    before = 0.0
    for time, opens, at in sorted(edges):
        if time > before:
            for other, rate in _rates(running, step.cores).items():
                work[other] += rate * (time - before)
        before = time
        if opens:
            running[at] = step.executions[at].cores
        else:
            running.pop(at, None)
    return work
