"""Which fields each kind of message has, and of which wire type.

Numbers and types are those of tsl/profiler/protobuf/xplane.proto, as far as the fields are read. A
number that is not here is of a newer version and is skipped, as protobuf wants it. One of another
wire type is damage: no version of a format may change a type, and a length with a flipped bit often
leaves bytes that can still be read as fields.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.wire import BYTES, FIXED64, VARINT, Buffer, Int


class Shape:
    """The fields of a kind of message; with `may_grow` a newer version may have more."""

    def __init__(self, kind: str, wire_types: Mapping[int, int], *, may_grow: bool = True) -> None:
        self._kind = kind
        self._wire_types = wire_types
        self._fits = np.full(256, may_grow)  # by tag
        for number, wire_type in wire_types.items():
            self._fits[number << 3 : (number + 1) << 3] = False
            self._fits[number << 3 | wire_type] = True

    def check(self, buffer: Buffer, offset: Int, tag: NDArray[np.uint8]) -> None:
        """Check the tags of such messages' fields, uint8 [n], which stand at these offsets."""
        fits = self._fits.take(tag)
        if fits.all():
            return
        start = int(offset[fits.argmin()])
        number, wire_type = divmod(buffer.field_at(start, buffer.size).tag, 8)
        what = f"field {number} of {self._kind} with wire type {wire_type}"
        raise buffer.damage(start, f"{what}, expected {self._wire_types.get(number)}")

    def knows(self, tag: int) -> bool:
        """Tell whether a tag of any size is that of a field which is read."""
        return self._wire_types.get(tag >> 3) == tag & 7


SPACE = Shape("a trace", dict.fromkeys((1, 2, 3, 4), BYTES))
PLANE = Shape("a plane", {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: BYTES, 6: BYTES})
LINE = Shape("a line", {1: VARINT, 2: BYTES, 3: VARINT, 4: BYTES, 9: VARINT, 11: BYTES})
EVENT = Shape("an event", {1: VARINT, 2: VARINT, 3: VARINT, 4: BYTES, 5: VARINT})
STAT = Shape("a stat", {1: VARINT, 2: FIXED64, 3: VARINT, 4: VARINT, 5: BYTES, 6: BYTES, 7: VARINT})
ENTRY = Shape("an entry of a map", {1: VARINT, 2: BYTES}, may_grow=False)
EVENT_METADATA = Shape("an event's metadata", {2: BYTES, 5: BYTES})
STAT_METADATA = Shape("a stat's metadata", {2: BYTES})
