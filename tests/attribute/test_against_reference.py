"""Whole traces at random, against elementary intervals in fractions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alexprof.attribute import attribute
from alexprof.record.parquet import check_closure
from alexprof.xplane import Trace, parse_trace
from tests.attribute import reference
from tests.attribute.reference import Interval
from tests.traces import TraceBuilder

OPS = ("a:A", "b/c:B", "gradients/b/c_grad/BGrad:BGrad")
GPU = "GPU:0"
OF_DATA = 4
"""The thread of the input pipeline."""

Group: TypeAlias = "list[Interval]"

# A few times are far more frequent than others, so that events tie, nest and touch.
times = st.one_of(st.integers(0, 9).map(lambda n: n * 1_500), st.integers(0, 15_000))


def spans(threads: int = 1, ops: Sequence[str] = ("",)) -> st.SearchStrategy[Group]:
    def build(edges: tuple[int, int], thread: int, op: str) -> Interval:
        return Interval(min(edges), max(edges), thread, op)

    one = st.builds(build, st.tuples(times, times), st.integers(1, threads), st.sampled_from(ops))
    return st.lists(one, max_size=12)


steps = st.lists(st.integers(0, 16), min_size=2, max_size=7, unique=True).map(
    lambda edges: [
        Interval(start * 1000, end * 1000, op=str(number))
        for number, (start, end) in enumerate(
            zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
        )
    ]
)


def build(
    marks: Group, host: Group, kernels: Group, calls: Group, waits: Group, fetches: Group
) -> Trace:
    builder = TraceBuilder()
    plane = builder.plane("/host:CPU")
    python = plane.line("python", id=99)
    for each in marks:
        python.event("step", each.start, each.end - each.start, {"step_num": int(each.op)})
    other = plane.line("calls", id=98)
    for name, group in (
        ("SessionRun", calls),
        ("IteratorGetNextOp::DoCompute", waits),
        ("np.asarray(jax.Array)", fetches),
    ):
        for each in group:
            other.event(name, each.start, each.end - each.start)
    for thread in (1, 2, 3, OF_DATA):
        line = plane.line(f"tf_{'data' if thread == OF_DATA else 'Compute'}/{thread}")
        for each in host:
            if each.thread == thread:
                line.event(each.op, each.start, each.end - each.start)
    device = builder.plane("/device:GPU:0")
    for thread in (1, 2):
        stream = device.line(f"Stream #{thread}")
        for each in kernels:
            if each.thread == thread:
                stats = {"tf_op": each.op} if each.op else None
                stream.event("kernel", each.start, each.end - each.start, stats)
    return parse_trace(builder.to_bytes())


def by_thread(events: Group) -> Group:
    """Order events as they stand in the file, which decides between equal ones."""
    return sorted(events, key=lambda each: each.thread)


def op_of(each: Interval) -> str:
    scope = "tf_data/" if each.thread == OF_DATA else ""
    return scope + each.op.split(":")[0] if each.op else "(unassigned)"


def counted_in(marks: Group, each: Interval) -> str | None:
    """Return the step an event counts in: where it begins, or the first that it reaches into."""
    for step in marks:
        if step.start <= each.start < step.end or (each.start < step.start < each.end):
            return step.op
    return None


def check(costs: pl.DataFrame, device: str, step: Interval, exact: reference.Costs) -> None:
    """Compare the costs of a device in a step with the exact ones."""
    rows = costs.filter(device=device, step=int(step.op))
    for row in rows.iter_rows(named=True):
        op = row["op"]
        share = exact.idle[row["type"]] if op == "(idle)" else exact.share[op]
        assert abs(row["share_ns"] - share / 1000) < 1
        assert abs(row["busy_ns"] * 1000 - (0 if op == "(idle)" else exact.busy[op])) <= 500
        assert row["wall_ns"] * 1000 == step.end - step.start
    ops = rows.filter(pl.col("op") != "(idle)")["op"]
    assert set(exact.share) <= set(ops)
    idle = rows.filter(pl.col("op") == "(idle)")["type"]
    assert {reason for reason, time in exact.idle.items() if time} == set(idle)
    assert rows["share_ns"].sum() * 1000 == step.end - step.start


def counts(events: Group, marks: Group) -> Counter[tuple[int, str]]:
    steps = ((counted_in(marks, event), op_of(event)) for event in events)
    return Counter((int(step), op) for step, op in steps if step is not None)


def counts_in(costs: pl.DataFrame, device: str, column: str) -> dict[tuple[int, str], int]:
    rows = costs.filter(pl.col("device") == device, pl.col(column) > 0)
    return {(step, op): count for step, op, count in rows.select("step", "op", column).rows()}


@settings(max_examples=100, deadline=None)
@given(steps, spans(OF_DATA, OPS), spans(2, (*OPS, "")), spans(), spans(), spans())
def test_costs_are_those_of_the_slow_way(marks, host, kernels, calls, waits, fetches):
    if not host and not kernels:
        return
    found = attribute(build(marks, host, kernels, calls, waits, fetches))
    check_closure(found.costs)
    known = any(each.end > each.start for each in calls)
    for device, column, events in (("CPU", "executions", host), (GPU, "kernels", kernels)):
        if not events:
            assert found.costs.filter(device=device).is_empty()
            continue
        named = [each._replace(op=op_of(each)) for each in by_thread(events)]
        if device == GPU:  # what overlaps on a stream runs at once
            named = [each._replace(thread=number) for number, each in enumerate(named)]
        for step in marks:
            # While it runs an op, the host has been called too.
            rest = "python" if known else "unknown"
            ran = [each for each in host if each.thread != OF_DATA]
            exact = reference.divide(named, step, reference.Host(calls, waits, fetches, ran), rest)
            check(found.costs, device, step, exact)
        assert counts_in(found.costs, device, column) == counts(events, marks)
    outside = [each for each in [*host, *kernels] if counted_in(marks, each) is None]
    assert found.outside_events == len(outside)
