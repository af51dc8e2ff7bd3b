"""What a GPU ran: kernels and copies on its streams, the op of each and how it was launched."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from alexprof.attribute.activity import UNKNOWN, Activity, activity, odd_events
from alexprof.attribute.launches import CORRELATION, SCOPE, Launches
from alexprof.attribute.symbols import UNASSIGNED, OpNumbers, kernel_op
from alexprof.attribute.timeline import Int, lookup
from alexprof.attribute.xla import HLO_OP, XlaOps, has_hlo_op
from alexprof.record.note import Note
from alexprof.xplane import Events, Line, Plane

DEVICE = "/device:"
GPU = "/device:GPU:"
_DETAILS = ("kernel_details", "memcpy_details", "memset_details", "Memset_details")
# Kernels of a CUDA graph carry its number (xla/backends/profiler/gpu/cupti_collector.cc).
_GRAPH = "cuda_graph_id"
_MANY = 0.01  # part of the kernels from which on a note is due
_CLOCKS_PS = 1_000_000  # what clocks may differ by without a word

# Lines that xprof derives from the streams and that repeat their time: their names
# (tsl/profiler/utils/xplane_schema.cc, older ones included) and their ids, of 32 bits and often
# written as negative (tsl/profiler/utils/trace_utils.h).
_DERIVED = re.compile(
    r"Steps|XLA .*|Async XLA .*|(?:TensorFlow|Framework) .*|Source.*|Launch Stats|Overhead.*"
    r"|Host Offload .*|Sparse ?Core .*|Tensor Core .*|_counters_"
)
_DERIVED_IDS = range(0xDEADBEEF, 0xDEADBEEF + 300)
_ALL_STREAMS = "/stream:all"

# What names the op, best first: `tf_op`, in older traces `level 0` or the whole `annotation`
# (xla/backends/profiler/gpu/cupti_collector.cc).
OP_STATS = ("tf_op", "level 0", "annotation")


def on_gpu(
    plane: Plane, numbers: OpNumbers, xla: XlaOps, launches: Launches
) -> tuple[Activity, list[Note]]:
    """Reads the kernels and copies of a GPU, and what a reader should know of them.

    The launches have to hold the ops of all hosts already.
    """
    events = stream_events(plane, (*_DETAILS, CORRELATION, SCOPE, _GRAPH))
    device = plane.name.removeprefix(DEVICE)
    op, fusion = kernel_ops(events, numbers, xla)
    launched = launches.of(events)
    lost = op == UNASSIGNED
    notes = odd_events(device, events)
    if lost.any():
        op = np.where(lost, _by_scope(op, launched.scope), op)
        op = np.where(op == UNASSIGNED, launched.op, op)
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
    ran = replace(
        activity(device, plane, events, np.arange(len(events)), op),
        detail=details.astype(np.int64),
        fusion=fusion,
        details=table,
        launched=launched,
    )
    return ran, notes


def _by_scope(op: Int, scope: Int) -> Int:
    """The op of the kernels that ran in the same execution: fills say nothing but its number."""
    with_op = np.flatnonzero((op != UNASSIGNED) & (scope != UNKNOWN))
    same_scope = np.append(op[with_op], UNASSIGNED)[lookup(scope[with_op], scope)]
    return np.where(scope == UNKNOWN, UNASSIGNED, same_scope)


def stream_events(plane: Plane, stats: Sequence[str] = ()) -> Events:
    """Reads the events of a device's streams, each once, with what names their ops and `stats`."""
    stats = (*OP_STATS, HLO_OP, "hlo_module", "program_id", "name", *stats)
    return plane.events(_is_stream(plane.lines), stats=stats)


def _is_stream(lines: Sequence[Line]) -> Callable[[Line], bool]:
    """Returns the test for lines that hold events of their own.

    A line `/stream:all` repeats the others, unless it is the only one.
    """
    own = [line for line in lines if not _is_derived(line)]
    repeated = any(not line.name.endswith(_ALL_STREAMS) for line in own)

    def keep(line: Line) -> bool:
        return not (_is_derived(line) or (repeated and line.name.endswith(_ALL_STREAMS)))

    return keep


def _is_derived(line: Line) -> bool:
    return bool(_DERIVED.fullmatch(line.name)) or line.id & 0xFFFFFFFF in _DERIVED_IDS


def kernel_ops(events: Events, numbers: OpNumbers, xla: XlaOps) -> tuple[Int, Int]:
    """Finds what each kernel or copy computes.

    Returns:
        int64 [n], the op of each, `UNASSIGNED` where the trace does not say; and int64 [n], which
        fusion it is, by `XlaOps.fusions`, `UNKNOWN` for none.
    """
    op: Int = np.full(events.name.size, UNASSIGNED, np.int64)
    for stat in OP_STATS:
        symbol, table = events.strings(stat)
        named = np.array([numbers.of(kernel_op(text)) for text in table] + [UNASSIGNED], np.int64)
        op = np.where(op == UNASSIGNED, named[symbol], op)  # symbol -1 takes the last
    fusion: Int = np.full(len(events), UNKNOWN, np.int64)
    rows = np.flatnonzero(has_hlo_op(events))
    if rows.size:  # of XLA, `tf_op` has the op that encloses all kernels
        op = op.copy()
        op[rows], fusion[rows] = xla.read(events, rows)
    return op, fusion
