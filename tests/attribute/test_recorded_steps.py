"""The steps of real programs: which there are, that their books close, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from alexprof.attribute import Attribution, attribute, totals
from alexprof.xplane import read_trace
from tests.attribute.test_against_xprof import KINDS

pytestmark = pytest.mark.slow

FOUR = [0, 1, 2, 3]
UNMARKED = "No step is marked in the trace; the whole trace is shown as one step."
CALL = "^(Stateful)?PartitionedCall$|^(Stateless)?(While|If)$"
STEADY = [  # graphs that run the same ops in each step
    "alexnet",
    "while_frames",
    "functions_in_a_session",
    "functions_that_stay",
    "train_function",
    "compiled",
    "side_by_side",
    "asynchronous",
    "eager",
    "eager_in_a_graph",
    "keras_train_step",
]


def read(path: Path, marker: str | None = None) -> Attribution:
    return attribute(read_trace(path), marker)


@pytest.mark.parametrize("kind", KINDS)
def test_books_close_on_each_kind(recorded, kind):
    found = read(recorded[kind])
    books = totals(found.costs)
    assert books
    for each in books:
        assert each.share_ns + each.idle_ns == each.wall_ns
        assert each.unassigned_ns == 0  # on a CPU each op has its name
    assert (found.steps["wall_ns"] > 0).all()
    cores = found.costs.group_by("step").agg(pl.col("core_ns").sum(), pl.col("wall_ns").first())
    pools = 64  # more threads than any of them has
    assert (cores["core_ns"] <= pools * cores["wall_ns"]).all()


@pytest.mark.parametrize("kind", STEADY)
def test_each_step_has_the_same_ops(recorded, kind):
    found = read(recorded[kind])
    # On a busy machine the first step may be long, and is left out then.
    numbers = FOUR if found.left_out is None else FOUR[1:]
    assert found.steps["step"].to_list() == numbers
    assert found.outside_events == 0
    assert not any("step" in note.code for note in found.notes)
    ran = found.costs.filter(pl.col("op") != "(idle)")
    # The last call may still be returning when the profiler stops, and is lost then.
    calls = pl.col("type").str.contains(CALL)
    for rows, steps in ((ran.filter(~calls), numbers), (ran.filter(calls), numbers[:-1])):
        counts = (
            rows.filter(pl.col("step").is_in(steps))
            .group_by("op", "type")
            .agg(pl.col("step").n_unique(), pl.col("executions").n_unique().alias("counts"))
        )
        assert counts.filter((pl.col("step") != len(steps)) | (pl.col("counts") != 1)).rows() == []


def test_a_loop_runs_its_ops_as_often_as_it_turns(recorded):
    costs = read(recorded["functions_that_stay"]).costs.filter(step=1)
    executions = dict(costs.select("op", "executions").iter_rows())
    assert executions["StatelessWhile"] == executions["While"] == executions["If"] == 1
    # Twice in the function, five times in each of the loops, once in the branch.
    assert executions["inner_product"] == 2 + 5 + 5 + 1


def test_keras_marks_batches_for_its_callback(recorded):
    found = read(recorded["keras_callback"])
    assert found.steps["step"].to_list() == [2, 3, 4]  # counted from 0, profile_batch from 1
    assert read(recorded["keras_callback"], "Profiled batch").costs.equals(found.costs)
    assert found.outside_events > 0  # the callback's own ops
    in_each = found.costs.filter(kind="MatMul").group_by("step").agg(pl.col("executions").sum())
    assert in_each["executions"].n_unique() == 1


def test_keras_marks_nothing_without_it_but_each_batch_is_a_call(recorded):
    found = read(recorded["keras_fit"])
    assert len(found.steps) > 1
    in_each = found.costs.filter(kind="MatMul").group_by("step").agg(pl.col("executions").sum())
    assert in_each["executions"].n_unique() == 1
    begins = found.steps["start_ns"].to_list()
    ends = (found.steps["start_ns"] + found.steps["wall_ns"]).to_list()
    assert ends[:-1] == begins[1:]


def test_steps_that_are_not_marked_are_outside(recorded):
    found = read(recorded["missing_steps"])
    assert found.steps["step"].to_list() == [0, 2]
    inside = found.costs["executions"].sum()
    assert found.outside_events == inside
    assert found.notes == ()


def test_pipelines_have_ops_of_their_own(recorded):
    found = read(recorded["pipeline_in_a_session"]).costs
    mapped = found.filter(pl.col("op").str.starts_with("tf_data/"))
    assert {"tf_data/MatMul", "tf_data/Fill", "tf_data/Cast"} <= set(mapped["op"])
    assert set(mapped["pass"]) == {"input"}
    assert set(found.filter(op="MatMul")["pass"]) == {"forward"}
