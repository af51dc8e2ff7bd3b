"""One field at a time: protobuf's wire format, read with plain Python integers.

This is the slow and careful reader. It goes through the few fields of a trace that stand alone
(planes, the names of lines), and all complaints about damaged bytes come from here.

The format (protobuf.dev, "Encoding"): a message is a row of fields; a field is a tag, which is
`number << 3 | wire type`, and a value. Tags, integers and lengths are varints: groups of seven
bits, lowest first, the top bit set on all but the last byte.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alexprof.errors import DamageError, check_count

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
# Of a tag: set where it has more bytes or a wire type other than VARINT and BYTES.
ODD_BITS = 0x80 | 0b101
_WORD_BYTES = 8
_MAX_VARINT_BYTES = 10
FEW, LEAST_BYTES = 200_000, 32
"""Fields read one by one: at most `FEW`, plus one for every `LEAST_BYTES` bytes."""
MAX_TAG = (1 << 32) - 1
_MAX_TAG_BYTES = 5
Int: TypeAlias = NDArray[np.int64]
Bool: TypeAlias = NDArray[np.bool_]
Span: TypeAlias = "tuple[int, int]"  # begin and end, as offsets in the trace
_ADVICE = "the file is cut short or damaged: copy it again or take a new trace"


class Field(NamedTuple):
    """A field of a message."""

    start: int  # offset of its tag
    tag: int  # `number << 3 | wire type`
    value: int  # the integer, unsigned; of a fixed-size field its bits; of bytes their length
    stop: int  # offset of the byte after the field. The content of bytes is `stop - value : stop`

    @property
    def span(self) -> Span:
        """Begin and end of the content of bytes."""
        return self.stop - self.value, self.stop


class Buffer:
    """The bytes of a trace, for reading one by one and by columns."""

    def __init__(self, raw: memoryview, source: str) -> None:
        self.source = source  # Where the bytes come from, for messages
        self.size = len(raw)
        self.raw = raw
        self.data: NDArray[np.uint8] = np.frombuffer(raw, np.uint8)  # the same, not copied
        whole = raw if self.size >= _WORD_BYTES else bytes(raw) + bytes(_WORD_BYTES)
        self._last = len(whole) - _WORD_BYTES
        # A word for each byte, overlapping: NumPy gathers from them without a copy of them all.
        self._words: NDArray[np.uint64] = np.ndarray((self._last + 1,), "<u8", whole, 0, (1,))

    def words(self, offset: Int) -> NDArray[np.uint64]:
        """Return the eight bytes from each offset as little-endian integers, zeros past the end."""
        if not offset.size or offset.max() <= self._last:
            return self._words[offset]
        inside = np.minimum(offset, self._last)
        words: NDArray[np.uint64] = self._words[inside] >> ((offset - inside) * 8).astype(np.uint64)
        return words

    def pieces(self, offset: Int, words: int) -> NDArray[np.uint64]:
        """Copy so many words from each offset on, uint64 [n, words]; all have to be inside."""
        size = words * _WORD_BYTES
        # A piece for each byte, overlapping, as with the words.
        pieces: NDArray[np.void] = np.ndarray(
            (self.size - size + 1,), f"V{size}", self.raw, 0, (1,)
        )
        return pieces[offset].view("<u8").reshape(-1, words)

    def text(self, start: int, stop: int) -> str:
        """Decode UTF-8; what is no UTF-8 becomes U+FFFD, for a bad name is no reason to give up."""
        return str(self.raw[start:stop], "utf-8", "replace")

    def damage(self, offset: int, what: str) -> DamageError:
        """Make the error for bytes that can't be part of a trace."""
        message = f"{self.source}: byte {offset}: {what}; {_ADVICE}"
        return DamageError(message, numbers={"byte": offset}, names=(self.source,))

    def field_at(self, offset: int, stop: int) -> Field:
        """Read the field whose tag stands at an offset, in a message that ends at `stop`."""
        if stop - offset >= 2:  # nearly all fields: one byte of tag, one of length or value
            tag, value = self.raw[offset], self.raw[offset + 1]
            end = offset + 2 + (value if tag & 7 == BYTES else 0)
            if tag & ODD_BITS == 0 and tag >= 8 and value < 0x80 and end <= stop:
                return Field(offset, tag, value, end)
        return self._any_field_at(offset, stop)

    def _any_field_at(self, offset: int, stop: int) -> Field:
        tag, at = self._varint(offset, stop, _MAX_TAG_BYTES)
        kind = tag & 7
        if tag < 8 or tag > MAX_TAG:
            raise self.damage(offset, "no field number where one is expected")
        if at - offset > 1 and self.raw[at - 1] == 0:
            raise self.damage(offset, "a field number with needless bytes")
        if kind == VARINT:
            value, at = self._varint(at, stop, _MAX_VARINT_BYTES)
            return Field(offset, tag, value, at)
        if kind == BYTES:
            size, at = self._varint(at, stop, _MAX_VARINT_BYTES)
        elif kind in _FIXED_SIZES:
            size = _FIXED_SIZES[kind]
        else:
            raise self.damage(offset, f"wire type {kind}, which no trace has")
        if size > stop - at:
            raise self.damage(offset, f"a field of {size} bytes where {stop - at} are left")
        value = size if kind == BYTES else int.from_bytes(self.raw[at : at + size], "little")
        return Field(offset, tag, value, at + size)

    def fields(self, start: int, stop: int) -> Iterator[Field]:
        """Read the fields of the message between two offsets, in file order."""
        while start < stop:
            field = self.field_at(start, stop)
            yield field
            start = field.stop

    def by_tag(self, start: int, stop: int) -> defaultdict[int, list[Field]]:
        """Read the fields of the message between two offsets, by tag, in file order.

        Raises:
            TraceError: There are too many fields to keep in memory, far shorter than any real
                field that is read this way.
        """
        fields: defaultdict[int, list[Field]] = defaultdict(list)
        most = FEW + (stop - start) // LEAST_BYTES
        for count, field in enumerate(self.fields(start, stop), 1):
            check_count("too_many_fields", count, most, self.source)
            fields[field.tag].append(field)
        return fields

    def varints(self, start: int, stop: int) -> Iterator[int]:
        """Read the integers that stand packed between two offsets."""
        while start < stop:
            value, start = self._varint(start, stop, _MAX_VARINT_BYTES)
            yield value

    def _varint(self, offset: int, stop: int, most: int) -> tuple[int, int]:
        """Return a varint and the offset after it; bits above the 64th are dropped."""
        value = 0
        for at in range(offset, min(offset + most, stop)):
            byte = self.raw[at]
            value |= (byte & 0x7F) << 7 * (at - offset)
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at + 1
        what = "a number without an end" if offset + most <= stop else "a number that is cut off"
        raise self.damage(offset, what)


def signed(value: int) -> int:
    """Return 64 bits as the int64 that they stand for."""
    return value - (1 << 64) if value >> 63 else value
