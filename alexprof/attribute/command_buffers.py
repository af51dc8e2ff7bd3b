"""Command buffers of XLA: CUDA graphs that hold what several instructions launch.

All kernels of one go by its own name in a trace (`command_buffer_1`), in the order in which the
instructions run (xla/backends/gpu/runtime/command_buffer_thunk.cc). Some profilers turn them off:
then XLA launches the kernels one by one. Their times stay, what the host needs for them does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from alexprof.attribute.activity import Activity
from alexprof.attribute.timeline import NONE, Int, innermost

if TYPE_CHECKING:
    from alexprof.attribute.launches import Launches
    from alexprof.attribute.on_host import Host


_NUMBER = re.compile(r"[._]\d+$")
_CALL = "custom-call"
_LAUNCHING = frozenset({"fusion", _CALL, "copy", "reduce", "sort", "scatter", "convert"})
# What XLA marks where it launches one by one what a command buffer would hold
# (xla/backends/gpu/runtime/command_buffer_thunk.cc).
_TURNED_OFF = "WARNING: CommandBuffer disabled when profiling"


def match_kernels(kernels: Sequence[str], scheduled: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Finds the instructions whose kernels a command buffer ran, by name and by order.

    A fusion's kernel has the fusion's name, with "_" for ".", or that of a fusion that does the
    same. Kernels of libraries have names of their own: those between two fusions are of the calls
    that stand between them in the schedule, one each or all of one.

    Args:
        kernels: Names of the kernels in the order of time.
        scheduled: Name and opcode of the program's instructions in the order in which they run.

    Returns:
        The name of each kernel's instruction, "" where it can't be told.
    """
    launching = [(name, opcode) for name, opcode in scheduled if opcode in _LAUNCHING]
    place = _fusions(kernels, launching)
    result = [launching[at][0] if at != NONE else "" for at in place]
    anchors = [row for row, at in enumerate(place) if at != NONE]
    for start, end in pairwise([-1, *anchors, len(kernels)]):
        rows = range(start + 1, end)
        low = place[start] if start >= 0 else -1
        high = place[end] if end < len(kernels) else len(launching)
        calls = [name for name, opcode in launching[low + 1 : high] if opcode == _CALL]
        # A buffer may hold a part of the schedule: at its ends only the nearest calls count.
        if start < 0 and anchors:
            calls = calls[max(len(calls) - len(rows), 0) :]
        elif end == len(kernels) and anchors:
            calls = calls[: len(rows)]
        if len(calls) == len(rows) or len(calls) == 1:
            for row, at in enumerate(rows):
                result[at] = calls[row % len(calls)]
    return tuple(result)


def _fusions(kernels: Sequence[str], launching: Sequence[tuple[str, str]]) -> list[int]:
    """The place of each fusion's kernel in the schedule, ascending; `NONE` for others."""
    bases = [_base(name) for name, _ in launching]
    exact = {name.replace(".", "_"): at for at, (name, _) in enumerate(launching)}
    result, last = [], NONE
    for kernel in kernels:
        base = _base(kernel)
        at = exact.get(kernel, NONE)
        if at <= last:
            later = range(last + 1, len(bases))
            at = next((other for other in later if bases[other] == base), NONE)
        last = max(last, at)
        result.append(at)
    return result


def _base(name: str) -> str:
    return _NUMBER.sub("", name)


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
        rows = events.named(lambda name: name == _TURNED_OFF)
        starts.append(events.start_ps[rows])
        ends.append(events.end_ps[rows])
        threads.append(launches.lanes(host.plane)[events.line[rows]])
    start, end, thread = (np.concatenate(parts) for parts in (starts, ends, threads))
    if not start.size:
        return None
    launched = [device.launched for device in devices if device.launched is not None]
    launch_ps = np.concatenate([none, *(gpu.start_ps[gpu.known] for gpu in launched)])
    lane = np.concatenate([none, *(gpu.thread[gpu.known] for gpu in launched)])
    held = innermost(start, end, thread, launch_ps, lane) != NONE
    return TurnedOff(start, launch_ps[held])
