"""From a path or from bytes to a `Trace`, up to its events.

XSpace, XPlane and XLine of tsl/profiler/protobuf/xplane.proto. A line's fields come in any order,
and its display name mostly comes last, so the way to it leads past all events. That is done for all
lines together.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from alexprof.errors import TraceError, check_count
from alexprof.xplane.event_stats import Dictionary
from alexprof.xplane.fields import fields_at
from alexprof.xplane.messages import EVENT_TAG, Parts, field_offsets
from alexprof.xplane.schema import LINE, PLANE, SPACE, Shape
from alexprof.xplane.trace import Line, Plane, Trace
from alexprof.xplane.wire import Buffer, Int

_PLANE, _ERROR, _WARNING, _HOST = 0x0A, 0x12, 0x1A, 0x22  # XSpace
_ID, _NAME = 0x08, 0x12  # XPlane
_LINE, _EVENT_METADATA, _STAT_METADATA, _STAT = 0x1A, 0x22, 0x2A, 0x32
_LINE_ID, _LINE_NAME, _TIMESTAMP, _DISPLAY_NAME = 0x08, 0x12, 0x18, 0x5A  # XLine

_PRINTABLE = frozenset(b"\t\n\r" + bytes(range(0x20, 0x7F)))
_TEXT_BYTES = 64
MOST_PLANES = 300
"""A host has one plane for itself, one for each device, and a few more."""
FEW, LEAST_BYTES = 1_000_000, 8
"""At most `FEW` lines and names, plus one for every `LEAST_BYTES` bytes."""
_TAGS = b"\x0a\x12\x1a\x22"  # of XSpace's fields; text may begin with one, and so may a trace
_GZIP, _ZIP, _XZ = b"\x1f\x8b", b"PK\x03\x04", b"\xfd7zXZ"


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a `.xplane.pb` file: its planes and lines.

    Events are decoded on demand, so damage in them may show up later.

    Raises:
        TraceError: It can't be read, changes meanwhile, is empty, or is not a trace.
        DamageError: It is cut short or damaged.
    """
    source = os.fspath(path)
    try:
        data = _load(Path(path))
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL character
        reason = getattr(error, "strerror", None) or str(error)
        raise TraceError(f"{source}: byte 0: not readable ({reason}); check the path") from error
    return parse_trace(data, source)


def parse_trace(data: bytes | memoryview, source: str = "<bytes>") -> Trace:
    """Read a trace from memory, as `read_trace` does; messages name its `source`.

    Raises:
        TraceError: It is empty or no trace.
        DamageError: It is cut short or damaged.
    """
    buffer = Buffer(memoryview(data).cast("B"), source)
    if not buffer.size:
        raise TraceError(
            f"{buffer.source}: byte 0: the file is empty; "
            "a trace over 2 GB can cause this: trace fewer steps"
        )
    mistaken = _mistaken(buffer)
    if mistaken and buffer.raw[0] not in _TAGS:
        raise mistaken
    try:
        return _read(buffer)
    except TraceError as error:
        raise mistaken or error from None


def _load(path: Path) -> memoryview:
    """Load a file into memory: if it were mapped and then truncated, the process would die."""
    # Looked at before it is opened: opening a pipe would wait for someone to write into it.
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(None, "not a regular file")
    with path.open("rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        # NumPy asks for huge pages: filling them takes a third of the time.
        rest = loaded = np.empty(before.st_size, np.uint8).data
        while rest and (count := file.readinto(rest)):  # at most 2 GB at once
            rest = rest[count:]
        after = os.fstat(file.fileno())
    if rest or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise OSError(None, "it changed while it was being read: wait until it is complete")
    return loaded


def _mistaken(buffer: Buffer) -> TraceError | None:
    """Say what the bytes seem to be, if it is something else that a user may give for a trace."""
    head = bytes(buffer.raw[:_TEXT_BYTES])
    if head.startswith((_GZIP, _ZIP, _XZ)):
        return TraceError(f"{buffer.source}: byte 0: compressed; unpack it first")
    if _PRINTABLE.issuperset(head):
        return TraceError(f"{buffer.source}: byte 0: a text file; give a .xplane.pb file")
    return None


def _read(buffer: Buffer) -> Trace:
    space = _read_one(buffer, 0, buffer.size, SPACE)
    if not len(space.of(_PLANE, _ERROR, _WARNING, _HOST).owner):
        raise TraceError(f"{buffer.source}: byte 0: no trace in it; give a .xplane.pb file")
    check_count("too_many_planes", len(space.of(_PLANE).owner), MOST_PLANES, buffer.source)
    planes = [_read_one(buffer, *span, PLANE) for span in _spans(space.of(_PLANE))]
    lines_of = [plane.of(_LINE) for plane in planes]
    lines, origin_ns, offsets = _read_lines(buffer, Parts.gather(lines_of))
    next_line = iter(lines)
    made = []
    for plane, own_lines in zip(planes, lines_of, strict=True):
        ids, names = plane.of(_ID).value.tolist(), _texts(buffer, plane.of(_NAME))
        made.append(
            Plane(
                ids[-1] if ids else 0,
                names[-1] if names else "",
                tuple(islice(next_line, len(own_lines.owner))),
                Dictionary(buffer, plane.of(_EVENT_METADATA), plane.of(_STAT_METADATA)),
                plane.of(_STAT),
                offsets,
                origin_ns,
            )
        )
    errors, warnings = (_texts(buffer, space.of(tag)) for tag in (_ERROR, _WARNING))
    return Trace(buffer.source, errors, warnings, origin_ns, tuple(made))


def _read_one(buffer: Buffer, start: int, stop: int, shape: Shape) -> Parts:
    """Read the fields of a message that are so long that each is best stepped over."""
    most = FEW + (stop - start) // LEAST_BYTES
    fields = islice(buffer.fields(start, stop), most + 1)
    offset = np.fromiter((field.start for field in fields), np.int64)
    check_count("too_many_fields", len(offset), most, buffer.source)
    none = np.zeros(len(offset), np.int64)
    parts = Parts(none, *fields_at(buffer, offset, none + stop))
    shape.check(buffer, offset, parts.tag)
    return parts


def _spans(parts: Parts) -> Iterator[tuple[int, int]]:
    return zip(parts.start.tolist(), parts.stop.tolist(), strict=True)


def _texts(buffer: Buffer, parts: Parts) -> tuple[str, ...]:
    return tuple(buffer.text(start, stop) for start, stop in _spans(parts))


def _read_lines(buffer: Buffer, lines: Parts) -> tuple[list[Line], int, Int]:
    """Read lines up to their events.

    Returns the lines, the first time of those with events, and where the fields of all begin.
    """
    start, stop = lines.start, lines.stop
    offsets = field_offsets(buffer, start, stop)
    first, last = np.searchsorted(offsets, start), np.searchsorted(offsets, stop)
    other = offsets[buffer.data[offsets] != EVENT_TAG]
    owner = np.searchsorted(start, other, "right") - 1
    heads = Parts(owner, *fields_at(buffer, other, stop[owner]))
    LINE.check(buffer, other, heads.tag)
    columns = {tag: np.zeros(len(start), np.int64) for tag in (_LINE_ID, _TIMESTAMP)}
    for tag, column in columns.items():
        numbers = heads.of(tag)
        column[numbers.owner] = numbers.value
    names = [""] * len(start)
    for tag in _LINE_NAME, _DISPLAY_NAME:  # the second goes before the first
        texts = heads.of(tag)
        for line, name in zip(texts.owner.tolist(), _texts(buffer, texts), strict=True):
            names[line] = name or names[line]
    times = columns[_TIMESTAMP][last - first > np.bincount(owner, minlength=len(start))]
    rows = zip(
        columns[_LINE_ID].tolist(),
        names,
        columns[_TIMESTAMP].tolist(),
        first.tolist(),
        last.tolist(),
        stop.tolist(),
        strict=True,
    )
    return [Line(*row) for row in rows], int(times.min()) if len(times) else 0, offsets
