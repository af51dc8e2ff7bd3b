from __future__ import annotations

import statistics
from typing import Any, TypeAlias

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from alexprof.attribute import by_kind, by_layer, by_layer_whole, by_op, totals
from alexprof.attribute.rollup import SUMMARY
from alexprof.measure.chunks import step_interval

COLUMNS = (
    "step", "device", "op", "type", "kind", "layer", "pass",
    "executions", "kernels", "busy_ns", "share_ns", "wall_ns", "core_ns", "at_work_ns",
    "idle_before_ns", "launching_ns",
)  # fmt: skip
MAY_LACK = COLUMNS[-4:]


Row: TypeAlias = "tuple[Any, ...]"


def costs(*rows: Row) -> pl.DataFrame:
    whole = [(*row, *[None] * (len(COLUMNS) - len(row))) for row in rows]
    types = dict.fromkeys(MAY_LACK, pl.Int64)
    return pl.DataFrame(whole, schema=dict.fromkeys(COLUMNS) | types, orient="row")


def lrn(step: int, share: int, *, grad: bool = False, wall: int = 100) -> Row:
    op = ("gradients/lrn1/LRN_grad/LRNGrad", "LRNGrad") if grad else ("lrn1/LRN", "LRN")
    which = "backward" if grad else "forward"
    return (step, "CPU", *op, "LRN", "lrn1", which, 2, 0, 2 * share, share, wall)


def idle(
    step: int, share: int, reason: str = "python", device: str = "CPU", wall: int = 100
) -> Row:
    return (step, device, "(idle)", reason, "(idle)", "(idle)", "idle", 0, 0, 0, share, wall)


def lost(step: int, share: int, wall: int = 100) -> Row:
    names = ("(unassigned)",) * 4
    return (step, "GPU:0", *names, "other", 0, 3, share, share, wall)


TABLE = costs(
    lrn(0, 40), lrn(0, 20, grad=True), idle(0, 30), idle(0, 10, "launching"),
    lrn(1, 60), idle(1, 40),
    idle(2, 100),
    idle(0, 75, device="GPU:0"), lost(0, 25),
    idle(1, 100, device="GPU:0"), idle(2, 100, device="GPU:0"),
)  # fmt: skip


def test_per_op():
    found = by_op(TABLE).to_dicts()
    assert [tuple(row) for row in found] == [(*SUMMARY, "type", "kind", "layer", "covered")] * 3
    # Intervals have tests of their own below.
    figures = {name: value for name, value in found[0].items() if name != "share_ci95_s"}
    assert figures == pytest.approx(
        {
            "name": "lrn1/LRN",
            "device": "CPU",
            "pass": "forward",
            "executions_per_step": 4 / 3,
            "kernels_per_step": 0,
            "busy_mean_s": 200 / 3 * 1e-9,
            "busy_std_s": statistics.stdev([80, 120, 0]) * 1e-9,
            "share_mean_s": 100 / 3 * 1e-9,
            "share_std_s": statistics.stdev([40, 60, 0]) * 1e-9,
            "share_fraction": 100 / 300,
            "core_mean_s": None,
            "parallelism": None,
            "busy_fraction": 100 / (100 + 20),
            "idle_before_s": None,
            "launching_s": None,
            "type": "LRN",
            "kind": "LRN",
            "layer": "lrn1",
            "covered": False,
        }
    )
    assert [(row["name"], row["device"], row["type"]) for row in found[1:]] == [
        ("(unassigned)", "GPU:0", "(unassigned)"),
        ("gradients/lrn1/LRN_grad/LRNGrad", "CPU", "LRNGrad"),
    ]
    assert found[1]["kernels_per_step"] == 1


def test_an_op_is_covered_if_every_step_shows_it():
    table = costs(lrn(0, 40), lrn(1, 60), lrn(1, 20, grad=True), idle(0, 60), idle(1, 20))
    covered = dict(by_op(table).select("name", "covered").iter_rows())
    assert covered == {"lrn1/LRN": True, "gradients/lrn1/LRN_grad/LRNGrad": False}


def test_equal_rows_come_in_one_order():
    """Polars groups on several threads, in an order of its own."""
    types = [f"Type{number}" for number in range(40)]
    rows = [(0, "CPU", "a", of, of, "a", "forward", 1, 0, 2, 2, 100) for of in types]
    assert by_op(costs(*rows[::-1]))["type"].to_list() == sorted(types)
    assert by_op(costs(*rows)).equals(by_op(costs(*rows[::-1])))


def test_per_layer_and_kind_keep_passes_apart():
    for rollup, name in ((by_layer, "lrn1"), (by_kind, "LRN")):
        found = rollup(TABLE).select("name", "device", "pass", "share_fraction").rows()
        assert found == [
            (name, "CPU", "forward", pytest.approx(100 / 300)),
            ("(unassigned)", "GPU:0", "other", pytest.approx(25 / 300)),
            (name, "CPU", "backward", pytest.approx(20 / 300)),
        ]


def test_ops_of_a_layer_add_up_in_each_step_before_they_are_averaged():
    conv = ("conv1", "Conv2D", "Conv2D", "conv1", "forward", 1, 0, 10)
    bias = ("conv1/BiasAdd", "BiasAdd", "BiasAdd", "conv1", "forward", 1, 0, 10)
    table = costs((0, "CPU", *conv, 10, 15), (0, "CPU", *bias, 5, 15), (1, "CPU", *conv, 15, 15))
    row = by_layer(table).row(0, named=True)
    assert row["share_std_s"] == 0
    assert row["executions_per_step"] == 1.5


def test_layers_over_all_passes_and_idle_time_make_up_the_steps():
    found = by_layer_whole(TABLE).filter(device="CPU")
    assert found.select("name", "pass", "share_fraction").rows() == [
        ("(idle)", "all", pytest.approx(180 / 300)),
        ("lrn1", "all", pytest.approx(120 / 300)),
    ]
    assert found["share_std_s"].to_list() == pytest.approx(
        [statistics.stdev([40, 40, 100]) * 1e-9, statistics.stdev([60, 60, 0]) * 1e-9]
    )


def test_one_step_has_neither_deviation_nor_interval():
    row = by_op(TABLE.filter(step=0)).row(0, named=True)
    assert row["share_mean_s"] == pytest.approx(40e-9)
    assert {row[name] for name in ("busy_std_s", "share_std_s", "share_ci95_s")} == {None}


def test_totals():
    cpu, gpu = totals(TABLE)
    assert astuple(cpu) == ("CPU", 300, 120, 180, 0, {"python": 170, "launching": 10})
    assert astuple(gpu) == ("GPU:0", 300, 25, 275, 25, {"python": 275})


def test_an_empty_table():
    assert by_op(TABLE.clear()).columns == [*SUMMARY, "type", "kind", "layer", "covered"]
    assert by_layer(TABLE.clear()).is_empty()
    assert totals(TABLE.clear()) == ()


@pytest.mark.parametrize("steps", [1, 2])
def test_fewer_than_three_steps_have_no_interval(steps):
    rows = (row for step in range(steps) for row in (lrn(step, 40 + step), idle(step, 60 - step)))
    assert by_layer_whole(costs(*rows))["share_ci95_s"].to_list() == [None, None]


def test_core_time_is_a_mean_over_steps_and_parallelism_over_time_at_work():
    """Twice 80 ns busy and worked on by 1.5 threads, once not run at all; not known of another."""
    table = costs(*((*lrn(step, 40), 120, 80) for step in (0, 1)), lost(0, 10), idle(2, 100))
    ops = {row["name"]: row for row in by_op(table).to_dicts()}
    assert ops["lrn1/LRN"]["core_mean_s"] == pytest.approx(240 / 3 * 1e-9)
    assert ops["lrn1/LRN"]["parallelism"] == pytest.approx(1.5)
    assert ops["(unassigned)"]["core_mean_s"] is None


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 50), min_size=7, max_size=7), min_size=1, max_size=4))
def test_means_deviations_and_intervals_of_any_shares(shares_ns):
    """Two ops a layer, which don't run in a step of which they have nothing; the rest is idle."""
    ns = np.array(shares_ns)
    idle_ns = 1000 - ns.sum(axis=0)
    table = costs(
        *(
            (step, "CPU", f"op{op}", "T", "K", f"l{op // 2}", "forward", 1, 0, share, share, 1000)
            for op, row in enumerate(shares_ns)
            for step, share in enumerate(row)
            if share
        ),
        *(idle(step, share, wall=1000) for step, share in enumerate(idle_ns.tolist())),
    )
    ops = {f"op{op}": row for op, row in enumerate(ns)}
    layers = {f"l{op // 2}": ns[op : op + 2].sum(axis=0) for op in range(0, len(ns), 2)}
    for rollup, names in ((by_op, ops), (by_layer_whole, {**layers, "(idle)": idle_ns})):
        for row in rollup(table).iter_rows(named=True):
            seconds = names[row["name"]] / 1e9
            assert row["share_mean_s"] == pytest.approx(seconds.mean(), rel=1e-9)
            assert row["share_std_s"] == pytest.approx(seconds.std(ddof=1), abs=1e-15)
            assert row["share_fraction"] == pytest.approx(seconds.mean() * 1e6, rel=1e-9)
            expected = list(step_interval(seconds) or ())
            assert row["share_ci95_s"] == pytest.approx(expected, rel=1e-6, abs=1e-15)
