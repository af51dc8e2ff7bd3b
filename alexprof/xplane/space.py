"""A trace sorted out: planes, their lines, and what the profiler says about itself.

XSpace and XPlane of tsl/profiler/protobuf/xplane.proto.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alexprof.errors import TraceError
from alexprof.xplane.events import Dictionary
from alexprof.xplane.lines import read_lines
from alexprof.xplane.trace import Line, Plane, Trace
from alexprof.xplane.walk import Bodies
from alexprof.xplane.wire import Buffer, Field, signed

_PLANE, _ERROR, _WARNING, _HOST = 0x0A, 0x12, 0x1A, 0x22
_ID, _NAME = 0x08, 0x12
_LINE, _EVENT_METADATA, _STAT_METADATA, _STAT = 0x1A, 0x22, 0x2A, 0x32

# No machine has so many devices or threads: what claims to is noise, and would cost gigabytes.
_MOST_PLANES = 1 << 16
_MOST_LINES = 1 << 20


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
        return np.array(self._start, np.int64), np.array(self._stop, np.int64)


class _PlaneDraft:
    """A plane of which only the fields are sorted out."""

    def __init__(self, buffer: Buffer, start: int, stop: int) -> None:
        self.id, self.name = 0, ""
        self.spans = {tag: _Spans() for tag in (_LINE, _EVENT_METADATA, _STAT_METADATA, _STAT)}
        for one in buffer.fields(start, stop):
            if one.tag in self.spans:
                self.spans[one.tag].add(one)
            elif one.tag == _ID:
                self.id = signed(one.value)
            elif one.tag == _NAME:
                self.name = _text(buffer, one)

    def finish(
        self, buffer: Buffer, lines: tuple[Line, ...], offsets: NDArray[np.int64], origin_ns: int
    ) -> Plane:
        """Make the plane, now that its lines are known."""
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


def read_space(buffer: Buffer) -> Trace:
    """Read a trace up to its events.

    Raises:
        TraceError: It is damaged outside its events and metadata, or is no trace.
    """
    drafts: list[_PlaneDraft] = []
    sentences: dict[int, list[str]] = {_ERROR: [], _WARNING: [], _HOST: []}
    for one in buffer.fields(0, buffer.size):
        if one.tag == _PLANE:
            drafts.append(_PlaneDraft(buffer, one.stop - one.value, one.stop))
            if len(drafts) > _MOST_PLANES:
                raise buffer.damage(one.stop, f"more than {_MOST_PLANES} planes")
        elif one.tag in sentences:
            sentences[one.tag].append(_text(buffer, one))
    if not drafts and not any(sentences.values()):
        raise TraceError(f"{buffer.source}: byte 0: no trace in it; give a .xplane.pb file")
    errors, warnings, hosts = (tuple(sentences[tag]) for tag in (_ERROR, _WARNING, _HOST))
    origin_ns, planes = _planes(buffer, drafts)
    return Trace(buffer.source, hosts, errors, warnings, origin_ns, planes)


def _planes(buffer: Buffer, drafts: Sequence[_PlaneDraft]) -> tuple[int, tuple[Plane, ...]]:
    """Read the lines of all planes, together because that is faster; return origin and planes."""
    spans = [draft.spans[_LINE].columns() for draft in drafts]
    start, stop = np.concatenate([np.empty((2, 0), np.int64), *spans], axis=1)
    if len(start) > _MOST_LINES:
        raise buffer.damage(int(start[_MOST_LINES]), f"more than {_MOST_LINES} lines")
    lines = read_lines(buffer, start, stop)
    busy = zip(lines.lines, lines.events.tolist(), strict=True)
    origin_ns = min((line.timestamp_ns for line, events in busy if events), default=0)
    planes, first = [], 0
    for draft in drafts:
        last = first + len(draft.spans[_LINE])
        own = tuple(lines.lines[first:last])
        planes.append(draft.finish(buffer, own, lines.offsets, origin_ns))
        first = last
    return origin_ns, tuple(planes)


def _text(buffer: Buffer, one: Field) -> str:
    return buffer.text(one.stop - one.value, one.stop)
