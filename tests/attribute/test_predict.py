"""What leaving ops out would save, from traces made by hand."""

from __future__ import annotations

import pytest

from alexprof.attribute import GraphFacts, predict
from alexprof.record.note import Note
from tests.attribute.hand import attribute, on_host, steps, trace
from tests.attribute.test_cores import POOL, record, region

INPUTS = {
    "a/MatMul": ("const",),
    "const": (),
    "b/Relu": ("identity",),
    "identity": ("a/MatMul",),
    "c/MatMul": ("identity",),
    "sum": ("b/Relu", "c/MatMul"),
}
RAN = [
    ("a/MatMul:MatMul", 100, 400),
    ("b/Relu:Relu", 400, 600),
    ("sum:AddN", 810, 900),
]
BESIDE = [("c/MatMul:MatMul", 400, 800)]


def saved(found, what):
    return {one.name: one for one in found.replayed.savings if one.what == what}


def test_the_step_comes_back_and_what_each_layer_saves():
    found = attribute(
        on_host(python=steps((0, 1000)), tf_1=RAN, tf_2=BESIDE),
        facts=GraphFacts(inputs=INPUTS),
        marker="forward",
    )
    replayed = found.replayed
    assert replayed.reason is None
    assert replayed.steps == 1
    assert replayed.drift == pytest.approx(0, abs=1e-9)
    # b has 100 of the 200 that it shares with c, c has 300.
    assert saved(found, "layer")["b"].fraction == pytest.approx(0.1)
    assert saved(found, "layer")["c"].fraction == pytest.approx(0.3)
    assert saved(found, "layer")["a"].fraction == pytest.approx(0.3)
    assert saved(found, "layer")["a"].halved_fraction == pytest.approx(0.15)
    assert saved(found, "kind")["MatMul"].fraction == pytest.approx(0.6)
    assert saved(found, "op")["sum"].fraction == pytest.approx(0.09)
    assert saved(found, "op")["sum"].fraction_std is None
    assert {op.op: op.mean_s for op in replayed.critical_path} == pytest.approx(
        {"a/MatMul": 400e-9, "c/MatMul": 400e-9, "sum": 100e-9}
    )


def test_means_and_deviations_are_over_steps():
    spans = [*RAN, *((name, start + 1000, end + 1050) for name, start, end in RAN[2:])]
    spans += [(RAN[0][0], 1100, 1400), (RAN[1][0], 1400, 1600)]
    beside = [*BESIDE, (BESIDE[0][0], 1400, 1800)]
    found = attribute(
        on_host(python=steps((0, 1000), (1000, 2000)), tf_1=spans, tf_2=beside),
        facts=GraphFacts(inputs=INPUTS),
    )
    assert saved(found, "op")["sum"].fraction == pytest.approx((0.09 + 0.14) / 2)
    assert saved(found, "op")["sum"].fraction_std == pytest.approx(0.05 / 2**0.5)


def test_an_op_that_hands_nothing_over_can_use_one_core():
    """With both cores recorded, a single-threaded op beside another costs nothing."""
    found = attribute(
        on_host(
            **{
                "python": steps((0, 1000)),
                "tf_1": [("a:MatMul", 0, 600), record(1, 1)],
                "tf_2": [("b:Where", 0, 500), ("c:Where", 600, 1000)],
                f"{POOL}/1": region(550, 590, 1),
                f"{POOL}/2": [],
            }
        ),
        facts=GraphFacts(inputs={"a": (), "b": (), "c": ("a", "b")}),
    )
    assert found.replayed.drift == pytest.approx(0, abs=0.01)
    assert saved(found, "op")["b"].fraction == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("inputs", "lines", "reason"),
    [
        (None, {"tf_1": RAN}, "replay_no_graph"),
        ({"other": ()}, {"tf_1": RAN}, "replay_ops_not_in_graph"),
        (INPUTS, {"tf_1": [*RAN, ("a/MatMul:MatMul", 900, 950)]}, "replay_repeated_ops"),
        (INPUTS, {"tf_1": [*RAN, ("c/MatMul:MatMul", 420, 500)]}, "replay_nested_ops"),
        (
            {"a/MatMul": ("b/Relu",), "b/Relu": ("a/MatMul",), "sum": ()},
            {"tf_1": RAN},
            "replay_cycle",
        ),
    ],
)
def test_why_steps_are_not_replayed(inputs, lines, reason):
    found = attribute(on_host(python=steps((0, 1000)), **lines), facts=GraphFacts(inputs=inputs))
    assert found.replayed.reason == Note(reason)
    assert not found.replayed.savings


def test_kernels_without_launches_are_not_replayed():
    host = {"python": steps((0, 1000)), "tf_1": RAN}
    stream = {"Stream #1": [("gemm", 200, 300, {"tf_op": "a/MatMul:MatMul"})]}
    planes = trace({"/host:CPU": host, "/device:GPU:0": stream})
    found = attribute(planes, facts=GraphFacts(inputs=INPUTS)).replayed
    assert found.how == "launches"
    assert found.reason is not None
    assert not found.savings


def test_a_replay_that_is_off_predicts_nothing():
    """The graph says that b waits for a, and the trace that it did not."""
    lines = {"tf_1": [("a:MatMul", 0, 500)], "tf_2": [("b:MatMul", 0, 500)]}
    found = attribute(
        on_host(python=steps((0, 500)), **lines, tf_3=[("c:MatMul", 0, 500)]),
        facts=GraphFacts(inputs={"a": (), "b": ("a",), "c": ("b",)}),
    )
    assert found.replayed.drift == pytest.approx(0)  # alike: the machine is full either way
    found = attribute(
        on_host(
            **{
                "python": steps((0, 500)),
                "tf_1": [("a:Where", 0, 500)],
                "tf_2": [("b:Where", 0, 500)],
                f"{POOL}/1": region(0, 1, 9),
                f"{POOL}/2": region(2, 3, 9),
            }
        ),
        facts=GraphFacts(inputs={"a": (), "b": ("a",)}),
    )
    assert found.replayed.drift == pytest.approx(1)
    assert not found.replayed.savings
    assert found.replayed.critical_path


def test_what_is_too_large_is_not_replayed_and_few_questions_go_before_no_deviation(monkeypatch):
    source = on_host(
        python=steps(*((1000 * n, 1000 * n + 1000) for n in range(4))),
        tf_1=[(name, at + 1000 * n, to + 1000 * n) for n in range(4) for name, at, to in RAN],
        tf_2=[(name, at + 1000 * n, to + 1000 * n) for n in range(4) for name, at, to in BESIDE],
    )
    whole = attribute(source, facts=GraphFacts(inputs=INPUTS)).replayed
    assert whole.steps == 4
    questions = len(whole.savings)
    assert questions > 3
    # 4 ops a step: three steps with three questions take 4 · 3 · (2 · 3 + 1) executions.
    monkeypatch.setattr(predict, "_MOST_EXECUTIONS", 4 * 3 * 7)
    few = attribute(source, facts=GraphFacts(inputs=INPUTS)).replayed
    assert (few.steps, len(few.savings)) == (3, 3)
    largest = sorted(whole.savings, key=lambda one: -one.fraction)[:3]
    assert {one.fraction for one in few.savings} == {one.fraction for one in largest}
    monkeypatch.setattr(predict, "_MOST_EXECUTIONS", 4 * 3)
    one = attribute(source, facts=GraphFacts(inputs=INPUTS)).replayed
    assert (one.steps, len(one.savings)) == (1, 1)
    monkeypatch.setattr(predict, "_MOST_EXECUTIONS", 4 * 3 - 1)
    reason = attribute(source, facts=GraphFacts(inputs=INPUTS)).replayed.reason
    assert reason == Note("replay_too_many_ops", {"ops_per_step": 4})


def test_a_short_time_alone_does_not_say_how_many_cores_an_op_can_use():
    """Alone for 5 of 100 ns, in which its work had yet to begin: able to use both cores."""
    found = attribute(
        on_host(
            **{
                "python": steps((0, 200)),
                "tf_1": [("a:MatMul", 0, 100), record(1, 1), ("c:Mul", 100, 200)],
                "tf_2": [("b:MatMul", 5, 100), record(6, 2)],
                f"{POOL}/1": region(10, 90, 1),
                f"{POOL}/2": region(10, 90, 2),
            }
        ),
        facts=GraphFacts(inputs={"a": (), "b": (), "c": ("a", "b")}),
    )
    assert saved(found, "op")["a"].fraction == pytest.approx(0.25, abs=0.03)
