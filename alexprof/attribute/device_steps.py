"""The steps on one device: whose step an event is, and when steps begin and end there.

A GPU runs behind the host. So its work belongs to the step that launched it, and where it is still
at work when the host's step ends, steps begin and end otherwise on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alexprof.attribute.activity import Activity
from alexprof.attribute.steps import PS_PER_NS, Steps
from alexprof.attribute.timeline import Int

if TYPE_CHECKING:
    import polars as pl

LONG, LONG_ON_CPU = 1.2, 3.0
"""Times the median of the others, from which on a first step is left out."""
COMPILING_NS = 50_000_000
"""On a CPU by so much longer, too: what is shorter is a cold cache, and no compiler."""
_OTHERS = 3  # so many others tell
_BEHIND = 0.01  # part of a GPU's time after the steps that launched it, from which it runs behind


def step_of(activity: Activity, steps: Steps) -> Int:
    """Returns the step that each event counts in: the one in which the host launched it."""
    begun = steps.at(activity.start_ps, activity.end_ps)
    if activity.launched is None or not steps.marked:
        return begun
    launch_ps = activity.launched.start_ps
    return np.where(activity.launched.known, steps.at(launch_ps, launch_ps), begun)


def device_windows(activity: Activity, event_step: Int, steps: Steps) -> tuple[Int, Int]:
    """When each step begins and ends on a device.

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


def long_first(steps: pl.DataFrame, *, on_cpu: bool = False) -> pl.DataFrame | None:
    """Finds a first step that took much longer than the others: its row, or None.

    A profiler sets itself up in it on a GPU; a program may compile in it on any device. `on_cpu`
    says that steps are judged by a CPU, where nothing but compiling takes long.
    """
    least, longer_ns = (LONG_ON_CPU, COMPILING_NS) if on_cpu else (LONG, 0)
    rest = steps["wall_ns"][1:]
    if len(rest) < _OTHERS:
        return None
    median = rest.median()
    assert isinstance(median, float)
    is_long = steps["wall_ns"][0] >= max(least * median, median + longer_ns)
    return steps.head(1) if is_long else None
