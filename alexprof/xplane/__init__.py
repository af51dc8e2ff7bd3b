"""Traces of TensorFlow's profiler (`.xplane.pb`) as NumPy columns.

    trace = read_trace("vm.xplane.pb")
    for plane in trace.planes:
        events = plane.events(lambda line: line.name.startswith("tf_Compute/"))

A trace of 50 MB has 2.4 million events. They are read from protobuf's wire format with NumPy and no
loop over events, which needs neither TensorFlow nor generated classes and is several times as fast.

    reader     a file to a Trace       events    an event's fields to columns
    space      planes                  stats     named values
    lines      lines                   metadata  names by id
    trace      Trace, Plane, Line      texts     each text decoded once
    chain      where events begin      walk      many messages in step
    wire       one field at a time     fields    many fields at a time
    schema     which fields there can be
    granted    what the profiler was told to record

What is damaged is left out whole, plane by plane and line by line, and `trace.damage` says so.
Whatever is in a file, time is linear in its size, and memory at most eight times that and 100 MB.
"""

from __future__ import annotations

from alexprof.xplane.events import Events
from alexprof.xplane.granted import granted_host_level
from alexprof.xplane.reader import parse_trace, read_trace
from alexprof.xplane.trace import Line, Plane, Trace

__all__ = ["Events", "Line", "Plane", "Trace", "granted_host_level", "parse_trace", "read_trace"]
