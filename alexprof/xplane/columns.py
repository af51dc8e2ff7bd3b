"""The stats of events that someone asks for, each a column of its own; the others are passed over.

A kernel has nine stats and an allocation eleven, of which one to four are of use.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.layouts import Place, Run
from alexprof.xplane.metadata import Metadata
from alexprof.xplane.stats import Rows, StatTable, taken
from alexprof.xplane.wire import BYTES, Buffer

_OTHER = -1
_MANY_ROWS = 1 << 16


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
        self._index_of: dict[int, int] = {}

    def add_run(self, run: Run, offset: NDArray[np.int64]) -> None:
        """Take the stats of events that are alike.

        Args:
            run: The events.
            offset: int64 [n], where the tags of all events stand.
        """
        for number, place in run.layout.stats:
            index = self._index(number)
            which = int(self._number[index])
            if which != _OTHER:
                self._parts[which].append(_rows(run, offset, index, place))

    def add_rows(self, rows: Rows) -> None:
        """Take stats of any names and events."""
        number = self._number[rows.name]
        for which in np.unique(number[number != _OTHER]).tolist():
            self._parts[which].append(taken(rows, number == which))

    def tables(self, owners: int) -> dict[str, StatTable]:
        """Return the stats by name, of so many events."""
        return {
            stat: StatTable(self._buffer, self._names, owners, _joined(parts))
            for stat, parts in zip(self._stats, self._parts, strict=True)
        }

    def _index(self, number: int) -> int:
        """Return the index of a name by its id, -1 for an unknown one."""
        if number not in self._index_of:
            self._index_of[number] = int(self._names.find(np.array([number], np.int64))[0])
        return self._index_of[number]


def _rows(run: Run, offset: NDArray[np.int64], index: int, place: Place) -> Rows:
    """Decode the stat at a place."""
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


def _joined(parts: list[Rows]) -> list[Rows]:
    """Put parts together: few are asked faster than many, and large ones would take more memory.

    Empties the list that is given.
    """
    joined: list[Rows] = []
    parts.reverse()
    while parts:
        together, count = [], 0
        while parts and count < _MANY_ROWS:
            together.append(parts.pop())
            count += len(together[-1].owner)
        columns = zip(*together, strict=True)
        joined.append(Rows(*(_concatenated(list(column)) for column in columns)))
    return joined


def _concatenated(columns: list[NDArray[Any]]) -> NDArray[Any]:
    """Concatenate columns; what is the same in all rows takes no memory."""
    if len(columns) == 1:
        return columns[0]
    firsts = {column[0] for column in columns if len(column)}
    if len(firsts) == 1 and all(column.strides == (0,) for column in columns):
        return np.broadcast_to(columns[0][0], sum(map(len, columns)))
    return np.concatenate(columns)
