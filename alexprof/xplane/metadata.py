"""The names of a plane: maps from ids to event metadata and to stat metadata.

XPlane.event_metadata and XPlane.stat_metadata (tsl/profiler/protobuf/xplane.proto) are protobuf
maps, so messages with a key (1) and a value (2). Of both kinds of value the name is field 2, and
event metadata have stats (5) of their own, which hold for all their events.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.messages import Parts, read_messages
from alexprof.xplane.schema import ENTRY, Shape
from alexprof.xplane.texts import equal
from alexprof.xplane.wire import Bool, Buffer, Int

_KEY, _VALUE, _NAME = 0x08, 0x12, 0x12
_SPARSE = 1 << 16  # how much longer than the map a table of all ids may be


class Metadata:
    """The entries of one map, ordered by id; of two with the same id the later counts."""

    def __init__(self, buffer: Buffer, entries: Parts, shape: Shape) -> None:
        """Read a map, given its entries in file order and what fields the values have."""
        self._buffer = buffer
        self._shape = shape
        key: Int = np.zeros(len(entries.owner), np.int64)
        values = []
        for parts in read_messages(buffer, entries.start, entries.stop, ENTRY):
            keys = parts.of(_KEY)
            key[keys.owner] = keys.value
            values.append(parts.of(_VALUE))
        order = np.argsort(key, kind="stable")
        sorted_key = key[order]
        last = np.append(sorted_key[1:] != sorted_key[:-1], True)[: len(key)]
        self.ids: Int = sorted_key[last]  # int64 [m], ascending
        index = np.full(len(key), -1, np.int64)  # of each entry; -1 where a later one counts
        index[order[last]] = np.arange(len(self.ids))
        # In file order; those of one entry are parts of one message.
        every = Parts.gather(values).sorted()
        every = every._replace(owner=index[every.owner])
        self._values = every.taken(every.owner >= 0)
        self._name = np.zeros((2, len(self)), np.int64)
        for names in self.parts(_NAME):
            self._name[:, names.owner] = names.start, names.stop

    def parts(self, tag: int) -> Iterator[Parts]:
        """Go through the fields with a tag in the values, in file order; entries own them."""
        values = self._values
        for parts in read_messages(self._buffer, values.start, values.stop, self._shape):
            tagged = parts.of(tag).sorted()
            yield tagged._replace(owner=values.owner[tagged.owner])

    def __len__(self) -> int:
        return len(self.ids)

    def name(self, index: int) -> str:
        """Return the name of an entry; "" for index -1, an id that the map lacks."""
        if index < 0:
            return ""
        start, stop = self._name[:, index].tolist()
        return self._buffer.text(start, stop)

    def numbered(self, index: NDArray[np.int32]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        """Return the different names of entries, and of each entry the index of its name."""
        is_used = np.zeros(len(self) + 1, bool)  # the last for index -1, an unknown id
        is_used[index] = True
        table: dict[str, int] = {}
        place = np.empty(len(self) + 1, np.int32)
        place[is_used] = [
            table.setdefault(self.name(used if used < len(self) else -1), len(table))
            for used in np.flatnonzero(is_used).tolist()
        ]
        return tuple(table), place[index]

    def named(self, name: str) -> Bool:
        """Return of each entry whether it has a name; one more, False, stands for index -1."""
        start, stop = self._name
        is_named = np.zeros(len(self) + 1, bool)
        is_named[equal(self._buffer, start, stop - start, name)] = True
        return is_named

    def find(self, ids: Int) -> NDArray[np.int32]:
        """Return the index of each id, -1 for those that the map lacks."""
        if self._table is not None:
            low, high = self.ids[0], self.ids[-1]
            index: NDArray[np.int32] = self._table[
                np.where((ids >= low) & (ids <= high), ids - low, -1)
            ]
            return index
        if not len(self):
            return np.full(len(ids), -1, np.int32)
        index = np.minimum(np.searchsorted(self.ids, ids), len(self) - 1)
        return np.where(self.ids[index] == ids, index, -1).astype(np.int32)

    @cached_property
    def _table(self) -> NDArray[np.int32] | None:
        """Index by id from the lowest on, with -1 at the end; None where ids are far apart."""
        if not len(self):
            return None
        span = int(self.ids[-1]) - int(self.ids[0]) + 1
        if span > 4 * len(self) + _SPARSE:
            return None
        table = np.full(span + 1, -1, np.int32)
        table[self.ids - self.ids[0]] = np.arange(len(self))
        return table
