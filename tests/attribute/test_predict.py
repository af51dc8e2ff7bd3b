"""What leaving ops out would save, from traces made by hand."""

from __future__ import annotations

import pytest

from alexprof.attribute.dependencies import visible_inputs
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


def test_edges_lead_past_what_the_trace_does_not_show():
    seen = {"a/MatMul", "b/Relu", "c/MatMul", "sum"}
    assert visible_inputs(INPUTS, seen) == {
        "a/MatMul": (),
        "b/Relu": ("a/MatMul",),
        "c/MatMul": ("a/MatMul",),
        "sum": ("b/Relu", "c/MatMul"),
    }


def test_edges_of_a_loop_end():
    inputs = {"merge": ("enter", "next"), "next": ("body",), "body": ("merge",), "enter": ()}
    assert visible_inputs(inputs, {"body"}) == {"body": ()}
    assert visible_inputs(inputs, {"body", "merge"}) == {"body": ("merge",), "merge": ("body",)}


def test_the_step_comes_back_and_what_each_layer_saves():
    found = attribute(
        on_host(python=steps((0, 1000)), tf_1=RAN, tf_2=BESIDE), inputs=INPUTS, marker="forward"
    )
    replayed = found.replayed
    assert replayed.reason is None
    assert replayed.steps == 1
    assert replayed.drift == pytest.approx(0, abs=1e-9)
    # b has 100 of the 200 that it shares with c, c has 300.
    assert saved(found, "layer")["b"].without == pytest.approx(0.1)
    assert saved(found, "layer")["c"].without == pytest.approx(0.3)
    assert saved(found, "layer")["a"].without == pytest.approx(0.4)  # and what it waited before
    assert saved(found, "layer")["a"].halved == pytest.approx(0.15)
    assert saved(found, "kind")["MatMul"].without == pytest.approx(0.7)
    assert saved(found, "op")["sum"].without == pytest.approx(0.1)
    assert saved(found, "op")["sum"].without_std is None
    assert dict(replayed.path) == pytest.approx({"a/MatMul": 400, "c/MatMul": 400, "sum": 100})


def test_means_and_deviations_are_over_steps():
    spans = [*RAN, *((name, start + 1000, end + 1050) for name, start, end in RAN[2:])]
    spans += [(RAN[0][0], 1100, 1400), (RAN[1][0], 1400, 1600)]
    beside = [*BESIDE, (BESIDE[0][0], 1400, 1800)]
    found = attribute(
        on_host(python=steps((0, 1000), (1000, 2000)), tf_1=spans, tf_2=beside), inputs=INPUTS
    )
    assert saved(found, "op")["sum"].without == pytest.approx((0.10 + 0.15) / 2)
    assert saved(found, "op")["sum"].without_std == pytest.approx(0.05 / 2**0.5)


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
        inputs={"a": (), "b": (), "c": ("a", "b")},
    )
    assert found.replayed.drift == pytest.approx(0, abs=0.01)
    assert saved(found, "op")["b"].without == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("inputs", "lines", "reason"),
    [
        (None, {"tf_1": RAN}, "does not say which op waits"),
        ({"other": ()}, {"tf_1": RAN}, "not in the graph"),
        (INPUTS, {"tf_1": [*RAN, ("a/MatMul:MatMul", 900, 950)]}, "several times"),
        (INPUTS, {"tf_1": [*RAN, ("c/MatMul:MatMul", 420, 500)]}, "inside others"),
        (
            {"a/MatMul": ("b/Relu",), "b/Relu": ("a/MatMul",), "sum": ()},
            {"tf_1": RAN},
            "wait for each other",
        ),
    ],
)
def test_why_steps_are_not_replayed(inputs, lines, reason):
    found = attribute(on_host(python=steps((0, 1000)), **lines), inputs=inputs)
    assert reason in str(found.replayed.reason)
    assert not found.replayed.savings


def test_steps_with_kernels_are_not_replayed():
    host = {"python": steps((0, 1000)), "tf_1": RAN}
    stream = {"Stream #1": [("gemm", 200, 300, {"tf_op": "a/MatMul:MatMul"})]}
    found = attribute(trace({"/host:CPU": host, "/device:GPU:0": stream}), inputs=INPUTS)
    assert "on the CPU alone" in str(found.replayed.reason)


def test_a_replay_that_is_off_predicts_nothing():
    """The graph says that b waits for a, and the trace that it did not."""
    lines = {"tf_1": [("a:MatMul", 0, 500)], "tf_2": [("b:MatMul", 0, 500)]}
    found = attribute(
        on_host(python=steps((0, 500)), **lines, tf_3=[("c:MatMul", 0, 500)]),
        inputs={"a": (), "b": ("a",), "c": ("b",)},
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
        inputs={"a": (), "b": ("a",)},
    )
    assert found.replayed.drift == pytest.approx(1)
    assert not found.replayed.savings
    assert found.replayed.path
