"""What a reader of a trace holds: planes with lines, whose events become columns on demand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import InitVar, dataclass, field
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.event_stats import Dictionary
from alexprof.xplane.events import MOST_PS, Events
from alexprof.xplane.messages import EVENT_TAG, Parts
from alexprof.xplane.stats import StatTable, Value, read_rows
from alexprof.xplane.wire import Buffer, Int

_HOST_TRACER_LEVEL = 0x10
# Its stats (kScopeRangeIdTreePlaneName of tsl/profiler/utils/xplane_schema.cc) are no named values:
# each has the number of a scope as its id, and that of the scope around it as its value.
_SCOPES = "/host:__ScopeRangeCallStack__"


@dataclass(frozen=True)
class Line:
    """A row of the timeline: a thread of the host or a stream of a device."""

    id: int  # Its number, unique in the plane; can be negative
    name: str  # Its display name, or where it has none its name
    timestamp_ns: int  # The begin that its events' times count from, on the trace's clock
    # Where its fields are among those of all lines.
    _first: int = field(default=0, repr=False, compare=False)
    _last: int = field(default=0, repr=False, compare=False)
    # Where it ends in the file.
    _stop: int = field(default=0, repr=False, compare=False)


@dataclass(eq=False)
class Plane:
    """A device, the host, or other things that the profiler tells of the same way."""

    id: int  # Its number
    name: str  # For instance `/host:CPU` or `/device:GPU:0`
    lines: tuple[Line, ...] = field(repr=False)  # In file order
    dictionary: Dictionary = field(repr=False)  # What its events refer to
    own_stats: InitVar[Parts]
    _offsets: Int = field(repr=False)  # Where the fields of all lines of the trace begin
    _origin_ns: int = field(repr=False)

    def __post_init__(self, own_stats: Parts) -> None:
        self.stats: dict[str, Value] = {}  # Its own, by name
        # By their lines; as long as someone uses them.
        self._decoded: WeakValueDictionary[tuple[int, ...], Events] = WeakValueDictionary()
        if len(own_stats.owner) and self.name != _SCOPES:
            buffer, names = self.dictionary.buffer, self.dictionary.stats
            self.stats = StatTable(buffer, names, 1, read_rows(buffer, own_stats, names)).values()

    def may_have(self, stat: str) -> bool:
        """Tell whether any event could have a stat of a name, without a look at the events."""
        return bool(self.dictionary.stats.named(stat).any())

    def events(
        self, keep: Callable[[Line], bool] | None = None, *, stats: Collection[str] = ()
    ) -> Events:
        """Decode the events of some lines, in file order; none twice while they are in use.

        Args:
            keep: Says of each line whether its events are wanted; all are without it.
            stats: Names of the stats that will be wanted. Others take some time for each.

        Raises:
            DamageError: An event is not whole, or more than 13 days away.
        """
        kept = tuple(
            place
            for place, line in enumerate(self.lines)
            if line._first < line._last and (keep is None or keep(line))
        )
        events = self._decoded.get(kept)
        if events is None:
            events = self._decoded[kept] = self._decode(kept, stats)
        else:
            events.read_stats(stats)
        return events

    def _decode(self, kept: Sequence[int], stats: Collection[str]) -> Events:
        parts = [self._events_of(self.lines[place]) for place in kept]
        nothing = np.empty(0, np.int64)
        # Each by itself: the ends are needed for a short time only.
        offset, stop = (
            np.concatenate(column) for column in zip((nothing, nothing), *parts, strict=True)
        )
        line = np.repeat(np.array(kept, np.int32), [len(part) for part, _ in parts])
        del parts
        starts_ps = self._starts_ps(line)
        return Events(self.dictionary, offset, stop, line, starts_ps, stats=stats)

    def _events_of(self, line: Line) -> tuple[Int, Int]:
        """Return where the events of a line begin and end."""
        span = np.append(self._offsets[line._first : line._last], line._stop)
        is_event = self.dictionary.buffer.data[span[:-1]] == EVENT_TAG
        return span[:-1][is_event], span[1:][is_event]

    def _starts_ps(self, line: NDArray[np.int32]) -> Int:
        """Return where the lines begin, counted from the origin; of those that have events."""
        starts_ps = np.zeros(len(self.lines), np.int64)
        is_used = np.zeros(len(self.lines), bool)
        is_used[line] = True
        for place in np.flatnonzero(is_used).tolist():
            owner = self.lines[place]
            start_ps = (owner.timestamp_ns - self._origin_ns) * 1000
            if abs(start_ps) > MOST_PS:
                raise self.dictionary.buffer.damage(
                    int(self._offsets[owner._first]),
                    f"line {owner.name[:60]!r} begins more than 13 days from the first",
                )
            starts_ps[place] = start_ps
        return starts_ps


@dataclass(frozen=True)
class Trace:
    """What one `.xplane.pb` file holds."""

    source: str  # Where it comes from
    errors: tuple[str, ...]  # What the profiler says it could not do
    warnings: tuple[str, ...]  # What it says it lost
    # The smallest `timestamp_ns` of all lines with events, 0 without any; `Events.start_ps` count
    # from it. (Some traces count from 1970, and picoseconds since then do not fit 64 bits.)
    origin_ns: int
    planes: tuple[Plane, ...]  # The planes in file order


def host_tracer_level(trace: Trace) -> int | None:
    """Return the level of detail of the host's events in force; None where the trace doesn't say.

    0: no events, 1: user annotations, 2: and expensive ops, 3: and cheap ones. It stands in the
    profiler's options (tsl/profiler/protobuf/profiler_options.proto), which are not always those
    that the caller gave.
    """
    options = _task_environment(trace).get("profile_options")
    if not isinstance(options, bytes):
        return None
    buffer = Buffer(memoryview(options), f"{trace.source}, options")
    levels = buffer.by_tag(0, buffer.size)[_HOST_TRACER_LEVEL]
    return levels[-1].value & 0xFFFF_FFFF if levels else 0  # what protobuf leaves out


def recorded_span_ns(trace: Trace) -> tuple[int, int] | None:
    """Return when recording began and ended, in nanoseconds since 1970; None if it isn't said.

    The events' own times count from the begin.
    """
    stats = _task_environment(trace)
    begin, end = stats.get("profile_start_time"), stats.get("profile_stop_time")
    return (begin, end) if isinstance(begin, int) and isinstance(end, int) else None


def _task_environment(trace: Trace) -> dict[str, Value]:
    """What the profiler says of itself."""
    planes = (plane for plane in trace.planes if plane.name == "Task Environment")
    return next((plane.stats for plane in planes), {})
