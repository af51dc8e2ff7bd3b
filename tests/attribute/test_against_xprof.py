"""Executions and times of ops against those that xprof prints for the same file.

Where they differ the test says why: xprof takes each event that names an op in a stat for an
execution of it, so also TensorFlow's notes on memory inside of ops.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from alexprof.attribute import attribute
from alexprof.xplane import read_trace
from tests.attribute.hand import draw
from tests.attribute.test_samples import BERT, needs_samples
from tests.traces import TraceBuilder

pytestmark = pytest.mark.slow

SESSION = """
import sys
from pathlib import Path
from alexprof.capture.startup import start_tensorflow
from alexprof.capture.trace import trace_steps
from alexprof.workload.alexnet import AlexNet

start_tensorflow()
import tensorflow as tf

v1 = tf.compat.v1
with tf.Graph().as_default() as graph:
    built = AlexNet(batch_size=2, image_size=64).build("with_lrn")
    initializer = v1.global_variables_initializer()
with v1.Session(graph=graph) as session:
    session.run(initializer)
    target = built.fetches["forward_backward"]
    trace_steps(
        lambda: session.run(target), 4, folder=Path(sys.argv[1]), session_name="both", doing="test"
    )
"""


class Cost(NamedTuple):
    """An op in the whole of a trace; self time in microseconds."""

    executions: float
    self_us: float


def host_by_xprof(path: Path, folder: Path) -> dict[str, Cost]:
    """Returns the host's ops as xprof's table has them; it keeps files beside the trace."""
    convert = pytest.importorskip("xprof.convert.raw_to_tool_data")
    copy = shutil.copy(path, folder / "vm.xplane.pb")
    content, _ = convert.xspace_to_tool_data([str(copy)], "framework_op_stats", {})
    table = json.loads(content)[0]
    names = [column["id"] for column in table["cols"]]
    rows = [
        dict(zip(names, [cell["v"] for cell in row["c"]], strict=True)) for row in table["rows"]
    ]
    return {
        row["operation"]: Cost(row["occurrences"], row["total_self_time"])
        for row in rows
        if row["host_or_device"] == "Host" and row["operation"] != "IDLE"
    }


def host_by_us(path: Path) -> dict[str, Cost]:
    # No step is marked so, and the whole trace counts.
    costs = attribute(read_trace(path), "no such marker", cores=False).costs
    ran = costs.filter((costs["device"] == "CPU") & (costs["op"] != "(idle)"))
    rows = ran.select("op", "executions", "busy_ns").iter_rows()
    return {op: Cost(executions, busy_ns / 1000) for op, executions, busy_ns in rows}


def assert_same_times(ours: dict[str, Cost], theirs: dict[str, Cost]) -> None:
    for op in ours.keys() & theirs.keys():
        assert ours[op].self_us == pytest.approx(theirs[op].self_us, abs=0.002), op


@pytest.fixture(scope="module")
def session_trace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("session")
    environment = {**os.environ, "TF_CPU_ALLOCATOR_USE_BFC": "false"}
    done = subprocess.run(
        [sys.executable, "-c", SESSION, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    (trace,) = folder.rglob("*.xplane.pb")
    return trace


def test_a_real_session_op_by_op(session_trace, tmp_path):
    ours, theirs = host_by_us(session_trace), host_by_xprof(session_trace, tmp_path)
    assert len(theirs) > 30
    assert theirs.keys() <= ours.keys()
    # It leaves out the ops that hand results to the session.
    assert {op for op in ours.keys() - theirs.keys() if not op.startswith("_retval_")} == set()
    assert_same_times(ours, theirs)
    assert {op: ours[op].executions for op in theirs} == {
        op: cost.executions for op, cost in theirs.items()
    }


def test_notes_on_memory_are_no_executions(tmp_path):
    built = TraceBuilder()
    note = {"tf_op": "a", "allocator_name": "bfc"}
    spans = [
        ("a:MatMul", 100, 400),
        ("MemoryAllocation", 150, 150, note),
        ("MemoryDeallocation", 300, 300, note),
    ]
    draw(built.plane("/host:CPU"), {"tf_Compute/1": spans})
    path = built.write(tmp_path / "hand.xplane.pb")
    (tmp_path / "xprof").mkdir()
    assert host_by_us(path) == {"a": Cost(1, 0.3)}
    theirs = host_by_xprof(path, tmp_path / "xprof")["a"]
    assert theirs.executions == 3  # one, and two notes
    assert theirs.self_us == pytest.approx(0.3)


@needs_samples
def test_bert_s_host_has_the_same_times(tmp_path):
    ours, theirs = host_by_us(BERT), host_by_xprof(BERT, tmp_path)
    assert len(ours.keys() & theirs.keys()) > 300
    assert_same_times(ours, theirs)
    # More executions than we count are notes on memory.
    assert all(ours[op].executions <= theirs[op].executions for op in ours.keys() & theirs.keys())
