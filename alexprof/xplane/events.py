"""Events as columns, decoded from where they stand in the file.

An XEvent (tsl/profiler/protobuf/xplane.proto) has the id of its metadata (1), an offset from its
line's begin (2) or, if it stands for several executions, their number (5), a duration (3) and
stats (4).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import copy

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.event_stats import Dictionary, StatColumns
from alexprof.xplane.fields import fields_at
from alexprof.xplane.layouts import EventGroup, grouped_by_layout
from alexprof.xplane.messages import CHUNK, Parts, read_messages
from alexprof.xplane.schema import EVENT
from alexprof.xplane.stats import StatTable, read_rows
from alexprof.xplane.wire import Bool, Buffer, Int

_METADATA_ID, _OFFSET, _DURATION, _STATS, _OCCURRENCES = 0x08, 0x10, 0x18, 0x22, 0x28
# 13 days: a begin is a line's and an event's, an end has a duration too, and two of those can still
# be subtracted; and what all events last together, which is added up, fits as well.
MOST_PS = 1 << 60
_MOST_LASTING_PS = 1 << 62
_MOST_EXECUTIONS = 1 << 40


class Events:
    """The events of some lines of a plane, in columns of n events in file order."""

    names: tuple[str, ...]  # those that occur, each once; "" where the trace lacks it
    line: NDArray[np.int32]  # [n], index into the plane's `lines`
    name: NDArray[np.int32]  # [n], index into `names`
    # [n], begin, counted from the trace's `origin_ns`; for an event that stands for several
    # executions, the begin of its line
    start_ps: Int
    duration_ps: Int  # [n], of all executions together
    occurrences: Int  # [n], number of executions that the event stands for, mostly 1

    def __init__(
        self,
        dictionary: Dictionary,
        offset: Int,
        stop: Int,
        line: NDArray[np.int32],
        line_start_ps: Int,
        *,
        stats: Collection[str] = (),
    ) -> None:
        """Decode events.

        Args:
            dictionary: The plane's.
            offset: int64 [n], where the events' tags stand in the file, ascending.
            stop: int64 [n], where the events end.
            line: int32 [n], index into the plane's lines.
            line_start_ps: int64 [lines], begins of all lines of the plane.
            stats: Names of stats to decode along with the events, which takes less time than to
                come back for them.

        Raises:
            DamageError: An event is not whole, or more than 13 days away.
        """
        self._dictionary = dictionary
        self.line = line
        self.start_ps, self.duration_ps = np.zeros((2, len(offset)), np.int64)
        # Memory for all of them only if one is not 1.
        self.occurrences = np.broadcast_to(np.int64(1), offset.shape)
        nameless = dictionary.events.find(np.zeros(1, np.int64))[0]  # of an event without its id
        self._metadata = np.full(len(offset), nameless, np.int32)
        # Those of `take` share the next two with the events that they are taken from.
        self._offset = offset
        self._tables: dict[str, StatTable] = {}
        self._rows: Int | None = None  # which of these they are; None for all
        is_several = np.zeros(len(offset), bool)
        self._read(stats, stop, is_several)
        for low in range(0, len(offset), CHUNK):
            self._settle(slice(low, low + CHUNK), is_several, line_start_ps)
        if self.duration_ps.sum(dtype=np.float64) > _MOST_LASTING_PS:
            raise dictionary.buffer.damage(
                int(offset[0]), "events that last more than 53 days together"
            )
        self.names, self.name = dictionary.events.numbered(self._metadata)

    def __len__(self) -> int:
        return len(self.start_ps)

    def take(self, rows: NDArray[np.intp] | Bool) -> Events:
        """Return some of the events, given their indexes or bool [n]."""
        taken = copy(self)
        every = np.arange(len(self)) if self._rows is None else self._rows
        taken._rows = every[rows]
        for column in ("line", "start_ps", "duration_ps", "occurrences", "_metadata"):
            setattr(taken, column, getattr(self, column)[rows])
        taken.names, taken.name = self._dictionary.events.numbered(taken._metadata)
        return taken

    @property
    def end_ps(self) -> Int:
        """The end of each event, int64 [n]."""
        end_ps: Int = self.start_ps + self.duration_ps
        return end_ps

    def named(self, is_wanted: Callable[[str], object]) -> NDArray[np.intp]:
        """Return the indexes of the events whose name passes a test."""
        wanted = np.array([bool(is_wanted(name)) for name in self.names], bool)
        return np.flatnonzero(wanted[self.name])

    def read_stats(self, stats: Collection[str]) -> None:
        """Decode stats that will be wanted, all at once, as far as that isn't done yet."""
        missing = [stat for stat in stats if stat not in self._tables]
        names = self._dictionary.stats
        if any(names.named(stat).any() for stat in missing):
            self._read(missing, self._stops())
        else:  # no event has those
            columns = StatColumns(self._dictionary.buffer, names, missing)
            self._tables |= columns.tables(len(self._offset))

    def ints(self, stat: str) -> tuple[Int, Bool]:
        """Return a stat as integers, int64 [n], and whether each event has one, bool [n].

        Events without it get that of their metadata. A string of digits is an integer, too;
        unsigned ones above 2**63 - 1 come out negative, with the same bits.

        Raises:
            DamageError: A stat is not whole.
        """
        value, present = self._table(stat).ints(stat)
        if self._rows is not None:
            value, present = value[self._rows], present[self._rows]
        common, is_common = self._dictionary.event_stats.ints(stat)
        if is_common.any():
            inherits = ~present & np.append(is_common, False)[self._metadata]
            value[inherits] = common[self._metadata[inherits]]
            present |= inherits
        return value, present

    def strings(self, stat: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Return a stat as text, numbers in decimal; events without it get their metadata's.

        Returns:
            int32 [n], the index into the table, -1 where absent; the table, without duplicates.

        Raises:
            DamageError: A stat is not whole.
        """
        index, table = self._table(stat).strings(stat)
        if self._rows is not None:
            index = index[self._rows]
        common, common_table = self._dictionary.event_stats.strings(stat)
        if common_table:
            places = {text: place for place, text in enumerate(table)}
            moved = [places.setdefault(text, len(places)) for text in common_table]
            common = np.append(np.array([*moved, -1], np.int32)[common], np.int32(-1))
            index = np.where(index < 0, common[self._metadata], index)
            table = tuple(places)
        return index, table

    def _table(self, stat: str) -> StatTable:
        self.read_stats((stat,))
        return self._tables[stat]

    def _read(self, stats: Collection[str], stop: Int, is_several: Bool | None = None) -> None:
        """Go through the events, which end at `stop`, and decode stats.

        With `is_several` the events' own fields are decoded along.
        """
        buffer, names = self._dictionary.buffer, self._dictionary.stats
        columns = StatColumns(buffer, names, stats)
        is_left = np.ones(len(self._offset), bool)
        for group in grouped_by_layout(buffer, self._offset, stop):
            is_left[group.rows] = False
            columns.add_group(group, self._offset)
            if is_several is not None:
                self._decode(group, is_several)
        rows = np.flatnonzero(is_left)
        for parts in read_messages(buffer, *_contents(buffer, self._offset[rows]), EVENT):
            of_rows = parts._replace(owner=rows[parts.owner])
            if is_several is not None:
                self._decode(of_rows, is_several)
            columns.add_rows(read_rows(buffer, of_rows.of(_STATS), names))
        self._tables |= columns.tables(len(self._offset))

    def _stops(self) -> Int:
        """Where the events end, found again: to keep it would take more memory."""
        parts = (
            _contents(self._dictionary.buffer, self._offset[low : low + CHUNK])[1]
            for low in range(0, len(self._offset), CHUNK)
        )
        return np.concatenate([np.empty(0, np.int64), *parts])

    def _decode(self, part: EventGroup | Parts, is_several: Bool) -> None:
        """Put some events' fields into the columns; `start_ps` of several is their number."""
        if isinstance(part, Parts):
            ids, durations = part.of(_METADATA_ID), part.of(_DURATION)
            begins = part.of(_OFFSET, _OCCURRENCES)  # one or the other: the later counts
            self._metadata[ids.owner] = self._dictionary.events.find(ids.value)
            self.start_ps[begins.owner] = begins.value
            is_several[begins.owner] = begins.tag == _OCCURRENCES
            self.duration_ps[durations.owner] = durations.value
            return
        for place in part.layout.numbers:
            value = part.values(place)
            if place.tag == _METADATA_ID:
                self._metadata[part.rows] = self._dictionary.events.find(value)
            elif place.tag == _DURATION:
                self.duration_ps[part.rows] = value
            else:
                self.start_ps[part.rows], is_several[part.rows] = value, place.tag == _OCCURRENCES

    def _settle(self, rows: slice, is_several: Bool, line_start_ps: Int) -> None:
        """Check times and count them from the origin."""
        buffer, offset = self._dictionary.buffer, self._offset[rows]
        start, duration = self.start_ps[rows], self.duration_ps[rows]
        several = is_several[rows]
        if several.any():
            if not self.occurrences.flags.writeable:
                self.occurrences = self.occurrences.copy()
            count = np.where(several, start, 1)
            _refuse(buffer, offset, (count < 0) | (count > _MOST_EXECUTIONS), "so many executions")
            self.occurrences[rows][several], start[several] = start[several], 0
        for time in start, duration:
            too_long = (time > MOST_PS) | (time < -MOST_PS)
            _refuse(buffer, offset, too_long, "a time of more than 13 days")
        start += line_start_ps[self.line[rows]]


def _contents(buffer: Buffer, offset: Int) -> tuple[Int, Int]:
    """Return where the contents of events begin and end, given their tags; they are known whole."""
    fields = fields_at(buffer, offset, np.broadcast_to(np.int64(buffer.size), offset.shape))
    return fields.stop - fields.value, fields.stop


def _refuse(buffer: Buffer, offset: Int, wrong: Bool, what: str) -> None:
    if wrong.any():
        raise buffer.damage(int(offset[wrong.argmax()]), f"an event of {what}")
