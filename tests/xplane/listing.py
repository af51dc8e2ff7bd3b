"""A trace as plain lists, from AlexProf's reader and, the slow way, from protobuf's own parser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from alexprof.xplane import Events, Plane, Trace


class Event(NamedTuple):
    """An event with all that belongs to it looked up; the begin counts from the clock's zero."""

    line: int
    name: str
    start_ps: int
    duration_ps: int
    occurrences: int
    texts: dict[str, str]
    ints: dict[str, int]


SCOPES = "/host:__ScopeRangeCallStack__"
UNREAD = {
    "XLine": ("display_id",),
    "XEventMetadata": ("id", "metadata", "display_name", "child_id"),
    "XStatMetadata": ("id", "description"),
}


class PlaneListing(NamedTuple):
    """A plane with everything in it; of lines id, name and begin in ns."""

    id: int
    name: str
    lines: list[tuple[int, str, int]]
    stats: dict[str, Any]
    events: list[Event]


def listed(trace: Trace, stats: Iterable[str]) -> list[PlaneListing]:
    """List what AlexProf reads: everything, and of the events' stats those named."""
    return [
        PlaneListing(
            plane.id,
            plane.name,
            [(line.id, line.name, line.timestamp_ns) for line in plane.lines],
            plane.stats,
            list(_events(trace.origin_ns, plane, list(stats))),
        )
        for plane in trace.planes
    ]


def _events(origin_ns: int, plane: Plane, stats: list[str]) -> Iterator[Event]:
    events = plane.events()
    texts: list[dict[str, str]] = [{} for _ in range(len(events))]
    ints: list[dict[str, int]] = [{} for _ in range(len(events))]
    for stat in stats:
        _fill(events, stat, texts, ints)
    for row in range(len(events)):
        yield Event(
            int(events.line[row]),
            events.names[events.name[row]],
            int(events.start_ps[row]) + origin_ns * 1000,
            int(events.duration_ps[row]),
            int(events.occurrences[row]),
            texts[row],
            ints[row],
        )


def _fill(
    events: Events, stat: str, texts: list[dict[str, str]], ints: list[dict[str, int]]
) -> None:
    index, table = events.strings(stat)
    for row, place in enumerate(index.tolist()):
        if place >= 0:
            texts[row][stat] = table[place]
    value, present = events.ints(stat)
    for row in present.nonzero()[0].tolist():
        ints[row][stat] = int(value[row])


@cache
def _xspace() -> Any:
    """Return the class of protobuf's own messages, but with what AlexProf does not look at unknown.

    That are fields that it doesn't read, and whether texts are UTF-8.
    """
    from google.protobuf import (
        descriptor_pb2,
        descriptor_pool,
        message_factory,
    )
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    file = descriptor_pb2.FileDescriptorProto()
    xplane_pb2.DESCRIPTOR.CopyToProto(file)
    for message in file.message_type:
        fields = [
            field for field in message.field if field.name not in UNREAD.get(message.name, ())
        ]
        for field in fields:
            if field.type == field.TYPE_STRING:
                field.type = field.TYPE_BYTES
        del message.field[:]
        message.field.extend(fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    name = xplane_pb2.XSpace.DESCRIPTOR.full_name
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def listed_by_protobuf(data: bytes) -> list[PlaneListing]:
    """List what protobuf's parser reads, with all stats. Imports TensorFlow, which takes seconds.

    Raises:
        google.protobuf.message.DecodeError: The bytes are no trace.
    """
    space = _xspace()()
    space.ParseFromString(data)
    return [_plane_by_protobuf(plane) for plane in space.planes]


def stats_in(planes: list[PlaneListing]) -> set[str]:
    """Return the names of all stats of events in a listing."""
    return {stat for plane in planes for event in plane.events for stat in event.texts}


def _plane_by_protobuf(plane: Any) -> PlaneListing:
    names = {key: text_of(value.name) for key, value in plane.stat_metadata.items()}
    stats: dict[str, Any] = {}
    for stat in plane.stats:
        # In the plane of scopes the ids are numbers of scopes, and not of names.
        if stat.WhichOneof("value") and text_of(plane.name) != SCOPES:
            stats.setdefault(names.get(stat.metadata_id, ""), _value(stat, names))
    return PlaneListing(
        plane.id,
        text_of(plane.name),
        [
            (line.id, text_of(line.display_name or line.name), line.timestamp_ns)
            for line in plane.lines
        ],
        stats,
        list(_events_by_protobuf(plane, names)),
    )


def _events_by_protobuf(plane: Any, names: dict[int, str]) -> Iterator[Event]:
    metadata = dict(plane.event_metadata.items())
    for place, line in enumerate(plane.lines):
        for event in line.events:
            entry = metadata.get(event.metadata_id)
            texts: dict[str, str] = {}
            ints: dict[str, int] = {}
            for stat in (*event.stats, *(entry.stats if entry else ())):
                name, value = names.get(stat.metadata_id), _value(stat, names)
                if name is not None and value is not None:
                    texts.setdefault(name, text_of(value))
                    number = int_of(value)
                    if number is not None:
                        ints.setdefault(name, number)
            yield Event(
                place,
                text_of(entry.name) if entry else "",
                line.timestamp_ns * 1000 + event.offset_ps,
                event.duration_ps,
                event.num_occurrences if event.WhichOneof("data") == "num_occurrences" else 1,
                texts,
                ints,
            )


def _value(stat: Any, names: dict[int, str]) -> Any:
    kind = stat.WhichOneof("value")
    if kind is None:
        return None
    if kind == "ref_value":
        return names.get(stat.ref_value, "")
    value = getattr(stat, kind)
    return text_of(value) if kind == "str_value" else value


def text_of(value: float | str | bytes) -> str:
    """Return what `Events.strings` makes of a stat's value."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def int_of(value: float | str | bytes) -> int | None:
    """Return what `Events.ints` makes of a stat's value, None if it finds no integer."""
    if isinstance(value, float) or not re.fullmatch("-?[0-9]{1,20}", text_of(value)):
        return None
    number = int(value)
    if not -(1 << 63) <= number < 1 << 64:
        return None
    return number if number < 1 << 63 else number - (1 << 64)
