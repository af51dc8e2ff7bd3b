"""What a step would take without some of its ops, and which ops made it as long as it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

from alexprof.attribute.activity import CPU
from alexprof.attribute.exclusive import exclusive
from alexprof.attribute.executions import Executions
from alexprof.attribute.launch_replay import host_factor, launched_steps
from alexprof.attribute.names import Labels
from alexprof.attribute.ops import Work
from alexprof.attribute.replay import Graph, Inputs, Replay
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
_LEAST_SHARE = 0.01  # of the step, of what is worth a question
_MOST_ASKED = 20  # of layers, kinds and ops each
_MOST_EXECUTIONS = 150_000  # replayed in all, which takes some seconds
_LEAST_STEPS = 3  # to replay, where there are as many, for a deviation between them
_LEAST_KNOWN = 0.99  # of the time of ops that the graph must know


@dataclass(frozen=True)
class Saving:
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
    """The steps, run again on paper; see `replay`.

    Attributes:
        reason: Why they could not be; then there is nothing else but `gone_with`.
        drift: Median over steps of |replayed / measured − 1|.
        drift_worst: The largest of them.
        steps: How many steps were replayed.
        path: The ops of the critical path, longest first, each with the mean time in nanoseconds
            by which it made a step longer. What is missing to the step is the time after the last.
        savings: What leaving out would save, largest first in each sort of question; empty where
            the drift is too large.
        gone_with: For each question that was asked, by its name, the other ops that go: known
            wherever the graph is, replayed or not.
        of_launches: Whether it was the launches of a GPU that were replayed.
    """

    reason: Note | None
    drift: float | None = None
    drift_worst: float | None = None
    steps: int = 0
    path: tuple[tuple[str, float], ...] = ()
    savings: tuple[Saving, ...] = ()
    gone_with: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    of_launches: bool = False


@dataclass(frozen=True)
class Known:
    """What is known beside the trace.

    Attributes:
        inputs: The graph; None if it is not known.
        nodes: What else is known of its nodes.
        asked: Questions to ask beside layers, kinds and ops.
        timed_s: Mean of the timed steps; None where there are none.
    """

    inputs: Inputs | None = None
    nodes: Mapping[str, Node] | None = None
    asked: Sequence[AblationSpec] = ()
    timed_s: float | None = None


def replay_steps(
    work: Work,
    steps: Steps,
    labels: Labels,
    costs: pl.DataFrame,
    *,
    device: str,
    bound_by: str,
    known: Known,
) -> Replayed:
    """Replays the traced steps and asks what they would take without each layer, kind and op.

    Args:
        work: What ran.
        steps: The traced steps.
        labels: Of the ops.
        costs: As made by `costs.attribute`: says what is worth asking.
        device: Where they are replayed: the CPU by its ops, a GPU by its launches.
        bound_by: What decides how long the steps of a GPU take; "" on a CPU.
        known: What is known beside the trace.
    """
    removal = _Removal(known.inputs or {}, known.nodes or {}, frozenset(n for n, _ in work.ops))
    wanted = _asked_for(known.asked, work, labels)
    costs = costs.filter(costs["device"] == device)
    questions = wanted | _questions(costs, work, labels)
    if bound_by in NOT_REPLAYED:
        found = Replayed(Note(NOT_REPLAYED[bound_by]), of_launches=True)
    elif device != CPU:
        found = _relaunched(work, steps, device, known.timed_s, _Asked(questions, wanted, removal))
    elif not known.inputs:
        return Replayed(Note("replay_no_graph"))
    else:
        found = _replayed(Executions.of(work, steps), len(steps), questions, len(wanted), removal)
    gone_with = {name: removal.with_it(ops) for (_, name), ops in wanted.items()}
    return replace(found, gone_with={name: ops for name, ops in gone_with.items() if ops})


@dataclass(frozen=True)
class _Asked:
    """Sorts of questions, names and ops; those that must be answered; what goes with ops."""

    questions: dict[tuple[str, str], frozenset[str]]
    wanted: dict[tuple[str, str], frozenset[str]]
    removal: _Removal


def _relaunched(
    work: Work, steps: Steps, device: str, timed_s: float | None, asked: _Asked
) -> Replayed:
    """Replays what the host launches on a GPU."""
    activity = next(one for one in work.devices if one.device == device)
    step = step_of(activity, steps)
    launched = launched_steps(activity, step, steps.start_ps, steps.end_ps, work.launching_within)
    if isinstance(launched, Note):
        return Replayed(launched, of_launches=True)
    size = launched.size
    count, answered = _affordable(size, len(steps), len(asked.wanted), len(asked.questions))
    if not count:
        reason = Note("replay_too_many_launches", {"launches_per_step": size})
        return Replayed(reason, of_launches=True)
    chosen = [launched.drawn(at * len(steps) // count) for at in range(count)]
    host = host_factor(chosen, None if timed_s is None else timed_s * 1e9)
    if host is None:
        return Replayed(Note("replay_no_host_speed"), of_launches=True)
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, (name, _) in enumerate(work.ops):
        numbers[name].append(number)

    def rerun(without: Collection[str], faster: Collection[str]) -> list[float]:
        gone, half = ({number for op in ops for number in numbers[op]} for ops in (without, faster))
        return [launches.replayed_ns(host, gone, half) for launches in chosen]

    drifts = [abs(launches.replayed_ns() / launches.wall_ns - 1) for launches in chosen]
    questions = dict(list(asked.questions.items())[:answered])
    return replace(_answered(drifts, rerun, questions, asked.removal), of_launches=True)


@dataclass(frozen=True)
class _Removal:
    """Tells which ops of the trace, `shown`, go with others."""

    inputs: Inputs
    nodes: Mapping[str, Node]
    shown: frozenset[str]

    def with_it(self, ops: frozenset[str]) -> tuple[str, ...]:
        """In the order of their names."""
        return tuple(sorted(exclusive(self.inputs, self.nodes, ops) & self.shown))


def _replayed(
    drawn: Executions | Note,
    steps: int,
    questions: dict[tuple[str, str], frozenset[str]],
    asked: int,
    removal: _Removal,
) -> Replayed:
    """Replays as many of the steps, with as many of the questions, as can be afforded."""
    if isinstance(drawn, Note):
        return Replayed(drawn)
    graph = Graph(removal.inputs)
    if drawn.part_in(graph.number) < _LEAST_KNOWN:
        return Replayed(Note("replay_ops_not_in_graph"))
    count, answered = _affordable(drawn.size, steps, asked, len(questions))
    if not count:
        return Replayed(Note("replay_too_many_ops", {"ops_per_step": drawn.size}))
    chosen = [at * steps // count for at in range(count)]
    replays = [Replay(step, graph) for step in drawn.steps(chosen)]

    def rerun(without: Collection[str], faster: Collection[str]) -> list[float]:
        return [
            replay.wall_ns(faster, 2) if faster else replay.wall_ns(without) for replay in replays
        ]

    try:
        drifts = [abs(replay.wall_ns() / replay.step.wall_ns - 1) for replay in replays]
        questions = dict(list(questions.items())[:answered])
        return replace(_answered(drifts, rerun, questions, removal), path=_path(replays))
    except ValueError:
        return Replayed(Note("replay_cycle"))


def _affordable(size: float, steps: int, asked: int, questions: int) -> tuple[int, int]:
    """How many steps to replay, and how many questions to ask of each.

    Rather few questions than no deviation between steps, but all that were asked for; no steps if
    even that is too much.
    """
    runs = _MOST_EXECUTIONS / max(size, 1)
    for least in (min(steps, _LEAST_STEPS), 1):
        answered = min(questions, int((runs / least - 1) / 2))
        if answered >= max(asked, 1):
            return min(steps, int(runs / (2 * answered + 1))), answered
    return 0, 0


def _answered(
    drifts: Sequence[float],
    rerun: Callable[[Collection[str], Collection[str]], list[float]],
    questions: Mapping[tuple[str, str], frozenset[str]],
    removal: _Removal,
) -> Replayed:
    """Asks steps that were replayed what they would take."""
    savings = []
    if median(drifts) <= MOST_DRIFT:
        whole_ns = rerun((), ())
        for (what, name), ops in questions.items():
            # A single op that is asked about stays a single one: its gradient is another.
            with_it = removal.with_it(ops) if what != "op" else ()
            gone, half = (
                [1 - ns / whole for ns, whole in zip(rerun(*ops_changed), whole_ns, strict=True)]
                for ops_changed in ((ops.union(with_it), ()), ((), ops))
            )
            std = stdev(gone) if len(gone) > 1 else None
            savings.append(Saving(what, name, fmean(gone), std, fmean(half), with_it))
    savings.sort(key=lambda saving: (saving.what, -saving.without))
    return Replayed(
        reason=None,
        drift=median(drifts),
        drift_worst=max(drifts),
        steps=len(drifts),
        savings=tuple(savings),
    )


def _path(replays: Sequence[Replay]) -> tuple[tuple[str, float], ...]:
    total: dict[str, float] = defaultdict(float)
    for one in replays:
        for op, ns in one.critical_path():
            total[op] += ns
    path = ((op, ns / len(replays)) for op, ns in total.items())
    return tuple(sorted(path, key=lambda one: -one[1]))


def _questions(
    costs: pl.DataFrame, work: Work, labels: Labels
) -> dict[tuple[str, str], frozenset[str]]:
    """The ops of each layer, kind and op that is worth asking about, the largest first.

    On a GPU that is its time and the time for which the GPU waited for its launches.
    """
    import polars as pl

    wall_ns = float(costs.unique("step")["wall_ns"].sum())
    of_model = costs.filter(pl.col("pass") != "idle").with_columns(
        (pl.col("share_ns") + pl.col("idle_before_ns").fill_null(0)).alias("share_ns")
    )
    members = {
        "layer": labels.layer,
        "kind": labels.kind,
        "op": [name for name, _ in work.ops],
    }
    found: list[tuple[int, tuple[str, str], frozenset[str]]] = []
    for what, of_op in members.items():
        shares = of_model.group_by(what).agg(pl.col("share_ns").sum())
        shares = shares.filter(pl.col("share_ns") >= _LEAST_SHARE * wall_ns)
        shares = shares.sort(["share_ns", what], descending=[True, False]).head(_MOST_ASKED)
        size = dict(shares.iter_rows())
        ops: dict[str, set[str]] = defaultdict(set)
        for (name, _), group in zip(work.ops, of_op, strict=True):
            if group in size:
                ops[group].add(name)
        found += [(size[group], (what, group), frozenset(names)) for group, names in ops.items()]
    found.sort(key=lambda one: (-one[0], one[1]))
    return {key: names for _, key, names in found}


def _asked_for(
    asked: Sequence[AblationSpec], work: Work, labels: Labels
) -> dict[tuple[str, str], frozenset[str]]:
    return {
        ("ablation", one.name): frozenset(
            name
            for (name, _), kind, layer in zip(work.ops, labels.kind, labels.layer, strict=True)
            if matches(one, name, kind, layer)
        )
        for one in asked
    }
