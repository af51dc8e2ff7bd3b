"""What a step would take without some of its ops, and which ops made it as long as it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from alexprof.attribute.activity import CPU
from alexprof.attribute.exclusive import exclusive
from alexprof.attribute.launch_replay import LaunchedSteps, host_factor
from alexprof.attribute.names import Labels
from alexprof.attribute.ops import Work
from alexprof.attribute.replay import Executions, Graph, Inputs, StepReplay
from alexprof.attribute.steps import Steps
from alexprof.record.ablation import AblationSpec
from alexprof.record.note import Note
from alexprof.record.trace import PathOp, Replay, Saving
from alexprof.workload.base import matches

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
_NAMED = 10  # of the ops that go with others so many are named


@dataclass(frozen=True)
class GraphFacts:
    """What is known beside the trace."""

    inputs: Inputs | None = None  # the graph; None if it is not known
    nodes: Mapping[str, Node] | None = None  # what else is known of its nodes
    ablations: Sequence[AblationSpec] = ()  # what is predicted beside layers, kinds and ops
    timed_s: float | None = None  # mean of the timed steps; None where there are none


_OpsOf: TypeAlias = Mapping[tuple[str, str], frozenset[str]]
"""Names of ops, by what they are ("layer", …) and its name."""
Rerun: TypeAlias = Callable[[Collection[str], Collection[str]], list[float]]
"""What each step takes, in nanoseconds, without some ops, or with others twice as fast."""


@dataclass(frozen=True)
class _Groups:
    """Groups of ops whose removal is predicted."""

    ops: _OpsOf  # the ablations first, then the largest
    ablations: int  # how many of them are ablations
    facts: GraphFacts
    in_trace: frozenset[str]  # ops of the trace

    def dependents(self, ops: frozenset[str]) -> tuple[str, ...]:
        """Which other ops of the trace go with some, in the order of their names."""
        gone = exclusive(self.facts.inputs or {}, self.facts.nodes or {}, ops)
        return tuple(sorted(gone & self.in_trace))

    def affordable(self, size: float, steps: int) -> tuple[list[int], int]:
        """Which steps of so many executions to replay, and without how many groups each.

        Rather few groups than no deviation between steps, but all ablations; no steps if even that
        is too much.
        """
        runs = _MOST_EXECUTIONS / max(size, 1)
        for least in (min(steps, _LEAST_STEPS), 1):
            groups = min(len(self.ops), int((runs / least - 1) / 2))
            if groups >= max(self.ablations, 1):
                count = min(steps, int(runs / (2 * groups + 1)))
                return [at * steps // count for at in range(count)], groups
        return [], 0


def replay_steps(
    work: Work,
    steps: Steps,
    labels: Labels,
    costs: pl.DataFrame,
    *,
    device: str,
    bound_by: str,
    facts: GraphFacts,
) -> Replay:
    """Replays the traced steps, and predicts what they would take without each layer, kind and op.

    Those of a CPU by its ops, of a GPU by its launches. The costs of the steps, as made by
    `costs.attribute`, say what is worth a prediction.
    """
    if device == CPU and not facts.inputs:
        return Replay(reason=Note("replay_no_graph"))
    ablations = _ablated(facts.ablations, work, labels)
    costs = costs.filter(costs["device"] == device)
    by_kernels = bound_by == "kernels"
    # Kernels and launch costs, as `analysis.kernel_savings` adds them up, predict well where
    # kernels decide, but not what a step takes that loses most of its launches.
    predicted = _with_most_launches(ablations, costs) if by_kernels else ablations
    others = {} if by_kernels else _largest(costs, work, labels)
    in_trace = frozenset(name for name, _ in work.ops)
    groups = _Groups({**predicted, **others}, len(predicted), facts, in_trace)
    reason = Note(NOT_REPLAYED[bound_by]) if bound_by in NOT_REPLAYED else None
    if by_kernels and predicted:
        replayed = replace(_rerun_launches(work, steps, device, groups), reason=reason)
    elif reason is not None:
        replayed = Replay(reason=reason)
    elif device == CPU:
        replayed = _rerun_ops(work, steps, groups)
    else:
        replayed = _rerun_launches(work, steps, device, groups)
    dependents = {name: groups.dependents(ops) for (_, name), ops in ablations.items()}
    return replace(
        replayed,
        dependents={name: ops for name, ops in dependents.items() if ops},
        how="ops" if device == CPU else "launches",
    )


def _with_most_launches(ablations: _OpsOf, costs: pl.DataFrame) -> _OpsOf:
    """The ablations that leave out more than half of what a step launches."""
    import polars as pl

    kernels = dict(costs.group_by("op").agg(pl.col("kernels").sum()).iter_rows())
    half = sum(kernels.values()) / 2
    return {
        key: ops for key, ops in ablations.items() if sum(kernels.get(op, 0) for op in ops) > half
    }


def _rerun_launches(work: Work, steps: Steps, device: str, groups: _Groups) -> Replay:
    """Replays what the host launches on a GPU."""
    launched = LaunchedSteps.of(work, steps, device)
    if isinstance(launched, Note):
        return Replay(reason=launched)
    chosen, predicted = groups.affordable(launched.size, len(steps))
    if not chosen:
        numbers = {"launches_per_step": launched.size}
        return Replay(reason=Note("replay_too_many_launches", numbers))
    replays = [launched.drawn(step) for step in chosen]
    timed_s = groups.facts.timed_s
    host = host_factor(replays, None if timed_s is None else timed_s * 1e9)
    if host is None:
        return Replay(reason=Note("replay_no_host_speed"))
    numbers_of: dict[str, list[int]] = defaultdict(list)
    for number, (name, _) in enumerate(work.ops):
        numbers_of[name].append(number)

    def rerun(without: Collection[str], faster: Collection[str]) -> list[float]:
        gone, half = (
            {number for op in ops for number in numbers_of[op]} for ops in (without, faster)
        )
        return [launches.replayed_ns(host, gone, half) for launches in replays]

    drifts = [abs(launches.replayed_ns() / launches.wall_ns - 1) for launches in replays]
    return _predicted(drifts, rerun, groups, predicted)


def _rerun_ops(work: Work, steps: Steps, groups: _Groups) -> Replay:
    """Replays the ops of a CPU."""
    drawn = Executions.of(work, steps)
    if isinstance(drawn, Note):
        return Replay(reason=drawn)
    graph = Graph(groups.facts.inputs or {})
    if drawn.part_in(graph) < _LEAST_IN_GRAPH:
        return Replay(reason=Note("replay_ops_not_in_graph"))
    chosen, predicted = groups.affordable(drawn.size, len(steps))
    if not chosen:
        return Replay(reason=Note("replay_too_many_ops", {"ops_per_step": drawn.size}))
    replays = [StepReplay(drawn.drawn(step), graph) for step in chosen]

    def rerun(without: Collection[str], faster: Collection[str]) -> list[float]:
        return [
            replay.wall_ns(faster, 2) if faster else replay.wall_ns(without) for replay in replays
        ]

    try:
        drifts = [abs(replay.wall_ns() / replay.step.wall_ns - 1) for replay in replays]
        replayed = _predicted(drifts, rerun, groups, predicted)
    except ValueError:
        return Replay(reason=Note("replay_cycle"))
    return replace(replayed, critical_path=_critical_path(replays))


def _predicted(drifts: Sequence[float], rerun: Rerun, groups: _Groups, count: int) -> Replay:
    """What steps that were replayed so far off would save without each of the first groups."""
    savings = []
    if median(drifts) <= MOST_DRIFT:
        whole_ns = rerun((), ())
        for (what, name), ops in islice(groups.ops.items(), count):
            # A single op stays a single one: its gradient is another.
            dependents = groups.dependents(ops) if what != "op" else ()
            gone, halved = (
                [1 - ns / whole for ns, whole in zip(rerun(*changed), whole_ns, strict=True)]
                for changed in ((ops.union(dependents), ()), ((), ops))
            )
            savings.append(
                Saving(
                    what=what,
                    name=name,
                    fraction=fmean(gone),
                    fraction_std=stdev(gone) if len(gone) > 1 else None,
                    halved_fraction=fmean(halved),
                    dependent_ops=len(dependents),
                    dependents=dependents[:_NAMED],
                )
            )
    savings.sort(key=lambda saving: (saving.what, -saving.fraction))
    return Replay(
        drift=median(drifts),
        drift_worst=max(drifts),
        steps=len(drifts),
        savings=tuple(savings),
    )


def _critical_path(replays: Sequence[StepReplay]) -> tuple[PathOp, ...]:
    total: dict[str, float] = defaultdict(float)
    for replay in replays:
        for op, ns in replay.critical_path():
            total[op] += ns
    longest_first = sorted(total.items(), key=lambda item: -item[1] / len(replays))
    return tuple(PathOp(op=op, mean_s=ns / len(replays) / 1e9) for op, ns in longest_first)


def _largest(costs: pl.DataFrame, work: Work, labels: Labels) -> _OpsOf:
    """The ops of each layer, kind and op that is worth a prediction, the largest first."""
    import polars as pl

    # On a GPU that is its time and the time for which the GPU waited for its launches.
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


def _ablated(ablations: Sequence[AblationSpec], work: Work, labels: Labels) -> _OpsOf:
    described = list(zip(work.ops, labels.kind, labels.layer, strict=True))
    return {
        ("ablation", ablation.name): frozenset(
            name for (name, _), kind, layer in described if matches(ablation, name, kind, layer)
        )
        for ablation in ablations
    }
