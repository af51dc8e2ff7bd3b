"""XLA on a CPU: which of its ops was at work when.

XLA runs a program as thunks, one per instruction, each an event on the thread that starts it, and
another, `end: …`, when it is done. A thunk may hand its work to a pool and end at once; then the
pool's threads work on, and whichever finishes last goes on with the thunks that waited for it.
The thread that called XLA takes part, or waits. So events alone say who started what. Together with
the pool's regions (see `cores`) they say who worked:

    caller  |XlaLaunch ....................................................|
    pool 1    |region: ..|conv|add|..|  |region of conv ...|pool| |
    pool 2                       |region of conv|

An op of XLA is at work while any thread is, in its event or in a region that it handed over. The op
that called XLA has what is left of its own time: moments at which no op of XLA was at work.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from alexprof.attribute.cores import Regions, find_regions
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
)
from alexprof.xplane import Events, Plane

# Inside of these a pool's thread looks for thunks to run, or waits, which is work for no op.
_EXECUTOR = re.compile(r"ThunkExecutor::Execute.*")
_DONE = re.compile(r"end: .*")
# Where these stand inside of an op, it has called XLA.
_CALL = re.compile(r"ThunkExecutor::Execute.*|CpuExecutable::.*")
_NEVER = np.iinfo(np.int64).max


class HostTime(NamedTuple):
    """The time of the ops of a host that runs XLA."""

    own: Segments  # when each op was at work; the owner is an index of the ops' events
    # What threads worked for each op: XLA's of any thread, other ops' in the pools.
    regions: Regions
    callers: Bool  # which of the ops' events called XLA


def host_time(plane: Plane, events: Events, rows: Index, op: Int, is_thunk: Bool) -> HostTime:
    """Finds when a host's ops were at work: the `rows` of its events, some of them thunks."""
    line = events.line.astype(np.int64)
    # Where other ops run, regions are those of TensorFlow's executor, which hold ops.
    is_pool = np.ones(len(plane.lines), np.bool_)
    is_pool[line[rows[~is_thunk]]] = False
    regions = find_regions(events, is_pool, rows, np.arange(rows.size))
    # A thread that lost its core at the end of a region seems to work on long after.
    done_ps = np.append(_done_ps(events, rows), _NEVER)[regions.op]
    regions = replace(regions, end_ps=np.minimum(regions.end_ps, done_ps))
    breaks = events.named(_EXECUTOR.fullmatch)
    breaks = breaks[is_pool[line[breaks]]]
    pieces, thread, in_region = _pieces(events, rows, regions, breaks)
    by_xla = np.append(is_thunk, False)[pieces.owner]
    callers = _callers(events, rows, is_thunk)
    by_caller = np.append(callers, False)[pieces.owner] & ~in_region
    by_others = (pieces.owner != NONE) & ~by_xla & ~by_caller & ~in_region
    of_xla = pieces.take(by_xla)
    row = OneRow(of_xla)
    laid = row.lay(of_xla)
    at_work = row.times(Cover.of(laid.start_ps, laid.end_ps))
    worked = pieces.take(by_xla | in_region)
    # Work is done by as many threads as the largest pool has, or as run other ops. XLA has pools
    # for calls and for the work of thunks, each of a thread per core.
    names = (plane.lines[at].name.partition("/")[0] for at in np.unique(regions.thread).tolist())
    largest = max(Counter(names).values(), default=1)
    return HostTime(
        own=Segments.joined(
            at_work,
            pieces.take(by_others),
            pieces.take(by_caller).without(Cover.of(at_work.start_ps, at_work.end_ps)),
        ),
        regions=Regions(
            op=np.append(op, NONE)[worked.owner],
            thread=thread[by_xla | in_region],
            start_ps=worked.start_ps,
            end_ps=worked.end_ps,
            threads=max(largest, np.unique(line[rows[~is_thunk]]).size),
        ),
        callers=callers,
    )


def _pieces(
    events: Events, rows: Index, regions: Regions, breaks: Index
) -> tuple[Segments, Int, Bool]:
    """Cuts ops and regions down to the time that threads spent on them, without breaks.

    Returns pieces, owned by an op's event or `NONE`; the thread of each; which are of regions.
    """
    inner = np.concatenate((breaks, rows))
    # Regions first: of equal intervals the later is the inner one.
    thread = np.concatenate((regions.thread, events.line[inner].astype(np.int64)))
    owner = np.concatenate((regions.op, np.full(breaks.size, NONE), np.arange(rows.size)))
    end = events.start_ps[inner] + np.maximum(events.duration_ps[inner], 0)
    pieces = self_segments(
        np.concatenate((regions.start_ps, events.start_ps[inner])),
        np.concatenate((regions.end_ps, end)),
        thread,
    )
    of, in_region = pieces.owner, pieces.owner < regions.op.size
    return Segments(owner[of], pieces.start_ps, pieces.end_ps), thread[of], in_region


def _done_ps(events: Events, rows: Index) -> Int:
    """When each thunk was done at the latest; `_NEVER` for other ops, and where nothing says so."""
    taken, is_taken = events.ints("_c")
    given, is_given = events.ints("_p")
    ends = events.named(_DONE.fullmatch)
    ends = ends[is_taken[ends]]
    done_ps = np.append(events.start_ps[ends], _NEVER)[lookup(taken[ends], given[rows])]
    return np.where(is_given[rows], done_ps, _NEVER)


def _callers(events: Events, rows: Index, is_thunk: Bool) -> Bool:
    """Which ops called XLA: those that hold one of its events on their thread most closely."""
    ops, inside = rows[~is_thunk], np.concatenate((rows[is_thunk], events.named(_CALL.fullmatch)))
    line = events.line.astype(np.int64)
    holder = innermost(
        events.start_ps[ops],
        events.end_ps[ops],
        line[ops],
        events.start_ps[inside],
        line[inside],
    )
    callers = np.zeros(rows.size, np.bool_)
    callers[np.flatnonzero(~is_thunk)[holder[holder != NONE]]] = True
    return callers
