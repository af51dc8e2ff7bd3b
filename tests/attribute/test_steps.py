from __future__ import annotations

import numpy as np
import pytest

from alexprof.attribute.steps import NOT_MARKED, Steps, find_steps
from alexprof.record.note import Note
from alexprof.xplane import Trace
from tests.attribute.hand import on_host, steps

SPAN = (1_500, 9_100)


def found(source: Trace, marker: str | None = None) -> Steps:
    return find_steps([plane.events() for plane in source.planes], marker, SPAN)


def spans_ns(one: Steps) -> list[tuple[int, int, int]]:
    columns = one.number, one.start_ps // 1000, one.end_ps // 1000
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_markers_of_any_name_and_line_in_the_order_of_time():
    source = on_host(
        worker=[("train", 50, 60, {"step_num": 8})],
        python=[
            ("train", 10, 20, {"step_num": 7}),
            ("other", 0, 90),
            ("train", 30, 40, {"step_num": 3}),
        ],
    )
    one = found(source)
    assert spans_ns(one) == [(7, 10, 20), (3, 30, 40), (8, 50, 60)]
    assert one.wall_ns.tolist() == [10, 10, 10]
    assert one.notes == ()


def test_only_markers_of_a_name_beside_those_that_lie_apart():
    source = on_host(
        python=[
            *steps((0, 5), (30, 35), name="warmup"),
            *steps((8, 26), name="epoch"),
            *steps((10, 15), (20, 25), name="forward"),
        ]
    )
    one = found(source, "forward")
    assert (one.sorts, one.shown(), one.notes) == (("forward", "warmup"), [0], ())
    assert spans_ns(one.of_sort(0)) == [(0, 10, 15), (1, 20, 25)]
    assert spans_ns(one.of_sort(1)) == [(0, 0, 5), (1, 30, 35)]
    assert found(source, "nothing").source == "whole"


def test_a_marker_in_another_of_the_same_number_is_the_same_step():
    source = on_host(
        python=[("outer", 0, 50, {"step_num": 4}), ("inner", 10, 20, {"step_num": 4})],
        worker=[("inner", 30, 50, {"step_num": 4})],
    )
    assert found(source).notes == ()
    assert spans_ns(found(source)) == [(4, 0, 50)]


def test_other_markers_inside_a_step_are_left_out_and_told():
    source = on_host(
        python=[("epoch", 0, 50, {"step_num": 0}), *steps((0, 20), (20, 50), name="train")]
    )
    one = found(source)
    assert spans_ns(one) == [(0, 0, 50)]
    assert one.notes == (Note("markers_inside_steps", {"markers": 1}, ("train",)),)


def test_overlapping_steps_are_made_disjoint():
    one = found(on_host(python=steps((0, 20), (15, 30))))
    assert spans_ns(one) == [(0, 0, 20), (1, 20, 30)]
    assert one.notes == (Note("steps_overlap", {"steps": 1}),)
    three = found(on_host(python=steps((0, 20), (15, 30), (29, 40), (40, 50))))
    assert spans_ns(three) == [(0, 0, 20), (1, 20, 30), (2, 30, 40), (3, 40, 50)]
    assert three.notes == (Note("steps_overlap", {"steps": 2}),)


def test_steps_of_several_names_are_sorts_of_their_own():
    source = on_host(python=[*steps((0, 5), (5, 9), name="a"), *steps((10, 15), name="b")])
    one = found(source)
    assert spans_ns(one) == [(0, 0, 5), (1, 5, 9), (0, 10, 15)]
    assert one.notes == ()
    assert one.sorts == ("a", "b")
    assert spans_ns(one.of_sort(0)) == [(0, 0, 5), (1, 5, 9)]
    assert spans_ns(one.of_sort(1)) == [(0, 10, 15)]


def test_numbers_that_repeat_within_a_sort_give_way_to_the_order():
    source = on_host(python=[*steps((0, 5), (5, 9)), *steps((10, 15))])
    one = found(source)
    assert spans_ns(one) == [(0, 0, 5), (1, 5, 9), (2, 10, 15)]
    assert len(one.notes) == 1


def test_edges_are_rounded_to_whole_nanoseconds_and_empty_steps_left_out():
    source = on_host(python=steps((0.4, 5.5), (5.5, 9), (9.1, 9.2)))
    one = found(source)
    assert spans_ns(one) == [(0, 0, 6), (1, 6, 9)]
    assert one.notes == (Note("steps_too_short", {"steps": 1}),)


@pytest.mark.parametrize(
    ("lines", "marker", "note"),
    [
        ({}, None, Note(NOT_MARKED)),
        ({"python": [("forward", 0, 5)]}, "forward", Note(NOT_MARKED, text="forward")),
        (
            {"python": steps((0, 5), name="train")},
            "forward",
            Note(NOT_MARKED, names=("train",), text="forward"),
        ),
        ({"python": steps((5, 5), name="train")}, None, Note(NOT_MARKED)),
    ],
)
def test_without_markers_the_whole_span_is_one_step(lines, marker, note):
    one = found(on_host(**lines), marker)
    assert spans_ns(one) == [(0, 1, 10)]
    assert note == one.notes[-1]


CALL = {"tf_function_call": "notTraced-nonXla"}
FIRST = ("train", 10, 20, CALL)


def test_without_markers_a_call_is_a_step_until_the_next_one():
    """Gaps between calls are 4 and 8 ns; after the last it goes on for their median."""
    source = on_host(
        python=[
            ("set_up", 0, 5),
            ("train", 10, 20, CALL),
            ("inner", 12, 15, CALL),
            ("train", 24, 30, CALL),
            ("train", 38, 50, CALL),
            ("after", 51, 80),
        ]
    )
    one = found(source)
    assert spans_ns(one) == [(0, 10, 24), (2, 24, 38), (3, 38, 56)]
    assert one.sorts == ("train",)
    assert one.source == "call"
    assert one.marked


@pytest.mark.parametrize(
    ("spans", "steps_ns"),
    [
        (
            [("train", 10, 20, CALL), ("train", 40, 50, CALL), ("x", 50, 55)],
            [(0, 10, 40), (1, 40, 55)],
        ),
        ([("train", 10, 20, CALL), ("x", 25, 90)], [(0, 10, 20)]),
    ],
    ids=["it ends with the trace", "a single one has no gap"],
)
def test_the_last_call(spans, steps_ns):
    assert spans_ns(found(on_host(python=spans))) == steps_ns


def test_markers_go_before_calls():
    source = on_host(python=[*steps((0, 30), (40, 60)), ("train", 5, 10, CALL)])
    assert spans_ns(found(source)) == [(0, 0, 30), (1, 40, 60)]
    assert found(source).source == "marker"


def test_a_call_can_be_asked_for_by_name():
    source = on_host(
        python=[("train", 10, 20, CALL), ("test", 30, 40, CALL), ("train", 50, 60, CALL)]
    )
    assert found(source).sorts == ("train", "test")
    assert spans_ns(found(source, "test")) == [(1, 30, 40)]


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [
        pytest.param(10, 15, 0, id="inside"),
        pytest.param(10, 20, 0, id="the whole step"),
        pytest.param(15, 45, 0, id="begins in one and reaches into the next"),
        pytest.param(19, 19, 0, id="without length"),
        pytest.param(20, 20, -1, id="without length, at the end"),
        pytest.param(20, 30, -1, id="between"),
        pytest.param(30, 30, 1, id="without length, at the begin"),
        pytest.param(5, 11, 0, id="began before the first"),
        pytest.param(25, 31, 1, id="began between"),
        pytest.param(5, 90, 0, id="around all"),
        pytest.param(0, 10, -1, id="before the first"),
        pytest.param(40, 90, -1, id="after the last"),
    ],
)
def test_the_step_that_an_event_counts_in(start, end, step):
    two = Steps(np.array([0, 1]), np.array([10, 30]), np.array([20, 40]))
    assert two.at(np.array([start]), np.array([end])).tolist() == [step]
