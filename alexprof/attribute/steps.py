"""The traced steps: when each began and ended, on the clock of the trace.

A step is marked on the host by an event with a stat `step_num`; `tf.profiler.experimental.Trace`
writes one (tensorflow/python/profiler/trace.py), named as the caller likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane import Events

Int = NDArray[np.int64]

PS_PER_NS = 1000


@dataclass(frozen=True)
class Steps:
    """Disjoint steps in the order of time, with edges at whole nanoseconds.

    Attributes:
        number: int64 [s], as marked; distinct.
        start_ps: int64 [s].
        end_ps: int64 [s], above `start_ps`.
        notes: What a reader should know about how they were found, one sentence each.
    """

    number: Int
    start_ps: Int
    end_ps: Int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.number.size)

    @property
    def wall_ns(self) -> Int:
        """int64 [s], duration of each step."""
        wall: Int = (self.end_ps - self.start_ps) // PS_PER_NS
        return wall

    def at(self, start_ps: Int, end_ps: Int) -> Int:
        """Returns the index of the step that each event counts in, -1 for those in none.

        That is the step it begins in. One that began between steps, or before the first, counts
        in the next step if it reaches into it.
        """
        step = np.searchsorted(self.end_ps, start_ps, side="right")
        begin = np.append(self.start_ps, np.iinfo(np.int64).max)[step]
        inside: Int = np.where((start_ps >= begin) | (end_ps > begin), step, -1)
        return inside


@dataclass(frozen=True)
class _Markers:
    """Marker events: int64 [m] number, begin and end; names as written."""

    number: Int
    start_ps: Int
    end_ps: Int
    name: NDArray[np.str_]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> _Markers:
        return _Markers(self.number[rows], self.start_ps[rows], self.end_ps[rows], self.name[rows])


def find_steps(host: Sequence[Events], marker: str | None, span_ps: tuple[int, int]) -> Steps:
    """Finds the steps in the events of the host.

    Args:
        host: Events of the host's planes.
        marker: Only markers of this name; None takes any.
        span_ps: Begin and end of all ops and kernels: one step with the number 0, where nothing
            is marked.
    """
    found = _markers(host)
    named = found if marker is None else found.take(found.name == marker)
    steps = _outermost(named)
    if len(steps):
        return steps
    return _whole(span_ps, (*steps.notes, _why_whole(marker, found)))


def _markers(host: Sequence[Events]) -> _Markers:
    parts = []
    for events in host:
        number, present = events.ints("step_num")
        start = events.start_ps[present]
        name = np.array([events.names[symbol] for symbol in events.name[present]], np.str_)
        parts.append((number[present], start, start + events.duration_ps[present], name))
    if not parts:
        none = np.zeros(0, np.int64)
        return _Markers(none, none, none, np.zeros(0, np.str_))
    return _Markers(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _why_whole(marker: str | None, found: _Markers) -> str:
    whole = "the whole trace is shown as one step"
    if marker is None:
        return f"No step is marked in the trace; {whole}."
    if not found.number.size:
        return f'No step is marked in the trace ("{marker}" was looked for); {whole}.'
    names = ", ".join(f'"{name}"' for name in np.unique(found.name)[:5])
    return f'No step marked "{marker}" is in the trace, only {names}; {whole}.'


def _whole(span_ps: tuple[int, int], notes: tuple[str, ...]) -> Steps:
    start = span_ps[0] // PS_PER_NS
    end = max(-(-span_ps[1] // PS_PER_NS), start + 1)
    return Steps(
        np.zeros(1, np.int64),
        np.array([start * PS_PER_NS], np.int64),
        np.array([end * PS_PER_NS], np.int64),
        notes,
    )


def _outermost(markers: _Markers) -> Steps:
    """Leaves markers that lie inside another out, and starts one that overlaps where that ends."""
    order = np.lexsort((-markers.end_ps, markers.start_ps))
    markers = markers.take(order)
    reach = np.roll(np.maximum.accumulate(markers.end_ps), 1)
    reach[:1] = np.iinfo(np.int64).min
    outer = markers.end_ps > reach
    start = _to_ns(np.maximum(markers.start_ps, reach)[outer])
    end = _to_ns(markers.end_ps[outer])
    kept = markers.take(outer)
    notes = _left_out(markers, outer)
    notes += _overlaps(outer & (markers.start_ps < reach))
    lasting = end > start
    if not lasting.all():
        notes.append(f"Left out: {_count(~lasting, 'step')} shorter than 1 ns.")
    steps = Steps(kept.number[lasting], start[lasting], end[lasting], tuple(notes))
    return _distinct(steps)


def _left_out(markers: _Markers, outer: NDArray[np.bool_]) -> list[str]:
    """Says which markers inside others were left out, unless they repeat the outer one's number."""
    at = np.maximum(np.cumsum(outer) - 1, 0)
    other = ~outer & (markers.number != markers.number[outer][at])
    if not other.any():
        return []
    names = ", ".join(f'"{name}"' for name in np.unique(markers.name[other])[:5])
    count = _count(other, "step marker")
    return [f"Left out: {count} inside other steps ({names}); name a marker to choose (--marker)."]


def _overlaps(late: NDArray[np.bool_]) -> list[str]:
    """Says which steps count from the end of another, because that was still going on."""
    if not late.any():
        return []
    rest = "begins" if late.sum() == 1 else "begin"
    count = "counts" if late.sum() == 1 else "count"
    return [f"{_count(late, 'step')} {rest} before another has ended, and {count} from its end."]


def _distinct(steps: Steps) -> Steps:
    """Numbers steps from 0 where the marked numbers repeat, as with two loops in one trace."""
    if np.unique(steps.number).size == len(steps):
        return steps
    note = "Steps are numbered from 0 in the order of time, because marked numbers repeat."
    numbers = np.arange(len(steps), dtype=np.int64)
    return replace(steps, number=numbers, notes=(*steps.notes, note))


def _to_ns(time_ps: Int) -> Int:
    """Rounds to whole nanoseconds; order is kept, so disjoint steps stay disjoint."""
    rounded: Int = (time_ps + PS_PER_NS // 2) // PS_PER_NS * PS_PER_NS
    return rounded


def _count(rows: NDArray[np.bool_], what: str) -> str:
    count = int(rows.sum())
    return f"{count} {what}{'s' if count != 1 else ''}"
