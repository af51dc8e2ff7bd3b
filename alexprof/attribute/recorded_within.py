"""What tracing recorded while ops ran: each event costs time where it is recorded.

TensorFlow takes an event's begin after its name is put together, and stores it after its end is
taken (tsl/profiler/lib/traceme.h). So an op's own event costs time beside the op, not in it; what
is recorded inside of it (memory taken and given back, work handed to the pool) costs its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.cores import Regions, innermost
from alexprof.attribute.on_host import Host, ops_among
from alexprof.attribute.steps import Steps
from alexprof.attribute.symbols import OpNumbers

Int = NDArray[np.int64]
EVENTS_OF_REGION = 3
"""Work for the pool: handed over, begun, done."""


@dataclass(frozen=True)
class Recorded:
    """Events that a trace recorded on its hosts.

    Attributes:
        begin_ps: int64 [events], when each of all events begins.
        inner_op: int64 [m], the op inside of which an event was recorded on the op's own thread.
        inner_ps: int64 [m], when.
        pool: What the threads of the pool did for ops; each piece is `EVENTS_OF_REGION` events.
    """

    begin_ps: Int
    inner_op: Int
    inner_ps: Int
    pool: Regions | None


@dataclass(frozen=True)
class RecordedPerStep:
    """Events that a traced step recorded, mean over steps.

    Attributes:
        events: On the hosts, all threads.
        inner: By op (its place among the ops): on its own thread, inside of it, float64 [ops].
        pool: By op: on the threads of the pool and where it hands work to them, float64 [ops].
    """

    events: float
    inner: NDArray[np.float64]
    pool: NDArray[np.float64]


def recorded_within(
    hosts: Sequence[Host], regions: Regions | None, numbers: OpNumbers
) -> Recorded | None:
    """Finds the events that were recorded inside of ops.

    Args:
        hosts: With all their events.
        regions: The work of their pools, if it is known.
        numbers: Of the ops.

    Returns:
        None where XLA ran, whose ops are on all threads.
    """
    if any(host.by_xla for host in hosts):
        return None
    inner = [_inner(host, numbers) for host in hosts]
    none = np.zeros(0, np.int64)
    return Recorded(
        begin_ps=np.concatenate([none, *(host.every.start_ps for host in hosts)]),
        inner_op=np.concatenate([none, *(op for op, _ in inner)]),
        inner_ps=np.concatenate([none, *(time for _, time in inner)]),
        pool=regions,
    )


def per_step(recorded: Recorded, steps: Steps, ops: int) -> RecordedPerStep:
    """Counts what was recorded in steps; O(n log steps)."""
    count = max(steps.wall_ns.size, 1)

    def by_op(op: Int, time_ps: Int) -> NDArray[np.float64]:
        inside = (steps.at(time_ps, time_ps) >= 0) & (op >= 0)
        return np.bincount(op[inside], minlength=ops) / count

    pool: NDArray[np.float64] = np.zeros(ops)
    if recorded.pool is not None:
        pool = by_op(recorded.pool.op, recorded.pool.start_ps) * EVENTS_OF_REGION
    begun = steps.at(recorded.begin_ps, recorded.begin_ps) >= 0
    inner = by_op(recorded.inner_op, recorded.inner_ps)
    return RecordedPerStep(float(begun.sum()) / count, inner, pool)


def _inner(host: Host, numbers: OpNumbers) -> tuple[Int, Int]:
    """The op that holds each event of its own thread, and the event's begin; without the pool's."""
    events = host.every
    rows, op = ops_among(host, events, numbers)
    of_pool = np.array([name.startswith("ThreadpoolListener::") for name in events.names], bool)
    is_point = ~of_pool[events.name] & ~host.is_pool[events.line]
    is_point[rows] = False
    points = np.flatnonzero(is_point)
    line = events.line.astype(np.int64)
    start = events.start_ps[rows]
    holder = innermost(
        start, start + events.duration_ps[rows], line[rows], events.start_ps[points], line[points]
    )
    held = holder >= 0
    return op[holder[held]], events.start_ps[points][held]
