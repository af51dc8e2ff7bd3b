"""Where AlexProf and xprof give an op different numbers, in traces made by hand, and why.

Each case is one thread of a host, spans in nanoseconds, with what both make of it. That xprof's
rules (xprof_tables.py) lead to its numbers is part of each test.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from alexprof.xplane import read_trace
from tests.attribute.hand import draw
from tests.attribute.test_against_xprof import ops_by_us
from tests.attribute.xprof_tables import (
    Cost,
    as_we_count,
    as_xprof_counts,
    assert_near,
    ops_by_xprof,
    spans_of,
)
from tests.traces import TraceBuilder

pytestmark = pytest.mark.slow


class Case(NamedTuple):
    spans: list[tuple[Any, ...]]
    ours: dict[str, tuple[int, float, float]]  # executions, sum of durations, self time in ns
    theirs: dict[str, tuple[int, float, float]]
    line: str = "tf_Compute/1"


NOTE = {"tf_op": "a", "allocator_name": "bfc"}
TYPED_NOTE = {"tf_op": "a:MatMul", "allocator_name": "bfc"}
STEP = {"step_num": 3, "_r": 1}
ONCE = (1, 10, 10)

CASES = {
    # Nothing differs: an op inside of itself, ends that meet, no length.
    "an op inside of itself": Case(
        [("a:If", 0, 100), ("a:If", 20, 50), ("b:Add", 100, 150), ("c:Add", 120, 120)],
        {"a": (2, 130, 100), "b": (1, 50, 50), "c": (1, 0, 0)},
        {"a": (2, 130, 100), "b": (1, 50, 50), "c": (1, 0, 0)}),
    # TensorFlow says when an op takes and gives back memory, in events that name the op. They
    # are no executions of it, and xprof counts them.
    "notes on memory": Case(
        [("a:MatMul", 100, 400), ("MemoryAllocation", 150, 150, NOTE),
         ("MemoryDeallocation", 300, 300, TYPED_NOTE)],
        {"a": (1, 300, 300)}, {"a": (3, 300, 300)}),
    # What hands results out of a graph is an op like others. xprof lets no name begin with _ …
    "results": Case(
        [("_retval_a_0_0:_Retval", 0, 10), ("_send_a_0:_Send", 10, 20), ("a:Mul", 40, 50)],
        dict.fromkeys(("_retval_a_0_0", "_send_a_0", "a"), ONCE), {"a": ONCE}),
    # … unless it is the type too, as with calls of functions.
    "functions": Case(
        [("__inference_f_3:__inference_f_3", 0, 10)],
        {"__inference_f_3": ONCE}, {"__inference_f_3": ONCE}),
    # What ran eagerly took time too: for xprof that of the op around it, or nobody's.
    "eager": Case(
        [("py:EagerPyFunc", 0, 100), ("EagerLocalExecute: MatMul", 20, 50), ("a:Mul", 30, 40)],
        {"py": (1, 100, 70), "MatMul": (1, 30, 20), "a": ONCE}, {"py": (1, 100, 90), "a": ONCE}),
    # xprof has one row per name, with the type that it met first.
    "two types of one name": Case(
        [("m:MatMul", 0, 10), ("m:BatchMatMulV2", 20, 50)],
        {"m:MatMul": ONCE, "m:BatchMatMulV2": (1, 30, 30)}, {"m": (2, 40, 40)}),
    # The functions that tf.data maps are graphs of their own. Their ops are not those of the
    # model, though they may have the same names; xprof adds them up.
    "ops of tf.data": Case(
        [("m:MatMul", 0, 10)], {"tf_data/m": ONCE}, {"m": ONCE}, "tf_data_map/1"),
    # Stages of tf.data are no ops. What they do inside of one is a part of its time.
    "stages of tf.data": Case(
        [("next:IteratorGetNext", 0, 100), ("Iterator::Root", 10, 90), ("a:Mul", 30, 40)],
        {"next": (1, 100, 90), "a": ONCE},
        {"next": (1, 100, 20), "Iterator::Root": (1, 80, 70), "a": ONCE}),
    # A marker of a step is the user's, whatever its name.
    "a step": Case(
        [("load:Data", 0, 100, STEP), ("a:Mul", 10, 20)],
        {"a": ONCE}, {"load": (1, 100, 90), "a": ONCE}),
    # TensorFlow always writes a type; xprof guesses one where there is none.
    "a name without type": Case(
        [("größe:", 0, 10), ("a:Mul", 20, 30)], {"a": ONCE}, {"größe": ONCE, "a": ONCE}),
    # Names that other makers' graphs may have. xprof ends the name at the first colon.
    "odd names": Case(
        [("tower:0/conv:Conv2D", 0, 10), ("gradients/größe:Mul", 20, 30), ("a;b:Mul", 40, 50),
         ("c:Conv2D;relu", 60, 70), ("r:Addons>Resampler", 80, 90)],
        dict.fromkeys(("tower:0/conv", "gradients/größe", "a;b", "c", "r"), ONCE), {}),
    # Of two that end in the same moment xprof loses the inner one where it stands later in the
    # file, for the end of the outer one takes both off its stack …
    "ends at the same moment": Case(
        [("a:If", 0, 100), ("b:Add", 50, 100)],
        {"a": (1, 100, 50), "b": (1, 50, 50)}, {"a": (1, 100, 100)}),
    "ends at the same moment, inner one first": Case(
        [("b:Add", 50, 100), ("a:If", 0, 100)],
        {"a": (1, 100, 50), "b": (1, 50, 50)}, {"a": (1, 100, 50), "b": (1, 50, 50)}),
    # … and of two that begin in the same moment the outer one where it stands later.
    "begins at the same moment": Case(
        [("b:Add", 0, 50), ("a:If", 0, 100)],
        {"a": (1, 100, 50), "b": (1, 50, 50)}, {"b": (1, 50, 50)}),
    # What only overlaps on a thread, as clocks can have it, costs xprof an op as well.
    "overlap": Case(
        [("a:Mul", 0, 100), ("b:Add", 50, 150)],
        {"a": (1, 100, 50), "b": (1, 100, 100)}, {"a": (1, 100, 100)}),
}  # fmt: skip


def costs_of(numbers: dict[str, tuple[int, float, float]]) -> dict[str, Cost]:
    return {op: Cost(n, total / 1e3, own / 1e3) for op, (n, total, own) in numbers.items()}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_both_count(case, tmp_path):
    built = TraceBuilder()
    draw(built.plane("/host:CPU"), {case.line: case.spans})
    path = built.write(tmp_path / "hand.xplane.pb")
    found = ops_by_us(path)
    names = [name for name, _ in found]
    assert_near(
        {
            name if names.count(name) == 1 else f"{name}:{type_}": cost
            for (name, type_), cost in found.items()
        },
        costs_of(case.ours),
    )
    assert_near(ops_by_xprof(path, tmp_path / "xprof"), costs_of(case.theirs))
    spans = spans_of(read_trace(path))
    assert_near(as_we_count(spans), found)
    assert_near(as_xprof_counts(spans), costs_of(case.theirs))
