"""XLA on this machine's CPU: recorded, and read the slow way as well."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from alexprof.attribute import Attribution, attribute
from alexprof.xplane import HloPrograms, Trace, read_trace

pytestmark = pytest.mark.slow
STEPS = 4


@pytest.fixture(scope="module")
def tensorflow(recorded):
    return read_trace(recorded["compiled"])


@pytest.fixture(scope="module")
def jax(tmp_path_factory):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("no JAX here")
    folder = tmp_path_factory.mktemp("jax")
    command = [sys.executable, "-m", "tests.record_jax", str(folder)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    (path,) = folder.rglob("*.xplane.pb")
    return read_trace(path)


def thunks(trace: Trace) -> Counter[str]:
    """The names of the ops of all thunks, each looked up by itself."""
    programs = HloPrograms(trace)
    (plane,) = (plane for plane in trace.planes if plane.name == "/host:CPU")
    events = plane.events()
    program, is_given = events.ints("program_id")
    index, table = events.strings("hlo_op")
    found: Counter[str] = Counter()
    for at in range(len(events)):
        if index[at] >= 0 and events.names[events.name[at]] == table[index[at]]:
            assert is_given[at]
            op = programs.op(int(program[at]), table[index[at]])
            assert op is not None
            found[op.op_name] += 1
    return found


def passes(attribution: Attribution) -> dict[str, list[str]]:
    of_layer = attribution.costs.group_by("layer").agg(pl.col("pass").unique().sort())
    return dict(of_layer.iter_rows())


def test_tensorflow_s_layers(tensorflow):
    found = attribute(tensorflow)
    assert found.steps.height == STEPS
    expected = {name: ["backward", "forward"] for name in ("conv1", "conv2", "lrn", "fc")}
    expected["outside"] = ["forward"]
    assert passes(found).items() >= expected.items()
    conv = found.costs.filter(op="gradient_tape/conv2/Conv2DBackpropFilter")
    assert conv["share_ns"].min() > 0
    assert (conv["type"][0], conv["kind"][0]) == ("Conv2DBackpropFilter", "Conv2D")


@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
def test_every_thunk_counts_once(framework, request):
    trace = request.getfixturevalue(framework)
    found = attribute(trace)
    expected = thunks(trace)
    assert expected.total() > 10 * STEPS
    assert expected[""] < 0.05 * expected.total()
    counted = dict(found.costs.group_by("op").agg(pl.col("executions").sum()).iter_rows())
    del expected[""]
    assert {op: counted[op] for op in expected} == expected


def test_jax_s_layers(jax):
    found = attribute(jax)
    assert found.steps["step"].to_list() == list(range(STEPS))
    expected = {name: ["backward", "forward"] for name in ("conv1", "conv2")}
    assert passes(found).items() >= {**expected, "sgd": ["optimizer"]}.items()
