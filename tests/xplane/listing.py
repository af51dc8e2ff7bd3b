"""A trace as plain lists, from AlexProf's reader and, the slow way, from protobuf's own parser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from alexprof.xplane import Plane, Trace


class Event(NamedTuple):
    """An event with all that belongs to it looked up."""

    line: int
    name: str
    start_ps: int
    duration_ps: int
    occurrences: int
    texts: dict[str, str]
    ints: dict[str, int]


class PlaneListing(NamedTuple):
    """A plane with everything in it."""

    id: int
    name: str
    lines: list[tuple[int, str, int, int]]
    stats: dict[str, Any]
    events: list[Event]


def listed(trace: Trace, stats: Sequence[str] | None = None) -> list[PlaneListing]:
    """List what AlexProf reads, with some stats or with all of those there are."""
    return [_plane(trace, plane, stats) for plane in trace.planes]


def _plane(trace: Trace, plane: Plane, stats: Sequence[str] | None) -> PlaneListing:
    events = plane.events()
    if stats is None:
        stats = sorted({_name for _name in _stat_names(plane)})
    rows = [
        Event(line, events.names[name], start_ps + trace.origin_ns * 1000, *rest, {}, {})
        for line, name, start_ps, *rest in zip(
            events.line.tolist(),
            events.name.tolist(),
            events.start_ps.tolist(),
            events.duration_ps.tolist(),
            events.occurrences.tolist(),
            strict=True,
        )
    ]
    for stat in stats:
        index, table = events.strings(stat)
        for row, place in zip(rows, index.tolist(), strict=True):
            if place >= 0:
                row.texts[stat] = table[place]
        for row, number, present in zip(
            rows, *(column.tolist() for column in events.ints(stat)), strict=True
        ):
            if present:
                row.ints[stat] = number
    lines = [(line.id, line.name, line.timestamp_ns, line.duration_ps) for line in plane.lines]
    return PlaneListing(plane.id, plane.name, lines, plane.stats, rows)


def _stat_names(plane: Plane) -> list[str]:
    names = plane._dictionary.stats
    return [names.name(index) for index in range(len(names))]


def listed_by_protobuf(data: bytes) -> list[PlaneListing]:
    """List what protobuf's parser reads. Imports TensorFlow, which takes seconds.

    Raises:
        google.protobuf.message.DecodeError: The bytes are no trace.
    """
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(data)
    return [_plane_by_protobuf(plane) for plane in space.planes]


def _plane_by_protobuf(plane: Any) -> PlaneListing:
    lines = [
        (line.id, line.display_name or line.name, line.timestamp_ns, line.duration_ps)
        for line in plane.lines
    ]
    # `in` and get: indexing protobuf's maps would add the entry.
    names = {key: value.name for key, value in plane.stat_metadata.items()}
    metadata = dict(plane.event_metadata.items())
    events = []
    for place, line in enumerate(plane.lines):
        for event in line.events:
            entry = metadata.get(event.metadata_id)
            stats = [*event.stats, *(entry.stats if entry else ())]
            events.append(
                Event(
                    place,
                    entry.name if entry else "",
                    line.timestamp_ns * 1000 + event.offset_ps,
                    event.duration_ps,
                    event.num_occurrences if event.WhichOneof("data") == "num_occurrences" else 1,
                    _first({}, [(names.get(s.metadata_id), _text(_value(s, names))) for s in stats]),
                    _first({}, [(names.get(s.metadata_id), _int(_value(s, names))) for s in stats]),
                )
            )
    own = _first({}, [(names.get(s.metadata_id, ""), _value(s, names)) for s in plane.stats])
    return PlaneListing(plane.id, plane.name, lines, own, events)


def _first(found: dict[str, Any], pairs: Sequence[tuple[str | None, Any]]) -> dict[str, Any]:
    for name, value in pairs:
        if name is not None and value is not None:
            found.setdefault(name, value)
    return found


def _value(stat: Any, names: dict[int, str]) -> Any:
    kind = stat.WhichOneof("value")
    if kind is None:
        return None
    return names.get(stat.ref_value, "") if kind == "ref_value" else getattr(stat, kind)


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(value)


def _int(value: Any) -> int | None:
    if isinstance(value, float) or value is None:
        return None
    text = _text(value) or ""
    if not re.fullmatch("-?[0-9]{1,20}", text):
        return None
    number = int(text)
    return number if number < 1 << 63 else number - (1 << 64)
