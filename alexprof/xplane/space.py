"""A trace sorted out: planes, their lines, and what the profiler says about itself.

XSpace, XPlane and XLine of tsl/profiler/protobuf/xplane.proto. A line's fields come in any order,
and its display name mostly comes last, so the way to it leads past all events. That is done for all
lines together.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alexprof.errors import TraceError
from alexprof.xplane.chain import EVENT_TAG, field_offsets
from alexprof.xplane.event_stats import Dictionary
from alexprof.xplane.fields import fields_at
from alexprof.xplane.schema import LINE, PLANE, SPACE
from alexprof.xplane.trace import Line, Plane, Trace
from alexprof.xplane.walk import Bodies, FieldStep, bodies_of
from alexprof.xplane.wire import Bool, Buffer, Field, Int, signed

_PLANE, _ERROR, _WARNING, _HOST = 0x0A, 0x12, 0x1A, 0x22
_ID, _NAME = 0x08, 0x12
_LINE, _EVENT_METADATA, _STAT_METADATA, _STAT = 0x1A, 0x22, 0x2A, 0x32
_LINE_ID, _LINE_NAME, _TIMESTAMP, _DISPLAY_NAME = 0x08, 0x12, 0x18, 0x5A


class _Spans:
    """Begins and ends of messages, in little memory."""

    def __init__(self) -> None:
        self._start, self._stop = array("q"), array("q")

    def add(self, message: Field) -> None:
        self._start.append(message.stop - message.value)
        self._stop.append(message.stop)

    def __len__(self) -> int:
        return len(self._start)

    def columns(self) -> tuple[Int, Int]:
        return np.frombuffer(self._start, np.int64), np.frombuffer(self._stop, np.int64)


class _PlaneDraft:
    """A plane of which only the fields are sorted out."""

    def __init__(self, buffer: Buffer, start: int, stop: int) -> None:
        self.id, self.name = 0, ""
        self.spans = {tag: _Spans() for tag in (_LINE, _EVENT_METADATA, _STAT_METADATA, _STAT)}
        for field in buffer.fields(start, stop):
            spans = self.spans.get(field.tag)
            if spans is not None:
                spans.add(field)
            elif field.tag == _ID:
                self.id = signed(field.value)
            elif field.tag == _NAME:
                self.name = buffer.text(*field.span)
            else:
                PLANE.check_one(buffer, field)

    def finish(
        self, buffer: Buffer, lines: tuple[Line, ...], offsets: Int, origin_ns: int
    ) -> Plane:
        """Make the plane, now that its lines are known."""
        events, names = (self.spans[tag].columns() for tag in (_EVENT_METADATA, _STAT_METADATA))
        start, stop = self.spans[_STAT].columns()
        return Plane(
            id=self.id,
            name=self.name,
            lines=lines,
            dictionary=Dictionary(buffer, events, names),
            stats=Bodies(np.zeros(len(start), np.int64), start, stop),
            offsets=offsets,
            origin_ns=origin_ns,
        )


def read_space(buffer: Buffer) -> Trace:
    """Read a trace up to its events."""
    drafts: list[_PlaneDraft] = []
    texts: dict[int, list[str]] = {_ERROR: [], _WARNING: [], _HOST: []}
    for field in buffer.fields(0, buffer.size):
        if field.tag == _PLANE:
            drafts.append(_PlaneDraft(buffer, *field.span))
        elif field.tag in texts:
            texts[field.tag].append(buffer.text(*field.span))
        else:
            SPACE.check_one(buffer, field)
    if not drafts and not any(texts.values()):
        raise TraceError(f"{buffer.source}: byte 0: no trace in it; give a .xplane.pb file")
    origin_ns, planes = _planes(buffer, drafts)
    errors, warnings = tuple(texts[_ERROR]), tuple(texts[_WARNING])
    return Trace(buffer.source, errors, warnings, origin_ns, planes)


def _planes(buffer: Buffer, drafts: Sequence[_PlaneDraft]) -> tuple[int, tuple[Plane, ...]]:
    """Read the lines of all planes, together because that is faster; return origin and planes."""
    spans = [draft.spans[_LINE].columns() for draft in drafts]
    start, stop = np.concatenate([np.empty((2, 0), np.int64), *spans], axis=1)
    lines, has_events, offsets = _read_lines(buffer, start, stop)
    busy = (line for line, is_busy in zip(lines, has_events.tolist(), strict=True) if is_busy)
    origin_ns = min((line.timestamp_ns for line in busy), default=0)
    planes, first = [], 0
    for draft in drafts:
        last = first + len(draft.spans[_LINE])
        planes.append(draft.finish(buffer, tuple(lines[first:last]), offsets, origin_ns))
        first = last
    return origin_ns, tuple(planes)


class _Lines(NamedTuple):
    """All lines of a trace."""

    lines: list[Line]  # in file order
    has_events: Bool  # [lines], whether each has any
    offsets: Int  # int64, where the fields of all lines begin


def _read_lines(buffer: Buffer, start: Int, stop: Int) -> _Lines:
    """Read lines up to their events, given where they begin and end, in file order."""
    count = len(start)
    offsets = field_offsets(buffer, start, stop)
    first, last = np.searchsorted(offsets, start), np.searchsorted(offsets, stop)
    other = offsets[buffer.data[offsets] != EVENT_TAG]
    owner = np.searchsorted(start, other, "right") - 1
    heads = FieldStep(owner, fields_at(buffer, other, stop[owner]))
    LINE.check(buffer, other, heads.fields.tag)
    names = zip(
        *(_texts(buffer, heads, tag, count) for tag in (_LINE_NAME, _DISPLAY_NAME)), strict=True
    )
    rows = zip(
        _numbers(heads, _LINE_ID, count),
        (display_name or name for name, display_name in names),
        _numbers(heads, _TIMESTAMP, count),
        first.tolist(),
        last.tolist(),
        stop.tolist(),
        strict=True,
    )
    has_events = last - first > np.bincount(owner, minlength=count)
    return _Lines([Line(*row) for row in rows], has_events, offsets)


def _numbers(heads: FieldStep, tag: int, count: int) -> list[int]:
    column = np.zeros(count, np.int64)
    line, fields = heads.of(tag)
    column[line] = fields.value
    numbers: list[int] = column.tolist()
    return numbers


def _texts(buffer: Buffer, heads: FieldStep, tag: int, count: int) -> list[str]:
    start, stop = np.zeros((2, count), np.int64)
    line, begin, end = bodies_of(heads, tag)
    start[line], stop[line] = begin, end
    return [buffer.text(*span) for span in zip(start.tolist(), stop.tolist(), strict=True)]
