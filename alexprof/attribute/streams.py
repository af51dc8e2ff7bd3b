"""Kernels and copies on the streams of a GPU, and the op that each belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.symbols import UNASSIGNED, OpNumbers, kernel_op
from alexprof.attribute.xla import HLO_OP, XlaOps, has_hlo_op
from alexprof.xplane import Events, Line, Plane

Int = NDArray[np.int64]

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


def kernel_ops(events: Events, numbers: OpNumbers, xla: XlaOps) -> tuple[Int, Int | None]:
    """Finds what each kernel or copy computes.

    Returns:
        int64 [n], the op of each, `UNASSIGNED` where the trace does not say; and int64 [n], which
        fusion it is, by `XlaOps.fusions`, -1 for none; None without XLA.
    """
    op: Int = np.full(events.name.size, UNASSIGNED, np.int64)
    for stat in OP_STATS:
        symbol, table = events.strings(stat)
        named = np.array([numbers.of(kernel_op(text)) for text in table] + [UNASSIGNED], np.int64)
        op = np.where(op == UNASSIGNED, named[symbol], op)  # symbol -1 takes the last
    rows = np.flatnonzero(has_hlo_op(events))
    if not rows.size:
        return op, None
    op = op.copy()  # of XLA, `tf_op` has the one that encloses them all
    fusion: Int = np.full(len(events), UNASSIGNED, np.int64)
    op[rows], fusion[rows] = xla.read(events, rows)
    return op, fusion
