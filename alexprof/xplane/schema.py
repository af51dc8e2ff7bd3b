"""Which fields each kind of message has, so that what can't be one is told from a newer format.

The numbers and types are those of tsl/profiler/protobuf/xplane.proto. They tell damage from news,
for a length with a flipped bit often leaves bytes that can still be read as fields:

- A known number with another wire type is damage: no version of a format may change a type.
- A single value that comes twice in a message is damage: each writer writes it once, and what
  stands there a second time mostly belongs to a neighbour whose end was lost.
- An unknown number is a newer version's, or damage. It is skipped, as protobuf wants it, and said
  where it may be what the message lacks: a number where one of `needed` is missing, bytes where
  there could be another message (a plane, line, event or stat).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.wire import BYTES, FIXED64, VARINT, Buffer

WRONG, UNKNOWN = 0x4000, 0x8000
_HAD_UNKNOWN = 0x2000  # of the bits that a message has had
Bits: TypeAlias = "NDArray[np.uint16]"


class Shape:
    """The fields of a kind of message.

    Attributes:
        kind: What a message of this kind is called.
        bits: uint16 [256], by tag (0 for numbers above 15): a bit of its own for a single value, 0
            for one that may repeat, `WRONG` for a known number of another wire type, `UNKNOWN`.
    """

    def __init__(
        self,
        kind: str,
        single: Mapping[int, int],
        repeated: Mapping[int, tuple[int, ...]],
        needed: Sequence[tuple[int, ...]] = (),
    ) -> None:
        """Take the wire types of single and of repeated fields by number.

        Of each of `needed` numbers depend on one; they are single fields.
        """
        self.kind = kind
        self._has_messages = bool(repeated)
        self.bits: Bits = np.full(256, UNKNOWN, np.uint16)
        for number in (*single, *repeated):
            self.bits[number << 3 : (number << 3) + 8] = WRONG
        for place, (number, wire_type) in enumerate(single.items()):
            self.bits[number << 3 | wire_type] = 1 << place
        for number, wire_types in repeated.items():
            self.bits[[number << 3 | wire_type for wire_type in wire_types]] = 0
        self._needed = [
            sum(1 << list(single).index(number) for number in numbers) for numbers in needed
        ]

    def of(self, tag: int) -> int:
        """Return the bits of a tag of any size."""
        return int(self.bits[tag]) if tag < 0x80 else UNKNOWN

    def check(
        self, buffer: Buffer, seen: Bits, offset: NDArray[np.int64], tag: NDArray[np.uint8]
    ) -> None:
        """Check a field of each of several messages.

        Args:
            buffer: The trace.
            seen: uint16 [n], the bits that each message has had, 0 at first; kept up to date.
            offset: int64 [n], where the fields stand, for what is said; n is above 0.
            tag: uint8 [n], their tags.

        Raises:
            TraceError: A field can't belong to such a message.
        """
        alike = (tag == tag[0]).all()  # as the first fields of events mostly are
        bits = self.bits[tag[:1]] if alike else self.bits.take(tag)
        if bits.max() >= WRONG or (seen & bits).any():
            unknown = bits == UNKNOWN
            self._complain(buffer, (bits == WRONG) | ((seen & bits) != 0), unknown, offset)
            bits[unknown] = _HAD_UNKNOWN
        seen |= bits

    def check_rows(
        self,
        buffer: Buffer,
        seen: Bits,
        message: NDArray[np.int64],
        offset: NDArray[np.int64],
        tag: NDArray[np.uint8],
    ) -> None:
        """Check fields of which a message may have several: `message` int64 [n] says whose."""
        bits = self.bits.take(tag)
        wrong, unknown = self.faults(message, tag)
        self._complain(buffer, wrong | ((seen[message] & bits) != 0), unknown, offset)
        bits[unknown] = _HAD_UNKNOWN
        np.bitwise_or.at(seen, message, bits)

    def check_ended(self, buffer: Buffer, seen: Bits, stop: NDArray[np.int64]) -> None:
        """Say it if messages lack what an unknown field of theirs may be.

        Args:
            buffer: The trace.
            seen: uint16 [n], the bits that each message has had.
            stop: int64 [n], where they end.
        """
        had = np.flatnonzero(seen & _HAD_UNKNOWN)
        for needed in self._needed:
            lacks = had[(seen[had] & needed) == 0]
            if lacks.size:
                buffer.say_unknown(int(stop[lacks[0]]) - 1, self.kind)

    def may_hold(self, buffer: Buffer, offset: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which unknown fields may be one of the messages that can be in such a message.

        Args:
            buffer: The trace.
            offset: int64 [n], where their tags stand.
        """
        may: NDArray[np.bool_] = buffer.data[offset] & 7 == BYTES
        return may & self._has_messages

    def faults(
        self, message: NDArray[np.int64], tag: NDArray[np.uint8]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Find the fields that can't belong to their message, and those that are not known.

        Args:
            message: int64 [n], which message each field is part of.
            tag: uint8 [n].

        Returns:
            bool [n] both; of a single value that repeats, all but one are wrong.
        """
        bits = self.bits.take(tag)
        wrong, unknown = bits == WRONG, bits == UNKNOWN
        single = np.flatnonzero((bits != 0) & (bits < WRONG))
        key = message[single] << 16 | bits[single]
        order = np.argsort(key, kind="stable")
        wrong[single[order[1:]][key[order[1:]] == key[order[:-1]]]] = True
        return wrong, unknown

    def _complain(
        self,
        buffer: Buffer,
        wrong: NDArray[np.bool_],
        unknown: NDArray[np.bool_],
        offset: NDArray[np.int64],
    ) -> None:
        if wrong.any():
            raise buffer.damage(int(offset[wrong.argmax()]), self.misfit)
        odd = offset[unknown | np.zeros(offset.shape, bool)]
        odd = odd[self.may_hold(buffer, odd)]
        if odd.size:
            buffer.say_unknown(int(odd[0]), self.kind)

    @property
    def misfit(self) -> str:
        """What is said of a field that can't belong to such a message."""
        return f"a field that {self.kind} can't have there"


_TEXTS = (BYTES,)
SPACE = Shape("a trace", {}, {1: _TEXTS, 2: _TEXTS, 3: _TEXTS, 4: _TEXTS})
PLANE = Shape("a plane", {1: VARINT, 2: BYTES}, {3: _TEXTS, 4: _TEXTS, 5: _TEXTS, 6: _TEXTS})
LINE = Shape(
    "a line",
    {1: VARINT, 2: BYTES, 3: VARINT, 9: VARINT, 10: VARINT, 11: BYTES},
    {4: _TEXTS},
    [(3,)],
)
EVENT = Shape(
    "an event",
    {1: VARINT, 2: VARINT, 3: VARINT, 5: VARINT},
    {4: _TEXTS},
    [(1,), (2, 5), (3,)],
)
STAT = Shape(
    "a stat",
    {1: VARINT, 2: FIXED64, 3: VARINT, 4: VARINT, 5: BYTES, 6: BYTES, 7: VARINT},
    {},
    [(1,), (2, 3, 4, 5, 6, 7)],
)
ENTRY = Shape("an entry of names", {1: VARINT, 2: BYTES}, {}, [(1,), (2,)])
EVENT_METADATA = Shape(
    "an event's metadata",
    {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES},
    {5: _TEXTS, 7: (VARINT, BYTES)},  # child_id: packed or not
    [(2,)],
)
STAT_METADATA = Shape("a stat's metadata", {1: VARINT, 2: BYTES, 3: BYTES}, {}, [(2,)])
