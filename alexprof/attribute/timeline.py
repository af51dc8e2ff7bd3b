"""Intervals to shares: how the time of one device is divided among the events that ran on it.

Times are int64 picoseconds on one clock, intervals half-open `[start, end)`. Nothing here knows
what an op is, and no function loops over events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alexprof.errors import check_count

Int: TypeAlias = NDArray[np.int64]
Index: TypeAlias = NDArray[np.intp]
Index32: TypeAlias = NDArray[np.int32]
Lanes: TypeAlias = NDArray[np.signedinteger[Any]]
Float: TypeAlias = NDArray[np.float64]
Bool: TypeAlias = NDArray[np.bool_]

NONE = -1  # no index
MOST_PIECES = 2_000_000
"""The most pieces that cutting may make, beyond two for each event and window."""


@dataclass(frozen=True)
class Segments:
    """Stretches of time, each with the event it belongs to."""

    owner: Int  # [m], index of the event; an event may own none, one or several
    start_ps: Int  # [m]
    end_ps: Int  # [m], above `start_ps`

    def take(self, rows: Index | Bool) -> Segments:
        """Returns the segments at `rows`."""
        return Segments(self.owner[rows], self.start_ps[rows], self.end_ps[rows])

    def without(self, cover: Cover) -> Segments:
        """Returns the parts of the segments that are not covered."""
        ends = np.iinfo(np.int64)
        gaps = np.append(ends.min, cover.end_ps), np.append(cover.start_ps, ends.max)
        rest, _ = cut(self, *gaps)
        return rest

    @classmethod
    def joined(cls, *parts: Segments) -> Segments:
        """Returns the segments of all parts, one part after the other."""
        return cls(
            np.concatenate([part.owner for part in parts]),
            np.concatenate([part.start_ps for part in parts]),
            np.concatenate([part.end_ps for part in parts]),
        )


def self_segments(start_ps: Int, end_ps: Int, thread: Int) -> Segments:
    """Cuts events down to self time: on a thread, each moment belongs to one event.

    That event is the one that began last of those running. For nested events it is the innermost.
    Where two of a thread only overlap in part, which a thread can't really do (clocks and dropped
    events can), the later one takes over and the earlier one ends there. Of equal intervals the
    later in the arrays is the inner one. Events without length own nothing.

    Returns:
        Segments by thread and time, disjoint on each thread. O(n log n).
    """
    order = np.lexsort((-end_ps, start_ps, thread))
    order = order[end_ps[order] > start_ps[order]]
    start, end, lane = start_ps[order], end_ps[order], thread[order].astype(np.int32)
    if not touching(start, end, lane):
        return Segments(order, start, end)
    sweep = _sweep(start, end, lane)
    if _crossing(end, sweep.parent):
        # An event that ends inside a later one owns nothing after that one's begin, so ending it
        # there changes no owner. Then all nest.
        del sweep
        end = _until_longer(start, end, lane)
        sweep = _sweep(start, end, lane)
    # The time after each begin belongs to that event, and after each end to its parent.
    top = np.where(sweep.opens, sweep.event, sweep.parent[sweep.event])[:-1]
    start, end = sweep.time[:-1], sweep.time[1:]
    same = lane[sweep.event[:-1]] == lane[sweep.event[1:]]
    keep = (top >= 0) & same & (end > start)
    return Segments(order[top[keep]], start[keep], end[keep])


def _crossing(end: Int, parent: Index32) -> bool:
    """Tells whether any event ends after the one that it began in."""
    inner = np.flatnonzero(parent >= 0)
    return bool((end[inner] > end[parent[inner]]).any())


def touching(start: Int, end: Int, lane: Lanes) -> bool:
    """Tells whether any event begins before the one ahead of it on its thread has ended."""
    return bool(_holding(start, end, lane).any())


def _holding(start: Int, end: Int, lane: Lanes) -> Bool:
    """Tells which events, of all but the last, end after the next on their thread begins."""
    return np.asarray((start[1:] < end[:-1]) & (lane[1:] == lane[:-1]))


def _until_longer(start: Int, end: Int, lane: Lanes) -> Int:
    """Returns the ends, each moved to where the first later event that outlasts it begins."""
    rows = np.flatnonzero(_holding(start, end, lane))
    after = _next_above(end, rows)
    rows, after = rows[after < end.size], after[after < end.size]
    rows, after = rows[lane[rows] == lane[after]], after[lane[rows] == lane[after]]
    until = end.copy()
    until[rows] = np.minimum(end[rows], start[after])
    return until


def _next_above(values: Int, rows: Index) -> Index:
    """Finds the place of the next greater value after each row; `values.size` if there is none.

    Goes up through blocks of 1, 2, 4, … values to one with a greater value, then down in it to the
    first. O(n log n), and no pass is longer than n.
    """
    highest = [values]
    while (last := highest[-1]).size > 1:
        even = np.append(last, last[last.size - last.size % 2 :])
        highest.append(even.reshape(-1, 2).max(axis=1))
    hits = []  # at each height: rows with a greater value in a block, and the block
    wanted, block = rows, rows + 1
    for high in highest:
        inside = block < high.size
        wanted, block = wanted[inside], block[inside]
        is_above = high[block] > values[wanted]
        hits.append((wanted[is_above], block[is_above]))
        wanted, block = wanted[~is_above], (block[~is_above] + 1) // 2
    wanted, block = hits.pop()
    for (more, blocks), high in zip(hits[::-1], highest[-2::-1], strict=True):
        block = 2 * block
        block += high[block] <= values[wanted]
        wanted, block = np.concatenate((wanted, more)), np.concatenate((block, blocks))
    result = np.full(values.size, values.size)
    result[wanted] = block
    return result[rows]


@dataclass(frozen=True)
class _Sweep:
    """All begins and ends in the order of time, thread by thread."""

    time: Int  # [2n]
    event: Index32  # [2n], whose begin or end it is
    opens: Bool  # [2n], True for a begin
    parent: Index32  # [n], the event that encloses each one most closely, or -1


def _sweep(start: Int, end: Int, lane: Lanes) -> _Sweep:
    """Orders begins and ends and finds the parent of each event.

    The parent is the last event to open one level further out. That is right as long as events
    nest. The first two of a thread that cross are still found as parent and child, which is what
    `self_segments` needs to take them apart before it tries again.
    """
    # Of millions of events each of these columns takes tens of megabytes: indexes have 32 bits, and
    # what isn't needed any more is dropped.
    count = start.size
    rank = np.arange(count, dtype=np.int32)
    # Ends stand before begins, inner ones first, and both sorts are stable: so at equal times an
    # event that ends makes room before the next one begins.
    event = np.concatenate((rank[::-1], rank))
    time = np.concatenate((end[::-1], start))
    order = np.lexsort((time, lane[event]))
    opens = order >= count
    event, time = event[order], time[order]
    del order, rank
    level = np.cumsum(np.where(opens, 1, -1).astype(np.int8), dtype=np.int32)[opens]
    position = np.flatnonzero(opens)  # in the order of begins, which is that of the events
    key = level.astype(np.int64) * (2 * count) + position
    by_key = np.argsort(key).astype(np.int32)
    outer = key[by_key]
    place = np.searchsorted(outer, key - (2 * count)) - 1
    del key, outer, position
    parent = np.where(level > 1, by_key[place], np.int32(-1))
    return _Sweep(time, event, opens, parent)


def innermost(start_ps: Int, end_ps: Int, lane: Int, point_ps: Int, point_lane: Int) -> Int:
    """Finds the interval that holds each moment most closely, or `NONE`: int64 [p] indexes.

    Intervals and moments of different lanes do not see each other. What ends at a moment has ended,
    what begins at it has begun. O((n + p) log n).
    """
    own = self_segments(start_ps, end_ps, lane)
    of_lanes = Segments(lane[own.owner], own.start_ps, own.end_ps)
    points = Segments(point_lane, point_ps, point_ps)
    row = OneRow(of_lanes, points)
    laid, moment = row.lay(of_lanes), row.lay(points).start_ps
    at = np.searchsorted(laid.start_ps, moment, "right") - 1
    held = np.append(laid.end_ps, NONE)[at] > moment
    return np.where(held, np.append(own.owner, NONE)[at], NONE)


def cut(segments: Segments, start_ps: Int, end_ps: Int) -> tuple[Segments, Int]:
    """Cuts segments at the edges of windows and drops what lies in none.

    Windows are disjoint and in order of time. Returns the pieces and the window of each.

    Raises:
        TraceError: There are far more pieces than segments and windows, because many segments span
            many windows.
    """
    first = np.searchsorted(end_ps, segments.start_ps, side="right")
    last = np.searchsorted(start_ps, segments.end_ps, side="left")
    count = np.maximum(last - first, 0)
    most = MOST_PIECES + 2 * (count.size + start_ps.size)
    check_count("too_many_pieces", int(count.sum()), most, "events and steps")
    row = np.repeat(np.arange(count.size), count)
    within = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
    window = first[row] + within
    pieces = segments.take(row)
    start = np.maximum(pieces.start_ps, start_ps[window])
    end = np.minimum(pieces.end_ps, end_ps[window])
    keep = end > start
    return Segments(pieces.owner[keep], start[keep], end[keep]), window[keep]


def shares(start_ps: Int, end_ps: Int, capacity: int = 1) -> Float:
    """Divides time evenly among the intervals that cover it: float64 [m] picoseconds.

    With k(t) intervals covering the moment t, the share of `[s, e)` is F(e) − F(s), where F is the
    integral of 1/k over time, 0 where k is 0 (DESIGN.md, "Attribution"). The shares add up to the
    time that at least one interval covers. With more capacity than one, up to so many intervals
    have all of their time, and more of them divide it. O(m log m).
    """
    if not start_ps.size:
        return np.zeros(0)
    edges, opens, closes, running = _running(start_ps, end_ps)
    part = np.diff(edges) * np.minimum(running, capacity) / np.maximum(running, 1)
    total = np.concatenate(([0.0], np.cumsum(part)))
    share: Float = total[closes] - total[opens]
    return share


def alone(start_ps: Int, end_ps: Int) -> tuple[Int, Int]:
    """Finds when exactly one of some intervals lasts: begins and ends, disjoint and in order."""
    edges, _, _, running = _running(start_ps, end_ps)
    one = running == 1
    return edges[:-1][one], edges[1:][one]


def _running(start_ps: Int, end_ps: Int) -> tuple[Int, Int, Int, Int]:
    """Returns all times, each once; where in them intervals begin, and end; how many last then."""
    edges, where = np.unique(np.concatenate((start_ps, end_ps)), return_inverse=True)
    opens, closes = where[: start_ps.size], where[start_ps.size :]
    running = np.cumsum(
        np.bincount(opens, minlength=edges.size) - np.bincount(closes, minlength=edges.size)
    )[:-1]
    return edges, opens, closes, running


@dataclass(frozen=True)
class Cover:
    """The time covered by at least one of some intervals, as disjoint intervals in order."""

    start_ps: Int  # [u]
    end_ps: Int  # [u]

    @classmethod
    def of(cls, start_ps: Int, end_ps: Int) -> Cover:
        """Merges intervals; those without length cover nothing."""
        keep = end_ps > start_ps
        start, end = start_ps[keep], end_ps[keep]
        order = np.argsort(start, kind="stable")
        start, reach = start[order], np.maximum.accumulate(end[order])
        fresh = np.ones(start.size, dtype=bool)
        fresh[1:] = start[1:] > reach[:-1]
        last = np.append(fresh[1:], True)[: start.size]
        return cls(start[fresh], reach[last])

    @classmethod
    def of_all(cls, spans: Iterable[tuple[Int, Int]]) -> Cover:
        """Merges the intervals of several begins and ends."""
        none: Int = np.zeros(0, np.int64)
        starts, ends = zip((none, none), *spans, strict=True)
        return cls.of(np.concatenate(starts), np.concatenate(ends))

    def __or__(self, other: Cover) -> Cover:
        return Cover.of_all((cover.start_ps, cover.end_ps) for cover in (self, other))

    def without(self, other: Cover) -> Cover:
        """Returns the covered time that another does not cover."""
        own = Segments(np.arange(self.start_ps.size), self.start_ps, self.end_ps)
        rest = own.without(other)
        return Cover(rest.start_ps, rest.end_ps)

    def within(self, start_ps: Int, end_ps: Int) -> Int:
        """Returns the covered time inside each window, int64 [w] picoseconds."""
        return self._until(end_ps) - self._until(start_ps)

    def _until(self, time_ps: Int) -> Int:
        """Returns the covered time before each moment."""
        if not self.start_ps.size:
            return np.zeros_like(time_ps)
        before = np.concatenate(([0], np.cumsum(self.end_ps - self.start_ps)))
        row = np.searchsorted(self.start_ps, time_ps, side="right") - 1
        at = np.maximum(row, 0)
        passed = np.minimum(time_ps, self.end_ps[at]) - self.start_ps[at]
        until: Int = np.where(row >= 0, before[at] + passed, 0)
        return until


class OneRow:
    """Segments of owners (from 0 on) moved to where no two owners meet: one pass does for all."""

    def __init__(self, *parts: Segments) -> None:
        """Takes all segments that are to be moved."""
        times = [time for part in parts for time in (part.start_ps, part.end_ps) if time.size]
        owners = 1 + max((int(part.owner.max(initial=0)) for part in parts), default=0)
        self._low = min((int(time.min()) for time in times), default=0)
        self._width = 1 + max((int(time.max()) for time in times), default=0) - self._low
        self._edges: Int | None = None
        if self._width * owners >= 1 << 62:  # too far apart: their ranks stand for the times
            self._edges = distinct(times)
            self._width = self._edges.size

    def lay(self, segments: Segments) -> Segments:
        """Returns the segments in the row."""
        start, end = segments.start_ps - self._low, segments.end_ps - self._low
        if self._edges is not None:
            start = np.searchsorted(self._edges, segments.start_ps)
            end = np.searchsorted(self._edges, segments.end_ps)
        first = segments.owner * self._width
        return Segments(segments.owner, first + start, first + end)

    def times(self, laid: Segments | Cover) -> Segments:
        """Returns parts of the row as segments of the owners."""
        owner, start = np.divmod(laid.start_ps, self._width)
        end = laid.end_ps - owner * self._width
        if self._edges is None:
            return Segments(owner, start + self._low, end + self._low)
        return Segments(owner, self._edges[start], self._edges[end])


def idle_within(busy: Cover, other: Cover, start_ps: Int, end_ps: Int) -> Int:
    """Returns the idle time in each window during which `other` was going on, in picoseconds."""
    # |other without busy| = |other ∪ busy| − |busy|
    return (busy | other).within(start_ps, end_ps) - busy.within(start_ps, end_ps)


def distinct(times: Sequence[Int]) -> Int:
    """All times in order, each once. NumPy's `unique` hashes, which takes 20 times as long."""
    ordered: Int = np.sort(np.concatenate(times))
    fresh = np.ones(ordered.size, bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    once: Int = ordered[fresh]
    return once


def lookup(keys: Int, wanted: Int) -> Int:
    """Index of each wanted key, `NONE` where it is missing; of equal keys the first counts."""
    if not keys.size:
        return np.full(wanted.size, NONE, np.int64)
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
    return np.where(keys[order][at] == wanted, order[at], NONE)
