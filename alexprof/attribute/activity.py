"""Events of ops on one device, as columns."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, chain
from typing import Any, NamedTuple

import numpy as np

from alexprof.attribute.timeline import Bool, Cover, Index, Int, Segments, self_segments
from alexprof.record.note import Note
from alexprof.xplane import Events, Line, Plane

CPU = "CPU"
UNKNOWN = -1


class Launched(NamedTuple):
    """When and where the host launched each of n events; all `UNKNOWN` where nothing says so."""

    start_ps: Int  # [n], begin of the launch on the host
    end_ps: Int  # [n], its end
    thread: Int  # [n], a number for each thread that launches
    scope: Int  # [n], number of the execution of an op that launched it
    op: Int  # [n], the op around the launch

    @property
    def known(self) -> Bool:
        """Which events have a launch, bool [n]."""
        return np.array(self.end_ps != UNKNOWN, bool)


@dataclass(frozen=True)
class Activity:
    """The ops' events on one device, in columns of n events."""

    device: str  # "CPU", "GPU:0", …
    op: Int  # [n], index into the trace's ops, or `UNASSIGNED`
    thread: Int  # [n], a number for each thread or stream
    start_ps: Int  # [n]
    end_ps: Int  # [n], not below `start_ps`
    occurrences: Int  # [n], how many executions an event stands for, mostly 1
    name: Int  # [n], index into `names`
    names: tuple[str, ...]  # what the events themselves are called: on a GPU the kernels
    threads: tuple[str, ...]  # name of each thread or stream
    detail: Int  # [n], index into `details`, `UNKNOWN` where there are none
    fusion: Int  # [n], which fusion of XLA's a kernel is, `UNKNOWN` for none
    # How kernels were launched and what copies moved, as the profiler writes it.
    details: tuple[str, ...] = ()
    launched: Launched | None = None  # by what the host launched them; None on a CPU
    # When each event was at work, where that is not its own time on its thread.
    at_work: Segments | None = None

    @cached_property
    def own(self) -> Segments:
        """The time of each event itself.

        Events of a thread nest. Those of a stream don't: where two overlap, as kernels of a CUDA
        graph do, they run at once.
        """
        if self.at_work is not None:
            return self.at_work
        if self.device == CPU:
            return self_segments(self.start_ps, self.end_ps, self.thread)
        lasting = np.flatnonzero(self.end_ps > self.start_ps)
        return Segments(lasting, self.start_ps[lasting], self.end_ps[lasting])

    def queued(self) -> Cover:
        """When nothing ran though the next event had been launched."""
        if self.launched is None:
            return Cover.of(self.start_ps[:0], self.end_ps[:0])
        order = np.lexsort((self.launched.end_ps, self.start_ps))
        start, end = self.start_ps[order], self.end_ps[order]
        launch_ps = np.where(self.launched.known, self.launched.end_ps, self.start_ps)[order]
        reach = np.append(start[:1], np.maximum.accumulate(end)[:-1])
        return Cover.of(np.maximum(reach, launch_ps), start)


def activity(device: str, plane: Plane, events: Events, rows: Index, op: Int) -> Activity:
    """Makes an activity of the `rows` of a plane's events; `op` is that of each row."""
    start = events.start_ps[rows]
    unknown = np.full(rows.size, UNKNOWN)
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
        detail=unknown,
        fusion=unknown,
    )


def odd_events(device: str, events: Events) -> list[Note]:
    """Notes on events without a name and with a negative duration, which counts as 0."""
    is_nameless = np.array([not name for name in events.names], bool)[events.name]
    counts = {
        "events_nameless": int(is_nameless.sum()),
        "durations_negative": int((events.duration_ps < 0).sum()),
    }
    return [
        Note(code, {"events": count, "of_events": len(events)}, (device,))
        for code, count in counts.items()
        if count
    ]


def merged(parts: Iterable[Activity]) -> list[Activity]:
    """Joins planes of the same device, as a trace of several hosts has them; drops empty ones."""
    by_device: dict[str, list[Activity]] = defaultdict(list)
    for part in parts:
        if part.op.size:
            by_device[part.device].append(part)
    return [same[0] if len(same) == 1 else _joined(same) for same in by_device.values()]


def _joined(parts: Sequence[Activity]) -> Activity:
    """Joins activities; later parts' numbers are shifted past those of the earlier parts."""

    def columns(*names: str) -> dict[str, Any]:
        return {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}

    def numbered_on(name: str, table: str) -> Int:
        counts = [len(getattr(part, table)) for part in parts]
        return _numbered_on([getattr(part, name) for part in parts], counts)

    at_work = launched = None
    if any(part.at_work is not None for part in parts):
        before = [0, *accumulate(part.op.size for part in parts)]
        at_work = Segments.joined(
            *(
                replace(part.own, owner=part.own.owner + start)
                for part, start in zip(parts, before, strict=False)
            )
        )
    launches = [part.launched for part in parts if part.launched is not None]
    if len(launches) == len(parts):
        launched = Launched(*map(np.concatenate, zip(*launches, strict=True)))
        launched = launched._replace(
            thread=_numbered_on([launch.thread for launch in launches]),
            scope=_numbered_on([launch.scope for launch in launches]),
        )
    return Activity(
        device=parts[0].device,
        **columns("op", "start_ps", "end_ps", "occurrences", "fusion"),
        thread=numbered_on("thread", "threads"),
        name=numbered_on("name", "names"),
        detail=numbered_on("detail", "details"),
        names=tuple(chain.from_iterable(part.names for part in parts)),
        threads=tuple(chain.from_iterable(part.threads for part in parts)),
        details=tuple(chain.from_iterable(part.details for part in parts)),
        launched=launched,
        at_work=at_work,
    )


def _numbered_on(columns: Sequence[Int], counts: Sequence[int] | None = None) -> Int:
    """Joins the numbers of several hosts, each shifted to start where the previous host's end."""
    if counts is None:
        counts = [int(column.max(initial=UNKNOWN)) + 1 for column in columns]
    before = [0, *accumulate(counts)]
    moved = (
        np.where(column == UNKNOWN, UNKNOWN, column + start)
        for column, start in zip(columns, before, strict=False)
    )
    return np.concatenate(list(moved))


def _distinct_names(lines: Sequence[Line]) -> tuple[str, ...]:
    """The names of lines; what several are called gets their numbers."""
    counts = Counter(line.name for line in lines)
    return tuple(
        line.name if counts[line.name] == 1 else f"{line.name} {line.id}".strip() for line in lines
    )
