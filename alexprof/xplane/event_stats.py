"""What belongs to a plane's events: their names, and those of their stats that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.columns import StatColumns
from alexprof.xplane.fields import Fields, fields_at
from alexprof.xplane.layouts import Run, alike
from alexprof.xplane.metadata import Metadata
from alexprof.xplane.schema import EVENT, EVENT_METADATA, STAT_METADATA
from alexprof.xplane.stats import StatTable, read_batches
from alexprof.xplane.walk import Bodies, Step, walk
from alexprof.xplane.wire import Buffer

_STATS, _METADATA_STATS = 0x22, 0x2A
CHUNK = 1 << 16  # events decoded at once: more would only take more memory


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
        return StatTable(self.buffer, self.stats, len(self.events), list(rows))


class RowStep(NamedTuple):
    """A field from each of several events."""

    rows: NDArray[np.int64]  # [n], which events
    step: Step  # its fields; the lanes are indexes into `rows`

    def of(self, *tags: int) -> tuple[NDArray[np.int64], Fields]:
        """Return the part with any of these tags, as rows and fields."""
        lane, fields = self.step.of(*tags)
        return self.rows[lane], fields


class EventStats:
    """The stats of some events of a plane, decoded when they are asked for.

    Attributes:
        offset: int64 [n], where the events' tags stand in the file.
    """

    def __init__(self, dictionary: Dictionary, offset: NDArray[np.int64]) -> None:
        self._dictionary = dictionary
        self.offset = offset
        self._tables: dict[str, StatTable] = {}

    def __len__(self) -> int:
        return len(self.offset)

    def table(self, stat: str) -> StatTable:
        """Return the table of a stat."""
        self.read((stat,))
        return self._tables[stat]

    def read(
        self,
        stats: Collection[str],
        stop: NDArray[np.int64] | None = None,
        decode: Callable[[Run | RowStep], None] | None = None,
    ) -> None:
        """Go through the events and decode stats of them, as far as that isn't done yet.

        Args:
            stats: The names of the stats.
            stop: int64 [n], where the events end, if it is known.
            decode: Gets each part of the events, to decode what else it wants. A part is a run, or
                a field of several events.
        """
        buffer, names = self._dictionary.buffer, self._dictionary.stats
        missing = [stat for stat in stats if stat not in self._tables]
        columns = StatColumns(buffer, names, missing)
        if decode is None and not any(names.named(stat).any() for stat in missing):
            self._tables |= columns.tables(len(self))  # no event has those
            return
        left = np.ones(len(self), bool)
        stop = self._stops() if stop is None else stop
        for run in alike(buffer, self.offset, stop):
            left[run.rows] = False
            columns.add_run(run, self.offset)
            if decode is not None:
                decode(run)
        bodies = self._walk(np.flatnonzero(left), decode)
        for rows in read_batches(buffer, bodies, names):
            columns.add_rows(rows)
        self._tables |= columns.tables(len(self))

    def _walk(
        self, rows: NDArray[np.int64], decode: Callable[[Run | RowStep], None] | None
    ) -> Iterator[Bodies]:
        """Go through events field by field; yields where their stats stand."""
        buffer = self._dictionary.buffer
        for low in range(0, len(rows), CHUNK):
            part = rows[low : low + CHUNK]
            start, stop = _bodies(buffer, self.offset[part])
            for step in walk(buffer, start, stop, EVENT):
                of_rows = RowStep(part, step)
                if decode is not None:
                    decode(of_rows)
                owner, fields = of_rows.of(_STATS)
                yield Bodies(owner, fields.stop - fields.value, fields.stop)

    def _stops(self) -> NDArray[np.int64]:
        parts = (
            _bodies(self._dictionary.buffer, self.offset[low : low + CHUNK])[1]
            for low in range(0, len(self), CHUNK)
        )
        return np.concatenate([np.empty(0, np.int64), *parts])


def _bodies(
    buffer: Buffer, offset: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the contents of fields begin and end, given their tags; they are known whole."""
    fields = fields_at(buffer, offset, np.broadcast_to(np.int64(buffer.size), offset.shape))
    return fields.stop - fields.value, fields.stop
