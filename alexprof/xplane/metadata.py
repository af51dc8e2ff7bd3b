"""The names of a plane: maps from ids to event metadata and to stat metadata.

XPlane.event_metadata and XPlane.stat_metadata (tsl/profiler/protobuf/xplane.proto) are protobuf
maps, so messages with a key (1) and a value (2). Of both kinds of value the name is field 2, and
event metadata have stats (5) of their own, which hold for all their events.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.walk import Bodies, bodies_of, walk
from alexprof.xplane.wire import Buffer

_KEY, _VALUE = 0x08, 0x12
_NAME, _STATS = 0x12, 0x2A
_SPARSE = 1 << 16  # how much longer than the map a table of all ids may be


class Metadata:
    """The entries of one map, ordered by id; of two with the same id the later counts.

    Attributes:
        ids: int64 [m], ascending.
        stats: The stats of the entries, by index of the entry.
    """

    def __init__(self, buffer: Buffer, start: NDArray[np.int64], stop: NDArray[np.int64]) -> None:
        """Read a map.

        Args:
            buffer: The trace.
            start: int64 [entries], where the map's entries begin, in file order.
            stop: int64 [entries], where they end.

        Raises:
            TraceError: An entry is damaged.
        """
        self._buffer = buffer
        key = np.zeros(len(start), np.int64)
        value = np.zeros((2, len(start)), np.int64)
        for step in walk(buffer, start, stop):
            lane, fields = step.of(_KEY)
            key[lane] = fields.value
            owner, begin, end = bodies_of(step, _VALUE)
            value[:, owner] = begin, end
        self.ids, last = np.unique(key[::-1], return_index=True)
        self._read_values(*value[:, len(key) - 1 - last])

    def _read_values(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> None:
        self._name = np.zeros((2, len(start)), np.int64)
        stats = []
        for step in walk(self._buffer, start, stop):
            owner, begin, end = bodies_of(step, _NAME)
            self._name[:, owner] = begin, end
            stats.append(bodies_of(step, _STATS))
        self.stats = Bodies.gather(stats)

    def __len__(self) -> int:
        return len(self.ids)

    def name(self, index: int) -> str:
        """Return the name of an entry; "" for index -1, an id that the map lacks."""
        if index < 0:
            return ""
        start, stop = self._name[:, index].tolist()
        return self._buffer.text(start, stop)

    def named(self, name: str) -> list[int]:
        """Return the indexes of all entries with a name."""
        return self._by_name.get(name, [])

    def find(self, ids: NDArray[np.int64]) -> NDArray[np.int32]:
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
    def _by_name(self) -> dict[str, list[int]]:
        names: dict[str, list[int]] = {}
        for index in range(len(self)):
            names.setdefault(self.name(index), []).append(index)
        return names

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
