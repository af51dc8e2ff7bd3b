"""Perfetto's own trace format, for ui.perfetto.dev: tracks, slices with arguments, nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from alexprof.errors import RunError
from alexprof.export.selected import Place, Selected
from alexprof.plain_text import clean

if TYPE_CHECKING:
    from alexprof.attribute.lanes import Timeline
    from alexprof.attribute.timeline import Int

_SEQUENCE = 1
_BEGIN, _END = 1, 2  # TrackEvent.Type
_NEW_STATE, _NEEDS_STATE = 1, 2  # TracePacket.SequenceFlags


def write_perfetto(selected: Selected, file: BinaryIO) -> None:
    """Writes a group of tracks for each device of each phase, a track for each lane's row."""
    try:
        from perfetto.trace_builder.proto_builder import TraceProtoBuilder
    except ImportError as error:
        raise RunError("this export needs Perfetto's package: pip install perfetto") from error
    trace = _Trace(TraceProtoBuilder())
    for place, timeline in selected.timelines():
        trace.add(place, timeline)
    file.write(trace.builder.serialize())


class _Trace:
    """Packets of one sequence, whose names are sent once."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.tracks = 0
        self.names: dict[str, int] = {}
        self.first = True

    def add(self, place: Place, timeline: Timeline) -> None:
        """Adds a phase."""
        groups = {
            device: self._track(f"{place.label}, {device}")
            for device in dict.fromkeys(
                [timeline.device, *(lane.device for lane in timeline.lanes)]
            )
        }
        steps = self._track("steps", groups[timeline.device])
        begin_ns = timeline.begin_ps // 1000
        ends_ns = (timeline.begin_ps + timeline.wall_ps) // 1000
        for number, begin, end in zip(
            timeline.step_numbers.tolist(), begin_ns.tolist(), ends_ns.tolist(), strict=True
        ):
            self._slice(steps, f"step {number}", (begin, end), {})
        start = (timeline.begin_ps[timeline.step] + timeline.start_ps) // 1000
        end = (timeline.begin_ps[timeline.step] + timeline.end_ps) // 1000
        texts = [
            {"layer": op.layer, "pass": op.pass_, "kind": op.kind, "type": op.type}
            for op in timeline.ops
        ]
        for number, lane in enumerate(timeline.lanes):
            events = np.flatnonzero(timeline.lane == number)
            for row in rows_of(start, end, events):
                track = self._track(lane.name, groups[lane.device])
                for event in row:
                    op = int(timeline.op[event])
                    kernel = int(timeline.kernel[event])
                    arguments = dict(texts[op])
                    if kernel >= 0:
                        arguments["kernel"] = timeline.kernels[kernel]
                    times = int(start[event]), int(end[event])
                    share_ns = float(timeline.share_ps[event]) / 1000
                    self._slice(track, timeline.ops[op].name, times, arguments, share_ns)

    def _track(self, name: str, parent: int = 0) -> int:
        self.tracks += 1
        descriptor = self.builder.add_packet().track_descriptor
        descriptor.uuid = self.tracks
        descriptor.name = clean(name)
        if parent:
            descriptor.parent_uuid = parent
        return self.tracks

    def _slice(
        self,
        track: int,
        name: str,
        times: tuple[int, int],
        arguments: dict[str, str],
        share_ns: float | None = None,
    ) -> None:
        packet = self._packet(times[0])
        known = self.names.get(name)
        if known is None:
            known = self.names[name] = len(self.names) + 1
            interned = packet.interned_data.event_names.add()
            interned.iid, interned.name = known, clean(name)
        event = packet.track_event
        event.type, event.track_uuid, event.name_iid = _BEGIN, track, known
        for key, value in arguments.items():
            annotation = event.debug_annotations.add()
            annotation.name, annotation.string_value = key, clean(value)
        if share_ns is not None:
            annotation = event.debug_annotations.add()
            annotation.name, annotation.double_value = "share_ns", share_ns
        packet = self._packet(times[1])
        packet.track_event.type, packet.track_event.track_uuid = _END, track

    def _packet(self, time_ns: int) -> Any:
        packet = self.builder.add_packet()
        packet.timestamp = max(time_ns, 0)
        packet.trusted_packet_sequence_id = _SEQUENCE
        packet.sequence_flags = _NEEDS_STATE | (_NEW_STATE if self.first else 0)
        self.first = False
        return packet


def rows_of(start: Int, end: Int, events: Int) -> Sequence[Sequence[int]]:
    """Divides events, in order of begin, into rows in which none begins before another has ended.

    Perfetto's slices of a track have to nest.
    """
    ends: list[int] = []
    rows: list[list[int]] = []
    for event in events.tolist():
        begins = int(start[event])
        row = next((number for number, last in enumerate(ends) if last <= begins), len(rows))
        if row == len(rows):
            rows.append([])
            ends.append(0)
        rows[row].append(event)
        ends[row] = max(int(end[event]), begins)
    return rows
