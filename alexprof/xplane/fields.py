"""Many fields at once, as columns, wherever in the file they stand.

The format is explained in `wire`. Nearly all fields are plain: a tag of one byte, then a number or
a length of at most seven. They take one gather of eight bytes and some arithmetic; what is left
takes the longer way, also in columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.wire import BYTES, FIXED32, FIXED64, MAX_TAG, ODD_BITS, VARINT, Buffer, Int

MALFORMED = -1

_CONTINUES = np.uint64(0x8080808080808080)
_PAYLOAD = np.uint64(0x7F7F7F7F7F7F7F7F)
# Eight groups of 7 bits, then four of 14, then two of 28: every second group moves down to the one
# below it. (The lower groups, the place of the upper ones once they have moved, and how far.)
FOLDS = tuple(
    (np.uint64(low), np.uint64(high), np.uint64(shift))
    for low, high, shift in (
        (0x007F007F007F007F, 0x3F803F803F803F80, 1),
        (0x00003FFF00003FFF, 0x0FFFC0000FFFC000, 2),
        (0x000000000FFFFFFF, 0x00FFFFFFF0000000, 4),
    )
)


class Fields(NamedTuple):
    """A column of fields."""

    # uint8 [n], `number << 3 | wire type`; 0 where the number is above 15, which no message of a
    # trace uses.
    tag: NDArray[np.uint8]
    # [n], the integer (or the 64 bits of a fixed-size field); of bytes the length.
    value: Int
    # [n], offset after the field; `MALFORMED` where none is possible. The content of bytes is
    # `stop - value : stop`.
    stop: Int


def fields_at(buffer: Buffer, offset: Int, stop: Int) -> Fields:
    """Read the field at each offset, int64 [n]; their messages end at `stop`, int64 [n]."""
    word = buffer.words(offset)
    tag = word.astype(np.uint8)
    value, extra = _varints(word >> np.uint64(8))
    end = offset + 2 + extra
    end += value * ((tag & 7) == BYTES)
    plain = ((tag & ODD_BITS) == 0) & (tag >= 8) & (extra < 7) & (end <= stop)
    if not plain.all():
        rare = np.flatnonzero(~plain)
        tag[rare], value[rare], end[rare] = _read_any(buffer, offset[rare], stop[rare])
    return Fields(tag, value, end)


def _read_any(buffer: Buffer, offset: Int, stop: Int) -> Fields:
    """Read fields of any kind: tags and numbers of many bytes, fixed sizes, and malformed ones."""
    tag, extra = _varints(buffer.words(offset))
    at, kind = offset + 1 + extra, tag & 7
    bits = buffer.words(at)
    value, size = _long_varints(buffer, at, bits)
    for fixed, length, kept in (FIXED64, 8, -1), (FIXED32, 4, 0xFFFF_FFFF):
        value = np.where(kind == fixed, bits.view(np.int64) & kept, value)
        size = np.where(kind == fixed, length, size)
    room = stop - at - size
    body = np.where(kind == BYTES, value, 0)
    overlong = (extra > 0) & (tag >> 7 * extra.astype(np.int64) == 0)
    good = (tag >= 8) & (tag <= MAX_TAG) & ~overlong & (extra < 5)
    good &= np.isin(kind, (VARINT, FIXED64, BYTES, FIXED32))
    good &= (size > 0) & (body >= 0) & (body <= room)
    short = np.where(tag < 0x80, tag, 0).astype(np.uint8)
    return Fields(short, value, np.where(good, stop - room + body, MALFORMED))


def _long_varints(buffer: Buffer, offset: Int, word: NDArray[np.uint64]) -> tuple[Int, Int]:
    """Decode varints of up to ten bytes, given their first eight; size 0 where there is no end."""
    value, extra = _varints(word)
    rest = buffer.words(offset + 8)
    ninth, tenth = rest & np.uint64(0xFF), (rest >> np.uint64(8)) & np.uint64(0xFF)
    high = (ninth & np.uint64(0x7F)) << np.uint64(56)
    high |= np.where(ninth < 0x80, np.uint64(0), tenth << np.uint64(63))
    size = np.where(ninth < 0x80, 9, np.where(tenth < 0x80, 10, 0))
    longer = extra == 8
    return np.where(longer, value | high.view(np.int64), value), np.where(longer, size, extra + 1)


def _varints(word: NDArray[np.uint64]) -> tuple[Int, NDArray[np.uint8]]:
    """Decode the varint in the low bytes of each word.

    Returns the values, and how many bytes each has after its first: 8 where it has no end, when the
    value is of the 56 bits seen.
    """
    ends = ~word & _CONTINUES
    below = (ends & -ends) - np.uint64(1)  # all bits under the last byte's top bit
    extra = np.bitwise_count(below) >> np.uint8(3)
    word = word & below & _PAYLOAD
    for low, high, shift in FOLDS:
        word = (word & low) | ((word >> shift) & high)
    return word.view(np.int64), extra
