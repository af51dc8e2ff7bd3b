"""Events recorded in an op's time, counted by hand and by a slow second way."""

from __future__ import annotations

import random

import pytest

from alexprof.attribute.recorded_within import EVENTS_OF_REGION
from tests.attribute.hand import attribute, on_host, steps
from tests.attribute.test_cores import POOL, record, region


def host(executor, *workers, marks=((0, 1000),)):
    pools = {f"{POOL}/{number}": spans for number, spans in enumerate(workers)}
    return on_host(python=steps(*marks), **{"tf_Compute/1": executor}, **pools)


def memory(at):
    return ("MemoryAllocation", at, at)


def test_events_inside_of_an_op_are_its_own_and_those_beside_it_nobody_s():
    executor = [
        ("ExecutorState::Process", 50, 900),
        memory(60),
        ("a:MatMul", 100, 400),
        memory(110),
        ("ParallelFor", 120, 300),
        memory(130),
        ("b:Relu", 500, 600),
        memory(700),
    ]
    found = attribute(host(executor, [("other", 150, 160)]))
    assert found.within == {("a", "MatMul"): (3, 0), ("b", "Relu"): (0, 0)}
    assert found.events_per_step == len(executor) + 2  # the step's marker, a pool's event


def test_work_of_the_pool_is_three_events_a_piece():
    executor = [("a:MatMul", 100, 400), record(110, 1), record(120, 2)]
    workers = [*region(150, 250, 1), record(160, 3)], region(260, 300, 3)
    found = attribute(host(executor, *workers))
    assert found.within == {("a", "MatMul"): (0, 2 * EVENTS_OF_REGION)}


def test_counts_are_means_over_steps_and_what_is_outside_counts_for_none():
    marks = ((0, 100), (200, 300))
    executor = [("a:A", 10, 90), memory(20), ("a:A", 110, 190), memory(120), memory(130),
                ("a:A", 210, 290), memory(220), memory(230)]  # fmt: skip
    found = attribute(host(executor, [("x", 1, 2)], marks=marks))
    assert found.within == {("a", "A"): (1.5, 0)}


def test_without_the_pool_s_events_nothing_is_known():
    trace = host([("a:A", 10, 90), memory(20)], [("x", 1, 2)])
    found = attribute(trace, cores=False)
    assert (found.within, found.events_per_step) == ({}, None)


@pytest.mark.parametrize("seed", range(20))
def test_any_events_as_a_loop_counts_them(seed):
    draw = random.Random(seed)
    edges = sorted(draw.sample(range(1, 999), 20))
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    ops = [(f"op{draw.randrange(3)}:T", *span) for span in spans]
    points = [memory(draw.randrange(1000)) for _ in range(40)]
    expected: dict[tuple[str, str], int] = {}
    for name, begin, end in ops:
        key = (name.removesuffix(":T"), "T")
        inside = sum(begin <= at < end for _, at, _ in points)
        expected[key] = expected.get(key, 0) + inside
    found = attribute(host(sorted([*ops, *points], key=lambda one: one[1]), [("x", 1, 2)]))
    assert {op: inner for op, (inner, _) in found.within.items()} == expected
