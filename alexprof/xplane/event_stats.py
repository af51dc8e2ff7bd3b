"""What belongs to a plane's events: their names, and those of their stats that are wanted.

A kernel has nine stats and an allocation eleven, of which one to four are of use; the others are
passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from alexprof.xplane.layouts import EventGroup, ValuePlace
from alexprof.xplane.messages import Parts
from alexprof.xplane.metadata import Metadata
from alexprof.xplane.schema import EVENT_METADATA, STAT_METADATA
from alexprof.xplane.stats import Rows, StatTable, read_rows
from alexprof.xplane.wire import BYTES, Buffer, Int

_METADATA_STATS = 0x2A
_OTHER = -1


class Dictionary:
    """What a plane's events refer to, read when first needed."""

    def __init__(self, buffer: Buffer, event_entries: Parts, stat_entries: Parts) -> None:
        self.buffer = buffer
        self.event_entries = event_entries
        self._stat_entries = stat_entries

    @cached_property
    def events(self) -> Metadata:
        """Names of the events."""
        return Metadata(self.buffer, self.event_entries, EVENT_METADATA)

    @cached_property
    def stats(self) -> Metadata:
        """Names of the stats."""
        return Metadata(self.buffer, self._stat_entries, STAT_METADATA)

    @cached_property
    def event_stats(self) -> StatTable:
        """Stats that hold for all events of a name, by index of the event metadata."""
        parts = self.events.parts(_METADATA_STATS)
        rows = [read_rows(self.buffer, stats, self.stats) for stats in parts]
        return StatTable(self.buffer, self.stats, len(self.events), Rows.gather(rows))


class StatColumns:
    """Collects stats of some names."""

    def __init__(self, buffer: Buffer, names: Metadata, stats: Iterable[str]) -> None:
        self._buffer = buffer
        self._names = names
        self._stats = tuple(dict.fromkeys(stats))
        self._parts: list[list[Rows]] = [[] for _ in self._stats]
        # Which of the stats wanted each name is; the last for index -1, an id without a name.
        self._number = np.full(len(names) + 1, _OTHER, np.int32)
        for number, stat in enumerate(self._stats):
            self._number[names.named(stat)] = number

    def add_group(self, run: EventGroup, offset: Int) -> None:
        """Add those of events of one layout, of all events that begin at `offset`."""
        numbers = np.array([number for number, _ in run.layout.stats], np.int64)
        indexes = self._names.find(numbers)
        for index, (_, place) in zip(indexes.tolist(), run.layout.stats, strict=True):
            which = int(self._number[index])
            if which != _OTHER:
                self._parts[which].append(_rows(run, offset, index, place))

    def add_rows(self, rows: Rows) -> None:
        """Add those of any events."""
        number = self._number[rows.name]
        for which in np.unique(number[number != _OTHER]).tolist():
            self._parts[which].append(rows.taken(number == which))

    def tables(self, owners: int) -> dict[str, StatTable]:
        """Return the table of each stat."""
        return {
            stat: StatTable(self._buffer, self._names, owners, Rows.gather(parts))
            for stat, parts in zip(self._stats, self._parts, strict=True)
        }


def _rows(run: EventGroup, offset: Int, index: int, place: ValuePlace) -> Rows:
    count = run.rows.shape
    if place.tag & 7 == BYTES:
        value = np.broadcast_to(np.int64(place.size), count)
        stop = offset[run.rows] + (place.at + place.size)
    else:
        value, stop = run.values(place), np.broadcast_to(np.int64(0), count)
    return Rows(
        run.rows.astype(np.int32),
        np.broadcast_to(np.int32(index), count),
        np.broadcast_to(np.uint8(place.tag), count),
        value,
        stop,
    )
