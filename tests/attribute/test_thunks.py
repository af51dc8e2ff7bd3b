"""XLA on a CPU: its ops have the time in which anyone works for them, callers what is left."""

from __future__ import annotations

import random
from collections import defaultdict
from fractions import Fraction
from typing import Any, NamedTuple

import polars as pl
import pytest

from alexprof.attribute import GraphFacts
from alexprof.record.note import Note
from tests.attribute.hand import Spans, attribute, attributed, on_host, shares, steps, trace
from tests.attribute.test_cores import POOL, cores, record, region

EXECUTE = "ThunkExecutor::Execute"


def thunk(name: str, start: int, end: int) -> tuple[Any, ...]:
    return (name, start, end, {"hlo_op": name, "hlo_module": "f", "program_id": 7})


CALL = [("cluster:XlaLaunch", 100, 800), (EXECUTE, 110, 790)]
# A convolution hands over two pieces of work; who finishes the longer one goes on with an addition.
WORKERS = [
    [thunk("conv", 200, 220), record(205, 1), record(206, 2), *region(220, 300, 1)],
    [*region(210, 425, 2), (EXECUTE, 320, 420), thunk("add", 330, 400)],
]
CONV = (320 - 200) + (425 - 420)
ADD = 400 - 330


def host(*executors: Spans, workers=WORKERS, pool=POOL):
    lines = {"python": steps((0, 1000))}
    lines |= {f"tf_Compute/{number}": spans for number, spans in enumerate(executors)}
    lines |= {f"{pool}/{number}": spans for number, spans in enumerate(workers)}
    return on_host(**lines)


def row(found, op):
    return found.costs.row(by_predicate=pl.col("op") == op, named=True)


def test_an_op_that_several_threads_work_for_is_at_work_once():
    found = attribute(host(CALL))
    rest = 700 - CONV - ADD  # the caller has what is left of its time
    assert shares(found) == {"f/conv": CONV, "f/add": ADD, "cluster": rest, "idle: python": 300}
    conv, cluster = row(found, "f/conv"), row(found, "cluster")
    assert (conv["executions"], conv["busy_ns"]) == (1, CONV)
    assert (cluster["executions"], cluster["busy_ns"]) == (1, rest)
    assert cores(found) == {"f/conv": 20 + 80 + 110 + 5, "f/add": ADD, "cluster": rest}
    assert (conv["pass"], row(found, "f/add")["layer"]) == ("other", "f")
    assert cluster["pass"] == "other"
    without = attribute(host(CALL), cores=False)
    assert shares(without) == shares(found)
    assert without.costs["core_ns"].null_count() == without.costs.height


def test_only_the_op_that_called_xla_makes_room():
    calls = [("outer:While", 50, 900), *CALL, ("c:Mul", 810, 820)]
    found = attribute(host(calls, workers=[*WORKERS, [thunk("late", 804, 816)]]))
    assert shares(found) == {
        "outer": (100 - 50) + (804 - 800) + (810 - 804) / 2 + (900 - 820),
        "c": (816 - 810) / 2 + (820 - 816),
        "f/late": (810 - 804) / 2 + (816 - 810) / 2,
        "f/conv": CONV,
        "f/add": ADD,
        "cluster": 700 - CONV - ADD,
        "idle: python": 150,
    }


def test_without_an_op_that_called_it_what_xla_does_between_is_idle():
    # As JAX has it: the function's own thread is no op, and pools have other names.
    calls = [("PjitFunction(f)", 100, 150), (EXECUTE + " (wait for completion)", 150, 700)]
    spans = {"python": [*steps((0, 1000)), *calls]}
    spans |= {f"tf_XLAEigen/{number}": one for number, one in enumerate(WORKERS)}
    found = attributed(**spans)
    assert shares(found) == {
        "f/conv": CONV,
        "f/add": ADD,
        "idle: launching": 600 - CONV - ADD - (700 - 425),
        "idle: fetching": 700 - 425,  # the last thunk had ended
        "idle: python": 400,
    }
    assert cores(found)["f/conv"] == 20 + 80 + 110 + 5


def test_work_of_the_caller_s_own_thread_is_that_of_the_op_of_xla():
    found = attribute(host([*CALL, thunk("here", 500, 560)]))
    assert shares(found)["f/here"] == 60
    assert shares(found)["cluster"] == 700 - CONV - ADD - 60


def test_steps_with_xla_are_not_replayed():
    found = attribute(host(CALL), facts=GraphFacts(inputs={"cluster": (), "next": ("cluster",)}))
    assert found.replayed.reason == Note("replay_xla")


def test_nobody_works_for_an_op_that_is_done():
    # The thread of the second region lost its core before it could say that it had finished.
    conv = ("conv", 200, 220, {**thunk("conv", 0, 0)[3], "_pt": 0, "_p": 99})
    done = ("end: conv", 310, 311, {"_ct": 0, "_c": 99})
    first = [conv, record(205, 1), record(206, 2), *region(220, 312, 1), done]
    found = attribute(host(CALL, workers=[first, region(210, 700, 2)]))
    assert shares(found)["f/conv"] == 310 - 200
    assert cores(found)["f/conv"] == 20 + (310 - 220) + (310 - 210)


def test_a_loop_has_what_its_parts_leave():
    workers = [[thunk("while", 200, 400), thunk("body", 210, 290), thunk("body", 300, 390)]]
    found = attribute(host(CALL, workers=workers))
    assert shares(found)["f/while"] == 200 - 80 - 90
    assert row(found, "f/body")["executions"] == 2


def test_the_executor_s_threads_are_not_pools_of_xla():
    # Whoever finishes the last thunk also starts what waits for the whole call.
    more = [*region(440, 600, 3), ("next:Add", 450, 590)]
    workers = [WORKERS[0], [*region(210, 425, 2), record(422, 3)]]
    found = attribute(host(CALL, more, workers=workers))
    assert shares(found)["f/conv"] == 425 - 200
    assert shares(found)["next"] == (590 - 450) / 2


def test_hosts_with_and_without_xla_are_one_device():
    first = {"python": steps((0, 1000)), f"{POOL}/1": [thunk("conv", 200, 300)]}
    second = {"tf_Compute/1": [("a:MatMul", 250, 300)], f"{POOL}/1": region(260, 280, 1)}
    found = attribute(trace({"/host:CPU": first, "/host:CPU 2": second}))
    assert shares(found) == {"f/conv": 75, "a": 25, "idle: unknown": 900}


def test_work_that_outlasts_its_op_counts_where_no_step_is_marked():
    workers = [[thunk("conv", 200, 220), record(205, 1)], region(230, 330, 1)]
    lines = {f"{POOL}/{number}": spans for number, spans in enumerate(workers)}
    found = attributed(**lines)
    assert shares(found) == {"f/conv": 120, "idle: unknown": 10}
    (device,) = found.devices
    assert (device.events, device.busy_ns) == (1, 120)


class Stretch(NamedTuple):
    """What a thread was at; of those that hold a moment it is the one begun last."""

    thread: str
    start: int
    end: int
    op: str  # "" for none


class Scene:
    """Threads of a pool at random: regions, in them thunks, and all may hand on work."""

    def __init__(self, choice: random.Random) -> None:
        self.choice = choice
        self.lines: dict[str, list[tuple[object, ...]]] = defaultdict(list)
        self.stretches: list[Stretch] = []
        self.handed: list[tuple[int, int, str]] = []  # number, moment, op
        self.count = 0
        self._executors()
        clock = dict.fromkeys((f"{POOL}/1", f"{POOL}/2", f"{POOL}/3"), 0)
        for _ in range(choice.randint(1, 12)):
            thread = choice.choice(list(clock))
            if self.handed:
                clock[thread] = self._region(thread, clock[thread])

    def _executors(self) -> None:
        for thread, name in (("tf_Compute/1", "call"), ("tf_Compute/2", "other")):
            start, end = sorted(self.choice.sample(range(600), 2))
            self.lines[thread].append((f"{name}:Op", start, end))
            self.stretches.append(Stretch(thread, start, end, name))
            if name == "call":
                self.lines[thread].append((EXECUTE, start, end))
                self._hand_over(thread, range(start, end + 1), "", 3)

    def _hand_over(self, thread: str, times: range, op: str, most: int) -> None:
        for at in sorted(self.choice.choices(times, k=self.choice.randint(0, most))):
            self.count += 1
            self.lines[thread].append(record(at, self.count))
            self.handed.append((self.count, at, op))

    def _region(self, thread: str, now: int) -> int:
        number, handed_over, op = self.handed.pop(self.choice.randrange(len(self.handed)))
        start = max(now, handed_over) + self.choice.randint(0, 20)
        begin = start + self.choice.randint(2, 20)
        at = begin + 1
        inside: list[tuple[object, ...]] = []
        for _ in range(self.choice.randint(0, 2)):
            inside.append(self._thunk(thread, at))
            at = self.stretches[-1].end + self.choice.randint(0, 5)
        end = at + self.choice.randint(1, 20)
        self.stretches.append(Stretch(thread, start, end, op))
        self.lines[thread] += region(start, end, number)
        self._hand_over(thread, range(start + 1, begin), op, 2)
        if inside:
            self.lines[thread] += [(EXECUTE, begin, at), *inside]
            self.stretches.append(Stretch(thread, begin, at, ""))
        return end + 1

    def _thunk(self, thread: str, at: int) -> tuple[object, ...]:
        self.count += 1
        name, end = f"add.{self.count}", at + self.choice.randint(2, 30)
        self._hand_over(thread, range(at + 1, end), f"f/{name}", 2)
        self.stretches.append(Stretch(thread, at, end, f"f/{name}"))
        return thunk(name, at, end)

    def at_work(self, at: int) -> set[str]:
        """Which ops are at work in the nanosecond from `at` on."""
        holding = [stretch for stretch in self.stretches if stretch.start <= at < stretch.end]
        holding.sort(key=lambda stretch: stretch.start)
        ops = set({stretch.thread: stretch.op for stretch in holding}.values()) - {""}
        return ops - {"call"} if any(op.startswith("f/") for op in ops) else ops


@pytest.mark.parametrize("seed", range(40))
def test_shares_are_those_of_looking_at_each_nanosecond(seed):
    scene = Scene(random.Random(seed))
    end = max(one.end for one in scene.stretches) + 1
    expected: defaultdict[str, Fraction] = defaultdict(Fraction)
    busy: defaultdict[str, int] = defaultdict(int)
    for at in range(end):
        now = scene.at_work(at)
        for op in now:
            expected[op] += Fraction(1, len(now))
            busy[op] += 1
    found = attributed(python=steps((0, end)), **scene.lines)
    ran = found.costs.filter(found.costs["op"] != "(idle)")
    rows = {op: (share, own) for op, share, own in ran.select("op", "share_ns", "busy_ns").rows()}
    assert rows.keys() - expected.keys() <= {"call"}  # it may have called and waited all the time
    for op, share in expected.items():
        assert rows[op][0] == pytest.approx(float(share), abs=1), op
        assert rows[op][1] == busy[op], op
