"""A GPU and the host that launches its work: whose step it is, when steps begin, who waits.

A GPU runs behind the host. So its work belongs to the step that launched it, and where it is still
at work when the host's step ends, steps begin and end otherwise on it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from alexprof.attribute.activity import UNKNOWN, Activity
from alexprof.attribute.steps import PS_PER_NS, Steps
from alexprof.attribute.timeline import Int, Segments

Within = Callable[[Int, Int], Int]
"""How much of each window, from begins to ends, something went on, in picoseconds."""
_BEHIND = 0.01  # part of a GPU's time after the steps that launched it, from which it runs behind


def step_of(activity: Activity, steps: Steps) -> Int:
    """Returns the step that each event counts in: the one in which the host launched it."""
    begun = steps.at(activity.start_ps, activity.end_ps)
    if activity.launched is None or not steps.marked:
        return begun
    launch_ps = activity.launched.start_ps
    return np.where(activity.launched.known, steps.at(launch_ps, launch_ps), begun)


def device_windows(activity: Activity, event_step: Int, steps: Steps) -> tuple[Int, Int]:
    """When each step begins and ends on a GPU.

    A GPU that has done a step's work when the host's step ends has the host's steps. One that runs
    behind has periods instead: from the first thing that a step launched to the first of the next
    step that launched any. After the last step nothing says where the next would begin: it ends
    with what it launched, and the median of the gaps that others end with. With one step alone it
    is the host's, longer by what the GPU still had to do.

    Returns:
        int64 [steps] begins and ends, disjoint and in order, at whole nanoseconds; a step that
        launched nothing has no length where the GPU has periods.
    """
    host = steps.start_ps, steps.end_ps
    if activity.launched is None:
        return host
    launched = np.flatnonzero((event_step >= 0) & activity.launched.known)
    step = event_step[launched]
    start, end = activity.start_ps[launched], activity.end_ps[launched]
    if not is_behind(start, end, steps.end_ps[step]):
        return host
    most = np.iinfo(np.int64).max
    first, last = np.full(len(steps), most), np.full(len(steps), -1)
    np.minimum.at(first, step, start)
    np.maximum.at(last, step, end)
    if np.unique(step).size == 1:
        only = int(step[0])
        behind = host[1].copy()
        behind[only] = max(int(behind[only]), _up_to_ns(int(last[only])))
        return host[0], np.minimum(behind, np.append(host[0][1:], most))
    # Work of a later step may begin before that of an earlier one, on another stream.
    begin = np.minimum.accumulate(first[::-1])[::-1] // PS_PER_NS * PS_PER_NS
    both = (last[:-1] >= 0) & (last[1:] >= 0)
    gaps = np.maximum(begin[1:] - last[:-1], 0)[both]
    until_ps = _up_to_ns(int(last.max()) + (int(np.median(gaps)) if gaps.size else 0))
    begin = np.minimum(begin, until_ps)
    return begin, np.append(begin[1:], until_ps)


def is_behind(start_ps: Int, end_ps: Int, until_ps: Int) -> bool:
    """Whether a GPU is at work for a good part of its time after the step that launched it.

    Takes begin and end of each event, and when the host's step ended, int64 [n].
    """
    late_ps = np.maximum(end_ps - np.maximum(start_ps, until_ps), 0)
    return bool(late_ps.sum() > _BEHIND * (end_ps - start_ps).sum())


def _up_to_ns(time_ps: int) -> int:
    return -(-time_ps // PS_PER_NS) * PS_PER_NS


def launches_of(activity: Activity, event_step: Int, steps: int) -> Int:
    """Counts the launches of each step, int64 [steps]; what one launch runs counts once."""
    if activity.launched is None:
        return np.zeros(steps, np.int64)
    rows = np.flatnonzero((event_step >= 0) & activity.launched.known)
    # No two threads end a launch in the same picosecond but by chance.
    return counted_once(event_step[rows], activity.launched.end_ps[rows], steps)


def counted_once(group: Int, number: Int, groups: int) -> Int:
    """Counts the different numbers of each group, int64 [groups]."""
    order = np.lexsort((number, group))
    group, number = group[order], number[order]
    fresh = np.ones(group.size, bool)
    fresh[1:] = (group[1:] != group[:-1]) | (number[1:] != number[:-1])
    return np.bincount(group[fresh], minlength=groups)


def launching(
    activity: Activity, event_step: Int, counted: Int, row: Int, rows: int, *, within: Within
) -> Int:
    """The host's time for the launches of each row, but for the first of each step.

    That is the time from the end of the launch before it in the step to the end of its own, without
    what a call waits for the GPU, as one for a copy to pageable memory does, and without what the
    host did for other reasons, as in Python.

    Args:
        activity: What the device ran.
        event_step: int64 [n], the step that launched each event, -1 for none.
        counted: int64 [m], the events of steps.
        row: int64 [m], the row that each counts in.
        rows: How many rows there are.
        within: How much of each window the host was launching.

    Returns:
        int64 [rows] picoseconds, `UNKNOWN` on a CPU.
    """
    if activity.launched is None:
        return np.full(rows, UNKNOWN)
    is_known = activity.launched.known[counted]
    event, row = counted[is_known], row[is_known]
    if not event.size:
        return np.zeros(rows, np.int64)
    end = activity.launched.end_ps[event]
    step = event_step[event]
    order = np.lexsort((end, step))
    event, row, step, end = event[order], row[order], step[order], end[order]
    start, done = activity.launched.start_ps[event], activity.end_ps[event]
    before = np.append(end[:1], end[:-1])
    fresh = np.append(True, np.diff(step) != 0)
    # A call that waits for the GPU launches until its begin, and after the GPU has done.
    waits = done <= end
    free = np.where(waits, np.minimum(np.maximum(start, before), end), end)
    back = np.where(waits, np.maximum(done, free), end)
    before = np.where(fresh, free, before)
    host_ps = np.where(fresh, 0, within(before, free) + within(back, end))
    return np.bincount(row, weights=host_ps, minlength=rows).astype(np.int64)


def idle_before(
    activity: Activity, event_step: Int, begin_ps: Int, pieces: tuple[Segments, Int, Int], rows: int
) -> Int:
    """The idle time right before the events of each row, int64 [rows] picoseconds.

    Without that before the first event of a step, which waits for whatever the host does at the
    step's begin. `begin_ps` says when the GPU's steps begin; `pieces` are the events' time in them,
    with the step and the row of each.
    """
    segments, step, row = pieces
    order = np.lexsort((segments.end_ps, segments.start_ps))
    start, owner = segments.start_ps[order], segments.owner[order]
    reach = np.maximum.accumulate(segments.end_ps[order])
    gap = np.append(0, np.maximum(start[1:] - reach[:-1], 0)).astype(np.int64)[: start.size]
    # What lies before the step belongs to the step before.
    gap = np.minimum(gap, start - begin_ps[step[order]])
    begun = np.full(begin_ps.size + 1, np.iinfo(np.int64).max)
    np.minimum.at(begun, event_step, activity.start_ps)
    is_first = activity.start_ps[owner] <= begun[event_step[owner]]
    total: Int = np.zeros(rows, np.int64)
    np.add.at(total, row[order], np.where(is_first, 0, gap))
    return total
