"""A measured difference and the accounts that make it up: whatever the costs, they add up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alexprof.analysis.ablation import ablation
from alexprof.capture.executed import Node
from alexprof.measure.timed import describe
from alexprof.record.ablation import Ablation
from alexprof.record.note import Note
from alexprof.record.phase import Phase
from alexprof.record.trace import Replay, Saving
from alexprof.workload.base import AblationSpec
from tests.analysis.made import sum_of_accounts
from tests.factory import OpTimes, block, costs_of, traced

IDLE = ("(idle)", "python", "(idle)", "(idle)", "idle")
LOST = ("(unassigned)", "(unassigned)", "(unassigned)", "(unassigned)", "other")
CONV = ("conv/Conv2D", "Conv2D", "Conv2D", "conv", "forward")
CONV_GRAD = ("gradients/conv_grad/F", "Conv2DBackpropFilter", "Conv2D", "conv", "backward")
LRN = ("lrn", "LRN", "LRN", "lrn", "forward")
LRN_GRAD = ("gradients/lrn_grad/LRNGrad", "LRNGrad", "LRN", "lrn", "backward")
POOL = ("pool", "MaxPool", "MaxPool", "pool", "forward")
TURN = ("lrn/Transpose", "Transpose", "Transpose", "lrn", "forward")
FUSED = ("conv", "_FusedConv2D", "Conv2D", "conv", "forward")
RELU = ("conv", "Relu", "Relu", "conv", "forward")
Op = tuple[str, str, str, str, str]
QUESTION = AblationSpec("lrn", "with", "without", kinds=("LRN",))


def frame(ops: Mapping[Op, Sequence[int]]) -> pl.DataFrame:
    """Costs with what each op had of each step, in ns; one that is 0 has no row."""
    times = [
        OpTimes(name, kind, pass_, np.array(shares), device=device, layer=layer, type=type_)
        for (name, type_, kind, layer, pass_), shares in ops.items()
        for device in ("CPU", "GPU:0")[: 1 + ((name, type_) == CONV[:2])]  # of another: not asked
    ]
    return costs_of(times).filter(pl.col("share_ns") > 0)


def answered(
    costs: Mapping[str, Mapping[Op, Sequence[int]]],
    seconds: Mapping[str, Sequence[Sequence[float]]],
    question: AblationSpec = QUESTION,
    **fields: object,
) -> Ablation:
    steps = {
        variant: [
            block(variant, at, 2 * at + (variant != "with"), np.array(part))
            for at, part in enumerate(parts)
        ]
        for variant, parts in seconds.items()
    }
    tables = {(variant, "forward"): frame(ops) for variant, ops in costs.items()}
    phases = {
        variant: traced(
            Phase(label="Forward", timed=describe(blocks, fetch=True)),
            tables[variant, "forward"],
            nodes={"lrn/Transpose": Node("Transpose", ("LRN",))},
        )
        for variant, blocks in steps.items()
    }
    phases["with"] = msgspec.structs.replace(phases["with"], **fields)
    every = [*steps["with"], *steps["without"]]
    return ablation(question, "forward", every, phases, tables, interleaved=True)


WITH = {
    CONV: [400, 440, 420, 400, 410, 430],
    CONV_GRAD: [100, 100, 100, 120, 100, 100],
    LRN: [200, 210, 190, 200, 220, 200],
    LRN_GRAD: [100, 100, 110, 100, 0, 100],
    TURN: [30, 30, 30, 31, 30, 30],
    POOL: [50, 51, 50, 52, 50, 50],
    IDLE: [20, 20, 25, 20, 20, 20],
}
WITHOUT = {
    CONV: [500, 500, 510, 505, 500, 500],
    CONV_GRAD: [100, 101, 100, 102, 100, 100],
    POOL: [51, 50, 50, 50, 53, 50],
    IDLE: [10, 10, 10, 10, 10, 11],
    LOST: [5, 0, 5, 5, 5, 5],
}
STEADY = {"with": [[1e-6, 1e-6], [1e-6, 1e-6]], "without": [[7e-7, 7e-7], [7e-7, 7e-7]]}


def mean_s(values: Sequence[int], ops: Mapping[Op, Sequence[int]], timed_s: str) -> float:
    """The slow and obvious way, in fractions."""
    step = Fraction(sum(map(sum, ops.values())), len(values))
    return float(Fraction(sum(values), len(values)) * Fraction(timed_s) / step)


def test_every_account_of_a_pair_of_traces():
    answer = answered({"with": WITH, "without": WITHOUT}, STEADY)
    assert answer.measured_s == pytest.approx(3e-7)
    of_a, of_b = "1e-6", "7e-7"
    own = [sum(pair) for pair in zip(WITH[LRN], WITH[LRN_GRAD], strict=True)]
    assert answer.attributed_s == pytest.approx(mean_s(own, WITH, of_a))
    assert answer.ops == 2
    assert [(part.layer, part.pass_) for part in answer.parts] == [
        ("lrn", "forward"),
        ("lrn", "backward"),
    ]
    assert answer.parts[1].attributed_s == pytest.approx(mean_s(WITH[LRN_GRAD], WITH, of_a))
    assert [(one.type, one.pass_, one.ops) for one in answer.seen] == [
        ("LRN", "forward", 1),
        ("LRNGrad", "backward", 1),
    ]
    (gone,) = answer.only_with
    assert (gone.type, gone.ops) == ("Transpose", ("lrn/Transpose",))
    assert gone.change_s == pytest.approx(mean_s(WITH[TURN], WITH, of_a))
    conv = [sum(pair) for pair in zip(WITH[CONV], WITH[CONV_GRAD], strict=True)]
    conv_without = [sum(pair) for pair in zip(WITHOUT[CONV], WITHOUT[CONV_GRAD], strict=True)]
    layers = {other.name: other for other in answer.others}
    assert set(layers) == {"conv", "pool"}
    assert layers["conv"].with_s == pytest.approx(mean_s(conv, WITH, of_a))
    assert layers["conv"].without_s == pytest.approx(mean_s(conv_without, WITHOUT, of_b))
    assert answer.unassigned is not None
    assert answer.unassigned.change_s == pytest.approx(-mean_s(WITHOUT[LOST], WITHOUT, of_b))
    idle_s = mean_s(WITH[IDLE], WITH, of_a) - mean_s(WITHOUT[IDLE], WITHOUT, of_b)
    assert answer.idle_s == pytest.approx(idle_s)
    assert sum_of_accounts(answer) == pytest.approx(answer.measured_s, abs=1e-18)
    step = sum(map(sum, WITH.values())) / 6 * 1e-9
    assert answer.traced_over_timed is not None
    assert answer.traced_over_timed[0] == pytest.approx(step / 1e-6)


def test_intervals_are_of_block_means_of_two_steps():
    answer = answered({"with": WITH, "without": WITHOUT}, STEADY)
    scale_a = 1e-6 / (sum(map(sum, WITH.values())) / 6)
    scale_b = 7e-7 / (sum(map(sum, WITHOUT.values())) / 6)
    a = np.array(WITH[POOL], float).reshape(3, 2).mean(axis=1) * scale_a
    b = np.array(WITHOUT[POOL], float).reshape(3, 2).mean(axis=1) * scale_b
    right = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    (pool,) = (other for other in answer.others if other.name == "pool")
    assert pool.ci95_s == pytest.approx((right.low, right.high), rel=1e-6)
    own = np.array(WITH[LRN], float) + np.array(WITH[LRN_GRAD], float)
    own = own.reshape(3, 2).mean(axis=1) * scale_a
    half = 1.1 * stats.t.ppf(0.975, 2) * own.std(ddof=1) / math.sqrt(3)
    assert answer.attributed_ci95_s == pytest.approx((own.mean() - half, own.mean() + half))


def test_a_drift_of_own_ops_is_scatter_as_in_the_table_of_ops():
    steps = 14
    rising = [100 + 10 * step for step in range(steps)]
    rest = [900 - 10 * step for step in range(steps)]
    answer = answered({"with": {LRN: rising, CONV: rest}, "without": {CONV: [700] * steps}}, STEADY)
    own = np.array(rising, float).reshape(7, 2).mean(axis=1) * 1e-9
    half = 1.1 * stats.t.ppf(0.975, 6) * own.std(ddof=1) / math.sqrt(7)
    assert answer.attributed_ci95_s == pytest.approx((own.mean() - half, own.mean() + half))
    assert answer.parts[0].ci95_s == answer.attributed_ci95_s


def test_a_change_is_told_from_0_where_chance_and_the_timed_means_leave_none_open():
    quiet = {op: [10 * values[0]] * 6 for op, values in WITH.items()}
    changed = {op: [10 * values[0]] * 6 for op, values in WITHOUT.items()}
    changed[CONV] = [5000, 5000, 5001, 5000, 5000, 5001]
    answer = answered({"with": quiet, "without": changed}, STEADY)
    assert {other.name: other.significant for other in answer.others}["conv"]
    wide = {"with": STEADY["with"], "without": [[4e-7, 4e-7], [1e-6, 1e-6]]}
    answer = answered({"with": quiet, "without": changed}, wide)
    assert not any(other.significant for other in answer.others)
    low_s, high_s = answer.not_significant_ci95_s or (0.0, 0.0)
    total_s = sum(change.change_s for change in answer.others)
    assert (low_s + high_s) / 2 == pytest.approx(total_s)


def test_what_is_fused_under_another_name_is_not_gone():
    """`conv` computes the product and Relu; without Relu that is `conv/Conv2D`, of the same kind.

    The other way round Relu is new where the bias between them is left out.
    """
    fused = {FUSED: [500, 500], POOL: [100, 100]}
    bare = {CONV: [450, 450], POOL: [100, 100]}
    relu = AblationSpec("Relu", "with", "without", kinds=("Relu",))
    answer = answered({"with": fused, "without": bare}, STEADY, relu)
    assert answer.attributed_s is None
    assert answer.ops == 0
    assert (answer.only_with, answer.only_without) == ((), ())
    assert {other.name for other in answer.others} == {"conv", "pool"}
    answer = answered({"with": fused, "without": {**bare, RELU: [20, 20]}}, STEADY, relu)
    (new,) = answer.only_without
    assert (new.type, new.ops) == ("Relu", ("conv",))
    assert new.change_s < 0
    assert sum_of_accounts(answer) == pytest.approx(answer.measured_s, abs=1e-18)


def test_of_a_layer_only_what_is_gone_was_left_out():
    layer = AblationSpec("conv", "with", "without", kinds=(), layers=("conv",))
    answer = answered(
        {"with": {CONV: [400, 400], RELU: [50, 50]}, "without": {CONV: [390, 390]}}, STEADY, layer
    )
    assert [(one.type, one.ops) for one in answer.seen] == [("Relu", 1)]
    assert [other.name for other in answer.others] == ["conv"]


POOL_OF_OPS = [CONV, CONV_GRAD, LRN, LRN_GRAD, POOL, TURN, FUSED, RELU, IDLE, LOST]
shares = st.integers(0, 10**9)


@st.composite
def variants(draw: st.DrawFn) -> dict[str, dict[Op, list[int]]]:
    steps = {name: draw(st.integers(1, 7)) for name in ("with", "without")}
    costs = {}
    for name, count in steps.items():
        ops = draw(st.sets(st.sampled_from(POOL_OF_OPS)))
        costs[name] = {
            op: draw(st.lists(shares, min_size=count, max_size=count)) for op in sorted(ops)
        }
        costs[name][POOL] = draw(st.lists(st.integers(1, 10**9), min_size=count, max_size=count))
    return costs


timed = st.lists(
    st.lists(st.integers(1, 10**10).map(lambda ns: ns / 1e9), min_size=1, max_size=4),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(variants(), timed, timed)
def test_the_accounts_add_up(costs, a, b):
    answer = answered(costs, {"with": a, "without": b})
    assert answer.others_s is not None
    assert answer.idle_s is not None
    whole_s = max(np.concatenate([*map(np.array, (*a, *b))]).max(), 1e-9)
    close = {"abs": 1e-12 * whole_s}
    assert sum_of_accounts(answer) == pytest.approx(answer.measured_s, **close)
    parts = [other.change_s for other in answer.others]
    parts += [one.change_s for one in (*answer.only_with, *answer.only_without)]
    parts += [answer.unassigned.change_s] if answer.unassigned else []
    assert math.fsum(parts) == pytest.approx(answer.others_s, **close)
    own = math.fsum(part.attributed_s for part in answer.parts)
    assert own == pytest.approx(answer.attributed_s or 0.0, **close)
    assert math.fsum((own, *parts, answer.idle_s)) == pytest.approx(answer.measured_s, **close)
    left_out = [
        costs["with"][op]
        for op in (LRN, LRN_GRAD)
        if any(costs["with"].get(op, ())) and not any(costs["without"].get(op, ()))
    ]
    each = [sum(values) for values in zip(*left_out, strict=True)]
    timed_s = str(Fraction(str(np.concatenate([*map(np.array, a)]).mean())))
    right_s = mean_s(each, costs["with"], timed_s) if each else 0.0
    assert own == pytest.approx(right_s, rel=1e-9)


def test_a_prediction_by_the_replay_and_its_error():
    saving = Saving(
        what="ablation", name="lrn", fraction=0.27, fraction_std=0.0,
        halved_fraction=0.1,
    )  # fmt: skip
    replay = Replay(drift=0.01, drift_worst=0.01, steps=6, savings=(saving,))
    answer = answered({"with": WITH, "without": WITHOUT}, STEADY, replay=replay)
    assert answer.predicted_by == "ops"
    assert answer.predicted_ci95_s == pytest.approx((2.6e-7, 2.8e-7))


@pytest.mark.parametrize("dependents", [(), ("lrn/Transpose",)])
def test_without_a_replay_the_share_predicts_with_what_goes_with_it(dependents):
    replay = Replay(reason=Note("replay_gpu_busy"), dependents={"lrn": dependents})
    answer = answered({"with": WITH, "without": WITHOUT}, STEADY, replay=replay)
    assert answer.predicted_by == "share"
    assert answer.attributed_s is not None
    turned_s = mean_s(WITH[TURN], WITH, "1e-6") if dependents else 0
    assert answer.predicted_s == pytest.approx(answer.attributed_s + turned_s)
    assert answer.predicted_ci95_s is None
    assert [(op.op, op.fused) for op in answer.fused] == [("lrn/Transpose", ("LRN",))]


def test_without_the_other_trace_nothing_is_attributed():
    answer = answered({"with": WITH, "without": WITHOUT}, STEADY, attribution=None)
    assert (answer.attributed_s, answer.others, answer.others_s) == (None, (), None)
    assert answer.predicted_s is None
