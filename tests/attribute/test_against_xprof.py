"""The ops of a host against those that xprof prints for the same file, on real programs.

Executions, sum of durations and self time of every op have to be the same, to the nanosecond that
xprof prints. Where they are not, xprof's rules must explain it: xprof_tables.py has them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from alexprof.attribute import attribute
from alexprof.attribute.activity import CPU
from alexprof.attribute.ops import read_work
from alexprof.xplane import read_trace
from tests.attribute.xprof_tables import (
    ROWS,
    Cost,
    as_we_count,
    as_xprof_counts,
    assert_near,
    ops_by_xprof,
    spans_of,
)
from tests.samples import BERT, needs_samples

pytestmark = pytest.mark.slow

KINDS = {  # and how many ops of each must be the same without any explanation
    "alexnet": 30,
    "while_frames": 15,
    "functions_in_a_session": 20,
    "functions_that_stay": 15,
    "train_function": 80,
    "compiled": 5,  # those that XLA did not run
    "side_by_side": 20,
    "asynchronous": 20,
    "eager": 0,
    "eager_in_a_graph": 3,
    "odd_names": 5,
    "pipeline_in_a_session": 1,
    "pipeline_by_hand": 5,
    "pipeline_in_a_function": 3,
    "keras_fit": 80,
    "keras_train_step": 80,
    "keras_callback": 80,
    "missing_steps": 3,
}


def ops_by_us(path: Path) -> dict[tuple[str, str], Cost]:
    """Returns the host's ops by name and type."""
    # No step is marked so, and the whole trace counts.
    costs = attribute(read_trace(path), "no such marker", cores=False).costs
    work = read_work(read_trace(path), cores=False)
    (host,) = (device for device in work.devices if device.device == CPU)
    total_ps = dict.fromkeys(work.ops, 0)
    for op, length_ps in zip(host.op.tolist(), (host.end_ps - host.start_ps).tolist(), strict=True):
        total_ps[work.ops[op]] += length_ps
    ran = costs.filter((costs["device"] == CPU) & (costs["op"] != "(idle)"))
    rows = ran.select("op", "type", "executions", "busy_ns").iter_rows()
    return {
        (op, type_): Cost(executions, total_ps[op, type_] / 1e6, busy_ns / 1e3)
        for op, type_, executions, busy_ns in rows
    }


def assert_same(path: Path, folder: Path) -> set[str]:
    """Compare op by op; returns those that are the same without an explanation."""
    theirs, spans = ops_by_xprof(path, folder), spans_of(read_trace(path))
    ours = ops_by_us(path)
    assert_near(ours, as_we_count(spans))
    by_name = {name: cost for (name, _), cost in ours.items()}
    same = {op for op, cost in theirs.items() if cost.near(by_name.get(op))}
    by_rules = as_xprof_counts(spans)
    cut_off = by_rules.keys() - theirs.keys() if len(theirs) == ROWS else set()
    assert_near(theirs, {op: cost for op, cost in by_rules.items() if op not in cut_off})
    return same


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "compiled"])
def test_each_op_has_xprof_s_numbers(recorded, kind, tmp_path):
    assert len(assert_same(recorded[kind], tmp_path)) >= KINDS[kind]


def test_what_xla_runs_is_one_op_to_xprof_and_several_to_us(recorded, tmp_path):
    path, call = recorded["compiled"], "StatefulPartitionedCall"
    theirs, expected = ops_by_xprof(path, tmp_path), as_we_count(spans_of(read_trace(path)))
    costs = ops_by_us(path)
    others = {op: cost for op, cost in expected.items() if op[0] != call}
    assert_near({op: costs[op] for op in others}, others)
    ours = {name: cost for (name, _), cost in costs.items()}
    by_xla = ours.keys() - {name for name, _ in expected}
    assert {"conv1/Conv2D", "lrn/LRN", "fc/matmul"} <= by_xla
    same = {op for op, cost in theirs.items() if cost.near(ours.get(op))}
    assert len(same) >= KINDS["compiled"]
    assert ours[call].executions == theirs[call].executions
    assert ours[call].total_us == pytest.approx(theirs[call].total_us)
    # What it has lost its own ops have, which may run side by side.
    inside_us = sum(ours[op].self_us for op in by_xla)
    assert 0 < theirs[call].self_us - ours[call].self_us <= inside_us + 0.01


def test_no_kind_is_left_out(recorded):
    assert recorded.keys() == KINDS.keys()


@needs_samples
def test_bert_s_host_has_xprof_s_numbers(tmp_path):
    assert len(assert_same(BERT, tmp_path)) > 40
    # The others have the same times, and notes on memory that xprof counts as executions.
    theirs = ops_by_xprof(BERT, tmp_path)
    ours = {name: cost for (name, _), cost in ops_by_us(BERT).items()}
    same = [op for op in theirs.keys() & ours.keys() if _times(ours[op]).near(_times(theirs[op]))]
    assert len(same) > 480


def _times(cost: Cost) -> Cost:
    return cost._replace(executions=0)
