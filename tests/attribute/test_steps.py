from __future__ import annotations

import numpy as np
import pytest

from alexprof.attribute.steps import NOT_MARKED, Steps, find_steps
from alexprof.record.note import Note
from alexprof.xplane import Trace
from tests.attribute.hand import Spans, on_host, steps

SPAN = (1_500, 9_100)


def found(source: Trace, marker: str | None = None) -> Steps:
    return find_steps([plane.events() for plane in source.planes], marker, SPAN)


def spans_ns(steps_: Steps) -> list[tuple[int, int, int]]:
    columns = steps_.number, steps_.start_ps // 1000, steps_.end_ps // 1000
    return list(zip(*(column.tolist() for column in columns), strict=True))


CALL = {"tf_function_call": "notTraced-nonXla"}


def numbered(name: str, *spans: tuple[int, float, float]) -> Spans:
    return [(name, start, end, {"step_num": number}) for number, start, end in spans]


MARKED: dict[str, tuple[Spans, Spans, list[tuple[int, int, int]], Note | None]] = {
    "in the order of time, on any line": (
        [*numbered("a", (7, 10, 20), (3, 30, 40)), ("other", 0, 90)], numbered("a", (8, 50, 60)),
        [(7, 10, 20), (3, 30, 40), (8, 50, 60)], None),
    "one in another of the same number is the same step": (
        [*numbered("a", (4, 0, 50)), *numbered("b", (4, 10, 20))], numbered("b", (4, 30, 50)),
        [(4, 0, 50)], None),
    "others inside are left out": (
        [*steps((0, 50), name="epoch"), *steps((0, 20), (20, 50), name="train")], [],
        [(0, 0, 50)], Note("markers_inside_steps", {"markers": 1}, ("train",))),
    "an overlap is of the first": (
        steps((0, 20), (15, 30)), [],
        [(0, 0, 20), (1, 20, 30)], Note("steps_overlap", {"steps": 1})),
    "two overlaps": (
        steps((0, 20), (15, 30), (29, 40), (40, 50)), [],
        [(0, 0, 20), (1, 20, 30), (2, 30, 40), (3, 40, 50)], Note("steps_overlap", {"steps": 2})),
    "numbers that repeat give way to the order": (
        [*steps((0, 5), (5, 9)), *steps((10, 15))], [],
        [(0, 0, 5), (1, 5, 9), (2, 10, 15)], Note("steps_renumbered")),
    "edges are whole nanoseconds, empty steps left out": (
        steps((0.4, 5.5), (5.5, 9), (9.1, 9.2)), [],
        [(0, 0, 6), (1, 6, 9)], Note("steps_too_short", {"steps": 1})),
    "markers go before calls": (
        [*steps((0, 30), (40, 60)), ("train", 5, 10, CALL)], [],
        [(0, 0, 30), (1, 40, 60)], None),
}  # fmt: skip


@pytest.mark.parametrize(("python", "worker", "expected", "note"), MARKED.values(), ids=MARKED)
def test_steps_of_markers(python, worker, expected, note):
    marked = found(on_host(worker=worker, python=python))
    assert spans_ns(marked) == expected
    assert marked.wall_ns.tolist() == [end - start for _, start, end in expected]
    assert (marked.source, marked.notes) == ("marker", (note,) if note else ())


def test_steps_of_several_names_are_sorts_of_their_own():
    source = on_host(python=[*steps((0, 5), (5, 9), name="a"), *steps((10, 15), name="b")])
    both = found(source)
    assert spans_ns(both) == [(0, 0, 5), (1, 5, 9), (0, 10, 15)]
    assert (both.phases, both.notes) == (("a", "b"), ())
    assert spans_ns(both.of_phase(0)) == [(0, 0, 5), (1, 5, 9)]
    assert spans_ns(both.of_phase(1)) == [(0, 10, 15)]


def test_only_markers_of_a_name_beside_those_that_lie_apart():
    source = on_host(
        python=[
            *steps((0, 5), (30, 35), name="warmup"),
            *steps((8, 26), name="epoch"),
            *steps((10, 15), (20, 25), name="forward"),
        ]
    )
    forward = found(source, "forward")
    assert (forward.phases, forward.shown(), forward.notes) == (("forward", "warmup"), [0], ())
    assert spans_ns(forward.of_phase(0)) == [(0, 10, 15), (1, 20, 25)]
    assert spans_ns(forward.of_phase(1)) == [(0, 0, 5), (1, 30, 35)]
    assert found(source, "nothing").source == "whole"


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


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param(
            [("set_up", 0, 5), ("train", 10, 20, CALL), ("inner", 12, 15, CALL),
             ("train", 24, 30, CALL), ("train", 38, 50, CALL), ("after", 51, 80)],
            [(0, 10, 24), (2, 24, 38), (3, 38, 56)],
            id="gaps of 4 and 8 ns: the last goes on for their median",
        ),
        pytest.param(
            [("train", 10, 20, CALL), ("train", 40, 50, CALL), ("x", 50, 55)],
            [(0, 10, 40), (1, 40, 55)],
            id="the last ends with the trace",
        ),
        pytest.param(
            [("train", 10, 20, CALL), ("x", 25, 90)],
            [(0, 10, 20)],
            id="a single one has no gap",
        ),
    ],
)  # fmt: skip
def test_without_markers_a_call_is_a_step_until_the_next_one(spans, expected):
    called = found(on_host(python=spans))
    assert spans_ns(called) == expected
    assert (called.phases, called.source, called.marked) == (("train",), "call", True)


def test_a_call_can_be_asked_for_by_name():
    source = on_host(
        python=[("train", 10, 20, CALL), ("test", 30, 40, CALL), ("train", 50, 60, CALL)]
    )
    assert found(source).phases == ("train", "test")
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
