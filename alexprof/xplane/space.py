"""A trace sorted out: planes, their lines, and what the profiler says about itself.

XSpace and XPlane of tsl/profiler/protobuf/xplane.proto.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alexprof.errors import TraceError
from alexprof.xplane.event_stats import Dictionary
from alexprof.xplane.lines import read_lines
from alexprof.xplane.schema import PLANE, SPACE
from alexprof.xplane.trace import Line, Plane, Trace
from alexprof.xplane.walk import Bodies
from alexprof.xplane.wire import Buffer, Field, signed

_PLANE, _ERROR, _WARNING, _HOST = 0x0A, 0x12, 0x1A, 0x22
_ID, _NAME = 0x08, 0x12
_LINE, _EVENT_METADATA, _STAT_METADATA, _STAT = 0x1A, 0x22, 0x2A, 0x32


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
        self, buffer: Buffer, lines: tuple[Line, ...], offsets: NDArray[np.int64], origin_ns: int
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
    errors, warnings, hosts = (tuple(texts[tag]) for tag in (_ERROR, _WARNING, _HOST))
    origin_ns, planes = _planes(buffer, drafts)
    return Trace(buffer.source, hosts, errors, warnings, origin_ns, planes)


def _planes(buffer: Buffer, drafts: Sequence[_PlaneDraft]) -> tuple[int, tuple[Plane, ...]]:
    """Read the lines of all planes, together because that is faster; return origin and planes."""
    spans = [draft.spans[_LINE].columns() for draft in drafts]
    start, stop = np.concatenate([np.empty((2, 0), np.int64), *spans], axis=1)
    lines, has_events, offsets = read_lines(buffer, start, stop)
    busy = (line for line, is_busy in zip(lines, has_events.tolist(), strict=True) if is_busy)
    origin_ns = min((line.timestamp_ns for line in busy), default=0)
    planes, first = [], 0
    for draft in drafts:
        last = first + len(draft.spans[_LINE])
        planes.append(draft.finish(buffer, tuple(lines[first:last]), offsets, origin_ns))
        first = last
    return origin_ns, tuple(planes)
