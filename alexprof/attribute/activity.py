"""Events of ops on one device, as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.timeline import Cover, Segments, self_segments
from alexprof.record.note import Note
from alexprof.xplane import Events, Line, Plane

Int = NDArray[np.int64]

CPU = "CPU"
UNKNOWN = -1


@dataclass(frozen=True)
class Launched:
    """When and where the host launched each event of a GPU, in columns of n events."""

    # [n], begin of the launch on the host; `UNKNOWN` where the trace has none, like the next two.
    start_ps: Int
    end_ps: Int  # [n], its end
    thread: Int  # [n], a number for each thread that launches
    # [n], number of the execution of an op that launched it; `UNKNOWN` where the trace doesn't say.
    scope: Int

    @property
    def known(self) -> NDArray[np.bool_]:
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
    # When each event was at work, where that is not its own time on its thread.
    at_work: Segments | None = None
    detail: Int | None = None  # int64 [n], index into `details`, -1 where there are none
    # How kernels were launched and what copies moved, as the profiler writes it.
    details: tuple[str, ...] = ()
    # By what the host launched them; None on a CPU, and where nothing is known.
    launched: Launched | None = None
    # int64 [n], which fusion of XLA's a kernel is, -1 for none; None without XLA.
    fusion: Int | None = None

    def detailed(self, detail: Int, details: tuple[str, ...], launched: Launched) -> Activity:
        """The same with details, and with the launches."""
        return replace(self, detail=detail, details=details, launched=launched)

    def own(self) -> Segments:
        """The time of each event itself.

        Events of a thread nest. Those of a stream don't: where two overlap, as kernels of a CUDA
        graph do, they run at once.
        """
        return self._own

    @cached_property
    def _own(self) -> Segments:
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
        _both_launched(one, other),
        _both_fusions(one, other),
    )


def _both_launched(one: Activity, other: Activity) -> Launched | None:
    if one.launched is None or other.launched is None:
        return None
    first, second = one.launched, other.launched
    return Launched(
        np.concatenate((first.start_ps, second.start_ps)),
        np.concatenate((first.end_ps, second.end_ps)),
        _one_after_the_other(first.thread, second.thread),
        _one_after_the_other(first.scope, second.scope),
    )


def _one_after_the_other(first: Int, second: Int) -> Int:
    """Numbers of two hosts, those of the second moved so that none stands for two things."""
    moved = np.where(second == UNKNOWN, UNKNOWN, second + first.max(initial=UNKNOWN) + 1)
    both: Int = np.concatenate((first, moved))
    return both


def _both_fusions(one: Activity, other: Activity) -> Int | None:
    if one.fusion is None and other.fusion is None:
        return None
    both: Int = np.concatenate(
        [
            np.full(part.op.size, UNKNOWN) if part.fusion is None else part.fusion
            for part in (one, other)
        ]
    )
    return both


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
