"""Events of the same layout, read all at once.

A profiler writes the same few things again and again, so nearly all events of a trace have one of
some hundred layouts: the same fields in the same order, each number of as many bytes. Of such a
layout one event is read field by field, and of the others it is tested that they are like it: their
bytes agree in all that says where fields begin and what they are (tags, lengths, the ids of stats,
which bytes a number goes on after). What is left free are numbers and texts, and those of all
stand at the same places.

    22 2a  08 31  10 .. .. .. .. .. ..  18 .. ..  22 06  08 0b  20 .. .. ..  22 ...
    event  name   begin                 duration  stat   its id, its value

What is unlike the others, is long or has a fault is left to `messages.read_messages`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprof.errors import DamageError
from alexprof.xplane.fields import FOLDS
from alexprof.xplane.schema import EVENT, STAT
from alexprof.xplane.wire import BYTES, VARINT, Bool, Buffer, Field, Int, signed

_METADATA_ID, _STAT_ID, _STATS = 0x08, 0x08, 0x22
_MOST_BYTES = 512  # of an event: there are few longer ones
_CHUNK = 1 << 18  # events sorted by length at once: more would only take more memory
_BLOCK = 1 << 14  # events compared at once: their bytes stay in the processor's caches
_FEWEST = 16  # for so many it is worth the while
_MOST_LAYOUTS = 64  # tried for the events of a block that have the same length
_FIXED, _CONTINUES = 0xFF, 0x80
_WORD_BYTES = 8
_PAYLOADS = tuple(np.uint64(0x7F7F7F7F7F7F7F7F >> 8 * (8 - size)) for size in range(9))

Words = NDArray[np.uint64]


class ValuePlace(NamedTuple):
    """Where a value stands."""

    tag: int  # that of its field
    at: int  # bytes from the event's tag to the value; of a text to its begin
    size: int  # its bytes


class Layout(NamedTuple):
    """The fields of an event, and of how many bytes each is."""

    numbers: tuple[ValuePlace, ...]  # their fields but for the stats, in file order
    # The id of each stat's name and its value, in file order; without those that have no value.
    stats: tuple[tuple[int, ValuePlace], ...]
    mask: Words  # uint64 [words], the bits that agree
    pattern: Words  # uint64 [words], and what they are

    def differs(self, data: Words) -> Bool:
        """Tell which of some events have another layout, given their bytes as [n, words]."""
        bits = np.zeros(len(data), np.uint64)
        for place in np.flatnonzero(self.mask).tolist():
            bits |= (data[:, place] ^ self.pattern[place]) & self.mask[place]
        differs: Bool = bits != 0
        return differs


class EventGroup(NamedTuple):
    """Events of one layout."""

    rows: Int  # [n], which events these are, ascending
    layout: Layout  # theirs
    data: Words  # uint64 [m, words], the bytes of some events from their tags on
    among: Bool | None = None  # [m], which of those they are; None if all are

    def values(self, place: ValuePlace) -> Int:
        """Return the integers, or the bits of the doubles, at a place: int64 [n]."""
        word = self._words(place.at)
        if place.tag & 7 != VARINT:
            return word.view(np.int64)
        word &= _PAYLOADS[min(place.size, _WORD_BYTES)]
        for low, high, shift in FOLDS[: (place.size - 1).bit_length()]:
            word = (word & low) | ((word >> shift) & high)
        if place.size > _WORD_BYTES:
            rest = self._words(place.at + _WORD_BYTES)
            word |= (rest & np.uint64(0x7F)) << np.uint64(56)
            if place.size > _WORD_BYTES + 1:
                word |= rest >> np.uint64(8) << np.uint64(63)
        return word.view(np.int64)

    def _words(self, at: int) -> Words:
        """Copy eight bytes of each event."""
        count, words = self.data.shape
        column: Words = np.ndarray((count,), "<u8", self.data, at, (words * _WORD_BYTES,))
        return column.copy() if self.among is None else column[self.among]


def grouped_by_layout(buffer: Buffer, offset: Int, stop: Int) -> Iterator[EventGroup]:
    """Find events of the same layout, given where they begin and end: int64 [n] each.

    Yields runs of them, in no order. No event is in two; those in none can have any layout, or be
    damaged, while those in a run are whole and as the format wants them.
    """
    layouts: list[list[Layout]] = [[] for _ in range(_MOST_BYTES + 1)]  # found so far, by length
    for first in range(0, len(offset), _CHUNK):
        part = slice(first, first + _CHUNK)
        length = np.minimum(stop[part] - offset[part], _MOST_BYTES + 1).astype(np.uint16)
        order = np.argsort(length, kind="stable") + first
        ends = np.cumsum(np.bincount(length, minlength=_MOST_BYTES + 1)).tolist()
        for shared in np.flatnonzero(np.bincount(length) >= _FEWEST).tolist():
            if shared <= _MOST_BYTES:
                for low in range(ends[shared - 1], ends[shared], _BLOCK):
                    rows = order[low : min(low + _BLOCK, ends[shared])]
                    yield from _grouped_in_length(buffer, offset, rows, shared, layouts[shared])


def _grouped_in_length(
    buffer: Buffer, offset: Int, rows: Int, length: int, layouts: list[Layout]
) -> Iterator[EventGroup]:
    """Group events of the same length by their layout; adds to the `layouts` of that length."""
    # A word more than the event has, so that there is one from each of its bytes on.
    words = -(-length // _WORD_BYTES) + 1
    rows = rows[offset[rows] <= buffer.size - words * _WORD_BYTES]
    if not len(rows):
        return
    data = buffer.pieces(offset[rows], words)
    for number in range(_MOST_LAYOUTS):
        if len(rows) < _FEWEST:
            return
        if number < len(layouts):
            layout = layouts[number]
        else:
            layout_of_first = _layout_of(buffer, int(offset[rows[0]]), length, data[0])
            if layout_of_first is None:
                rows, data = rows[1:], data[1:]
                continue
            layouts.append(layout := layout_of_first)
        other = layout.differs(data)
        left = np.count_nonzero(other)
        if not left:
            yield EventGroup(rows, layout, data)
            return
        if left < len(rows):
            same = ~other
            yield EventGroup(rows[same], layout, data, same)
            rows, data = rows[other], data[other]


def _layout_of(buffer: Buffer, start: int, length: int, data: Words) -> Layout | None:
    """Read the layout of an event; None if it is not as the format wants it."""
    mask = np.zeros(len(data) * _WORD_BYTES, np.uint8)
    numbers: list[ValuePlace] = []
    stats: list[tuple[int, ValuePlace]] = []
    try:
        event = buffer.field_at(start, start + length)
        mask[: event.stop - event.value - start] = _FIXED
        for field in buffer.fields(*event.span):
            place = _structure(mask, field, start)
            if not EVENT.knows(field.tag):
                return None
            if field.tag != _STATS:
                numbers.append(place)
                continue
            number, value = 0, None
            for part in buffer.fields(*field.span):
                place = _structure(mask, part, start)
                if not STAT.knows(part.tag):
                    return None
                if part.tag == _STAT_ID:  # a part of the layout
                    number = signed(part.value)
                    mask[place.at : place.at + place.size] = _FIXED
                else:
                    value = place
            if value is not None:
                stats.append((number, value))
    except DamageError:
        return None
    bits: Words = mask.view("<u8")
    return Layout(tuple(numbers), tuple(stats), bits, data & bits)


def _structure(mask: NDArray[np.uint8], field: Field, start: int) -> ValuePlace:
    """Mark what has to be the same in a field at a place; return where its value stands."""
    at, stop = field.start - start, field.stop - start
    body = stop - field.value if field.tag & 7 == BYTES else at + 1
    mask[at:body] = _FIXED
    if field.tag & 7 == VARINT:
        mask[body:stop] = _CONTINUES
    return ValuePlace(field.tag, body, stop - body)
