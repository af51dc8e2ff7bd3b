"""All lines of a trace: their names and clocks, and where their events stand.

XLine of tsl/profiler/protobuf/xplane.proto. A line's fields come in any order, and its display name
mostly comes last, so the way to it leads past all events. That is done for all lines together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.chain import EVENT_TAG, field_offsets
from alexprof.xplane.fields import fields_at
from alexprof.xplane.schema import LINE
from alexprof.xplane.trace import Line
from alexprof.xplane.walk import Step, bodies_of
from alexprof.xplane.wire import Buffer

_ID, _NAME, _TIMESTAMP, _DURATION, _DISPLAY_NAME = 0x08, 0x12, 0x18, 0x48, 0x5A


class Lines(NamedTuple):
    """All lines of a trace."""

    lines: list[Line]  # in file order
    has_events: NDArray[np.bool_]  # [lines], whether each has any
    offsets: NDArray[np.int64]  # int64, where the fields of all lines begin


def read_lines(buffer: Buffer, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Lines:
    """Read lines up to their events.

    Args:
        buffer: The trace.
        start: int64 [lines], where the lines begin, ascending.
        stop: int64 [lines], where they end.
    """
    count = len(start)
    offsets = field_offsets(buffer, start, stop)
    first, last = np.searchsorted(offsets, start), np.searchsorted(offsets, stop)
    other = offsets[buffer.data[offsets] != EVENT_TAG]
    owner = np.searchsorted(start, other, "right") - 1
    heads = Step(owner, fields_at(buffer, other, stop[owner]))
    LINE.check(buffer, other, heads.fields.tag)
    names = zip(*(_texts(buffer, heads, tag, count) for tag in (_NAME, _DISPLAY_NAME)), strict=True)
    rows = zip(
        _numbers(heads, _ID, count),
        (display_name or name for name, display_name in names),
        _numbers(heads, _TIMESTAMP, count),
        _numbers(heads, _DURATION, count),
        first.tolist(),
        last.tolist(),
        stop.tolist(),
        strict=True,
    )
    has_events = last - first > np.bincount(owner, minlength=count)
    return Lines([Line(*row) for row in rows], has_events, offsets)


def _numbers(heads: Step, tag: int, count: int) -> list[int]:
    column = np.zeros(count, np.int64)
    line, fields = heads.of(tag)
    column[line] = fields.value
    numbers: list[int] = column.tolist()
    return numbers


def _texts(buffer: Buffer, heads: Step, tag: int, count: int) -> list[str]:
    start, stop = np.zeros((2, count), np.int64)
    line, begin, end = bodies_of(heads, tag)
    start[line], stop[line] = begin, end
    return [buffer.text(*span) for span in zip(start.tolist(), stop.tolist(), strict=True)]
