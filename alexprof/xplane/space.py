"""A trace sorted out: planes, their lines, and what the profiler says about itself.

XSpace and XPlane of tsl/profiler/protobuf/xplane.proto.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from alexprof.errors import TraceError
from alexprof.xplane.event_stats import Dictionary
from alexprof.xplane.lines import Lines, read_lines
from alexprof.xplane.schema import PLANE, SPACE, UNKNOWN, WRONG, Shape
from alexprof.xplane.trace import Line, Plane, Trace
from alexprof.xplane.walk import Bodies
from alexprof.xplane.wire import BYTES, Buffer, DamageError, Field, signed

_PLANE, _ERROR, _WARNING, _HOST = 0x0A, 0x12, 0x1A, 0x22
_ID, _NAME = 0x08, 0x12
_LINE, _EVENT_METADATA, _STAT_METADATA, _STAT = 0x1A, 0x22, 0x2A, 0x32

# No machine has so many devices or threads: what claims to is noise, and would cost gigabytes.
_MOST_PLANES = 1 << 13
_MOST_LINES = 1 << 17
_MOST_FIELDS = 1 << 17
_MOST_PLANE_STATS = 1 << 16
# A plane's fields are longer than this on the average: an entry has a key, an id and a name.
_SHORTEST_FIELD_BYTES = 12
_FEW_FIELDS = 1 << 14
_NO_LETTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffd]")
_SHOWN = 60


class _Spans:
    """Begins and ends of messages, in little memory."""

    def __init__(self) -> None:
        self._start, self._stop = array("q"), array("q")

    def add(self, message: Field) -> None:
        self._start.append(message.stop - message.value)
        self._stop.append(message.stop)

    def __len__(self) -> int:
        return len(self._start)

    def columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return np.frombuffer(self._start, np.int64), np.frombuffer(self._stop, np.int64)


class _PlaneDraft:
    """A plane of which only the fields are sorted out.

    Attributes:
        id: Its number.
        name: Its name.
        spans: Its messages by tag.
    """

    def __init__(self, buffer: Buffer, start: int, stop: int) -> None:
        self.id, self.name = 0, ""
        self.spans = {tag: _Spans() for tag in (_LINE, _EVENT_METADATA, _STAT_METADATA, _STAT)}
        self._sort(buffer, start, stop)

    def _sort(self, buffer: Buffer, start: int, stop: int) -> None:
        seen, at, left = 0, start, (stop - start) // _SHORTEST_FIELD_BYTES + _FEW_FIELDS
        for one in buffer.fields(start, stop):
            spans = self.spans.get(one.tag)
            if spans is not None:
                spans.add(one)
            else:
                seen |= _checked(buffer, PLANE, at, one.tag, seen)
                if one.tag == _ID:
                    self.id = signed(one.value)
                elif one.tag == _NAME:
                    self.name = _text(buffer, one)
            at, left = one.stop, left - 1
            if not left:
                raise buffer.noise(at, "a plane of too many fields, too short to hold anything")
        if len(self.spans[_STAT]) > _MOST_PLANE_STATS:
            raise buffer.noise(start, f"more than {_MOST_PLANE_STATS} stats of a plane")

    def finish(
        self, buffer: Buffer, lines: tuple[Line, ...], offsets: NDArray[np.int64], origin_ns: int
    ) -> Plane:
        """Make the plane, now that its lines are known.

        Raises:
            TraceError: Its stats or their names are damaged.
        """
        events, names = (self.spans[tag].columns() for tag in (_EVENT_METADATA, _STAT_METADATA))
        start, stop = self.spans[_STAT].columns()
        stats = Bodies(np.zeros(len(start), np.int64), start, stop)
        dictionary = Dictionary(buffer, events, names)
        return Plane(
            id=self.id,
            name=self.name,
            lines=lines,
            dictionary=dictionary,
            stats=stats,
            offsets=offsets,
            origin_ns=origin_ns,
        )


class _Draft:
    """A trace of which only the fields are sorted out, up to its end or the first damage."""

    def __init__(self, buffer: Buffer) -> None:
        self.planes: list[_PlaneDraft] = []
        self.sentences: dict[int, list[str]] = {_ERROR: [], _WARNING: [], _HOST: []}
        self.first_damage: DamageError | None = None
        self._buffer = buffer
        self._named = True  # whether a host's name stands behind the last plane
        at = fields = 0
        try:
            for one in buffer.fields(0, buffer.size):
                self._add(at, one)
                at, fields = one.stop, fields + 1
                if fields > _MOST_FIELDS:
                    raise buffer.noise(at, f"more than {_MOST_FIELDS} planes and texts")
        except DamageError as error:
            self._lose(error, f"{_unfinished(buffer, at)} and all behind it is left out")
        else:
            self._expect_host(at)

    @property
    def is_empty(self) -> bool:
        return not self.planes and not any(self.sentences.values())

    def _add(self, at: int, one: Field) -> None:
        buffer = self._buffer
        if one.tag == _PLANE:
            self._named = False
            self._add_plane(one)
        elif one.tag in self.sentences:
            text = _sentence(buffer, one)
            if text is None:
                damage = buffer.damage(at, "binary data where a text should be")
                self._lose(damage, "it may be of a plane, and is left out")
            else:
                self.sentences[one.tag].append(text)
                self._named |= one.tag == _HOST
        else:
            _checked(buffer, SPACE, at, one.tag, 0)

    def _add_plane(self, one: Field) -> None:
        start = one.stop - one.value
        try:
            self.planes.append(_PlaneDraft(self._buffer, start, one.stop))
        except DamageError as error:
            self._lose(error, f"{_called(self._buffer, start, one.stop)} is left out")
        if len(self.planes) > _MOST_PLANES:
            raise self._buffer.noise(one.stop, f"more than {_MOST_PLANES} planes")

    def _expect_host(self, at: int) -> None:
        """A cut between two planes leaves no other trace than the name that profilers end with."""
        if not self._named and self.planes:
            damage = self._buffer.damage(at, "the file ends without the name of a host")
            self._lose(damage, "it may be cut behind a plane, with others missing")

    def _lose(self, damage: DamageError, missing: str) -> None:
        self.first_damage = self.first_damage or damage
        self._buffer.lose(damage, missing)


def read_space(buffer: Buffer) -> Trace:
    """Read a trace up to its events.

    Planes and lines that are not whole are left out, and `Trace.damage` says so.

    Raises:
        TraceError: Nothing of it is whole, or it is no trace.
    """
    draft = _Draft(buffer)
    if draft.first_damage and not draft.planes:
        raise draft.first_damage
    if draft.is_empty:
        raise TraceError(f"{buffer.source}: byte 0: no trace in it; give a .xplane.pb file")
    errors, warnings, hosts = (tuple(draft.sentences[tag]) for tag in (_ERROR, _WARNING, _HOST))
    origin_ns, planes = _planes(buffer, draft.planes)
    return Trace(buffer.source, hosts, errors, warnings, origin_ns, planes, buffer)


def _planes(buffer: Buffer, drafts: Sequence[_PlaneDraft]) -> tuple[int, tuple[Plane, ...]]:
    """Read the lines of all planes, together because that is faster; return origin and planes."""
    spans = [draft.spans[_LINE].columns() for draft in drafts]
    start, stop = np.concatenate([np.empty((2, 0), np.int64), *spans], axis=1)
    if len(start) > _MOST_LINES:
        raise buffer.noise(int(start[_MOST_LINES]), f"more than {_MOST_LINES} lines")
    lines = read_lines(buffer, start, stop)
    busy = zip(lines.lines, lines.events.tolist(), strict=True)
    whole = [one for place, one in enumerate(busy) if place not in lines.damaged]
    origin_ns = min((line.timestamp_ns for line, events in whole if events), default=0)
    planes, first = [], 0
    for draft in drafts:
        last = first + len(draft.spans[_LINE])
        own = tuple(_whole_lines(buffer, draft.name, lines, range(first, last)))
        first = last
        try:
            planes.append(draft.finish(buffer, own, lines.offsets, origin_ns))
        except DamageError as error:
            buffer.lose(error, f"plane {_shown(draft.name)} is left out")
    return origin_ns, tuple(planes)


def _whole_lines(buffer: Buffer, plane: str, lines: Lines, places: Iterable[int]) -> Iterator[Line]:
    """Sort the lines out that are not whole, so that none looks like one that ended early."""
    for place in places:
        line, damage = lines.lines[place], lines.damaged.get(place)
        if damage is None:
            yield line
        else:
            what = f"line {_shown(line.name)} (id {line.id}) of {_shown(plane)}"
            buffer.lose(damage, f"{what} is left out: what ran there is missing")


def _checked(buffer: Buffer, shape: Shape, at: int, tag: int, seen: int) -> int:
    """Check the field at an offset; returns the bit to remember."""
    bits = shape.of(tag)
    if bits == WRONG or bits & seen:
        raise buffer.damage(at, shape.misfit)
    if bits == UNKNOWN:
        if tag & 7 == BYTES:  # else it can't be a message that belongs there
            buffer.say_unknown(at, shape.kind)
        return 0
    return bits


def _unfinished(buffer: Buffer, at: int) -> str:
    """Say what begins at an offset and does not end."""
    if buffer.raw[at] != _PLANE:
        return "it"
    try:
        return _called(buffer, buffer.body_at(at), buffer.size)
    except DamageError:
        return "a plane"


def _called(buffer: Buffer, start: int, stop: int) -> str:
    """Say which plane that is, even if it can't be read to its end."""
    try:
        for one in buffer.fields(start, stop):
            if one.tag == _NAME:
                return f"plane {_shown(_text(buffer, one))}"
            if one.tag != _ID:
                break
    except DamageError:
        pass  # then it has no name
    return "a plane without a name"


def _text(buffer: Buffer, one: Field) -> str:
    return buffer.text(one.stop - one.value, one.stop)


def _sentence(buffer: Buffer, one: Field) -> str | None:
    """Decode what the profiler says; None if it can't be words."""
    text = _text(buffer, one)
    return None if _NO_LETTER.search(text) else text


def _shown(name: str) -> str:
    return ascii(name[:_SHOWN])
