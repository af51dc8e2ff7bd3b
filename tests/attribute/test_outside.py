"""Work between the steps, and a first step unlike the others."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from alexprof.attribute.costs import attribute, attribute_phases
from alexprof.attribute.steps import long_first
from tests.attribute.hand import attributed, on_host, steps

TWO = steps((0, 100), (300, 400))


@pytest.mark.parametrize(
    ("marks", "ops", "span_ns", "outside_ns"),
    [
        # 50 of the 200 ns between the steps; 30 more at the end.
        (TWO, [("a:A", 10, 60), ("a:A", 310, 360), ("b:B", 150, 200), ("b:B", 400, 430)], 430, 80),
        # An op that gets input does not count, nor what runs within a step.
        (TWO, [("a:A", 10, 60), ("n:IteratorGetNext", 110, 290), ("a:A", 310, 360)], 400, 0),
        ([], [("a:A", 10, 60), ("a:A", 310, 360)], 0, 0),
    ],
    ids=["between the steps", "input and within", "without markers"],
)
def test_what_runs_outside_of_steps_is_measured(marks, ops, span_ns, outside_ns):
    attribution = attributed(python=marks, **{"tf_Compute/1": ops})
    assert (attribution.span_ns, attribution.outside_ns) == (span_ns, outside_ns)


def test_the_steps_of_other_markers_are_not_between_those_of_a_chosen_one():
    """Each evaluation of 20 ns and the 30 ns after it, in 10 of which an op runs."""
    ops = [("a:A", begin, begin + 40) for begin in (0, 100, 200)]
    ops += [("e:E", begin, begin + 10) for begin in (55, 75, 155, 175)]
    train = steps((0, 50), (100, 150), (200, 250), name="train")
    marks = [*train, *steps((50, 70), (150, 170), name="eval")]
    source = on_host(python=marks, **{"tf_Compute/1": ops})
    alone, beside = attribute(source, "eval"), attribute_phases(source)["eval"]
    assert (alone.span_ns, alone.outside_ns) == (100, 20)
    assert (beside.span_ns, beside.outside_ns) == (250, 20)
    assert_frame_equal(alone.costs, beside.costs)
    assert alone.notes == beside.notes


@pytest.mark.parametrize(
    ("walls_ms", "on_cpu", "first_ms"),
    [
        ([119, 100, 100, 100], False, None),
        ([120, 100, 100, 100], False, 120),
        ([299, 100, 100, 100], True, None),
        ([300, 100, 100, 100], True, 300),
        ([30, 1, 1, 1], True, None),
        ([900, 100, 100], False, None),
    ],
)
def test_a_first_step_is_long_from_so_many_medians_on(walls_ms, on_cpu, first_ms):
    walls = [wall * 10**6 for wall in walls_ms]
    table = pl.DataFrame({"step": range(len(walls)), "wall_ns": walls})
    late = long_first(table, on_cpu=on_cpu)
    assert (None if late is None else late["wall_ns"].item() // 10**6) == first_ms
