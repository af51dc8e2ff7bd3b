"""What the host launched, when, and for which op: of a kernel that names none the one around it.

A launch is an event on a thread of the host with the same stat `correlation_id` as the kernel: a
call of the driver (CUPTI's on the plane `/host:CUPTI`, whose lines have the numbers of the threads
on `/host:CPU`), or where a CUDA graph was launched, the one call for all its kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from alexprof.attribute.activity import UNKNOWN, Activity, Launched
from alexprof.attribute.symbols import UNASSIGNED
from alexprof.attribute.timeline import NONE, Index, Int, innermost, lookup
from alexprof.xplane import Events, Plane

if TYPE_CHECKING:
    from alexprof.attribute.on_host import Host

CORRELATION = "correlation_id"
SCOPE = "scope_range_id"
"""One number is one execution of an op (xla/backends/profiler/gpu/cupti_collector.cc)."""
_HOST = "/host:"
# What XLA marks where it launches one by one what a command buffer would hold, a CUDA graph:
# some profilers turn them off. Kernels keep their times; what the host needs for them does not
# (xla/backends/gpu/runtime/command_buffer_thunk.cc).
_TURNED_OFF = "WARNING: CommandBuffer disabled when profiling"
_NO_LAUNCH = 0  # CUPTI numbers from 1 and writes 0 where it doesn't know


class Launches:
    """What the host launched, and for which op; read when first needed."""

    def __init__(self, planes: Sequence[Plane], annotated: Callable[[Events], Int]) -> None:
        """Takes the planes of a trace, and what gives the op that each event names itself."""
        self._planes = [
            plane
            for plane in planes
            if plane.name.startswith(_HOST) and plane.may_have(CORRELATION)
        ]
        self._annotated = annotated
        self._ran: list[tuple[Plane, Events, Index, Int]] = []
        self._lane: dict[int, int] = {}

    def ran(self, plane: Plane, events: Events, rows: Index, op: Int) -> None:
        """Takes a host's events of ops: which of `events` they are, and the op of each."""
        self._ran.append((plane, events, rows, op))

    def of(self, events: Events) -> Launched:
        """Finds the launch of each kernel, copy or fill."""
        numbers, launched = self._launched
        number, has_number = events.ints(CORRELATION)
        has_number &= number != _NO_LAUNCH
        launch = np.where(has_number, lookup(numbers, number), NONE)
        of_each = Launched(*(np.append(column, UNKNOWN)[launch] for column in launched))
        scope = _scope(events)
        return of_each._replace(scope=np.where(scope != UNKNOWN, scope, of_each.scope))

    @cached_property
    def _launched(self) -> tuple[Int, Launched]:
        """The numbers of all launches; and these, those with an op first, for the first counts."""
        none: Int = np.zeros(0, np.int64)
        parts = [(none, *(none for _ in Launched._fields)), *map(self._launched_by, self._planes)]
        number, *columns = map(np.concatenate, zip(*parts, strict=True))
        launched = Launched(*columns)
        order = np.argsort(launched.op == UNASSIGNED, kind="stable")
        return number[order], Launched(*(column[order] for column in launched))

    def _launched_by(self, plane: Plane) -> tuple[Int, ...]:
        read = (events for host, events, _, _ in self._ran if host is plane)
        events = next(read, None) or plane.events(stats=(CORRELATION, SCOPE))
        number, is_launch = events.ints(CORRELATION)
        launches = events.take(is_launch)
        start, lane = launches.start_ps, self.lanes(plane)[launches.line]
        op = self._annotated(launches)
        lost = np.flatnonzero(op == UNASSIGNED)
        # The innermost op on the same thread at the moment of the launch.
        ran = [
            (events, rows, self.lanes(host)[events.line[rows]])
            for host, events, rows, _ in self._ran
        ]
        holder = innermost(
            _joined(events.start_ps[rows] for events, rows, _ in ran),
            _joined(events.end_ps[rows] for events, rows, _ in ran),
            _joined(lanes for _, _, lanes in ran),
            start[lost],
            lane[lost],
        )
        around = np.append(_joined(op for *_, op in self._ran), UNASSIGNED)
        op[lost] = around[holder]  # NONE takes the last
        return number[is_launch], *Launched(start, launches.end_ps, lane, _scope(launches), op)

    def lanes(self, plane: Plane) -> Int:
        """A number for the thread of each line, the same on all planes."""
        ids = [self._lane.setdefault(line.id, len(self._lane)) for line in plane.lines]
        return np.array(ids, np.int64)


def _scope(events: Events) -> Int:
    scope, has_scope = events.ints(SCOPE)
    return np.where(has_scope & (scope > 0), scope, UNKNOWN)


def _joined(columns: Iterable[Int]) -> Int:
    joined: Int = np.concatenate([np.zeros(0, np.int64), *columns])
    return joined


@dataclass(frozen=True)
class TurnedOff:
    """Command buffers that XLA turned off because it was profiled."""

    start_ps: Int  # [b], when the host began to launch what each would have held
    launch_ps: Int  # [k], when it launched each kernel, copy and fill of them


def turned_off(
    hosts: Sequence[Host], launches: Launches, devices: Sequence[Activity]
) -> TurnedOff | None:
    """Finds the command buffers that were turned off; None where there are none."""
    buffers = [(host, host.events.named(lambda name: name == _TURNED_OFF)) for host in hosts]
    start = _joined(host.events.start_ps[rows] for host, rows in buffers)
    if not start.size:
        return None
    end = _joined(host.events.end_ps[rows] for host, rows in buffers)
    lane = _joined(launches.lanes(host.plane)[host.events.line[rows]] for host, rows in buffers)
    launched = [device.launched for device in devices if device.launched is not None]
    launch_ps = _joined(gpu.start_ps[gpu.known] for gpu in launched)
    launch_lane = _joined(gpu.thread[gpu.known] for gpu in launched)
    held = innermost(start, end, lane, launch_ps, launch_lane) != NONE
    return TurnedOff(start, launch_ps[held])
