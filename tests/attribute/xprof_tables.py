"""xprof's tables, and an explanation of how they come about, event by event.

xprof (openxla/xprof, xprof/convert/xplane_to_op_metrics_db.cc) goes through the begins and ends of
a thread's events with a stack. The tests need its rules where they lead to other numbers than
AlexProf's.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from alexprof.attribute.symbols import DATA_SCOPE, is_eager, kernel_op, split_op
from alexprof.xplane import Trace

Key = TypeVar("Key", str, "tuple[str, str]")


class Cost(NamedTuple):
    """An op in the whole of a trace; sum of durations and self time in microseconds."""

    executions: int
    total_us: float
    self_us: float

    def near(self, other: Cost | None) -> bool:
        """Tell whether two costs differ by no more than xprof's rounding to nanoseconds."""
        return self == pytest.approx(other, rel=1e-12, abs=0.0011) if other else False


class Span(NamedTuple):
    """An event that AlexProf or xprof counts for an op."""

    op: str
    type: str
    thread: tuple[str, int]
    start_ps: int
    end_ps: int
    why: str  # only one of them does: `OURS` or `THEIRS`; empty if both do

    @property
    def plain_op(self) -> str:
        """The op's name without what AlexProf puts in front where tf.data runs it."""
        return self.op.removeprefix(DATA_SCOPE + "/")


OURS = {"eager", "odd name"}
THEIRS = {"stage", "note", "no type", "step"}
ROWS = 499  # of each side, beside one for idle time: the ops of the longest self times
# What xprof takes for an op's name and type (tsl/profiler/utils/tf_op_utils.cc): no underscore
# first, as in `_retval_Sum_0_0:_Retval`, unless both are the same, as in a function's call.
_XPROF_OP = re.compile(r"[A-Za-z0-9.][\w.\\/>-]*:[A-Z_]\w*|(\w+):\1", re.ASCII)


def assert_near(found: Mapping[Key, Cost], expected: Mapping[Key, Cost]) -> None:
    """Compare two tables, row by row."""
    assert found.keys() == expected.keys()
    other = {op: (found[op], cost) for op, cost in expected.items() if not cost.near(found[op])}
    assert other == {}


def spans_of(trace: Trace) -> list[Span]:
    """Lists the host's events in the order of the file."""
    found = []
    for plane in trace.planes:
        if not plane.name.startswith("/host:CPU"):
            continue
        events = plane.events()
        for_op, texts = events.strings("tf_op")
        _, marks_a_step = events.ints("step_num")
        for row in range(len(events)):
            name = events.names[events.name[row]]
            counted = _counted(name, texts[for_op[row]] if for_op[row] >= 0 else "")
            if counted is None:
                continue
            (op, type_), why = counted
            why = "step" if marks_a_step[row] else why
            line = int(events.line[row])
            of_data = plane.lines[line].name.startswith("tf_data") and why not in THEIRS
            scope = f"{DATA_SCOPE}/" if of_data else ""
            start, length = int(events.start_ps[row]), int(events.duration_ps[row])
            found.append(Span(scope + op, type_, (plane.name, line), start, start + length, why))
    return found


def _counted(name: str, for_op: str) -> tuple[tuple[str, str], str] | None:
    """Op and type that an event counts for, and why only for one of the two."""
    op = split_op(name)
    if op is not None and is_eager(name):
        return op, "eager"
    if op is not None:
        return op, "" if _XPROF_OP.fullmatch(name) else "odd name"
    if name.startswith("Iterator::"):  # the work of a stage of tf.data
        return (name, "Dataset"), "stage"
    if name.endswith(":") and name.count(":") == 1:
        return (name[:-1], ""), "no type"
    noted = kernel_op(for_op)
    return None if noted is None else (noted, "note")


def as_we_count(spans: Iterable[Span]) -> dict[tuple[str, str], Cost]:
    """Goes by AlexProf's rules, slowly: a row per name and type."""
    counted: list[tuple[tuple[str, str], Span, int]] = []
    for thread in _by_thread(span for span in spans if span.why not in THEIRS):
        thread.sort(key=lambda span: (span.start_ps, -span.end_ps))
        inside_ps = [0] * len(thread)
        open_: list[int] = []
        for number, span in enumerate(thread):
            while open_ and thread[open_[-1]].end_ps <= span.start_ps:
                open_.pop()
            if open_:
                around = open_[-1]
                inside_ps[around] += min(span.end_ps, thread[around].end_ps) - span.start_ps
            open_.append(number)
        named = [(span.op, span.type) for span in thread]
        counted += zip(named, thread, inside_ps, strict=True)
    return _summed(counted)


def as_xprof_counts(spans: Iterable[Span]) -> dict[str, Cost]:
    """Goes by xprof's rules: a row per name, whatever the type and whoever ran it."""
    threads = _by_thread(span for span in spans if span.why not in OURS)
    popped = [pair for thread in threads for pair in _popped(thread)]
    return _summed((span.plain_op, span, inside_ps) for span, inside_ps in popped)


def _by_thread(spans: Iterable[Span]) -> list[list[Span]]:
    threads: dict[tuple[str, int], list[Span]] = defaultdict(list)
    for span in spans:
        threads[span.thread].append(span)
    return list(threads.values())


def _summed(counted: Iterable[tuple[Key, Span, int]]) -> dict[Key, Cost]:
    """Adds up spans by key, each with the time that others of its thread took inside of it."""
    sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    for key, span, inside_ps in counted:
        total_ps = span.end_ps - span.start_ps
        for at, amount in enumerate((1, total_ps, total_ps - inside_ps)):
            sums[key][at] += amount
    return {key: Cost(n, total / 1e6, own / 1e6) for key, (n, total, own) in sums.items()}


def _popped(thread: list[Span]) -> Iterator[tuple[Span, int]]:
    """Yield the spans that are still on the stack when they end, and what ran inside of them.

    Begins and ends of the same moment keep the order of the file, and an end takes all off the
    stack that lies above its begin: so of two spans that end together the inner one is lost if
    it comes later in the file, and so is one that only overlaps another.
    """
    moments = [
        (time, number)
        for number, span in enumerate(thread)
        for time in (span.start_ps, span.end_ps)
    ]
    stack: list[list[int]] = []  # number of the span, time of what ended inside of it
    begun: set[int] = set()
    for _, number in sorted(moments, key=lambda moment: moment[0]):
        if number not in begun:
            begun.add(number)
            stack.append([number, 0])
            continue
        while stack:
            top, inside_ps = stack.pop()
            if top == number:
                span = thread[number]
                if stack:
                    stack[-1][1] += span.end_ps - span.start_ps
                yield span, inside_ps
                break


def xprof_table(path: Path, tool: str, folder: Path) -> list[dict[str, Any]]:
    """Convert a copy of a trace: xprof keeps files beside it and would answer from them."""
    convert = pytest.importorskip("xprof.convert.raw_to_tool_data")
    folder.mkdir(exist_ok=True)
    copy = shutil.copy(path, folder / "vm.xplane.pb")
    content, _ = convert.xspace_to_tool_data([str(copy)], tool, {})
    table = json.loads(content)
    table = table[0] if isinstance(table, list) else table
    names = [column["id"] for column in table["cols"]]
    return [
        dict(zip(names, [cell["v"] for cell in row["c"]], strict=True)) for row in table["rows"]
    ]


def ops_by_xprof(path: Path, folder: Path, side: str = "Host") -> dict[str, Cost]:
    """Returns the ops of one side, "Host" or "Device", of xprof's `framework_op_stats`."""
    return {
        row["operation"]: Cost(int(row["occurrences"]), row["total_time"], row["total_self_time"])
        for row in xprof_table(path, "framework_op_stats", folder)
        if row["host_or_device"] == side and row["operation"] != "IDLE"
    }
