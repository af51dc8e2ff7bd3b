"""Core time: the work of the pool's threads finds its op."""

from __future__ import annotations

import random
from collections import defaultdict
from fractions import Fraction
from typing import Any

import pytest

from alexprof.record.note import Note
from tests.attribute.hand import attribute, attributed, on_host, steps

RECORD = "ThreadpoolListener::Record"
START, STOP = "ThreadpoolListener::StartRegion", "ThreadpoolListener::StopRegion"
POOL = "tf_numa_-1_Eigen"


def record(at, number):
    return (RECORD, at, at, {"_pt": 15, "_p": number})


def region(start, end, number):
    return [(START, start, start, {"_ct": 15, "_c": number}), (STOP, end, end)]


def cores(found, column="core_ns"):
    """Core time (or time at work) by op in ns, over all steps."""
    ran = found.costs.filter(found.costs["op"] != "(idle)")
    total: defaultdict[str, int] = defaultdict(int)
    for op, time_ns in ran.select("op", column).iter_rows():
        total[op] += time_ns
    return dict(total)


def host(executor, *workers, step=(0, 1000), more=None):
    lines = {"python": steps(step), "tf_Compute/1": executor, **(more or {})}
    lines |= {f"{POOL}/{number}": spans for number, spans in enumerate(workers)}
    return on_host(**lines)


def test_without_the_pool_s_threads_core_time_is_not_known():
    found = attributed(python=steps((0, 10)), **{"tf_Compute/1": [("a:MatMul", 1, 4)]})
    assert found.costs["core_ns"].null_count() == found.costs.height


def test_it_is_left_out_on_request():
    trace = host([("a:MatMul", 100, 400), record(110, 1)], region(150, 250, 1))
    assert attribute(trace, cores=False).costs["core_ns"].is_null().all()


def test_work_of_no_op_is_counted_and_said():
    found = attribute(
        host(
            [("a:MatMul", 100, 400), record(110, 1), record(500, 2)],
            [*region(150, 250, 1), *region(600, 610, 2), *region(700, 710, 77)],
        )
    )
    assert cores(found) == {"a": 300}
    (note,) = [note for note in found.notes if note.code == "pool_work_without_op"]
    assert note.numbers["fraction"] == pytest.approx(0.17, abs=0.005)


def test_a_region_inside_another_counts_once():
    # A thread that waits for what it has handed over works on something else meanwhile.
    found = attribute(
        host(
            [("a:MatMul", 0, 400), record(1, 1)],
            [*region(10, 110, 1), record(20, 2), *region(30, 60, 2)],
        )
    )
    assert cores(found) == {"a": 400}


def test_work_in_a_step_without_the_op_s_own_event_belongs_to_no_row():
    found = attribute(
        host([("a:MatMul", 100, 400), record(110, 1)], region(450, 600, 1), step=(420, 1000))
    )
    assert cores(found) == {}
    assert Note("pool_work_without_op", {"fraction": 1.0}) in found.notes


def test_what_looks_like_an_op_on_a_thread_of_the_pool_takes_no_number():
    found = attributed(
        **{
            "python": steps((0, 500), (500, 1000)),
            "tf_Compute/1": [("a:MatMul", 100, 200), record(110, 1), ("a:MatMul", 600, 800)],
            f"{POOL}/1": [("y:Odd", 10, 20), ("z:Odd", 30, 40), *region(120, 180, 1)],
        }
    )
    rows = found.costs.filter(op="a").select("step", "core_ns").sort("step").rows()
    assert rows == [(0, 100), (1, 200)]


def test_a_region_that_says_no_number_belongs_to_no_op():
    bare = [(START, 20, 20), (STOP, 60, 60)]
    found = attribute(host([("a:MatMul", 0, 400), record(1, 0)], bare))
    assert cores(found) == {"a": 400}
    assert Note("pool_work_without_op", {"fraction": 1.0}) in found.notes


@pytest.mark.parametrize("broken", [START, STOP])
def test_a_region_without_begin_or_end_is_left_out(broken):
    lone = [one for one in region(20, 30, 1) if one[0] != broken]
    found = attribute(
        host([("a:MatMul", 0, 400), record(1, 1), record(2, 2)], lone, region(50, 90, 2))
    )
    assert cores(found) == {"a": 400}


def made(draws):
    """Ops, the chain of work under each, and the trace's lines; times in ns below 400."""
    executors: list[list[Any]] = [[], []]
    holders = []  # where a record may be made: line, begin, end, op
    for line in executors:
        at = 0
        for _ in range(draws.randrange(1, 4)):
            start = at + draws.randrange(20)
            end = start + draws.randrange(5, 100)
            name = draws.choice("abc")
            line.append((f"{name}:MatMul", start, end))
            holders.append((line, start, end, name))
            at = end
    workers: list[list[Any]] = [[], []]
    free = [0, 0]
    worked = []
    for number in range(1, draws.randrange(2, 16)):
        line, start, end, name = draws.choice(holders)
        at = draws.randrange(start, end)
        which = draws.randrange(2)
        begin = max(free[which], at) + draws.randrange(1, 6)
        stop = begin + draws.randrange(1, 40)
        free[which] = stop
        line.append(record(at, number))
        workers[which] += region(begin, stop, number)
        holders.append((workers[which], begin, stop, name))
        worked.append((name, begin, stop))
    return executors, workers, worked


@pytest.mark.parametrize("seed", range(150))
def test_equals_what_is_counted_nanosecond_by_nanosecond(seed):
    draws = random.Random(seed)
    executors, workers, worked = made(draws)
    end = draws.randrange(50, 600)
    trace = host(executors[0], *workers, step=(0, end), more={"tf_Compute/2": executors[1]})
    expected: defaultdict[str, Fraction] = defaultdict(Fraction)
    at_work: defaultdict[str, int] = defaultdict(int)
    for moment in range(end):
        busy = [name for name, begin, stop in worked if begin <= moment < stop]
        running = [
            name[0]
            for line in executors
            for name, begin, stop, *_ in line
            if name != RECORD and begin <= moment < stop
        ]
        # An op's own thread waits while the pool works for the op. There are two cores.
        active = busy + [name for name in running if name not in busy]
        for name in active:
            expected[name] += min(Fraction(1), Fraction(2, len(active)))
        for name in set(active):
            at_work[name] += 1
    found = attribute(trace)
    assert cores(found, "at_work_ns") == at_work
    rounded = {name: int(total + Fraction(1, 2)) for name, total in expected.items()}
    assert cores(found) == rounded
    assert found.costs.filter(op="(idle)")["core_ns"].is_null().all()
    assert "pool_work_without_op" not in {note.code for note in found.notes}
