"""Stats: named values that events, event metadata and planes carry.

An XStat (tsl/profiler/protobuf/xplane.proto) has the id of its name and one value of six kinds.
The same name comes with other kinds in other traces: a string, a reference to a string that is
kept as a stat's name, a number. So a reader of a column says what it wants, and gets it from all
kinds that can give it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.messages import Parts, read_messages
from alexprof.xplane.metadata import Metadata
from alexprof.xplane.schema import STAT
from alexprof.xplane.texts import distinct
from alexprof.xplane.wire import Bool, Buffer, Int

_ID = 0x08
_DOUBLE, _UINT64, _INT64, _STR, _BYTES, _REF = 0x11, 0x18, 0x20, 0x2A, 0x32, 0x38
_VALUES = (_STR, _BYTES, _REF, _INT64, _UINT64, _DOUBLE)
_NUMBERS = {_INT64: np.int64, _UINT64: np.uint64, _DOUBLE: np.float64}
_MOST_DIGITS = 20  # of a 64-bit integer

Value: TypeAlias = "int | float | str | bytes"


class Rows(NamedTuple):
    """Stats, a row each, those of each owner in file order."""

    owner: NDArray[np.int32]  # int32 [n], what the stat belongs to
    # int32 [n], index into the plane's stat metadata; -1 for an id it lacks.
    name: NDArray[np.int32]
    kind: NDArray[np.uint8]  # uint8 [n], tag of the value's field
    # [n], the integer, the id that is referred to, the bits of a double, or the length of a string.
    value: Int
    stop: Int  # [n], where the value ends, so a string is at `stop - value : stop`

    def taken(self, kept: Bool | NDArray[np.intp]) -> Rows:
        """Return some of the stats, given which as bool or as indexes."""
        columns: list[NDArray[Any]] = list(self)
        return Rows(*(column[kept] for column in columns))

    @classmethod
    def gather(cls, parts: Sequence[Rows]) -> Rows:
        """Put parts together; what is the same in all rows takes no memory."""
        if not parts:
            none = np.empty(0, np.int64)
            return cls(
                none.astype(np.int32), none.astype(np.int32), none.astype(np.uint8), none, none
            )
        return cls(*(_concatenated(column) for column in zip(*parts, strict=True)))


def read_rows(buffer: Buffer, stats: Parts, names: Metadata) -> Rows:
    """Decode stats but for their strings; those without a value are left out."""
    count = len(stats.owner)
    name, value, stop = np.zeros((3, count), np.int64)
    kind = np.zeros(count, np.uint8)
    for parts in read_messages(buffer, stats.start, stats.stop, STAT):
        ids, values = parts.of(_ID), parts.of(*_VALUES)
        name[ids.owner] = ids.value
        kind[values.owner], value[values.owner], stop[values.owner] = values[1:]
    rows = Rows(stats.owner.astype(np.int32), names.find(name), kind, value, stop)
    return rows if kind.all() else rows.taken(kind != 0)


def _concatenated(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    firsts = {column[0] for column in columns if len(column)}
    if len(firsts) == 1 and all(column.strides == (0,) for column in columns):
        return np.broadcast_to(columns[0][0], sum(map(len, columns)))
    return np.concatenate(columns)


class StatTable:
    """The stats of many owners, by name.

    Of two stats of one owner with the same name the first counts, as in tsl's XStatsOwner visitors.
    """

    def __init__(self, buffer: Buffer, names: Metadata, owners: int, rows: Rows) -> None:
        self._buffer = buffer
        self._names = names
        self._owners = owners
        self._rows = rows

    def ints(self, name: str) -> tuple[Int, Bool]:
        """Return a stat as integers, int64 [owners], and whether each owner has one.

        That is an integer (an unsigned one above 2**63 - 1 comes out negative, with the same bits)
        or a string of digits.
        """
        value, present = np.zeros(self._owners, np.int64), np.zeros(self._owners, bool)
        rows = self._named(name)
        number, good = rows.value, np.isin(rows.kind, (_INT64, _UINT64))
        for hit, index, texts in self._texts(rows, (_STR, _BYTES, _REF)):
            parsed = [_integer(text) for text in texts]
            number[hit] = np.array([value or 0 for value in parsed], np.int64)[index]
            good[hit] = np.array([value is not None for value in parsed], bool)[index]
        owner = rows.owner[good]
        value[owner], present[owner] = number[good], True
        return value, present

    def strings(self, name: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Return a stat as text, numbers in decimal.

        That is int32 [owners], index into the table or -1 for an owner that lacks the stat; and the
        table, without duplicates.
        """
        table: dict[str, int] = {}
        column = np.full(self._owners, -1, np.int32)
        rows = self._named(name)
        place = np.full(len(rows.owner), -1, np.int32)
        for hit, index, texts in self._texts(rows, _VALUES):
            numbers = [table.setdefault(text, len(table)) for text in texts]
            place[hit] = np.array(numbers, np.int32)[index]
        column[rows.owner] = place
        return column, tuple(table)

    def values(self) -> dict[str, Value]:
        """Return all stats by name, for a table with one owner."""
        values: dict[str, Value] = {}
        for name, kind, value, stop in zip(*(c.tolist() for c in self._rows[1:]), strict=True):
            values.setdefault(self._names.name(name), self._value(kind, value, stop))
        return values

    def _value(self, kind: int, value: int, stop: int) -> Value:
        if kind == _STR:
            return self._buffer.text(stop - value, stop)
        if kind == _BYTES:
            return bytes(self._buffer.raw[stop - value : stop])
        if kind == _REF:
            return self._names.name(int(self._names.find(np.array([value]))[0]))
        if kind == _DOUBLE:
            return float(np.int64(value).view(np.float64))
        return value if kind == _INT64 else value & 0xFFFF_FFFF_FFFF_FFFF

    def _named(self, name: str) -> Rows:
        """Return the rows of a stat, last row first, so that on assignment the first wins."""
        return self._rows.taken(np.flatnonzero(self._names.named(name)[self._rows.name])[::-1])

    def _texts(self, rows: Rows, kinds: Sequence[int]) -> Iterator[tuple[Int, Int, list[str]]]:
        """Turn values into text, a kind at a time."""
        for kind in kinds:
            hit = np.flatnonzero(rows.kind == kind)
            if len(hit):
                yield hit, *self._texts_of(kind, rows.value[hit], rows.stop[hit])

    def _texts_of(self, kind: int, value: Int, stop: Int) -> tuple[Int, list[str]]:
        if kind in (_STR, _BYTES):
            return distinct(self._buffer, stop - value, value)
        if kind == _REF:
            texts, place = self._names.numbered(self._names.find(value))
            return place.astype(np.int64), list(texts)
        numbers, index = np.unique(value, return_inverse=True)
        return index, [str(number) for number in numbers.view(_NUMBERS[kind]).tolist()]


def _integer(text: str) -> int | None:
    """Return the 64 bits of a number in a string, as int64; None if it isn't one."""
    digits = text.removeprefix("-")
    if len(digits) > _MOST_DIGITS or not digits.isascii() or not digits.isdigit():
        return None
    number = int(text)
    if not -(1 << 63) <= number < 1 << 64:
        return None
    return number - (1 << 64) if number >> 63 > 0 else number
