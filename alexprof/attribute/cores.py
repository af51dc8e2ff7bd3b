"""Core time: what the threads of the pool worked for each op.

An op on an executor thread hands work to a pool of threads. Its trace says when work was handed
over (`ThreadpoolListener::Record`, with a number) and when a thread took it up and laid it down
(`StartRegion` with that number, `StopRegion`; xla/tsl/platform/threadpool.cc and
tsl/profiler/backends/cpu/threadpool_listener.cc). Work may hand over further work. So a region
belongs to the op whose event encloses the first record of the chain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.timeline import (
    NONE,
    Bool,
    Cover,
    Index,
    Int,
    OneRow,
    Segments,
    innermost,
    lookup,
    self_segments,
    shares,
)
from alexprof.xplane import Events

_RECORD = "ThreadpoolListener::Record"
_START, _STOP = "ThreadpoolListener::StartRegion", "ThreadpoolListener::StopRegion"


@dataclass(frozen=True)
class Regions:
    """Stretches of work on threads of the pool, in columns of n regions."""

    op: Int  # [n], the op it was done for, `NONE` where the trace does not say
    thread: Int  # [n]
    start_ps: Int  # [n]
    end_ps: Int  # [n]
    # How many threads can be at work at once: as many as the pool shows, or as run ops, whichever
    # are more. Either has one per core by default; a trace does not say how many cores there are.
    threads: int

    def worked(self) -> Segments:
        """The regions cut down to the time that each thread spent on them itself."""
        return self_segments(self.start_ps, self.end_ps, self.thread)


def find_regions(events: Events, is_worker: Bool, op_rows: Index, op: Int) -> Regions:
    """Finds the work of the pool's threads and the op that each piece was for.

    Args:
        events: All events of a host.
        is_worker: [lines], whether a line is a thread of the pool.
        op_rows: [m], which events are those of ops.
        op: [m], the op of each.
    """
    kinds = {_RECORD: 1, _START: 2, _STOP: 3}
    kind = np.array([kinds.get(name, 0) for name in events.names], np.int8)[events.name]
    region_rows, stop_ps = _paired(events, kind)
    taken, is_taken = events.ints("_c")
    given, has_number = events.ints("_p")
    records = np.flatnonzero((kind == 1) & has_number)
    line = events.line.astype(np.int64)

    # What holds each record: an op's event or a region, whichever is the innermost.
    holder = innermost(
        np.concatenate((events.start_ps[op_rows], events.start_ps[region_rows])),
        np.concatenate((events.end_ps[op_rows], stop_ps)),
        np.concatenate((line[op_rows], line[region_rows])),
        events.start_ps[records],
        line[records],
    )
    record_of_region = lookup(given[records], taken[region_rows])
    record_of_region[~is_taken[region_rows]] = NONE
    of_record = _owners(holder, op, record_of_region)
    of_region = np.append(of_record, NONE)[record_of_region]
    kept = np.append(is_worker, False)[line[region_rows]]
    return Regions(
        op=of_region[kept],
        thread=line[region_rows][kept],
        start_ps=events.start_ps[region_rows][kept],
        end_ps=stop_ps[kept],
        threads=max(int(is_worker.sum()), np.unique(line[op_rows]).size),
    )


def _paired(events: Events, kind: NDArray[np.int8]) -> tuple[Index, Int]:
    """Finds the end of each region: rows of the begins that have one, and int64 times."""
    rows = np.flatnonzero(kind >= 2)
    rows = rows[np.lexsort((events.start_ps[rows], events.line[rows]))]
    opens = kind[rows] == 2
    line = events.line[rows].astype(np.int64)
    depth = np.cumsum(np.where(opens, 1, -1))
    level = np.where(opens, depth, depth + 1)  # a begin and its end stand on the same one
    # Lines whose begins and ends don't match leave others a level off, which harms nobody: only
    # neighbors of the same line are paired.
    order = np.lexsort((level, line))
    before, after = order[:-1], order[1:]
    pair = (
        opens[before]
        & ~opens[after]
        & (line[before] == line[after])
        & (level[before] == level[after])
    )
    return rows[before[pair]], events.start_ps[rows[after[pair]]]


def _owners(holder: Int, op: Int, record_of_region: Int) -> Int:
    """Follows each record up through the regions that hold it, to an op or `NONE`."""
    # A holder below `op.size` is an event of an op, from there on a region.
    in_op = (holder >= 0) & (holder < op.size)
    owner = np.where(in_op, np.append(op, NONE)[np.where(in_op, holder, NONE)], NONE)
    in_region = holder >= op.size
    region = np.where(in_region, holder - op.size, NONE)
    up = np.where(in_region, np.append(record_of_region, NONE)[region], NONE)
    for _ in range(64):  # enough, as the way up is halved in each round
        if not (up >= 0).any():
            break
        owner = np.where((up >= 0) & (owner == NONE), np.append(owner, NONE)[up], owner)
        up = np.where((up >= 0) & (owner == NONE), np.append(up, NONE)[up], NONE)
    return owner


class CoreTime(NamedTuple):
    """What threads worked for each of some groups."""

    core_ps: Int  # [groups], the time of all threads together
    at_work_ps: Int  # [groups], the time in which any of them worked


def core_time(
    own: tuple[Int, Segments], worked: tuple[Int, Segments], groups: int, threads: int
) -> CoreTime:
    """Adds up what threads worked for each group (a step and an op), rounded.

    That is the time of its regions, and the time of the op's own thread in which none of its
    regions ran: while they do, that thread mostly waits for them. Where more than `threads` seem to
    be at work, they take turns, and each gets its part. An op that runs twice at once counts as
    one. A piece of the pool that ends after its op has ended is time at work, too.

    Takes the group of each segment, and the segments, of self time on executor threads and of work
    on threads of the pool.
    """
    of_own, of_worked = (replace(segments, owner=group) for group, segments in (own, worked))
    row = OneRow(of_own, of_worked)
    own_row, worked_row = row.lay(of_own), row.lay(of_worked)
    cover = Cover.of(worked_row.start_ps, worked_row.end_ps)
    pieces = Segments.joined(row.times(own_row.without(cover)), of_worked)
    part = shares(pieces.start_ps, pieces.end_ps, threads)
    core_ps = np.bincount(pieces.owner, weights=part, minlength=groups)
    at_work = row.times(cover | Cover.of(own_row.start_ps, own_row.end_ps))
    at_work_ps = np.bincount(
        at_work.owner, weights=at_work.end_ps - at_work.start_ps, minlength=groups
    )
    return CoreTime(np.rint(core_ps).astype(np.int64), at_work_ps.astype(np.int64))
