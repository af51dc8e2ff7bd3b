"""Kernels that outlive their marker: a GPU that runs behind its host, against a slow second way."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import cycle, pairwise
from math import ceil
from statistics import median
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexprof.attribute.costs import attribute, attribute_phases
from alexprof.record.note import Note
from alexprof.record.parquet import check_closure
from alexprof.xplane import Trace
from tests.attribute.hand import steps, trace

GPU = "GPU:0"


class Kernel(NamedTuple):
    """A kernel and its launch, in nanoseconds."""

    op: str
    launch: int
    launch_end: int
    start: int
    end: int
    stream: int = 1


def build(
    marks: list[tuple[int, int]], kernels: list[Kernel], sorts: Sequence[str] = ("forward",)
) -> Trace:
    """Steps, of the sorts in turn, and what they launch."""
    markers = [
        (sort, start, end, {"step_num": number})
        for number, (sort, (start, end)) in enumerate(zip(cycle(sorts), marks, strict=False))
    ]
    launches = [
        ("cuLaunchKernel", kernel.launch, kernel.launch_end, {"correlation_id": number + 1})
        for number, kernel in enumerate(kernels)
    ]
    streams: dict[str, list[tuple[object, ...]]] = {}
    for number, kernel in enumerate(kernels):
        stats = {"tf_op": f"{kernel.op}:Op", "correlation_id": number + 1}
        span = ("kernel", kernel.start, kernel.end, stats)
        streams.setdefault(f"Stream #{kernel.stream}", []).append(span)
    return trace({"/host:CPU": {"python": [*markers, *launches]}, "/device:GPU:0": streams})


def on_gpu(source: Trace) -> pl.DataFrame:
    return attribute(source).costs.filter(device=GPU)


def table(costs: pl.DataFrame) -> dict[tuple[int, str], tuple[int, int]]:
    """Share and launches by step and op; idle time by its reason."""
    rows = costs.select("step", "op", "type", "share_ns", "kernels").iter_rows()
    return {
        (step, type_ if op == "(idle)" else op): (share, kernels)
        for step, op, type_, share, kernels in rows
    }


ASYNC = [
    # Launched in steps of 20 ns one after the other; the GPU needs 100 ns for each.
    Kernel("a", 1, 3, 10, 60),
    Kernel("b", 4, 6, 62, 110),
    Kernel("a", 21, 23, 112, 160),
    Kernel("b", 24, 26, 160, 210),
    Kernel("a", 41, 43, 214, 260),
    Kernel("b", 44, 46, 260, 310),
]


def test_steps_of_a_gpu_that_is_behind_are_periods():
    """From first kernel to first kernel: 102, 102, and after the last the median gap of 2 and 4."""
    attribution = attribute(build([(0, 20), (20, 40), (40, 60)], ASYNC))
    assert attribution.steps["wall_ns"].to_list() == [102, 102, 99]
    assert attribution.marked_ns == (20, 20, 20)
    busy = {key: cost for key, cost in table(attribution.costs).items() if key[1] in "ab"}
    assert busy == {
        (0, "a"): (50, 1), (0, "b"): (48, 1), (1, "a"): (48, 1), (1, "b"): (50, 1),
        (2, "a"): (46, 1), (2, "b"): (50, 1),
    }  # fmt: skip
    assert table(attribution.costs)[0, "queued"] == (4, 0)


def test_executions_are_counted_by_their_numbers():
    """Two kernels of an execution and a fill that names no op, then one of another execution."""
    launches = [
        ("launch", n, 1 + n, {"correlation_id": n, "scope_range_id": scope})
        for n, scope in enumerate((7, 7, 7, 8), 1)
    ]
    host, named = {"python": [*steps((0, 100)), *launches]}, {"tf_op": "a:Op"}
    spans = [
        ("Memset", 10, 12, {"correlation_id": 1}),
        ("k1", 12, 20, {"correlation_id": 2, "scope_range_id": 7, **named}),
        ("k2", 20, 30, {"correlation_id": 3, "scope_range_id": 7, **named}),
        ("k1", 40, 50, {"correlation_id": 4, "scope_range_id": 8, **named}),
    ]
    planes = {"/host:CPU": host, "/device:GPU:0": {"Stream #1": spans}}
    (row,) = on_gpu(trace(planes)).filter(op="a").to_dicts()
    assert (row["executions"], row["kernels"], row["busy_ns"]) == (2, 4, 30)


def test_idle_time_stands_before_the_kernel_that_it_waits_for_but_for_the_first():
    kernels = [Kernel("a", 5, 8, 10, 20), Kernel("b", 20, 24, 25, 30), Kernel("a", 31, 36, 37, 40)]
    rows = on_gpu(build([(0, 50)], kernels))
    waits = dict(rows.filter(pl.col("op") != "(idle)").select("op", "idle_before_ns").iter_rows())
    assert waits == {"a": 7, "b": 5}
    host = dict(rows.filter(pl.col("op") != "(idle)").select("op", "launching_ns").iter_rows())
    assert host == {"a": 12, "b": 16}  # 8 to 24, 24 to 36


@pytest.mark.parametrize(("first", "is_long"), [(50, True), (23, False)])
def test_a_long_first_step_is_left_out_and_kept_aside(first, is_long):
    marks = [(0, first), (100, 120), (200, 221), (300, 319)]
    kernels = [Kernel("a", start + 1, start + 2, start + 3, start + 9) for start, _ in marks]
    attribution = attribute(build(marks, kernels))
    assert attribution.marked_ns == (first, 20, 21, 19)
    assert attribution.steps["wall_ns"].to_list() == [first, 20, 21, 19][is_long:]
    assert set(attribution.costs["step"]) == {0, 1, 2, 3} - ({0} if is_long else set())
    late = attribution.left_out
    assert (None if late is None else late.rows()) == ([(0, 0, 50)] if is_long else None)


SORTS = [(0, 10), (10, 14), (20, 30), (30, 34)]


@pytest.mark.parametrize(
    ("kernels", "sorts", "lengths"),
    [
        pytest.param(
            [(2, 5, 45), (12, 50, 60), (22, 65, 105), (32, 110, 120)],
            ("train", "eval"),
            {"train": [45, 45], "eval": [15, 15]},
            id="which share no period",
        ),
        pytest.param(
            [(2, 5, 45), (22, 65, 105)],
            ("train", "log"),
            {"train": [60, 40]},
            id="without those that launch nothing",
        ),
    ],
)
def test_sorts_of_steps_of_a_gpu_that_is_behind(kernels, sorts, lengths):
    launched = [Kernel("a", at, at + 1, start, end) for at, start, end in kernels]
    phases = attribute_phases(build(SORTS, launched, sorts))
    assert {name: phase.steps["wall_ns"].to_list() for name, phase in phases.items()} == lengths
    for phase in phases.values():
        check_closure(phase.costs)
    empty = Note("steps_empty", names=tuple(sort for sort in sorts if sort not in lengths))
    assert (empty in phases["train"].notes) == bool(empty.names)


# ---- the slow second way ---------------------------------------------------------------------


def slow(marks: list[tuple[int, int]], kernels: list[Kernel]) -> dict[int, dict[str, Fraction]]:
    """Shares by step and op, and "idle", one nanosecond at a time."""
    step_of = [
        next((n for n, (start, end) in enumerate(marks) if start <= kernel.launch < end), None)
        for kernel in kernels
    ]
    launched = {
        n: [k for k, s in zip(kernels, step_of, strict=True) if s == n] for n in range(len(marks))
    }
    late = sum(
        max(kernel.end - max(kernel.start, marks[n][1]), 0)
        for n, own in launched.items()
        for kernel in own
    )
    took = sum(kernel.end - kernel.start for own in launched.values() for kernel in own)
    windows = dict(enumerate(marks))
    busy_steps = [n for n, own in launched.items() if own]
    if late * 100 > took:
        windows = {}
        if len(busy_steps) == 1:
            windows = dict(enumerate(marks))
            (only,) = busy_steps
            start, end = marks[only]
            reach = max(end, *(kernel.end for kernel in launched[only]))
            following = [other for other, _ in marks if other >= end]
            windows[only] = (start, min([reach, *following]))
        else:
            first = {n: min(kernel.start for kernel in launched[n]) for n in busy_steps}
            last = {n: max(kernel.end for kernel in launched[n]) for n in busy_steps}
            begin = {n: min(first[m] for m in busy_steps if m >= n) for n in busy_steps}
            gaps = sorted(max(begin[m] - last[n], 0) for n, m in pairwise(busy_steps) if m == n + 1)
            gap = ceil(median([Fraction(gap) for gap in gaps])) if gaps else 0
            for n, m in pairwise(busy_steps):
                windows[n] = (begin[n], begin[m])
            windows[busy_steps[-1]] = (begin[busy_steps[-1]], max(last.values()) + gap)
    shares: dict[int, dict[str, Fraction]] = {}
    for n, (start, end) in windows.items():
        shares[n] = {"idle": Fraction(0)}
        for moment in range(start, end):
            running = [k.op for k in kernels if k.start <= moment < k.end]
            for op in running:
                shares[n][op] = shares[n].get(op, Fraction(0)) + Fraction(1, len(running))
            if not running:
                shares[n]["idle"] += 1
    return {n: own for n, own in shares.items() if windows[n][1] > windows[n][0]}


@st.composite
def programs(draw_from: st.DrawFn) -> tuple[list[tuple[int, int]], list[Kernel]]:
    """Steps one after the other, launches in and between them, two streams in order."""
    time, marks = 0, []
    for _ in range(draw_from(st.integers(1, 4))):
        start = time + draw_from(st.integers(0, 5))
        time = start + draw_from(st.integers(5, 20))
        marks.append((start, time))
    count = draw_from(st.integers(1, 8))
    launches = sorted(draw_from(st.lists(st.integers(0, time), min_size=count, max_size=count)))
    free = {1: 0, 2: 0}
    kernels = []
    for launch in launches:
        stream = draw_from(st.sampled_from((1, 2)))
        start = max(launch + 1, free[stream]) + draw_from(st.integers(0, 4))
        end = start + draw_from(st.integers(1, 30))
        free[stream] = end
        op = draw_from(st.sampled_from("abc"))
        kernels.append(Kernel(op, launch, launch + 1, start, end, stream))
    return marks, kernels


@settings(max_examples=150, deadline=None)
@given(programs())
def test_shares_are_those_of_the_slow_way(program):
    marks, kernels = program
    exact = slow(marks, kernels)
    launched = [any(start <= kernel.launch < end for start, end in marks) for kernel in kernels]
    if not any(launched):
        return
    attribution = attribute(build(marks, kernels))
    costs = attribution.costs.filter(device=GPU)
    check_closure(costs)
    assert attribution.outside_events == launched.count(False)
    left = set() if attribution.left_out is None else set(attribution.left_out["step"])
    assert set(costs["step"]) == set(exact) - left
    for step, shares in exact.items():
        rows = costs.filter(step=step)
        for op, share in shares.items():
            if step not in left and share:
                ns = rows.filter(pl.col("op") == ("(idle)" if op == "idle" else op))[
                    "share_ns"
                ].sum()
                assert abs(ns - share) < len(shares) + 6, (step, op)
        if step not in left:
            assert rows["share_ns"].sum() == sum(shares.values())
