"""Command buffers that XLA turns off while it is profiled.

A command buffer is a CUDA graph that holds what several instructions launch. Under a profiler XLA
launches its kernels one by one: their times stay, what the host needs for them does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.activity import Activity
from alexprof.attribute.cores import NONE, innermost
from alexprof.attribute.launches import Launches
from alexprof.attribute.on_host import Host

Int = NDArray[np.int64]

# What XLA marks where it launches one by one what a command buffer would hold
# (xla/backends/gpu/runtime/command_buffer_thunk.cc).
_TURNED_OFF = "WARNING: CommandBuffer disabled when profiling"


@dataclass(frozen=True)
class TurnedOff:
    """Command buffers that XLA turned off because it was profiled."""

    start_ps: Int  # [b], when the host began to launch what each would have held
    launch_ps: Int  # [k], when it launched each kernel, copy and fill of them


def turned_off(
    hosts: Sequence[Host], launches: Launches, devices: Sequence[Activity]
) -> TurnedOff | None:
    """Finds the command buffers that were turned off; None where there are none."""
    none: Int = np.zeros(0, np.int64)
    starts, ends, threads = [none], [none], [none]
    for host in hosts:
        events = host.events
        if _TURNED_OFF in events.names:
            rows = np.flatnonzero(events.name == events.names.index(_TURNED_OFF))
            starts.append(events.start_ps[rows])
            ends.append(events.start_ps[rows] + events.duration_ps[rows])
            threads.append(launches.lanes(host.plane)[events.line[rows]])
    start, end, thread = (np.concatenate(parts) for parts in (starts, ends, threads))
    if not start.size:
        return None
    launched = [device.launched for device in devices if device.launched is not None]
    launch_ps = np.concatenate([none, *(one.start_ps[one.known] for one in launched)])
    lane = np.concatenate([none, *(one.thread[one.known] for one in launched)])
    held = innermost(start, end, thread, launch_ps, lane) != NONE
    return TurnedOff(start, launch_ps[held])
