"""All lines of a trace: their names and clocks, and where their events stand.

XLine of tsl/profiler/protobuf/xplane.proto. A line's fields come in any order, and its display name
mostly comes last, so the way to it leads past all events. That is done for all lines together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.chain import EVENT_TAG, offsets_of_whole
from alexprof.xplane.fields import fields_at
from alexprof.xplane.schema import LINE
from alexprof.xplane.trace import Line
from alexprof.xplane.walk import Step, bodies_of
from alexprof.xplane.wire import Buffer, DamageError, signed

_ID, _NAME, _TIMESTAMP, _DURATION, _DISPLAY_NAME = 0x08, 0x12, 0x18, 0x48, 0x5A
# An event has an id, a time and a duration, which takes this much at the least.
_SHORTEST_EVENT_BYTES = 8
_MOST_HEAD_FIELDS, _FEW_FIELDS = 16, 1 << 16  # besides the events: six that are known


class Lines(NamedTuple):
    """All lines of a trace.

    Attributes:
        lines: In file order; of damaged ones only what stands before their events.
        events: int64 [lines], how many events each has.
        offsets: int64, where the fields of all whole lines begin.
        damaged: What is wrong with the lines that are not whole, by index.
    """

    lines: list[Line]
    events: NDArray[np.int64]
    offsets: NDArray[np.int64]
    damaged: dict[int, DamageError]


def read_lines(buffer: Buffer, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Lines:
    """Read lines up to their events.

    Args:
        buffer: The trace.
        start: int64 [lines], where the lines begin, ascending.
        stop: int64 [lines], where they end.

    Raises:
        TraceError: They have so many fields that they can't be events.
    """
    count = len(start)
    offsets, damaged = offsets_of_whole(buffer, start, stop, _SHORTEST_EVENT_BYTES)
    first, last = np.searchsorted(offsets, start), np.searchsorted(offsets, stop)
    other = offsets[buffer.data[offsets] != EVENT_TAG]
    most = count * _MOST_HEAD_FIELDS + _FEW_FIELDS
    if len(other) > most:
        raise buffer.noise(int(other[most]), f"more than {most} fields in {count} lines")
    owner = np.searchsorted(start, other, "right") - 1
    heads = Step(owner, fields_at(buffer, other, stop[owner]))
    damaged |= _misfits(buffer, heads, other)
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
    lines = [Line(*row) for row in rows]
    for place in damaged:
        lines[place] = _head(buffer, int(start[place]), int(stop[place]))
    events = last - first - np.bincount(owner, minlength=count)
    return Lines(lines, events, offsets, damaged)


def _misfits(buffer: Buffer, heads: Step, offset: NDArray[np.int64]) -> dict[int, DamageError]:
    """Find lines with fields that no line can have."""
    wrong, unknown = LINE.faults(heads.lane, heads.fields.tag)
    timed, _ = heads.of(_TIMESTAMP)
    odd = unknown & (LINE.may_hold(buffer, offset) | ~np.isin(heads.lane, timed))
    if odd.any():
        buffer.say_unknown(int(offset[odd.argmax()]), LINE.kind)
    lines, row = np.unique(heads.lane[wrong], return_index=True)
    places = offset[wrong][row].tolist()
    pairs = zip(lines.tolist(), places, strict=True)
    return {line: buffer.damage(place, LINE.misfit) for line, place in pairs}


def _head(buffer: Buffer, start: int, stop: int) -> Line:
    """Read id and name of a damaged line as far as possible, to say which it is."""
    number, name = 0, ""
    try:
        for one in buffer.fields(start, stop):
            if one.tag == _ID:
                number = signed(one.value)
            elif one.tag == _NAME:
                name = buffer.text(one.stop - one.value, one.stop)
            elif one.tag == EVENT_TAG:
                break
    except DamageError:
        pass  # what stands before it is enough
    return Line(number, name, 0, 0)


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
