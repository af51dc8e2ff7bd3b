"""Events of ops on one device, as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.timeline import Segments, self_segments
from alexprof.xplane import Events, Line, Plane

Int = NDArray[np.int64]

CPU = "CPU"


@dataclass(frozen=True)
class Activity:
    """The ops' events on one device, in columns of n events.

    Attributes:
        device: "CPU", "GPU:0", …
        op: int64 [n], index into the trace's ops, or `UNASSIGNED`.
        thread: int64 [n], a number for each thread or stream.
        start_ps: int64 [n].
        end_ps: int64 [n], not below `start_ps`.
        occurrences: int64 [n], how many executions an event stands for, mostly 1.
        name: int64 [n], index into `names`.
        names: What the events themselves are called: on a GPU the kernels.
        threads: Name of each thread or stream.
        at_work: When each event was at work, where that is not its own time on its thread.
        detail: int64 [n], index into `details`, -1 where there are none.
        details: How kernels were launched and what copies moved, as the profiler writes it.
    """

    device: str
    op: Int
    thread: Int
    start_ps: Int
    end_ps: Int
    occurrences: Int
    name: Int
    names: tuple[str, ...]
    threads: tuple[str, ...]
    at_work: Segments | None = None
    detail: Int | None = None
    details: tuple[str, ...] = ()

    def detailed(self, detail: Int, details: tuple[str, ...]) -> Activity:
        """The same with details."""
        return replace(self, detail=detail, details=details)

    def own(self) -> Segments:
        """The time of each event itself."""
        return self._own

    @cached_property
    def _own(self) -> Segments:
        if self.at_work is not None:
            return self.at_work
        return self_segments(self.start_ps, self.end_ps, self.thread)


def activity(
    device: str, plane: Plane, events: Events, rows: NDArray[np.intp], op: Int
) -> Activity:
    """Makes an activity of some events.

    Args:
        device: Its name.
        plane: The plane that has the events.
        events: Events of the plane.
        rows: Which of them.
        op: int64 [rows], the op of each.
    """
    start = events.start_ps[rows]
    return Activity(
        device=device,
        op=op,
        thread=events.line[rows].astype(np.int64),
        start_ps=start,
        end_ps=start + np.maximum(events.duration_ps[rows], 0),
        occurrences=np.maximum(events.occurrences[rows], 1),
        name=events.name[rows].astype(np.int64),
        names=events.names,
        threads=_distinct_names(plane.lines),
    )


def merged(parts: Iterable[Activity]) -> list[Activity]:
    """Joins planes of the same device, as a trace of several hosts has them; drops empty ones."""
    merged: dict[str, Activity] = {}
    for part in parts:
        if part.op.size:
            known = merged.get(part.device)
            merged[part.device] = part if known is None else _joined(known, part)
    return list(merged.values())


def _joined(one: Activity, other: Activity) -> Activity:
    return Activity(
        one.device,
        np.concatenate((one.op, other.op)),
        np.concatenate((one.thread, other.thread + len(one.threads))),
        np.concatenate((one.start_ps, other.start_ps)),
        np.concatenate((one.end_ps, other.end_ps)),
        np.concatenate((one.occurrences, other.occurrences)),
        np.concatenate((one.name, other.name + len(one.names))),
        one.names + other.names,
        one.threads + other.threads,
        _both_at_work(one, other),
        _both_details(one, other),
        one.details + other.details,
    )


def _both_details(one: Activity, other: Activity) -> Int | None:
    if one.detail is None or other.detail is None:
        return None
    moved = np.where(other.detail < 0, -1, other.detail + len(one.details))
    both: Int = np.concatenate((one.detail, moved))
    return both


def _both_at_work(one: Activity, other: Activity) -> Segments | None:
    if one.at_work is None and other.at_work is None:
        return None
    first, second = one.own(), other.own()
    return Segments(
        np.concatenate((first.owner, second.owner + one.op.size)),
        np.concatenate((first.start_ps, second.start_ps)),
        np.concatenate((first.end_ps, second.end_ps)),
    )


def _distinct_names(lines: Sequence[Line]) -> tuple[str, ...]:
    """The names of lines; what several are called gets their numbers."""
    counts = Counter(line.name for line in lines)
    return tuple(
        line.name if counts[line.name] == 1 else f"{line.name} {line.id}".strip() for line in lines
    )
