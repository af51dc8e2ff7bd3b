"""Traces of TensorFlow's profiler (`.xplane.pb`) as NumPy columns.

    trace = read_trace("vm.xplane.pb")
    for plane in trace.planes:
        events = plane.events(lambda line: line.name.startswith("tf_Compute/"), stats=("tf_op",))

A trace of 50 MB has 2.4 million events, and one of a GPU millions of stats. They are read from
protobuf's wire format with NumPy and no loop over events, which needs neither TensorFlow nor
generated classes and is several times as fast. Stats that nobody asks for are not decoded.

    reader    a file to a Trace         events       an event's fields to columns
    trace     Trace, Plane, Line        event_stats  what belongs to a plane's events
    messages  fields of many messages   stats        named values
    layouts   events of one layout      metadata     names by id
    fields    many fields at a time     texts        each text decoded once
    wire      one field at a time       schema       which fields there can be
    hlo       what XLA compiled

Of a file that is cut short or damaged nothing is used: `DamageError` names the byte. Events are
decoded on demand, so what is wrong inside of one shows then. Time and memory grow with the
number of fields.
"""

from __future__ import annotations

from alexprof.xplane.events import Events
from alexprof.xplane.hlo import HloOp, HloPrograms
from alexprof.xplane.reader import parse_trace, read_trace
from alexprof.xplane.trace import Line, Plane, Trace, host_tracer_level, recorded_span_ns

__all__ = [
    "Events",
    "HloOp",
    "HloPrograms",
    "Line",
    "Plane",
    "Trace",
    "host_tracer_level",
    "parse_trace",
    "read_trace",
    "recorded_span_ns",
]
