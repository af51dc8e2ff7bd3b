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

from alexprof.xplane.schema import ENTRY, Shape
from alexprof.xplane.texts import equal
from alexprof.xplane.walk import Bodies, bodies_of, walk
from alexprof.xplane.wire import Bool, Buffer, Int

_KEY, _VALUE, _NAME = 0x08, 0x12, 0x12
_SPARSE = 1 << 16  # how much longer than the map a table of all ids may be
_CHUNK = 1 << 16  # entries read at once: more would only take more memory


class Metadata:
    """The entries of one map, ordered by id; of two with the same id the later counts.

    Attributes:
        ids: int64 [m], ascending.
    """

    def __init__(self, buffer: Buffer, start: Int, stop: Int, shape: Shape) -> None:
        """Read a map, given where its entries begin and end, in file order.

        `shape` says what fields the values have.
        """
        self._buffer = buffer
        self._shape = shape
        key: Int = np.zeros(len(start), np.int64)
        parts = []
        for low in range(0, len(start), _CHUNK):
            rows = slice(low, low + _CHUNK)
            for step in walk(buffer, start[rows], stop[rows], ENTRY):
                lane, fields = step.of(_KEY)
                key[low + lane] = fields.value
                owner, begin, end = bodies_of(step, _VALUE)
                parts.append(Bodies(low + owner, begin, end))
        order = np.argsort(key, kind="stable")
        key = key[order]
        last = np.append(key[1:] != key[:-1], True)[: len(key)]
        self.ids: Int = key[last]
        index = np.full(len(start), -1, np.int64)  # of each entry; -1 where a later one counts
        index[order[last]] = np.arange(len(self.ids))
        # Values in file order; those of one entry are parts of one message.
        self._values = _sorted(Bodies.gather(parts))
        kept = index[self._values.owner] >= 0
        owner, begin, end = (column[kept] for column in self._values)
        self._values = Bodies(index[owner], begin, end)
        self._name = np.zeros((2, len(self)), np.int64)
        for owner, begin, end in self.bodies(_NAME):
            self._name[:, owner] = begin, end

    def bodies(self, tag: int) -> Iterator[Bodies]:
        """Go through the messages with a tag in the values, in file order; entries own them."""
        owner, start, stop = self._values
        for low in range(0, len(owner), _CHUNK):
            rows = slice(low, low + _CHUNK)
            steps = walk(self._buffer, start[rows], stop[rows], self._shape)
            bodies = _sorted(Bodies.gather(bodies_of(step, tag) for step in steps))
            yield Bodies(owner[rows][bodies.owner], bodies.start, bodies.stop)

    def __len__(self) -> int:
        return len(self.ids)

    def name(self, index: int) -> str:
        """Return the name of an entry; "" for index -1, an id that the map lacks."""
        if index < 0:
            return ""
        start, stop = self._name[:, index].tolist()
        return self._buffer.text(start, stop)

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


def _sorted(bodies: Bodies) -> Bodies:
    order = np.argsort(bodies.start)
    return Bodies(*(column[order] for column in bodies))
