"""What a GPU ran: kernels and copies on its streams, the op of each and how it was launched.

A launch is an event on a thread of the host with the same stat `correlation_id` as the kernel: a
call of the driver (CUPTI's on the plane `/host:CUPTI`, whose lines have the numbers of the threads
on `/host:CPU`), or where a CUDA graph was launched, the one call for all its kernels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from alexprof.attribute.activity import UNKNOWN, Activity, Launched, activity, odd_events
from alexprof.attribute.symbols import UNASSIGNED, OpNumbers, kernel_op
from alexprof.attribute.timeline import NONE, Index, Int, innermost, lookup
from alexprof.attribute.xla import HLO_OP, XlaOps, has_hlo_op
from alexprof.record.note import Note
from alexprof.xplane import Events, Line, Plane

if TYPE_CHECKING:
    from alexprof.attribute.on_host import Host

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
CORRELATION = "correlation_id"
SCOPE = "scope_range_id"
"""One number is one execution of an op (xla/backends/profiler/gpu/cupti_collector.cc)."""
_HOST = "/host:"
# What XLA marks where it launches one by one what a command buffer would hold, a CUDA graph:
# some profilers turn them off. Kernels keep their times; what the host needs for them does not
# (xla/backends/gpu/runtime/command_buffer_thunk.cc).
_TURNED_OFF = "WARNING: CommandBuffer disabled when profiling"
_NO_LAUNCH = 0  # CUPTI numbers from 1 and writes 0 where it doesn't know


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

    def is_own(line: Line) -> bool:
        return not (_DERIVED.fullmatch(line.name) or line.id & 0xFFFFFFFF in _DERIVED_IDS)

    # A line `/stream:all` repeats the others, unless it is the only one.
    own = [line for line in plane.lines if is_own(line)]
    single = [line for line in own if not line.name.endswith(_ALL_STREAMS)]
    stats = (*OP_STATS, HLO_OP, "hlo_module", "program_id", "name", *stats)
    return plane.events(frozenset(single or own).__contains__, stats=stats)


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


class Launches:
    """What the host launched, and for which op; read when first needed."""

    def __init__(self, planes: Sequence[Plane], annotated: Callable[[Events], Int]) -> None:
        """Takes the planes of a trace, and what gives the op that each event names itself."""
        self._planes = [
            plane
            for plane in planes
            if plane.name.startswith(_HOST) and plane.may_have(CORRELATION)
        ]
        self._annotated = annotated
        self._ran: list[tuple[Plane, Events, Index, Int]] = []
        self._lane: dict[int, int] = {}

    def ran(self, plane: Plane, events: Events, rows: Index, op: Int) -> None:
        """Takes a host's events of ops: which of `events` they are, and the op of each."""
        self._ran.append((plane, events, rows, op))

    def of(self, events: Events) -> Launched:
        """Finds the launch of each kernel, copy or fill."""
        numbers, launched = self._launched
        number, has_number = events.ints(CORRELATION)
        has_number &= number != _NO_LAUNCH
        launch = np.where(has_number, lookup(numbers, number), NONE)
        of_each = Launched(*(np.append(column, UNKNOWN)[launch] for column in launched))
        scope = _scope(events)
        return of_each._replace(scope=np.where(scope != UNKNOWN, scope, of_each.scope))

    @cached_property
    def _launched(self) -> tuple[Int, Launched]:
        """The numbers of all launches; and these, those with an op first, for the first counts."""
        none: Int = np.zeros(0, np.int64)
        parts = [(none, *(none for _ in Launched._fields)), *map(self._launched_by, self._planes)]
        number, *columns = map(np.concatenate, zip(*parts, strict=True))
        launched = Launched(*columns)
        lost = np.flatnonzero(launched.op == UNASSIGNED)
        # The innermost op on the same thread at the moment of the launch.
        ran = [
            (events, rows, self.lanes(host)[events.line[rows]])
            for host, events, rows, _ in self._ran
        ]
        holder = innermost(
            _joined(events.start_ps[rows] for events, rows, _ in ran),
            _joined(events.end_ps[rows] for events, rows, _ in ran),
            _joined(lanes for _, _, lanes in ran),
            launched.start_ps[lost],
            launched.thread[lost],
        )
        around = np.append(_joined(op for *_, op in self._ran), UNASSIGNED)
        launched.op[lost] = around[holder]  # NONE (-1) selects the last
        # Sorted, since each GPU searches these numbers.
        order = np.lexsort((launched.op == UNASSIGNED, number))
        return number[order], Launched(*(column[order] for column in launched))

    def _launched_by(self, plane: Plane) -> tuple[Int, ...]:
        read = (events for host, events, _, _ in self._ran if host is plane)
        events = next(read, None) or plane.events(stats=(CORRELATION, SCOPE))
        number, is_launch = events.ints(CORRELATION)
        launches = events.take(is_launch)
        lane, op = self.lanes(plane)[launches.line], self._annotated(launches)
        columns = launches.start_ps, launches.end_ps, lane, _scope(launches), op
        return number[is_launch], *columns

    def lanes(self, plane: Plane) -> Int:
        """A number for the thread of each line, the same on all planes."""
        ids = [self._lane.setdefault(line.id, len(self._lane)) for line in plane.lines]
        return np.array(ids, np.int64)


def _scope(events: Events) -> Int:
    scope, has_scope = events.ints(SCOPE)
    return np.where(has_scope & (scope > 0), scope, UNKNOWN)


def _joined(columns: Iterable[Int]) -> Int:
    joined: Int = np.concatenate([np.zeros(0, np.int64), *columns])
    return joined


@dataclass(frozen=True)
class TurnedOff:
    """Command buffers that XLA turned off because it was profiled."""

    start_ps: Int  # [b], when the host began to launch what each would have held
    launch_ps: Int  # [k], when it launched each kernel, copy and fill of them


def turned_off(
    hosts: Sequence[Host], launches: Launches, devices: Sequence[Activity]
) -> TurnedOff | None:
    """Finds the command buffers that were turned off; None where there are none."""
    buffers = [(host, host.events.named(lambda name: name == _TURNED_OFF)) for host in hosts]
    start = _joined(host.events.start_ps[rows] for host, rows in buffers)
    if not start.size:
        return None
    end = _joined(host.events.end_ps[rows] for host, rows in buffers)
    lane = _joined(launches.lanes(host.plane)[host.events.line[rows]] for host, rows in buffers)
    launched = [device.launched for device in devices if device.launched is not None]
    launch_ps = _joined(gpu.start_ps[gpu.known] for gpu in launched)
    launch_lane = _joined(gpu.thread[gpu.known] for gpu in launched)
    held = innermost(start, end, lane, launch_ps, launch_lane) != NONE
    return TurnedOff(start, launch_ps[held])
