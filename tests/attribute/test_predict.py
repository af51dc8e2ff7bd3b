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


def replayed(inputs, **lines):
    return attribute(on_host(**lines), facts=GraphFacts(inputs=inputs)).replayed


def saved(replay, what):
    return {saving.name: saving for saving in replay.savings if saving.what == what}


def in_step(number, spans):
    return [(name, start + 1000 * number, end + 1000 * number) for name, start, end in spans]


def test_the_step_comes_back_and_what_each_layer_saves():
    replay = replayed(INPUTS, python=steps((0, 1000)), tf_1=RAN, tf_2=BESIDE)
    assert (replay.reason, replay.steps) == (None, 1)
    assert replay.drift == pytest.approx(0, abs=1e-9)
    # b has 100 of the 200 that it shares with c, c has 300.
    layers, ops = saved(replay, "layer"), saved(replay, "op")
    assert {name: layers[name].fraction for name in "abc"} == pytest.approx(
        {"a": 0.3, "b": 0.1, "c": 0.3}
    )
    assert layers["a"].halved_fraction == pytest.approx(0.15)
    assert saved(replay, "kind")["MatMul"].fraction == pytest.approx(0.6)
    assert ops["sum"].fraction == pytest.approx(0.09)
    assert ops["sum"].fraction_std is None
    assert {op.op: op.mean_s for op in replay.critical_path} == pytest.approx(
        {"a/MatMul": 400e-9, "c/MatMul": 400e-9, "sum": 100e-9}
    )


def test_means_and_deviations_are_over_steps():
    spans = [*RAN, *in_step(1, RAN[:2]), ("sum:AddN", 1810, 1950)]
    lines = {"tf_1": spans, "tf_2": [*BESIDE, *in_step(1, BESIDE)]}
    replay = replayed(INPUTS, python=steps((0, 1000), (1000, 2000)), **lines)
    assert saved(replay, "op")["sum"].fraction == pytest.approx((0.09 + 0.14) / 2)
    assert saved(replay, "op")["sum"].fraction_std == pytest.approx(0.05 / 2**0.5)


def test_an_op_that_hands_nothing_over_can_use_one_core():
    """With both cores recorded, a single-threaded op beside another costs nothing."""
    replay = replayed(
        {"a": (), "b": (), "c": ("a", "b")},
        python=steps((0, 1000)),
        tf_1=[("a:MatMul", 0, 600), record(1, 1)],
        tf_2=[("b:Where", 0, 500), ("c:Where", 600, 1000)],
        **{f"{POOL}/1": region(550, 590, 1), f"{POOL}/2": []},
    )
    assert replay.drift == pytest.approx(0, abs=0.01)
    assert saved(replay, "op")["b"].fraction == pytest.approx(0, abs=0.01)


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
    replay = replayed(inputs, python=steps((0, 1000)), **lines)
    assert replay.reason == Note(reason)
    assert not replay.savings


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
    alike = {f"tf_{at}": [(f"{name}:MatMul", 0, 500)] for at, name in enumerate("abc")}
    full = replayed({"a": (), "b": ("a",), "c": ("b",)}, python=steps((0, 500)), **alike)
    assert full.drift == pytest.approx(0)  # the machine is full either way
    replay = replayed(
        {"a": (), "b": ("a",)},
        python=steps((0, 500)),
        tf_1=[("a:Where", 0, 500)],
        tf_2=[("b:Where", 0, 500)],
        **{f"{POOL}/1": region(0, 1, 9), f"{POOL}/2": region(2, 3, 9)},
    )
    assert replay.drift == pytest.approx(1)
    assert not replay.savings
    assert replay.critical_path


def test_what_is_too_large_is_not_replayed_and_few_questions_go_before_no_deviation(monkeypatch):
    ran, beside = ([span for n in range(4) for span in in_step(n, ops)] for ops in (RAN, BESIDE))
    marks = steps(*((1000 * n, 1000 * n + 1000) for n in range(4)))

    def within(executions):
        monkeypatch.setattr(predict, "_MOST_EXECUTIONS", executions)
        return replayed(INPUTS, python=marks, tf_1=ran, tf_2=beside)

    whole = within(predict._MOST_EXECUTIONS)
    assert whole.steps == 4
    assert len(whole.savings) > 3
    # 4 ops a step: three steps with three questions take 4 · 3 · (2 · 3 + 1) executions.
    few = within(4 * 3 * 7)
    assert (few.steps, len(few.savings)) == (3, 3)
    largest = sorted(whole.savings, key=lambda saving: -saving.fraction)[:3]
    assert {saving.fraction for saving in few.savings} == {saving.fraction for saving in largest}
    least = within(4 * 3)
    assert (least.steps, len(least.savings)) == (1, 1)
    assert within(4 * 3 - 1).reason == Note("replay_too_many_ops", {"ops_per_step": 4})


def test_a_short_time_alone_does_not_say_how_many_cores_an_op_can_use():
    """Alone for 5 of 100 ns, in which its work had yet to begin: able to use both cores."""
    replay = replayed(
        {"a": (), "b": (), "c": ("a", "b")},
        python=steps((0, 200)),
        tf_1=[("a:MatMul", 0, 100), record(1, 1), ("c:Mul", 100, 200)],
        tf_2=[("b:MatMul", 5, 100), record(6, 2)],
        **{f"{POOL}/1": region(10, 90, 1), f"{POOL}/2": region(10, 90, 2)},
    )
    assert saved(replay, "op")["a"].fraction == pytest.approx(0.25, abs=0.03)
