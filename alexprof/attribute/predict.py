"""What a step would take without some of its ops, and which ops made it as long as it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, TypeAlias

from alexprof.attribute.activity import CPU
from alexprof.attribute.exclusive import exclusive
from alexprof.attribute.executions import Executions
from alexprof.attribute.launch_replay import host_factor, launched_steps
from alexprof.attribute.names import Labels
from alexprof.attribute.ops import Work
from alexprof.attribute.replay import Graph, Inputs, StepReplay
from alexprof.attribute.steps import Steps
from alexprof.attribute.waiting import step_of
from alexprof.record.note import Note
from alexprof.workload.base import AblationSpec, matches

if TYPE_CHECKING:
    import polars as pl

    from alexprof.capture.executed import Node

MOST_DRIFT = 0.01
"""A replay that is further off in the median predicts nothing."""
NOT_REPLAYED = {
    "kernels": "replay_gpu_busy",
    "python": "replay_waits_for_python",
    "input": "replay_waits_for_input",
    "fetching": "replay_waits_for_fetching",
    "unknown": "replay_waits_unknown",
}
"""Why the steps of a GPU are not replayed, by what decides how long they take."""
_LEAST_SHARE = 0.01  # of the step, of what is worth a prediction
_MOST_PREDICTED = 20  # of layers, kinds and ops each
_MOST_EXECUTIONS = 150_000  # replayed in all, which takes some seconds
_LEAST_STEPS = 3  # to replay, where there are as many, for a deviation between them
_LEAST_IN_GRAPH = 0.99  # part of the time of ops that the graph must hold


@dataclass(frozen=True)
class ReplayedSaving:
    """What a step would save."""

    what: str  # "layer", "kind", "op", or "ablation"
    name: str  # which
    without: float  # part of the step that goes with it, mean over replayed steps
    without_std: float | None  # sample standard deviation; None with one step
    halved: float  # part of the step that goes if it becomes twice as fast
    # Other ops that go with it, in the order of their names: see `exclusive`.
    with_it: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replayed:
    """The steps, replayed; see `replay_steps`."""

    reason: Note | None  # why they could not be; then there is nothing else but `gone_with`
    drift: float | None = None  # median over steps of |replayed / measured − 1|
    drift_worst: float | None = None  # the largest of them
    steps: int = 0  # how many steps were replayed
    # The ops of the critical path, longest first, each with the mean time in nanoseconds by which
    # it made a step longer. What is missing to the step is the time after the last.
    path: tuple[tuple[str, float], ...] = ()
    # What leaving out would save, largest first among layers, kinds, ops and ablations; empty where
    # the drift is too large.
    savings: tuple[ReplayedSaving, ...] = ()
    # For each ablation, by its name, the other ops that go: known wherever the graph is, replayed
    # or not.
    gone_with: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    of_launches: bool = False  # whether it was the launches of a GPU that were replayed


@dataclass(frozen=True)
class GraphFacts:
    """What is known beside the trace."""

    inputs: Inputs | None = None  # the graph; None if it is not known
    nodes: Mapping[str, Node] | None = None  # what else is known of its nodes
    ablations: Sequence[AblationSpec] = ()  # what is predicted beside layers, kinds and ops
    timed_s: float | None = None  # mean of the timed steps; None where there are none


Rerun: TypeAlias = Callable[[Collection[str], Collection[str]], list[float]]
"""What each step takes, in nanoseconds, without some ops, or with others twice as fast."""


@dataclass(frozen=True)
class _Groups:
    """Groups of ops whose removal is predicted."""

    # By what they are ("layer", …) and name; the ablations first, then the largest.
    ops: Mapping[tuple[str, str], frozenset[str]]
    ablations: int
    facts: GraphFacts
    in_trace: frozenset[str]  # ops of the trace

    def with_it(self, ops: frozenset[str]) -> tuple[str, ...]:
        """Which other ops of the trace go with some, in the order of their names."""
        gone = exclusive(self.facts.inputs or {}, self.facts.nodes or {}, ops)
        return tuple(sorted(gone & self.in_trace))

    def first(self, count: int) -> _Groups:
        return replace(self, ops=dict(islice(self.ops.items(), count)))

    def affordable(self, size: float, steps: int) -> tuple[int, int]:
        """How many steps of so many executions to replay, and without how many groups each.

        Rather few groups than no deviation between steps, but all ablations; no steps if even that
        is too much.
        """
        runs = _MOST_EXECUTIONS / max(size, 1)
        for least in (min(steps, _LEAST_STEPS), 1):
            groups = min(len(self.ops), int((runs / least - 1) / 2))
            if groups >= max(self.ablations, 1):
                return min(steps, int(runs / (2 * groups + 1))), groups
        return 0, 0


def replay_steps(
    work: Work,
    steps: Steps,
    labels: Labels,
    costs: pl.DataFrame,
    *,
    device: str,
    bound_by: str,
    facts: GraphFacts,
) -> Replayed:
    """Replays the traced steps, and predicts what they would take without each layer, kind and op.

    Those of a CPU by its ops, of a GPU by its launches. `costs`, as made by `costs.attribute`, say
    what is worth a prediction.
    """
    if device == CPU and not facts.inputs:
        return Replayed(Note("replay_no_graph"))
    ablations = _ablated(facts.ablations, work, labels)
    largest = _largest(costs.filter(costs["device"] == device), work, labels)
    in_trace = frozenset(name for name, _ in work.ops)
    groups = _Groups(ablations | largest, len(ablations), facts, in_trace)
    if bound_by in NOT_REPLAYED:
        replayed = Replayed(Note(NOT_REPLAYED[bound_by]))
    elif device == CPU:
        replayed = _rerun_ops(Executions.of(work, steps), len(steps), groups)
    else:
        replayed = _rerun_launches(work, steps, device, groups)
    gone_with = {name: groups.with_it(ops) for (_, name), ops in ablations.items()}
    return replace(
        replayed,
        gone_with={name: ops for name, ops in gone_with.items() if ops},
        of_launches=device != CPU,
    )


def _rerun_launches(work: Work, steps: Steps, device: str, groups: _Groups) -> Replayed:
    """Replays what the host launches on a GPU."""
    activity = next(activity for activity in work.devices if activity.device == device)
    step = step_of(activity, steps)
    launched = launched_steps(activity, step, steps.start_ps, steps.end_ps, work.launching_within)
    if isinstance(launched, Note):
        return Replayed(launched)
    size = launched.size
    count, predicted = groups.affordable(size, len(steps))
    if not count:
        return Replayed(Note("replay_too_many_launches", {"launches_per_step": size}))
    chosen = [launched.drawn(at * len(steps) // count) for at in range(count)]
    timed_s = groups.facts.timed_s
    host = host_factor(chosen, None if timed_s is None else timed_s * 1e9)
    if host is None:
        return Replayed(Note("replay_no_host_speed"))
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, (name, _) in enumerate(work.ops):
        numbers[name].append(number)

    def rerun(without: Collection[str], faster: Collection[str]) -> list[float]:
        gone, half = ({number for op in ops for number in numbers[op]} for ops in (without, faster))
        return [launches.replayed_ns(host, gone, half) for launches in chosen]

    drifts = [abs(launches.replayed_ns() / launches.wall_ns - 1) for launches in chosen]
    return _predicted(drifts, rerun, groups.first(predicted))


def _rerun_ops(drawn: Executions | Note, steps: int, groups: _Groups) -> Replayed:
    """Replays the ops of a CPU."""
    if isinstance(drawn, Note):
        return Replayed(drawn)
    graph = Graph(groups.facts.inputs or {})
    if drawn.part_in(graph.number) < _LEAST_IN_GRAPH:
        return Replayed(Note("replay_ops_not_in_graph"))
    count, predicted = groups.affordable(drawn.size, steps)
    if not count:
        return Replayed(Note("replay_too_many_ops", {"ops_per_step": drawn.size}))
    chosen = [at * steps // count for at in range(count)]
    replays = [StepReplay(step, graph) for step in drawn.steps(chosen)]

    def rerun(without: Collection[str], faster: Collection[str]) -> list[float]:
        return [
            replay.wall_ns(faster, 2) if faster else replay.wall_ns(without) for replay in replays
        ]

    try:
        drifts = [abs(replay.wall_ns() / replay.step.wall_ns - 1) for replay in replays]
        return replace(_predicted(drifts, rerun, groups.first(predicted)), path=_path(replays))
    except ValueError:
        return Replayed(Note("replay_cycle"))


def _predicted(drifts: Sequence[float], rerun: Rerun, groups: _Groups) -> Replayed:
    """What steps that were replayed so far off would save without each of some groups."""
    savings = []
    if median(drifts) <= MOST_DRIFT:
        whole_ns = rerun((), ())
        for (what, name), ops in groups.ops.items():
            # A single op stays a single one: its gradient is another.
            with_it = groups.with_it(ops) if what != "op" else ()
            gone, half = (
                [1 - ns / whole for ns, whole in zip(rerun(*changed), whole_ns, strict=True)]
                for changed in ((ops.union(with_it), ()), ((), ops))
            )
            std = stdev(gone) if len(gone) > 1 else None
            savings.append(ReplayedSaving(what, name, fmean(gone), std, fmean(half), with_it))
    savings.sort(key=lambda saving: (saving.what, -saving.without))
    return Replayed(
        reason=None,
        drift=median(drifts),
        drift_worst=max(drifts),
        steps=len(drifts),
        savings=tuple(savings),
    )


def _path(replays: Sequence[StepReplay]) -> tuple[tuple[str, float], ...]:
    total: dict[str, float] = defaultdict(float)
    for replay in replays:
        for op, ns in replay.critical_path():
            total[op] += ns
    path = ((op, ns / len(replays)) for op, ns in total.items())
    return tuple(sorted(path, key=lambda op_ns: -op_ns[1]))


def _largest(
    costs: pl.DataFrame, work: Work, labels: Labels
) -> dict[tuple[str, str], frozenset[str]]:
    """The ops of each layer, kind and op that is worth a prediction, the largest first.

    On a GPU that is its time and the time for which the GPU waited for its launches.
    """
    import polars as pl

    wall_ns = float(costs.unique("step")["wall_ns"].sum())
    of_model = costs.filter(pl.col("pass") != "idle").with_columns(
        (pl.col("share_ns") + pl.col("idle_before_ns").fill_null(0)).alias("share_ns")
    )
    names = [name for name, _ in work.ops]
    groups: list[tuple[int, tuple[str, str], frozenset[str]]] = []
    for what, group_of in (("layer", labels.layer), ("kind", labels.kind), ("op", names)):
        shares = of_model.group_by(what).agg(pl.col("share_ns").sum())
        shares = shares.filter(pl.col("share_ns") >= _LEAST_SHARE * wall_ns)
        shares = shares.sort(["share_ns", what], descending=[True, False]).head(_MOST_PREDICTED)
        ops: dict[str, set[str]] = defaultdict(set)
        for name, group in zip(names, group_of, strict=True):
            ops[group].add(name)
        groups += [
            (share_ns, (what, group), frozenset(ops[group]))
            for group, share_ns in shares.iter_rows()
            if group in ops
        ]
    groups.sort(key=lambda group: (-group[0], group[1]))
    return {key: ops for _, key, ops in groups}


def _ablated(
    ablations: Sequence[AblationSpec], work: Work, labels: Labels
) -> dict[tuple[str, str], frozenset[str]]:
    described = list(zip(work.ops, labels.kind, labels.layer, strict=True))
    return {
        ("ablation", ablation.name): frozenset(
            name for (name, _), kind, layer in described if matches(ablation, name, kind, layer)
        )
        for ablation in ablations
    }
