"""What a GPU ran: kernels and copies on its streams, with what is known of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.activity import UNKNOWN, Activity, activity, odd_events
from alexprof.attribute.cores import lookup
from alexprof.attribute.launches import CORRELATION, SCOPE, Launches
from alexprof.attribute.streams import kernel_ops, stream_events
from alexprof.attribute.symbols import UNASSIGNED, OpNumbers
from alexprof.attribute.xla import XlaOps
from alexprof.record.note import Note
from alexprof.xplane import Plane

Int = NDArray[np.int64]

DEVICE = "/device:"
GPU = "/device:GPU:"
_DETAILS = ("kernel_details", "memcpy_details", "memset_details", "Memset_details")
# Kernels of a CUDA graph carry its number (xla/backends/profiler/gpu/cupti_collector.cc).
_GRAPH = "cuda_graph_id"
_MANY = 0.01  # part of the kernels from which on a note is due
_CLOCKS_PS = 1_000_000  # what clocks may differ by without a word


def on_gpu(
    plane: Plane, numbers: OpNumbers, xla: XlaOps, launches: Launches
) -> tuple[Activity, list[Note]]:
    """Reads what a GPU ran.

    Args:
        plane: The GPU.
        numbers: Of the ops.
        xla: Of the trace.
        launches: Of the trace, with the ops of all hosts in it.

    Returns:
        Its kernels and copies, and what a reader should know.
    """
    events = stream_events(plane, (*_DETAILS, CORRELATION, SCOPE, _GRAPH))
    device = plane.name.removeprefix(DEVICE)
    op, fusion = kernel_ops(events, numbers, xla)
    launched, around = launches.of(events)
    lost = op == UNASSIGNED
    notes = odd_events(device, events)
    if lost.any():
        op = np.where(lost, _by_scope(op, launched.scope), op)
        op = np.where(op == UNASSIGNED, around, op)
        _, in_graph = events.ints(_GRAPH)
        count = int((lost & in_graph).sum())
        if count > _MANY * op.size:
            figures: dict[str, float] = {"kernels": count, "of_kernels": op.size}
            notes.append(Note("graphs_not_traced", figures, (device,)))
    early_ps = np.where(launched.known, launched.start_ps - events.start_ps, 0)
    if (early_ps > _CLOCKS_PS).sum() > _MANY * max(op.size, 1):
        notes.append(Note("clocks_apart", {"apart_s": float(early_ps.max()) / 1e12}, (device,)))
    details, table = events.strings(_DETAILS[0])
    for stat in _DETAILS[1:]:
        other, more = events.strings(stat)
        details = np.where(details < 0, np.where(other < 0, -1, other + len(table)), details)
        table += more
    part = activity(device, plane, events, np.arange(len(events)), op)
    part = part.detailed(details.astype(np.int64), table, launched)
    return replace(part, fusion=fusion), notes


def _by_scope(op: Int, scope: Int) -> Int:
    """The op of the kernels that ran in the same execution: fills say nothing but its number."""
    known = np.flatnonzero((op != UNASSIGNED) & (scope != UNKNOWN))
    row = lookup(scope[known], scope)
    found: Int = np.append(op[known], UNASSIGNED)[row]
    return np.where(scope == UNKNOWN, UNASSIGNED, found)
