"""Traces made by hand, so that a test can say what is in them and knows the right answer.

    trace = TraceBuilder(hosts=["vm"])
    line = trace.plane("/host:CPU").line("tf_Compute/1")
    line.event("conv1:Conv2D", start_ps=1_000, duration_ps=500, stats={"step_num": 3})
    trace.write(tmp_path / "vm.xplane.pb")

The bytes follow tsl/profiler/protobuf/xplane.proto and are written with an encoder of their own,
so that a mistake in `alexprof.xplane` can't hide in its own tests.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class Ref:
    """A string written once for the plane, as a stat's name, and referred to by its number."""

    text: str


@dataclass(frozen=True)
class Unsigned:
    """An integer written as `uint64_value` (plain ints are written as `int64_value`)."""

    value: int


StatValue: TypeAlias = "int | float | str | bytes | Ref | Unsigned"
Stats: TypeAlias = "Mapping[str, StatValue]"


def varint(value: int) -> bytes:
    """Encode in base 128, lowest group first; negative numbers as two's complement of 64 bits."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def integer(number: int, value: int) -> bytes:
    return tag(number, VARINT) + varint(value)


def double(number: int, value: float) -> bytes:
    return tag(number, FIXED64) + struct.pack("<d", value)


def text(number: int, value: str) -> bytes:
    return message(number, value.encode())


def message(number: int, body: bytes) -> bytes:
    return tag(number, BYTES) + varint(len(body)) + body


@dataclass
class TraceBuilder:
    """An XSpace: planes, hosts, and what the profiler has to say about itself."""

    hosts: Sequence[str] = ("vm",)
    planes: list[PlaneBuilder] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def plane(self, name: str, id: int = 0, stats: Stats | None = None) -> PlaneBuilder:  # noqa: A002
        plane = PlaneBuilder(name, id, stats or {})
        self.planes.append(plane)
        return plane

    def warning(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def error(self, sentence: str) -> None:
        self.errors.append(sentence)

    def to_bytes(self) -> bytes:
        parts = [message(1, plane.to_bytes()) for plane in self.planes]
        for number, sentences in ((2, self.errors), (3, self.warnings), (4, self.hosts)):
            parts += [text(number, sentence) for sentence in sentences]
        return b"".join(parts)

    def write(self, path: str | Path) -> Path:
        """Write the trace, with the folders that lead to it."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.to_bytes())
        return path


@dataclass
class PlaneBuilder:
    """An XPlane: lines, and the names that their events refer to."""

    name: str
    id: int
    stats: Stats
    lines: list[LineBuilder] = field(default_factory=list)
    _event_ids: dict[str, int] = field(default_factory=dict)
    _event_extras: dict[str, bytes] = field(default_factory=dict)
    _stat_ids: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stats = self.encoded(6, self.stats)

    def line(
        self,
        name: str,
        id: int | None = None,  # noqa: A002
        timestamp_ns: int = 0,
        *,
        display_name: str = "",
    ) -> LineBuilder:
        """Add a line; without `id` it gets the next number, from 1."""
        number = len(self.lines) + 1 if id is None else id
        line = LineBuilder(self, name, number, timestamp_ns, display_name)
        self.lines.append(line)
        return line

    def describe(
        self, event: str, stats: Stats, display_name: str = "", *, raw: bytes = b""
    ) -> None:
        """Give an event's metadata stats of its own, which hold for all events of that name.

        `raw` are bytes to put among them, for tests of the reader.
        """
        self.event_id(event)
        extra = (text(4, display_name) if display_name else b"") + raw + self.encoded(5, stats)
        self._event_extras[event] = self._event_extras.get(event, b"") + extra

    def number(self, event: str, id: int) -> None:  # noqa: A002
        """Give an event's metadata a number, not the next one."""
        self._event_ids[event] = id

    def event_id(self, name: str) -> int:
        return self._event_ids.setdefault(name, len(self._event_ids) + 1)

    def stat_id(self, name: str) -> int:
        return self._stat_ids.setdefault(name, len(self._stat_ids) + 1)

    def stat(self, name: str, value: StatValue) -> bytes:
        """Return the body of an XStat."""
        return integer(1, self.stat_id(name)) + self._value(value)

    def encoded(self, number: int, stats: Stats) -> bytes:
        return b"".join(message(number, self.stat(*item)) for item in stats.items())

    def _value(self, value: StatValue) -> bytes:
        match value:
            case int():
                return integer(4, value)
            case float():
                return double(2, value)
            case str():
                return text(5, value)
            case bytes():
                return message(6, value)
            case Ref():
                return integer(7, self.stat_id(value.text))
            case Unsigned():
                return integer(3, value.value)

    def to_bytes(self) -> bytes:
        parts = [integer(1, self.id), text(2, self.name)]
        parts += [message(3, line.to_bytes()) for line in self.lines]
        for name, number in self._event_ids.items():
            value = integer(1, number) + text(2, name) + self._event_extras.get(name, b"")
            parts.append(message(4, integer(1, number) + message(2, value)))
        for name, number in self._stat_ids.items():
            value = integer(1, number) + text(2, name)
            parts.append(message(5, integer(1, number) + message(2, value)))
        return b"".join([*parts, self._stats])


@dataclass
class LineBuilder:
    """An XLine: events on one clock, of a thread or of a stream of a device."""

    plane: PlaneBuilder
    name: str
    id: int
    timestamp_ns: int
    display_name: str
    _parts: list[bytes] = field(default_factory=list)

    def event(
        self,
        name: str,
        start_ps: int,
        duration_ps: int,
        stats: Stats | None = None,
        *,
        raw: bytes = b"",
    ) -> None:
        """Add an event.

        Args:
            name: The name its metadata gets.
            start_ps: Begin on the trace's clock, so the line's `timestamp_ns` is inside it.
            duration_ps: Duration.
            stats: Its stats by name.
            raw: Bytes to put at the end of its body, for tests of the reader.
        """
        self._add(name, integer(2, start_ps - self.timestamp_ns * 1000), duration_ps, stats, raw)

    def aggregate(
        self, name: str, occurrences: int, duration_ps: int, stats: Stats | None = None
    ) -> None:
        """Add an event that stands for several executions and has no begin."""
        self._add(name, integer(5, occurrences), duration_ps, stats, b"")

    def _add(
        self, name: str, data: bytes, duration_ps: int, stats: Stats | None, raw: bytes
    ) -> None:
        plane = self.plane
        body = integer(1, plane.event_id(name)) + data + integer(3, duration_ps)
        self.raw(message(4, body + plane.encoded(4, stats or {}) + raw))

    def raw(self, field: bytes) -> None:
        """Put bytes between the events, for tests of the reader."""
        self._parts.append(field)

    def to_bytes(self) -> bytes:
        head = integer(1, self.id) + text(2, self.name) + integer(3, self.timestamp_ns)
        tail = text(11, self.display_name) if self.display_name else b""
        return head + b"".join(self._parts) + tail
