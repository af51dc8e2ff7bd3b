"""What the profiler was told to record, and when it did, as the trace says itself.

The plane `Task Environment` has the options in force as a stat, serialized
(tsl/profiler/protobuf/profiler_options.proto). They are not always those that the caller gave.
"""

from __future__ import annotations

from alexprof.xplane.trace import Trace
from alexprof.xplane.wire import Buffer

_PLANE = "Task Environment"
_STAT = "profile_options"
_BEGIN, _END = "profile_start_time", "profile_stop_time"
_HOST_TRACER_LEVEL = 0x10


def host_tracer_level(trace: Trace) -> int | None:
    """Return the level of detail of the host's events; None where the trace doesn't say.

    0: no events, 1: user annotations, 2: and expensive ops, 3: and cheap ones (as
    profiler_options.proto says).
    """
    for plane in trace.planes:
        options = plane.stats.get(_STAT)
        if plane.name == _PLANE and isinstance(options, bytes):
            buffer = Buffer(memoryview(options), f"{trace.source}, options")
            level = 0  # what protobuf leaves out
            for field in buffer.fields(0, buffer.size):
                if field.tag == _HOST_TRACER_LEVEL:
                    level = field.value & 0xFFFF_FFFF
            return level
    return None


def recorded_span_ns(trace: Trace) -> tuple[int, int] | None:
    """Return when recording began and ended, in nanoseconds since 1970; None if it isn't said.

    The events' own times count from the begin.
    """
    for plane in trace.planes:
        span = plane.stats.get(_BEGIN), plane.stats.get(_END)
        if plane.name == _PLANE and isinstance(span[0], int) and isinstance(span[1], int):
            return span[0], span[1]
    return None
