"""Steps run again: against a machine that is played with exact fractions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexprof.attribute.replay import ExecutedStep, Execution, Graph, StepReplay


@dataclass(frozen=True)
class Op:
    """An op of a made-up graph: core nanoseconds, cores it can use, the ops it waits for."""

    work: int
    cores: int
    inputs: tuple[int, ...]


def played(
    ops: list[Op], order: list[int], cores: int, threads: int
) -> dict[int, tuple[Fraction, Fraction]]:
    """Runs the graph and returns begin and end of each op.

    Each turn goes to the next moment at which anything begins or ends, and looks at everything.
    """
    now = Fraction(0)
    left = {at: Fraction(op.work) for at, op in enumerate(ops)}
    begin: dict[int, Fraction] = {}
    end: dict[int, Fraction] = {}
    while len(end) < len(ops):
        taken = [at for at in begin if at not in end]
        for at in order:
            waits = any(other not in end for other in ops[at].inputs)
            if at not in begin and not waits and len(taken) < threads:
                begin[at] = now
                taken.append(at)
        rate = _divided({at: Fraction(ops[at].cores) for at in taken}, Fraction(cores))
        then = min(now + left[at] / rate[at] for at in taken)
        for at in taken:
            left[at] -= rate[at] * (then - now)
            if left[at] == 0:
                end[at] = then
        now = then
    return {at: (begin[at], end[at]) for at in begin}


def _divided(wanted: dict[int, Fraction], cores: Fraction) -> dict[int, Fraction]:
    """Whoever wants no more than an even part gets it; the others divide the rest."""
    got: dict[int, Fraction] = {}
    while len(got) < len(wanted):
        even = (cores - sum(got.values())) / (len(wanted) - len(got))
        small = [at for at, want in wanted.items() if at not in got and want <= even]
        if not small:
            return got | {at: even for at in wanted if at not in got}
        got |= {at: wanted[at] for at in small}
    return got


def traced(ops: list[Op], cores: int, threads: int) -> tuple[ExecutedStep, list[int]]:
    """A step as a trace would show it, and the order in which the ops began."""
    times = played(ops, list(range(len(ops))), cores, threads)
    order = sorted(times, key=lambda at: (times[at][0], at))
    ran = tuple(
        Execution(
            op=f"op{at}",
            thread=0,
            start_ns=float(times[at][0]),
            end_ns=float(times[at][1]),
            cores=float(ops[at].cores),
        )
        for at in order
    )
    wall = float(max(end for _, end in times.values())) + 7
    return ExecutedStep(ran, wall, float(cores), threads), order


def names(ops: list[Op]) -> Graph:
    return Graph(
        {f"op{at}": tuple(f"op{other}" for other in op.inputs) for at, op in enumerate(ops)}
    )


@st.composite
def graphs(draw: st.DrawFn) -> list[Op]:
    return [
        Op(
            work=draw(st.integers(1, 60)) * 12,
            cores=draw(st.integers(1, 4)),
            inputs=tuple(draw(st.sets(st.integers(0, at - 1), max_size=3))) if at else (),
        )
        for at in range(draw(st.integers(1, 9)))
    ]


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(1, 4), st.integers(1, 3), st.data())
def test_faster_ops_give_the_step_that_the_machine_would_take(ops, cores, threads, data):
    step, order = traced(ops, cores, threads)
    replay = StepReplay(step, names(ops))
    assert replay.wall_ns() == pytest.approx(step.wall_ns, rel=1e-9)
    path = replay.critical_path()
    assert sum(ns for _, ns in path) + 7 == pytest.approx(step.wall_ns)
    assert all(ns >= 0 for _, ns in path)
    quick = data.draw(st.sets(st.sampled_from(range(len(ops)))))
    faster = [
        Op(op.work // 2 if at in quick else op.work, op.cores, op.inputs)
        for at, op in enumerate(ops)
    ]
    right = float(max(end for _, end in played(faster, order, cores, threads).values())) + 7
    wall = replay.wall_ns({f"op{at}" for at in quick}, speed=2)
    assert wall == pytest.approx(right, rel=1e-9)


def step_of(*ran: tuple[str, int, float, float], wall: float, cores: float = 2) -> ExecutedStep:
    executions = (Execution(op, thread, start, end, cores) for op, thread, start, end in ran)
    return ExecutedStep(tuple(executions), wall, cores, threads=2)


@pytest.mark.parametrize(
    ("gone", "speed", "wall"),
    [("", {}, 100), ("a", {}, 70), ("b", {}, 70), ("b", {"speed": 2}, 85), ("abc", {}, 10 + 5 + 5)],
)
def test_what_is_left_out_leaves_idle_time_as_it_was(gone, speed, wall):
    step = step_of(("a", 0, 10, 40), ("b", 0, 45, 75), ("c", 0, 75, 95), wall=100)
    replay = StepReplay(step, Graph({"a": (), "b": ("a",), "c": ("b",)}))
    assert replay.wall_ns(set(gone), **speed) == pytest.approx(wall)


@pytest.mark.parametrize(("cores", "gone", "wall"), [(2, "a", 50), (1, "a", 100), (1, "ab", 0)])
def test_an_op_beside_another_gets_what_it_can_use_of_the_machine(cores, gone, wall):
    ran = tuple(Execution(name, at, 0, 100, cores) for at, name in enumerate("ab"))
    replay = StepReplay(ExecutedStep(ran, 100, 2, threads=2), Graph({"a": (), "b": ()}))
    assert replay.wall_ns(set(gone)) == pytest.approx(wall)


def test_hidden_ops_hand_on_what_they_wait_for():
    step = step_of(("a", 0, 0, 50), ("b", 1, 50, 60), ("c", 0, 60, 100), wall=100)
    graph = Graph(
        {"const": (), "a": ("const",), "barrier": ("a",), "b": ("barrier",), "c": ("b", "const")}
    )
    replay = StepReplay(step, graph)
    assert replay.wall_ns() == pytest.approx(100)
    assert replay.critical_path() == [("a", 50), ("b", 10), ("c", 40)]


def test_the_path_of_a_loop_ends():
    step = step_of(("a", 0, 0, 50), ("b", 1, 50, 60), wall=60)
    graph = Graph({"a": (), "merge": ("a", "next"), "next": ("merge",), "b": ("next",)})
    assert StepReplay(step, graph).critical_path()[-1][0] == "b"


def test_ops_that_wait_for_each_other_are_no_step():
    step = step_of(("a", 0, 0, 10), ("b", 0, 10, 20), wall=20)
    with pytest.raises(ValueError, match="wait for each other"):
        StepReplay(step, Graph({"a": ("b",), "b": ("a",)})).wall_ns()


def test_the_critical_path_goes_back_through_what_ended_last():
    step = step_of(("a", 0, 5, 20), ("b", 1, 20, 90), ("c", 0, 20, 30), ("d", 0, 95, 110), wall=120)
    inputs = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
    assert StepReplay(step, Graph(inputs)).critical_path() == [("a", 20), ("b", 70), ("d", 20)]
    # Where nothing else was waited for it goes through the thread.
    step = step_of(("a", 0, 0, 50), ("b", 0, 50, 60), wall=60)
    assert StepReplay(step, Graph({"a": (), "b": ()})).critical_path() == [("a", 50), ("b", 10)]
