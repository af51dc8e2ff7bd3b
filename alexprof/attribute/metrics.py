"""How each metric of ops is measured, from what a device did in steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from alexprof.attribute.activity import CPU, UNKNOWN, Activity
from alexprof.attribute.cores import CoreTime, core_time
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import Steps, counted_once
from alexprof.attribute.timeline import Bool, Float, Index, Int, Segments, cut, shares


@dataclass(frozen=True)
class Rows:
    """What a device did in steps, by step and op: r rows, one for each pair that occurs."""

    activity: Activity
    work: Work
    steps: Steps
    begin_ps: Int  # [steps], when the device's steps begin
    end_ps: Int  # [steps], their ends; not above the begin where the device has no such step
    event_step: Int  # [n], the step of each event, -1 for none
    width: int  # ops and one more
    keys: Int  # [r], step · width + op + 1
    counted: Index  # [m], the events of steps
    of_event: Int  # [m], the row of each
    pieces: Segments  # the events' own time in steps
    of_piece: Int  # the row of each
    counting: Segments  # the parts of pieces that divide the steps, owned by the piece

    @property
    def on_cpu(self) -> bool:
        """Whether the device is a CPU."""
        return self.activity.device == CPU

    @cached_property
    def step(self) -> Int:
        """int64 [r], index of the step."""
        return self.keys // self.width

    @cached_property
    def op(self) -> Int:
        """int64 [r], index of the op, or `UNASSIGNED`."""
        return self.keys % self.width - 1

    def total(self, row: Int, amount: Int | Float) -> Float:
        """Adds up amounts by row; exact for integers below 2**53."""
        total = np.bincount(row, weights=amount, minlength=self.keys.size)
        return total.astype(np.float64)

    @cached_property
    def pool_work(self) -> tuple[Segments, Int, Bool] | None:
        """Work of the pools' threads in steps, the row of each piece, and whether one owns it."""
        regions = self.work.regions
        if not self.on_cpu or regions is None:
            return None
        pieces, step = cut(regions.worked(), self.steps.start_ps, self.steps.end_ps)
        op = regions.op[pieces.owner]
        key = step * self.width + op + 1
        row = np.searchsorted(self.keys, key)
        return pieces, row, (op >= 0) & (np.append(self.keys, -1)[row] == key)

    @cached_property
    def core_time(self) -> CoreTime | None:
        """What threads worked for each row; None on a GPU, and where that is not known."""
        if self.pool_work is None or self.work.regions is None:
            return None
        pieces, row, owned = self.pool_work
        own, worked = (self.of_piece, self.pieces), (row[owned], pieces.take(owned))
        return core_time(own, worked, self.keys.size, self.work.regions.threads)


def _executions(rows: Rows) -> Int:
    """How often each op was executed; on a GPU by the numbers of executions."""
    if rows.on_cpu:
        return _events(rows)
    if rows.activity.launched is None:
        return np.full(rows.keys.size, UNKNOWN)
    scope = rows.activity.launched.scope[rows.counted]
    numbered = scope != UNKNOWN
    executions = counted_once(rows.of_event[numbered], scope[numbered], rows.keys.size)
    nameless = np.bincount(rows.of_event[~numbered], minlength=rows.keys.size) > 0
    return np.where(nameless | (executions == 0), UNKNOWN, executions)


def _events(rows: Rows) -> Int:
    return rows.total(rows.of_event, rows.activity.occurrences[rows.counted]).astype(np.int64)


def _kernels(rows: Rows) -> Int:
    return np.zeros(rows.keys.size, np.int64) if rows.on_cpu else _events(rows)


def _busy(rows: Rows) -> Int:
    return rows.total(rows.of_piece, rows.pieces.end_ps - rows.pieces.start_ps).astype(np.int64)


def _share(rows: Rows) -> Float:
    counting = rows.counting
    return rows.total(rows.of_piece[counting.owner], shares(counting.start_ps, counting.end_ps))


def _idle_before(rows: Rows) -> Int | None:
    """The idle time right before the events of each row, but for the first of a step."""
    if rows.on_cpu:
        return None
    pieces = rows.pieces
    order = np.lexsort((pieces.end_ps, pieces.start_ps))
    start, owner, row = pieces.start_ps[order], pieces.owner[order], rows.of_piece[order]
    reach = np.maximum.accumulate(pieces.end_ps[order])
    gap = np.append(0, np.maximum(start[1:] - reach[:-1], 0)).astype(np.int64)[: start.size]
    # What lies before the step belongs to the step before.
    gap = np.minimum(gap, start - rows.begin_ps[rows.step[row]])
    begun = np.full(rows.begin_ps.size + 1, np.iinfo(np.int64).max)
    np.minimum.at(begun, rows.event_step, rows.activity.start_ps)
    # The first event of a step waits for whatever the host does at the step's begin.
    is_first = rows.activity.start_ps[owner] <= begun[rows.event_step[owner]]
    total: Int = np.zeros(rows.keys.size, np.int64)
    np.add.at(total, row, np.where(is_first, 0, gap))
    return total


def _launching(rows: Rows) -> Int | None:
    """The host's time for the launches of each row, but for the first of each step.

    That is the time from the end of the launch before it in the step to the end of its own, without
    what a call waits for the GPU, as one for a copy to pageable memory does, and without what the
    host did for other reasons, as in Python.
    """
    launched, within = rows.activity.launched, rows.work.launching_within
    if launched is None:
        return None
    is_known = launched.known[rows.counted]
    event, row = rows.counted[is_known], rows.of_event[is_known]
    order = np.lexsort((launched.end_ps[event], rows.event_step[event]))
    event, row = event[order], row[order]
    start, end = launched.start_ps[event], launched.end_ps[event]
    step, done = rows.event_step[event], rows.activity.end_ps[event]
    before = np.append(end[:1], end[:-1])
    fresh = np.diff(step, prepend=-1) != 0
    # A call that waits for the GPU launches until its begin, and after the GPU has done.
    waits = done <= end
    free = np.where(waits, np.minimum(np.maximum(start, before), end), end)
    back = np.where(waits, np.maximum(done, free), end)
    before = np.where(fresh, free, before)
    host_ps = np.where(fresh, 0, within(before, free) + within(back, end))
    return rows.total(row, host_ps).astype(np.int64)


MEASURES: dict[str, Callable[[Rows], Int | Float | None]] = {
    "executions": _executions,
    "kernels": _kernels,
    "busy_ns": _busy,
    "share_ns": _share,  # parts of the steps, not yet whole: `division.settle` rounds them
    "core_ns": lambda rows: rows.core_time and rows.core_time.core_ps,
    "at_work_ns": lambda rows: rows.core_time and rows.core_time.at_work_ps,
    "idle_before_ns": _idle_before,
    "launching_ns": _launching,
}
"""What measures each of `record.metrics.METRICS`: what each row has, [r], times in picoseconds.

`UNKNOWN` where it is not known; None if it is known of no row.
"""
