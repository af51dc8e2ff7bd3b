"""What a step would take without some of its ops, and which ops made it as long as it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.activity import CPU, Activity
from alexprof.attribute.cores import core_time
from alexprof.attribute.dependencies import Inputs, visible_inputs
from alexprof.attribute.names import Labels
from alexprof.attribute.ops import Work
from alexprof.attribute.replay import Execution, Replay, Step, critical_path
from alexprof.attribute.steps import PS_PER_NS, Steps
from alexprof.attribute.timeline import alone, cut, self_segments
from alexprof.workload.base import Ablation

if TYPE_CHECKING:
    import polars as pl

Int = NDArray[np.int64]
Float = NDArray[np.float64]

MOST_DRIFT = 0.01
"""A replay that is further off in the median predicts nothing."""
_LEAST_SHARE = 0.01  # of the step, of what is worth a question
_MOST_ASKED = 20  # of layers, kinds and ops each
_MOST_EXECUTIONS = 150_000  # replayed in all: some seconds
_LEAST_ALONE = 0.1  # of an op's time, to tell from it how many cores the op can use
_LEAST_KNOWN = 0.99  # of the time of ops that the graph must know


@dataclass(frozen=True)
class Saving:
    """What a step would save.

    Attributes:
        what: "layer", "kind", "op", or "asked".
        name: Which.
        without: Part of the step that goes with it, mean over replayed steps.
        without_std: Sample standard deviation; None with one step.
        halved: Part of the step that goes if it becomes twice as fast.
    """

    what: str
    name: str
    without: float
    without_std: float | None
    halved: float


@dataclass(frozen=True)
class Replayed:
    """The steps, run again on paper; see `replay`.

    Attributes:
        reason: Why they could not be; then there is nothing else.
        drift: Median over steps of |replayed / measured − 1|.
        drift_worst: The largest of them.
        steps: How many steps were replayed.
        path: The ops of the critical path, longest first, each with the mean time in nanoseconds
            by which it made a step longer. What is missing to the step is the time after the last.
        savings: What leaving out would save, largest first in each sort of question; empty where
            the drift is too large.
    """

    reason: str | None
    drift: float | None = None
    drift_worst: float | None = None
    steps: int = 0
    path: tuple[tuple[str, float], ...] = ()
    savings: tuple[Saving, ...] = ()


def replay_steps(
    work: Work,
    steps: Steps,
    labels: Labels,
    costs: pl.DataFrame,
    *,
    inputs: Inputs | None,
    asked: Sequence[Ablation] = (),
) -> Replayed:
    """Replays the traced steps and asks what they would take without each layer, kind and op.

    Args:
        work: What ran.
        steps: The traced steps.
        labels: Of the ops.
        costs: As made by `costs.attribute`: says what is worth asking.
        inputs: The graph; None if it is not known.
        asked: Questions to ask beside that.
    """
    cpu = next((one for one in work.devices if one.device == CPU), None)
    if inputs is None or not inputs:
        return Replayed("the trace alone does not say which op waits for which")
    if cpu is None or len(work.devices) > 1:
        return Replayed("steps are replayed where ops run on the CPU alone")
    drawn = _draw(cpu, work, steps)
    if isinstance(drawn, str):
        return Replayed(drawn)
    names = {one.op for step in drawn for one in step.executions}
    known = visible_inputs(inputs, names)
    if _part_in(drawn, known) < _LEAST_KNOWN:
        return Replayed("the trace shows ops that are not in the graph, as functions have them")
    questions = _questions(costs, work, labels) | _asked_for(asked, work, labels)
    size = sum(len(step.executions) for step in drawn) / len(drawn)
    most = max(int(_MOST_EXECUTIONS / (size * (2 * len(questions) + 1))), 1)
    replays = [Replay(step, known) for step in _some(drawn, most)]
    try:
        return _asked(replays, questions, known)
    except ValueError:
        return Replayed("the graph has ops that wait for each other, as loops do")


def _asked(
    replays: Sequence[Replay],
    questions: dict[tuple[str, str], frozenset[str]],
    known: dict[str, tuple[str, ...]],
) -> Replayed:
    whole = [one.wall_ns() for one in replays]
    drifts = [abs(ns / one.step.wall_ns - 1) for ns, one in zip(whole, replays, strict=True)]
    savings = []
    if median(drifts) <= MOST_DRIFT:
        for (what, name), ops in questions.items():
            gone = [1 - one.wall_ns(ops) / ns for one, ns in zip(replays, whole, strict=True)]
            half = [1 - one.wall_ns(ops, 2) / ns for one, ns in zip(replays, whole, strict=True)]
            std = stdev(gone) if len(gone) > 1 else None
            savings.append(Saving(what, name, fmean(gone), std, fmean(half)))
    savings.sort(key=lambda one: (one.what, -one.without))
    return Replayed(
        reason=None,
        drift=median(drifts),
        drift_worst=max(drifts),
        steps=len(replays),
        path=_path(replays, known),
        savings=tuple(savings),
    )


def _path(
    replays: Sequence[Replay], known: dict[str, tuple[str, ...]]
) -> tuple[tuple[str, float], ...]:
    total: dict[str, float] = defaultdict(float)
    for one in replays:
        for op, ns in critical_path(one.step, known):
            total[op] += ns
    path = ((op, ns / len(replays)) for op, ns in total.items())
    return tuple(sorted(path, key=lambda one: -one[1]))


def _draw(cpu: Activity, work: Work, steps: Steps) -> list[Step] | str:
    """The steps as rows of executions, or why they don't make any."""
    if cpu.at_work is not None:
        return "XLA made programs of the graph, which wait otherwise"
    at = steps.at(cpu.start_ps, cpu.end_ps)
    rows = np.flatnonzero(at >= 0)
    rows = rows[np.lexsort((cpu.start_ps[rows], at[rows]))]
    step, op, thread = at[rows], cpu.op[rows], cpu.thread[rows]
    if np.unique(np.stack((step, op)), axis=1).shape[1] < rows.size:
        return "ops run several times in a step, as in loops"
    if (cpu.occurrences[rows] > 1).any() or _nested(cpu):
        return "ops run inside others"
    start = np.maximum(cpu.start_ps[rows], steps.start_ps[step]) - steps.start_ps[step]
    end = np.minimum(cpu.end_ps[rows], steps.end_ps[step]) - steps.start_ps[step]
    columns = (step, op, thread, start / PS_PER_NS, end / PS_PER_NS)
    cores, most = _usable(cpu, work)
    ran: list[list[Execution]] = [[] for _ in range(len(steps))]
    for number, which, lane, begin, stop in zip(*(c.tolist() for c in columns), strict=True):
        name = work.ops[which][0]
        ran[number].append(Execution(name, lane, begin, stop, float(cores[which])))
    if not all(ran):
        return "there are steps without ops"
    threads = int(np.unique(thread).size)
    return [
        Step(tuple(executions), float(wall), most, threads)
        for executions, wall in zip(ran, steps.wall_ns.tolist(), strict=True)
    ]


def _nested(cpu: Activity) -> bool:
    """Tells whether ops of a thread overlap, but for what clocks may do."""
    order = np.lexsort((cpu.start_ps, cpu.thread))
    start, end, thread = cpu.start_ps[order], cpu.end_ps[order], cpu.thread[order]
    return bool(((start[1:] < end[:-1]) & (thread[1:] == thread[:-1])).any())


def _usable(cpu: Activity, work: Work) -> tuple[Float, float]:
    """How many cores each op can use at once, and how many there are.

    An op that hands no work to the pool uses its own thread. For the others it shows when they ran
    with no op beside them; those that never did are taken for able to use all. Without core times
    all ops are alike: one divides the machine with the others.
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
    core_ps = core_time(
        (cpu.op[pieces.owner], pieces), (of_region[owned], worked.take(owned)), ops, regions.threads
    )
    alone_ps = np.bincount(
        cpu.op[pieces.owner], weights=pieces.end_ps - pieces.start_ps, minlength=ops
    )
    busy_ps = np.bincount(cpu.op, weights=cpu.end_ps - cpu.start_ps, minlength=ops)
    known = alone_ps > _LEAST_ALONE * np.maximum(busy_ps, 1)
    most = float(regions.threads)
    cores = np.where(known, np.clip(core_ps / np.maximum(alone_ps, 1), 1, most), most)
    shares_work = np.bincount(regions.op[regions.op >= 0], minlength=ops) > 0
    return np.where(shares_work, cores, 1.0), most


def _part_in(steps: Sequence[Step], known: Iterable[str]) -> float:
    """The part of the ops' time that belongs to known ones."""
    known = set(known)
    ran = [one for step in steps for one in step.executions]
    total = sum(one.end_ns - one.start_ns for one in ran)
    return sum(one.end_ns - one.start_ns for one in ran if one.op in known) / max(total, 1)


def _questions(
    costs: pl.DataFrame, work: Work, labels: Labels
) -> dict[tuple[str, str], frozenset[str]]:
    """The ops of each layer, kind and op that is worth asking about."""
    import polars as pl

    wall_ns = float(costs.unique("step")["wall_ns"].sum())
    of_model = costs.filter(pl.col("pass") != "idle")
    members = {
        "layer": labels.layer,
        "kind": labels.kind,
        "op": [name for name, _ in work.ops],
    }
    questions: dict[tuple[str, str], frozenset[str]] = {}
    for what, of_op in members.items():
        shares = of_model.group_by(what).agg(pl.col("share_ns").sum())
        shares = shares.filter(pl.col("share_ns") >= _LEAST_SHARE * wall_ns)
        shares = shares.sort(["share_ns", what], descending=[True, False]).head(_MOST_ASKED)
        asked = set(shares[what])
        ops: dict[str, set[str]] = defaultdict(set)
        for (name, _), group in zip(work.ops, of_op, strict=True):
            if group in asked:
                ops[group].add(name)
        questions |= {(what, group): frozenset(names) for group, names in ops.items()}
    return questions


def _asked_for(
    asked: Sequence[Ablation], work: Work, labels: Labels
) -> dict[tuple[str, str], frozenset[str]]:
    return {
        ("asked", one.name): frozenset(
            name
            for (name, _), kind, layer in zip(work.ops, labels.kind, labels.layer, strict=True)
            if (not one.kinds or kind in one.kinds) and (not one.layers or layer in one.layers)
        )
        for one in asked
    }


def _some(steps: Sequence[Step], most: int) -> Iterator[Step]:
    """At most so many of the steps, spread over all."""
    count = min(most, len(steps))
    return (steps[at * len(steps) // count] for at in range(count))
