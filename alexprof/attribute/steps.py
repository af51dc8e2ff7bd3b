"""The traced steps: when each began and ended, on the clock of the trace.

A step is marked on the host by an event with a stat `step_num`; `tf.profiler.experimental.Trace`
writes one (tensorflow/python/profiler/trace.py), named as the caller likes. Without markers a call
of a `tf.function` is a step: its event has a stat `tf_function_call`
(tensorflow/python/eager/polymorphic_function/polymorphic_function.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.timeline import Bool, Index, Int
from alexprof.record.note import Note, distinct
from alexprof.xplane import Events

Source = Literal["marker", "call", "whole"]

PS_PER_NS = 1000
NOT_MARKED = "steps_not_marked"
"""The note on a trace that is one step as a whole: no step has the wanted marker."""
_SHOWN = 5
_SET_UP = 0.1  # part of the trace before the first step from which on a note is due


@dataclass(frozen=True)
class Steps:
    """Disjoint steps in the order of time, with edges at whole nanoseconds."""

    number: Int  # [s], as marked; distinct among the steps of a sort
    start_ps: Int  # [s]
    end_ps: Int  # [s], above `start_ps`
    notes: tuple[Note, ...] = ()  # what a reader should know about how they were found
    # What the steps are: marked ones; calls of a function; or the whole trace as one, from its
    # first op to its last.
    source: Source = "marker"
    sort: Int | None = None  # int64 [s], index into `sorts`; None where there is only one sort
    # What each sort of steps is called in the trace, in the order of their first steps.
    sorts: tuple[str, ...] = ("",)
    # Of marked steps the only sort to show. The others are there because they are neither idle
    # time nor time between steps.
    wanted: str | None = None

    def __len__(self) -> int:
        return int(self.number.size)

    @property
    def wall_ns(self) -> Int:
        """int64 [s], duration of each step."""
        wall: Int = (self.end_ps - self.start_ps) // PS_PER_NS
        return wall

    @property
    def marked(self) -> bool:
        """Whether the trace says where steps begin and end."""
        return self.source != "whole"

    def at(self, start_ps: Int, end_ps: Int) -> Int:
        """Returns the index of the step that each event counts in, -1 for those in none.

        That is the step it begins in. One that began between steps, or before the first, counts
        in the next step if it reaches into it.
        """
        step = np.searchsorted(self.end_ps, start_ps, side="right")
        begin = np.append(self.start_ps, np.iinfo(np.int64).max)[step]
        inside: Int = np.where((start_ps >= begin) | (end_ps > begin), step, -1)
        return inside

    def shown(self) -> list[int]:
        """Returns the sorts to show."""
        return [sort for sort, name in enumerate(self.sorts) if self.wanted in (None, name)]

    def rows_of(self, sort: int) -> Index:
        """Returns which of the steps are of a sort."""
        if self.sort is None:
            return np.arange(len(self))
        return np.flatnonzero(self.sort == sort)

    def of_sort(self, sort: int) -> Steps:
        """Returns the steps of a sort, in the order of time."""
        return replace(self._take(self.rows_of(sort)), sorts=(self.sorts[sort],))

    def without(self, number: int) -> Steps:
        """Returns the steps of the only sort, but for one."""
        return self._take(np.flatnonzero(self.number != number))

    def _take(self, rows: Index) -> Steps:
        return replace(
            self,
            number=self.number[rows],
            start_ps=self.start_ps[rows],
            end_ps=self.end_ps[rows],
            sort=None,
        )


@dataclass(frozen=True)
class _Spans:
    """Events that may be steps: int64 [m] number, begin and end; names as written."""

    number: Int
    start_ps: Int
    end_ps: Int
    name: NDArray[np.str_]

    def __len__(self) -> int:
        return int(self.number.size)

    def take(self, rows: Bool | Index) -> _Spans:
        return _Spans(self.number[rows], self.start_ps[rows], self.end_ps[rows], self.name[rows])


def find_steps(host: Sequence[Events], marker: str | None, span_ps: tuple[int, int]) -> Steps:
    """Finds the steps in the events of the host's planes.

    Args:
        host: Events of each plane.
        marker: Only markers, or calls, of this name; None takes any.
        span_ps: Begin and end of all ops and kernels: one step with the number 0, where nothing
            is marked and no function is called.
    """
    markers = _events_with(host, "step_num")
    steps = _outermost(_named(markers, marker))
    if len(steps):
        return steps if marker is None else _beside_others(steps, markers, marker)
    calls = _named(_events_with(host, "tf_function_call"), marker)
    if len(calls):
        recorded_until_ps = max(int(events.end_ps.max(initial=0)) for events in host)
        return _until_next(_outermost(calls), recorded_until_ps, span_ps)
    names = _names_of(markers) if marker is not None else ()
    return _whole(span_ps, (*steps.notes, Note(NOT_MARKED, names=names, text=marker or "")))


def _events_with(host: Sequence[Events], stat: str) -> _Spans:
    """The events that have a stat, numbered by its value, or from 0 where that is no number."""
    none: Int = np.zeros(0, np.int64)
    numbers, starts, ends, names = [none], [none], [none], [np.zeros(0, np.str_)]
    for events in host:
        number, present = events.ints(stat)
        if not present.any():
            text, _ = events.strings(stat)
            present = text >= 0
            number[present] = np.arange(int(present.sum()))
        numbers.append(number[present])
        starts.append(events.start_ps[present])
        ends.append(events.end_ps[present])
        names.append(np.array([events.names[symbol] for symbol in events.name[present]], np.str_))
    number, start, end = (np.concatenate(column) for column in (numbers, starts, ends))
    return _Spans(number, start, end, np.concatenate(names))


def _named(spans: _Spans, name: str | None) -> _Spans:
    return spans if name is None else spans.take(spans.name == name)


def _beside_others(steps: Steps, markers: _Spans, wanted: str) -> Steps:
    """Adds to the wanted steps those of other markers that lie apart from them."""
    start_ps, end_ps = _to_ns(markers.start_ps), _to_ns(markers.end_ps)
    after = np.searchsorted(steps.end_ps, start_ps, side="right")
    begins = np.append(steps.start_ps, np.iinfo(np.int64).max)
    others = _outermost(markers.take((begins[after] >= end_ps) & (markers.name != wanted)))
    if not len(others):
        return replace(steps, wanted=wanted)
    sort = others.sort if others.sort is not None else np.zeros(len(others), np.int64)
    number, start, end, sorts = (
        np.concatenate(columns)
        for columns in (
            (steps.number, others.number),
            (steps.start_ps, others.start_ps),
            (steps.end_ps, others.end_ps),
            (np.zeros(len(steps), np.int64), 1 + sort),
        )
    )
    order = np.argsort(start)
    return Steps(
        number[order],
        start[order],
        end[order],
        steps.notes,
        sort=sorts[order],
        sorts=(wanted, *others.sorts),
        wanted=wanted,
    )


def _until_next(calls: Steps, recorded_until_ps: int, span_ps: tuple[int, int]) -> Steps:
    """Makes calls last until the next one begins.

    What a loop does between two calls (callbacks, fetching a loss, input) is a part of its step.
    After the last call it goes on for the median of such gaps, as far as the trace was recorded.
    """
    gaps_ps = calls.start_ps[1:] - calls.end_ps[:-1]
    gap_ps = int(np.median(gaps_ps)) if gaps_ps.size else 0
    last_ps = int(calls.end_ps[-1])
    last_ps = max(last_ps, min(last_ps + gap_ps, recorded_until_ps) // PS_PER_NS * PS_PER_NS)
    notes = [Note("steps_by_calls", names=calls.sorts[:_SHOWN])]
    set_up_ps = int(calls.start_ps[0]) - span_ps[0]
    if set_up_ps > _SET_UP * (span_ps[1] - span_ps[0]):
        notes.append(Note("set_up_left_out", {"set_up_s": set_up_ps / 1e12}))
    return replace(
        calls,
        end_ps=np.append(calls.start_ps[1:], last_ps),
        notes=tuple(notes),
        source="call",
    )


def _whole(span_ps: tuple[int, int], notes: tuple[Note, ...]) -> Steps:
    start = span_ps[0] // PS_PER_NS
    end = max(-(-span_ps[1] // PS_PER_NS), start + 1)
    return Steps(
        np.zeros(1, np.int64),
        np.array([start * PS_PER_NS], np.int64),
        np.array([end * PS_PER_NS], np.int64),
        notes,
        source="whole",
    )


def _outermost(spans: _Spans) -> Steps:
    """Leaves steps that lie inside another out, and starts one that overlaps where that ends."""
    order = np.lexsort((-spans.end_ps, spans.start_ps))
    spans = spans.take(order)
    reach = np.roll(np.maximum.accumulate(spans.end_ps), 1)
    reach[:1] = np.iinfo(np.int64).min
    outer = spans.end_ps > reach
    start = _to_ns(np.maximum(spans.start_ps, reach)[outer])
    end = _to_ns(spans.end_ps[outer])
    kept = spans.take(outer)
    notes = _left_out(spans, outer)
    overlaps = int((outer & (spans.start_ps < reach)).sum())
    if overlaps:
        notes.append(Note("steps_overlap", {"steps": overlaps}))
    lasting = end > start
    if not lasting.all():
        notes.append(Note("steps_too_short", {"steps": int((~lasting).sum())}))
    sorts = tuple(dict.fromkeys(kept.name[lasting].tolist()))
    places = {name: place for place, name in enumerate(sorts)}
    sort = np.array([places[name] for name in kept.name[lasting].tolist()], np.int64)
    steps = Steps(
        kept.number[lasting], start[lasting], end[lasting], tuple(notes), sort=sort, sorts=sorts
    )
    return _distinct(steps)


def _left_out(markers: _Spans, outer: Bool) -> list[Note]:
    """Notes which markers inside others are left out, unless they repeat the outer one's number."""
    at = np.maximum(np.cumsum(outer) - 1, 0)
    other = ~outer & (markers.number != markers.number[outer][at])
    if not other.any():
        return []
    names = _names_of(markers.take(other))
    return [Note("markers_inside_steps", {"markers": int(other.sum())}, names)]


def _names_of(spans: _Spans) -> tuple[str, ...]:
    return tuple(np.unique(spans.name)[:_SHOWN].tolist())


def _distinct(steps: Steps) -> Steps:
    """Numbers steps from 0 where a sort's numbers repeat, as with two loops in one trace."""
    number = steps.number.copy()
    notes = steps.notes
    for sort in range(len(steps.sorts)):
        rows = steps.rows_of(sort)
        if np.unique(number[rows]).size < rows.size:
            number[rows] = np.arange(rows.size)
            notes += (Note("steps_renumbered"),)
    return replace(steps, number=number, notes=distinct(notes))


def _to_ns(time_ps: Int) -> Int:
    """Rounds to whole nanoseconds; order is kept, so disjoint steps stay disjoint."""
    rounded: Int = (time_ps + PS_PER_NS // 2) // PS_PER_NS * PS_PER_NS
    return rounded
