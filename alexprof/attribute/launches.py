"""The op of a kernel that names none: the one around its launch on the host.

A launch is an event on a thread of the host with the same stat `correlation_id` as the kernel: a
call of the driver (CUPTI's on the plane `/host:CUPTI`, whose lines have the numbers of the threads
on `/host:CPU`), or where a CUDA graph was launched, the one call for all its kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.cores import NONE, innermost, lookup
from alexprof.attribute.symbols import UNASSIGNED
from alexprof.xplane import Events, Plane

Int = NDArray[np.int64]

CORRELATION = "correlation_id"
_HOST = "/host:"
_NO_LAUNCH = 0  # CUPTI numbers from 1 and writes 0 where it doesn't know


class _Launched(NamedTuple):
    """Launches: int64 [n] correlation number, op or `UNASSIGNED`, begin."""

    number: Int
    op: Int
    start_ps: Int


class Launches:
    """What the host launched, and for which op. Read when a GPU asks for the first time."""

    def __init__(self, planes: Sequence[Plane], annotated: Callable[[Events], Int]) -> None:
        """Takes the planes of a trace.

        Args:
            planes: All of them.
            annotated: Gives the op that each of some events names itself, or `UNASSIGNED`.
        """
        self._planes = [
            plane
            for plane in planes
            if plane.name.startswith(_HOST) and plane.may_have(CORRELATION)
        ]
        self._annotated = annotated
        self._ran: list[tuple[Plane, Events, NDArray[np.intp], Int]] = []

    def ran(self, plane: Plane, events: Events, rows: NDArray[np.intp], op: Int) -> None:
        """Takes a host's events of ops: which of `events` they are, and the op of each."""
        self._ran.append((plane, events, rows, op))

    def ops(self, events: Events) -> Int:
        """Finds the op around the launch of each kernel.

        Returns:
            int64 [n], `UNASSIGNED` where there is no launch, or no op around it.
        """
        launch = self._of(events)
        return np.append(self._launched.op, UNASSIGNED)[launch]

    def early_ps(self, events: Events) -> Int:
        """Returns by how much each kernel begins before its launch, int64 [n], at least 0."""
        launch = self._of(events)
        known = launch >= 0
        early: Int = np.zeros(len(events), np.int64)
        early[known] = self._launched.start_ps[launch[known]] - events.start_ps[known]
        return np.maximum(early, 0)

    def _of(self, events: Events) -> Int:
        """The launch of each kernel, `NONE` where there is none."""
        if not self._planes:
            return np.full(len(events), NONE, np.int64)
        number, has_number = events.ints(CORRELATION)
        launch = lookup(self._launched.number, number)
        return np.where(has_number & (number != _NO_LAUNCH), launch, NONE)

    @cached_property
    def _launched(self) -> _Launched:
        """All launches, those with an op first: of two with a number the first counts."""
        parts = [self._launched_by(plane) for plane in self._planes]
        nothing = np.zeros(0, np.int64)
        number, op, start = (
            np.concatenate(column)
            for column in zip(_Launched(nothing, nothing, nothing), *parts, strict=True)
        )
        order = np.argsort(op == UNASSIGNED, kind="stable")
        return _Launched(number[order], op[order], start[order])

    def _launched_by(self, plane: Plane) -> _Launched:
        events = plane.events(stats=(CORRELATION,))
        number, is_launch = events.ints(CORRELATION)
        launches = events.take(is_launch)
        op = self._annotated(launches)
        lost = np.flatnonzero(op == UNASSIGNED)
        op[lost] = self._around(plane, launches, lost)
        return _Launched(number[is_launch], op, launches.start_ps)

    def _around(self, plane: Plane, launches: Events, rows: NDArray[np.intp]) -> Int:
        """The innermost op on the same thread at the moment of each launch."""
        lanes: dict[int, int] = {}

        def lane_of(which: Plane) -> Int:
            ids = [lanes.setdefault(line.id, len(lanes)) for line in which.lines]
            return np.array(ids, np.int64)

        nothing: Int = np.zeros(0, np.int64)
        starts, ends, threads, ops = ([nothing] for _ in range(4))
        for host, events, ran, op in self._ran:
            starts.append(events.start_ps[ran])
            ends.append(events.start_ps[ran] + events.duration_ps[ran])
            threads.append(lane_of(host)[events.line[ran]])
            ops.append(op)
        holder = innermost(
            np.concatenate(starts),
            np.concatenate(ends),
            np.concatenate(threads),
            launches.start_ps[rows],
            lane_of(plane)[launches.line[rows]],
        )
        known = np.append(np.concatenate(ops), UNASSIGNED)
        around: Int = known[np.where(holder == NONE, -1, holder)]
        return around
