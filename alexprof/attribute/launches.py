"""What the host launched, when, and for which op: of a kernel that names none the one around it.

A launch is an event on a thread of the host with the same stat `correlation_id` as the kernel: a
call of the driver (CUPTI's on the plane `/host:CUPTI`, whose lines have the numbers of the threads
on `/host:CPU`), or where a CUDA graph was launched, the one call for all its kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from alexprof.attribute.activity import UNKNOWN, Launched
from alexprof.attribute.symbols import UNASSIGNED
from alexprof.attribute.timeline import NONE, Index, Int, innermost, lookup
from alexprof.xplane import Events, Plane

CORRELATION = "correlation_id"
SCOPE = "scope_range_id"
"""One number is one execution of an op (xla/backends/profiler/gpu/cupti_collector.cc)."""
_HOST = "/host:"
_NO_LAUNCH = 0  # CUPTI numbers from 1 and writes 0 where it doesn't know


class _Launched(NamedTuple):
    """Launches: int64 [n] correlation number, op or `UNASSIGNED`, begin, end, thread, scope."""

    number: Int
    op: Int
    start_ps: Int
    end_ps: Int
    thread: Int
    scope: Int


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

    def of(self, events: Events) -> tuple[Launched, Int]:
        """Finds the launch of each kernel, copy or fill, and the op around it.

        Returns:
            The launches; and int64 [n], the op, `UNASSIGNED` where there is no launch, or no op
            around it.
        """
        launch = np.full(len(events), NONE, np.int64)
        if self._planes:
            number, has_number = events.ints(CORRELATION)
            launch = lookup(self._launched.number, number)
            launch = np.where(has_number & (number != _NO_LAUNCH), launch, NONE)
        of_each = _Launched(*(np.append(column, UNKNOWN)[launch] for column in self._launched))
        scope, has_scope = events.ints(SCOPE)
        scope = np.where(has_scope & (scope > 0), scope, of_each.scope)
        return Launched(of_each.start_ps, of_each.end_ps, of_each.thread, scope), of_each.op

    @cached_property
    def _launched(self) -> _Launched:
        """All launches, those with an op first: of two with a number the first counts."""
        parts = [self._launched_by(plane) for plane in self._planes]
        nothing = _Launched(*[np.zeros(0, np.int64)] * len(_Launched._fields))
        every = _Launched(*(np.concatenate(column) for column in zip(nothing, *parts, strict=True)))
        order = np.argsort(every.op == UNASSIGNED, kind="stable")
        return _Launched(*(column[order] for column in every))

    def _launched_by(self, plane: Plane) -> _Launched:
        read = (events for host, events, _, _ in self._ran if host is plane)
        events = next(read, None) or plane.events(stats=(CORRELATION, SCOPE))
        number, is_launch = events.ints(CORRELATION)
        launches = events.take(is_launch)
        op = self._annotated(launches)
        lost = np.flatnonzero(op == UNASSIGNED)
        op[lost] = self._around(plane, launches, lost)
        scope, has_scope = launches.ints(SCOPE)
        return _Launched(
            number[is_launch],
            op,
            launches.start_ps,
            launches.end_ps,
            self.lanes(plane)[launches.line],
            np.where(has_scope & (scope > 0), scope, UNKNOWN),
        )

    def lanes(self, plane: Plane) -> Int:
        """A number for the thread of each line, the same on all planes."""
        ids = [self._lane.setdefault(line.id, len(self._lane)) for line in plane.lines]
        return np.array(ids, np.int64)

    def _around(self, plane: Plane, launches: Events, rows: Index) -> Int:
        """The innermost op on the same thread at the moment of each launch."""
        nothing: Int = np.zeros(0, np.int64)
        starts, ends, threads, ops = ([nothing] for _ in range(4))
        for host, events, ran, op in self._ran:
            starts.append(events.start_ps[ran])
            ends.append(events.end_ps[ran])
            threads.append(self.lanes(host)[events.line[ran]])
            ops.append(op)
        holder = innermost(
            np.concatenate(starts),
            np.concatenate(ends),
            np.concatenate(threads),
            launches.start_ps[rows],
            self.lanes(plane)[launches.line[rows]],
        )
        around: Int = np.append(np.concatenate(ops), UNASSIGNED)[holder]  # NONE takes the last
        return around
