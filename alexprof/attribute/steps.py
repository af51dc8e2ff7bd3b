"""The traced steps: when each began and ended, on the clock of the trace, on host and devices.

A step is marked on the host by an event with a stat `step_num`; `tf.profiler.experimental.Trace`
writes one (tensorflow/python/profiler/trace.py), named as the caller likes. Without markers a call
of a `tf.function` is a step: its event has a stat `tf_function_call`
(tensorflow/python/eager/polymorphic_function/polymorphic_function.py).

A GPU runs behind the host. So its work belongs to the step that launched it, and where it is still
at work when the host's step ends, steps begin and end otherwise on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from alexprof.attribute.activity import Activity
from alexprof.attribute.timeline import Bool, Index, Int
from alexprof.record.note import Note, distinct
from alexprof.xplane import Events

if TYPE_CHECKING:
    import polars as pl

Source = Literal["marker", "call", "whole"]

PS_PER_NS = 1000
NOT_MARKED = "steps_not_marked"
"""The note on a trace that is one step as a whole: no step has the wanted marker."""
_SHOWN = 5
LONG, LONG_ON_CPU = 1.2, 3.0
"""Times the median of the others, from which on a first step is left out."""
COMPILING_NS = 50_000_000
"""On a CPU by so much longer, too: what is shorter is a cold cache, and no compiler."""
_OTHERS = 3  # so many others tell
_BEHIND = 0.01  # part of a GPU's time after the steps that launched it, from which it runs behind
_SET_UP = 0.1  # part of the trace before the first step from which on a note is due


@dataclass(frozen=True)
class Steps:
    """Disjoint steps in the order of time, with edges at whole nanoseconds."""

    number: Int  # [s], as marked; distinct among the steps of a phase
    start_ps: Int  # [s]
    end_ps: Int  # [s], above `start_ps`
    notes: tuple[Note, ...] = ()  # what a reader should know about how they were found
    # What the steps are: marked ones; calls of a function; or the whole trace as one, from its
    # first op to its last.
    source: Source = "marker"
    phase: Int | None = None  # int64 [s], index into `phases`; None where there is only one phase
    # Each phase's name in the trace, in the order of their first steps.
    phases: tuple[str, ...] = ("",)
    # The only phase to show, if one was chosen. The other phases are kept because their steps are
    # neither idle time nor time between steps.
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
        """Returns the phases to show."""
        return [phase for phase, name in enumerate(self.phases) if self.wanted in (None, name)]

    def rows_of(self, phase: int) -> Index:
        """Returns the indexes of a phase's steps."""
        if self.phase is None:
            return np.arange(len(self))
        return np.flatnonzero(self.phase == phase)

    def of_phase(self, phase: int) -> Steps:
        """Returns the steps of a phase, in the order of time."""
        return replace(self._take(self.rows_of(phase)), phases=(self.phases[phase],))

    def without(self, number: int) -> Steps:
        """Returns the steps of the only phase, without one of them."""
        return self._take(np.flatnonzero(self.number != number))

    def _take(self, rows: Index) -> Steps:
        columns = self.number[rows], self.start_ps[rows], self.end_ps[rows]
        return Steps(*columns, self.notes, self.source, phases=self.phases)


class _Marks(NamedTuple):
    """Events that may be steps, in columns."""

    number: Int
    start_ps: Int
    end_ps: Int
    name: Int  # index into `names`
    names: tuple[str, ...]  # different ones

    def take(self, rows: Bool | Index) -> _Marks:
        columns = self.number[rows], self.start_ps[rows], self.end_ps[rows], self.name[rows]
        return _Marks(*columns, self.names)

    def named(self, name: str) -> Bool:
        """Which events have this name."""
        return np.array([other == name for other in self.names], bool)[self.name]


def find_steps(host: Sequence[Events], marker: str | None, span_ps: tuple[int, int]) -> Steps:
    """Finds the steps in the events of the host's planes.

    Args:
        host: Events of each plane.
        marker: Only markers, or calls, of this name; None takes any.
        span_ps: Begin and end of all ops and kernels: one step with the number 0, where nothing
            is marked and no function is called.
    """
    markers, calls = (_events_with(host, stat) for stat in ("step_num", "tf_function_call"))
    wanted, called = (
        marks if marker is None else marks.take(marks.named(marker)) for marks in (markers, calls)
    )
    steps = _outermost(wanted)
    if len(steps):
        return steps if marker is None else _beside_others(steps, markers, marker)
    if called.number.size:
        recorded_until_ps = max(int(events.end_ps.max(initial=0)) for events in host)
        return _until_next(_outermost(called), recorded_until_ps, span_ps)
    names = _names_of(markers) if marker is not None else ()
    notes = (*steps.notes, Note(NOT_MARKED, names=names, text=marker or ""))
    start = span_ps[0] // PS_PER_NS
    end = max(-(-span_ps[1] // PS_PER_NS), start + 1)
    number, start_ps, end_ps = np.array([[0], [start * PS_PER_NS], [end * PS_PER_NS]], np.int64)
    return Steps(number, start_ps, end_ps, notes, source="whole")


def _events_with(host: Sequence[Events], stat: str) -> _Marks:
    """The events that have a stat, numbered by its value, or from 0 where that is no number."""
    none: Int = np.zeros(0, np.int64)
    parts = [(none, none, none, none)]
    places: dict[str, int] = {}
    for events in host:
        number, present = events.ints(stat)
        if not present.any():
            text, _ = events.strings(stat)
            present = text >= 0
            number[present] = np.arange(int(present.sum()))
        marking = events.take(present)
        numbers = [places.setdefault(name, len(places)) for name in marking.names]
        named = np.array(numbers, np.int64)[marking.name]
        parts.append((number[present], marking.start_ps, marking.end_ps, named))
    number, start, end, name = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Marks(number, start, end, name, tuple(places))


def _beside_others(steps: Steps, markers: _Marks, wanted: str) -> Steps:
    """Adds to the wanted steps those of other markers that lie apart from them."""
    start_ps, end_ps = _to_ns(markers.start_ps), _to_ns(markers.end_ps)
    after = np.searchsorted(steps.end_ps, start_ps, side="right")
    begins = np.append(steps.start_ps, np.iinfo(np.int64).max)
    others = _outermost(markers.take((begins[after] >= end_ps) & ~markers.named(wanted)))
    every = [
        (part.number, part.start_ps, part.end_ps, np.full(len(part), first) + part.phase)
        for first, part in enumerate((steps, others))
    ]
    columns = [np.concatenate(column) for column in zip(*every, strict=True)]
    order = np.argsort(columns[1])
    number, start, end, phase = (column[order] for column in columns)
    phases = (wanted, *others.phases)
    return Steps(number, start, end, steps.notes, phase=phase, phases=phases, wanted=wanted)


def _until_next(calls: Steps, recorded_until_ps: int, span_ps: tuple[int, int]) -> Steps:
    """Makes calls last until the next one begins.

    What a loop does between two calls (callbacks, fetching a loss, input) is a part of its step.
    After the last call it goes on for the median of such gaps, as far as the trace was recorded.
    """
    gaps_ps = calls.start_ps[1:] - calls.end_ps[:-1]
    gap_ps = int(np.median(gaps_ps)) if gaps_ps.size else 0
    last_ps = int(calls.end_ps[-1])
    last_ps = max(last_ps, min(last_ps + gap_ps, recorded_until_ps) // PS_PER_NS * PS_PER_NS)
    notes = [Note("steps_by_calls", names=calls.phases[:_SHOWN])]
    set_up_ps = int(calls.start_ps[0]) - span_ps[0]
    if set_up_ps > _SET_UP * (span_ps[1] - span_ps[0]):
        notes.append(Note("set_up_left_out", {"set_up_s": set_up_ps / 1e12}))
    end_ps = np.append(calls.start_ps[1:], last_ps)
    return replace(calls, end_ps=end_ps, notes=tuple(notes), source="call")


def _outermost(marks: _Marks) -> Steps:
    """Leaves steps that lie inside another out, and starts one that overlaps where that ends."""
    marks = marks.take(np.lexsort((-marks.end_ps, marks.start_ps)))
    reach = np.roll(np.maximum.accumulate(marks.end_ps), 1)
    reach[:1] = np.iinfo(np.int64).min
    outer = marks.end_ps > reach
    notes = []
    # A marker inside another that repeats its number is the same step.
    around = np.maximum(np.cumsum(outer) - 1, 0)
    inside = marks.take(~outer & (marks.number != marks.number[outer][around]))
    if inside.number.size:
        numbers: dict[str, float] = {"markers": inside.number.size}
        notes.append(Note("markers_inside_steps", numbers, _names_of(inside)))
    if overlaps := int((outer & (marks.start_ps < reach)).sum()):
        notes.append(Note("steps_overlap", {"steps": overlaps}))
    start_ps = np.maximum(marks.start_ps, reach)
    marks = marks._replace(start_ps=_to_ns(start_ps), end_ps=_to_ns(marks.end_ps)).take(outer)
    lasting = marks.end_ps > marks.start_ps
    if not lasting.all():
        notes.append(Note("steps_too_short", {"steps": int((~lasting).sum())}))
    number, start_ps, end_ps, name, names = marks.take(lasting)
    places = {name: place for place, name in enumerate(dict.fromkeys(name.tolist()))}
    phase = np.array([places[name] for name in name.tolist()], np.int64)
    for place in places.values():  # from 0 where numbers repeat, as with two loops in one trace
        rows = np.flatnonzero(phase == place)
        if np.unique(number[rows]).size < rows.size:
            number[rows] = np.arange(rows.size)
            notes.append(Note("steps_renumbered"))
    phases = tuple(names[name] for name in places)
    return Steps(number, start_ps, end_ps, distinct(notes), phase=phase, phases=phases)


def _names_of(marks: _Marks) -> tuple[str, ...]:
    return tuple(sorted(marks.names[name] for name in np.unique(marks.name).tolist())[:_SHOWN])


def _to_ns(time_ps: Int) -> Int:
    """Rounds to whole nanoseconds; order is kept, so disjoint steps stay disjoint."""
    rounded: Int = (time_ps + PS_PER_NS // 2) // PS_PER_NS * PS_PER_NS
    return rounded


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
