"""What a GPU ran: kernels and copies on its streams, with what is known of each."""

from __future__ import annotations

import numpy as np

from alexprof.attribute.activity import Activity, activity
from alexprof.attribute.launches import CORRELATION, Launches
from alexprof.attribute.streams import kernel_ops, stream_events
from alexprof.attribute.symbols import UNASSIGNED, OpNumbers
from alexprof.attribute.xla import XlaOps
from alexprof.xplane import Plane

DEVICE = "/device:"
GPU = "/device:GPU:"
_DETAILS = ("kernel_details", "memcpy_details", "memset_details")
# Kernels of a CUDA graph carry its number (xla/backends/profiler/gpu/cupti_collector.cc).
_GRAPH = "cuda_graph_id"
_MANY = 0.01  # part of the kernels from which on a note is due
_CLOCKS_PS = 1_000_000  # what clocks may differ by without a word


def on_gpu(
    plane: Plane, numbers: OpNumbers, xla: XlaOps, launches: Launches
) -> tuple[Activity, list[str]]:
    """Reads what a GPU ran.

    Args:
        plane: The GPU.
        numbers: Of the ops.
        xla: Of the trace.
        launches: Of the trace, with the ops of all hosts in it.

    Returns:
        Its kernels and copies, and what a reader should know, one sentence each.
    """
    events = stream_events(plane, (*_DETAILS, CORRELATION, _GRAPH))
    device = plane.name.removeprefix(DEVICE)
    op = kernel_ops(events, numbers, xla)
    lost = op == UNASSIGNED
    notes = []
    if lost.any():
        op[lost] = launches.ops(events.take(lost))
        _, in_graph = events.ints(_GRAPH)
        count = int((lost & in_graph).sum())
        if count > _MANY * op.size:
            notes.append(
                f"{count} of {op.size} kernels on {device} ran in CUDA graphs whose making was not "
                "traced: they count for the op that launched the graph. "
                "XLA_FLAGS=--xla_gpu_enable_command_buffer= brings their own ops back, and changes "
                "what is measured."
            )
    early_ps = launches.early_ps(events)
    if (early_ps > _CLOCKS_PS).sum() > _MANY * max(op.size, 1):
        notes.append(
            f"Kernels on {device} begin up to {early_ps.max() / 1e6:.0f} µs before they are "
            "launched: the clocks of host and device differ by as much."
        )
    details, table = events.strings(_DETAILS[0])
    for stat in _DETAILS[1:]:
        other, more = events.strings(stat)
        details = np.where(details < 0, np.where(other < 0, -1, other + len(table)), details)
        table += more
    part = activity(device, plane, events, np.arange(len(events)), op)
    return part.detailed(details.astype(np.int64), table), notes
