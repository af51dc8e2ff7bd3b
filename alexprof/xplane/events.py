"""Events as columns, decoded from where they stand in the file.

An XEvent (tsl/profiler/protobuf/xplane.proto) has the id of its metadata (1), an offset from its
line's begin (2) or, if it stands for several executions, their number (5), a duration (3) and
stats (4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from copy import copy
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.fields import fields_at
from alexprof.xplane.metadata import Metadata
from alexprof.xplane.schema import EVENT, EVENT_METADATA, STAT_METADATA
from alexprof.xplane.stats import StatTable, read_batches
from alexprof.xplane.texts import most_texts
from alexprof.xplane.walk import Bodies, Step, bodies_of, walk
from alexprof.xplane.wire import Buffer

_METADATA_ID, _OFFSET, _DURATION, _STATS, _OCCURRENCES = 0x08, 0x10, 0x18, 0x22, 0x28
_METADATA_STATS = 0x2A
# 13 days: a begin is a line's and an event's, an end has a duration too, and two of those can still
# be subtracted; and what all events last together, which is added up, fits as well.
MOST_PS = 1 << 60
_MOST_LASTING_PS = 1 << 62
_MOST_EXECUTIONS = 1 << 40
_CHUNK = 1 << 16  # events decoded at once: more would only take more memory


class Dictionary:
    """What a plane's events refer to, read when first needed.

    Attributes:
        buffer: The trace.
        event_entries: Begins and ends of the entries of the map of event metadata.
    """

    def __init__(
        self,
        buffer: Buffer,
        events: tuple[NDArray[np.int64], NDArray[np.int64]],
        stats: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> None:
        """Take the places of the entries of the maps, as begins and ends."""
        self.buffer = buffer
        self.event_entries = events
        self._stat_entries = stats

    @cached_property
    def events(self) -> Metadata:
        """Names of the events."""
        return Metadata(self.buffer, *self.event_entries, EVENT_METADATA)

    @cached_property
    def stats(self) -> Metadata:
        """Names of the stats."""
        return Metadata(self.buffer, *self._stat_entries, STAT_METADATA)

    @cached_property
    def event_stats(self) -> StatTable:
        """Stats that hold for all events of a name, by index of the event metadata."""
        rows = read_batches(self.buffer, self.events.bodies(_METADATA_STATS), self.stats)
        return StatTable(self.buffer, self.stats, len(self.events), rows)


class Events:
    """The events of some lines of a plane, in columns of n events in file order.

    Attributes:
        names: Names of the events, without duplicates; only those that occur.
        line: int32 [n], index into the plane's `lines`.
        name: int32 [n], index into `names`.
        start_ps: int64 [n], begin, counted from the trace's `origin_ns`; for an event that stands
            for several executions, the begin of its line.
        duration_ps: int64 [n], duration, of all executions together.
        occurrences: int64 [n], number of executions that the event stands for, mostly 1.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        offset: NDArray[np.int64],
        line: NDArray[np.int32],
        line_start_ps: NDArray[np.int64],
        *,
        stats: bool = False,
    ) -> None:
        """Decode events.

        Args:
            dictionary: The plane's.
            offset: int64 [n], where the events' tags stand in the file.
            line: int32 [n], index into the plane's lines.
            line_start_ps: int64 [lines], begins of all lines of the plane.
            stats: Whether to decode the stats along with the events, which takes less time than to
                come back for them.

        Raises:
            TraceError: An event is damaged or is more than 13 days away.
        """
        self._dictionary = dictionary
        self._offset = offset
        self.line = line
        self.start_ps, self.duration_ps = np.zeros((2, len(offset)), np.int64)
        # Memory for all of them only if one is not 1.
        self.occurrences = np.broadcast_to(np.int64(1), offset.shape)
        self._metadata = np.empty(len(offset), np.int32)
        found = (
            bodies
            for low in range(0, len(offset), _CHUNK)
            for bodies in self._decode(slice(low, low + _CHUNK), line_start_ps, stats=stats)
        )
        if stats:
            self._stats = self._table(found)
        else:
            deque(found, maxlen=0)
        if self.duration_ps.sum(dtype=np.float64) > _MOST_LASTING_PS:
            raise dictionary.buffer.noise(
                int(offset[0]), "events that last more than 53 days together"
            )
        self.names, self.name = _symbols(self._metadata, dictionary.events)

    def __len__(self) -> int:
        return len(self._offset)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Events:
        """Return some of the events.

        Args:
            rows: Their indexes, or bool [n].
        """
        taken = copy(self)
        taken.__dict__.pop("_stats", None)
        for column in ("_offset", "line", "start_ps", "duration_ps", "occurrences", "_metadata"):
            setattr(taken, column, getattr(self, column)[rows])
        taken.names, taken.name = _symbols(taken._metadata, self._dictionary.events)
        return taken

    def ints(self, stat: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return a stat as integers; events without it get that of their metadata.

        Args:
            stat: Its name.

        Returns:
            int64 [n] and bool [n]: the value, and whether there is one: an integer or a string of
            digits. Unsigned integers above 2**63 - 1 come out negative, with the same bits.

        Raises:
            TraceError: A stat is damaged.
        """
        value, present = self._stats.ints(stat)
        common, is_common = self._dictionary.event_stats.ints(stat)
        if is_common.any():
            inherits = ~present & np.append(is_common, False)[self._metadata]
            value[inherits] = common[self._metadata[inherits]]
            present |= inherits
        self._say_hidden(stat, present)
        return value, present

    def strings(self, stat: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Return a stat as text (numbers in decimal); events without it get their metadata's.

        Args:
            stat: Its name.

        Returns:
            int32 [n], the index into the table, -1 where absent; the table, without duplicates.

        Raises:
            TraceError: A stat is damaged.
        """
        index, table = self._stats.strings(stat)
        common, common_table = self._dictionary.event_stats.strings(stat)
        if common_table:
            places = {text: place for place, text in enumerate(table)}
            moved = [places.setdefault(text, len(places)) for text in common_table]
            common = np.append(np.array([*moved, -1], np.int32)[common], np.int32(-1))
            index = np.where(index < 0, common[self._metadata], index)
            table = tuple(places)
        self._say_hidden(stat, index >= 0)
        return index, table

    def _say_hidden(self, stat: str, present: NDArray[np.bool_]) -> None:
        """Say of the first event that lacks a stat if it has one of an unknown id instead."""
        is_nameless = np.zeros(len(self._dictionary.events) + 1, bool)
        is_nameless[self._dictionary.event_stats.nameless()] = True
        rows = self._stats.nameless()
        if not (len(rows) or is_nameless.any()):
            return
        hidden = is_nameless[self._metadata]
        hidden[rows] = True
        buffer = self._dictionary.buffer
        what = "has a stat of an unknown id"
        _lose(buffer, self._offset, hidden & ~present, what, f"that may be its {stat}")

    def _decode(
        self, rows: slice, line_start_ps: NDArray[np.int64], *, stats: bool
    ) -> Iterator[Bodies]:
        """Decode a chunk into the columns; yield where its stats stand, if they are wanted."""
        buffer, offset = self._dictionary.buffer, self._offset[rows]
        start, duration = self.start_ps[rows], self.duration_ps[rows]
        metadata_id, kind = np.zeros(len(offset), np.int64), np.zeros(len(offset), np.uint8)
        for step in walk(buffer, *_bodies(buffer, offset), EVENT):
            if stats:
                yield self._stats_in(step, rows.start)
            lane, fields = step.of(_METADATA_ID)
            metadata_id[lane] = fields.value
            lane, fields = step.of(_OFFSET, _OCCURRENCES)  # one or the other: the later counts
            start[lane], kind[lane] = fields.value, fields.tag
            lane, fields = step.of(_DURATION)
            duration[lane] = fields.value
        several = kind == _OCCURRENCES
        if several.any():
            if not self.occurrences.flags.writeable:
                self.occurrences = self.occurrences.copy()
            count = np.where(several, start, 1)
            _refuse(buffer, offset, (count < 0) | (count > _MOST_EXECUTIONS), "so many executions")
            self.occurrences[rows][several], start[several] = start[several], 0
        for time in start, duration:
            _refuse(buffer, offset, beyond(time), "a time of more than 13 days")
        start += line_start_ps[self.line[rows]]
        self._metadata[rows] = self._dictionary.events.find(metadata_id)
        _lose(buffer, offset, kind == 0, "has no time", "it counts as if at its line's begin")
        _lose(buffer, offset, duration < 0, "ends before it begins", "it counts as if it took none")
        _lose(buffer, offset, self._metadata[rows] < 0, "has no name", "it is left out")

    @cached_property
    def _stats(self) -> StatTable:
        buffer = self._dictionary.buffer
        return self._table(
            self._stats_in(step, low)
            for low in range(0, len(self), _CHUNK)
            for step in walk(buffer, *_bodies(buffer, self._offset[low : low + _CHUNK]), EVENT)
        )

    def _stats_in(self, step: Step, first: int) -> Bodies:
        """Find the stats in a step through the events from `first` on."""
        owner, begin, end = bodies_of(step, _STATS)
        return Bodies(owner + first, begin, end)

    def _table(self, stats: Iterable[Bodies]) -> StatTable:
        names, buffer = self._dictionary.stats, self._dictionary.buffer
        return StatTable(buffer, names, len(self), read_batches(buffer, stats, names))


def _bodies(
    buffer: Buffer, offset: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the contents of fields begin and end, given their tags; they are known whole."""
    fields = fields_at(buffer, offset, np.broadcast_to(np.int64(buffer.size), offset.shape))
    return fields.stop - fields.value, fields.stop


def _lose(
    buffer: Buffer, offset: NDArray[np.int64], hit: NDArray[np.bool_], what: str, then: str
) -> None:
    """Say of the first of some events what is odd with it."""
    if hit.any():
        buffer.lose(buffer.damage(int(offset[hit.argmax()]), f"an event {what}"), then)


def beyond(time_ps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which times are too long, before or after, to be added and subtracted in 64 bits."""
    too_long: NDArray[np.bool_] = (time_ps > MOST_PS) | (time_ps < -MOST_PS)
    return too_long


def _refuse(buffer: Buffer, offset: NDArray[np.int64], wrong: NDArray[np.bool_], what: str) -> None:
    if wrong.any():
        raise buffer.damage(int(offset[wrong.argmax()]), f"an event of {what}")


def _symbols(
    metadata: NDArray[np.int32], entries: Metadata
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Number the names that occur."""
    is_used = np.zeros(len(entries) + 1, bool)
    is_used[metadata] = True
    used = np.flatnonzero(is_used)
    if len(used) > most_texts(entries.buffer):
        raise entries.buffer.noise(0, f"events of {len(used)} different names")
    table: dict[str, int] = {}
    place = np.empty(len(entries) + 1, np.int32)  # the last for index -1, an unknown id
    names = [entries.name(index if index < len(entries) else -1) for index in used.tolist()]
    place[used] = [table.setdefault(name, len(table)) for name in names]
    if "" in table or any("\ufffd" in name for name in table):
        entries.say_unnamed(used)
    return tuple(table), place[metadata]
