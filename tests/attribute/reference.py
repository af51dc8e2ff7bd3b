"""The same answers the slow and obvious way: elementary intervals, one by one, in fractions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple


class Interval(NamedTuple):
    start: int
    end: int
    thread: int = 0
    op: str = ""


def edges(*groups: Iterable[Interval]) -> list[tuple[int, int]]:
    """Return the stretches between neighbouring begins and ends, in which nothing changes."""
    times = sorted({time for group in groups for each in group for time in (each.start, each.end)})
    return list(pairwise(times))


def covers(each: Interval, start: int, end: int) -> bool:
    return each.start <= start and end <= each.end and start < end


def owner(events: Sequence[Interval], thread: int, start: int, end: int) -> int | None:
    """Return the event that owns a stretch of a thread: the one that began last."""
    running = [
        (each.start, -each.end, index)
        for index, each in enumerate(events)
        if each.thread == thread and covers(each, start, end)
    ]
    return max(running)[2] if running else None


def running(events: Sequence[Interval], start: int, end: int) -> list[int]:
    """Return the events that own a stretch, at most one per thread."""
    threads = sorted({each.thread for each in events})
    owners = [owner(events, thread, start, end) for thread in threads]
    return [index for index in owners if index is not None]


class Costs(NamedTuple):
    """Of one step: by op, and idle time by reason; in picoseconds."""

    share: dict[str, Fraction]
    busy: dict[str, int]
    idle: dict[str, int]


class Host(NamedTuple):
    """What the host did: calls, waits for input, fetches of results, and ops that it ran."""

    calls: Sequence[Interval]
    waits: Sequence[Interval]
    fetches: Sequence[Interval]
    ops: Sequence[Interval]


def divide(events: Sequence[Interval], step: Interval, host: Host, rest: str) -> Costs:
    """Divide a step among the events that run in it; `rest` is the reason left for idle time."""
    share: dict[str, Fraction] = defaultdict(Fraction)
    busy: dict[str, int] = defaultdict(int)
    idle: dict[str, int] = defaultdict(int)
    stretches = [one for one in edges(events, [step], *host) if covers(step, *one)]
    counted = {stretch: counting(events, host, *stretch) for stretch in stretches}
    last = max((end for (_, end), rows in counted.items() if rows), default=step.end)
    if any(each.start < step.end < each.end for each in merged(host.calls)):
        last = step.end  # the call goes on, and hands out its results later
    for start, end in stretches:
        now = counted[start, end]
        for index in running(events, start, end):
            share[events[index].op] += Fraction(end - start, len(now)) if index in now else 0
            busy[events[index].op] += end - start
        if not now:
            within = [any(covers(each, start, end) for each in group) for group in host]
            in_call, waits, fetches, runs_op = within
            if waits:
                idle["input"] += end - start
            elif fetches or (in_call and start >= last and not runs_op):
                idle["fetching"] += end - start
            elif in_call or runs_op:
                idle["launching"] += end - start
            else:
                idle[rest] += end - start
    return Costs(share, busy, idle)


def counting(events: Sequence[Interval], host: Host, start: int, end: int) -> list[int]:
    """Return the running events that divide a stretch.

    What the input pipeline does counts where the host waits for input and no op of the model runs.
    """
    rows = running(events, start, end)
    of_model = [row for row in rows if not events[row].op.startswith("tf_data/")]
    waits = any(covers(each, start, end) for each in host.waits)
    return of_model if of_model or not waits else rows


def merged(intervals: Sequence[Interval]) -> list[Interval]:
    """Return what intervals cover, with those that touch joined."""
    joined: list[Interval] = []
    for each in sorted(one for one in intervals if one.end > one.start):
        if joined and each.start <= joined[-1].end:
            joined[-1] = joined[-1]._replace(end=max(joined[-1].end, each.end))
        else:
            joined.append(each)
    return joined
