"""What ran in a trace: the events of ops on each device, and what the host did meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.cores import Regions, find_regions
from alexprof.attribute.streams import kernel_ops, stream_events
from alexprof.attribute.symbols import DATA_SCOPE, Op, OpNumbers, is_eager, split_op
from alexprof.attribute.timeline import Cover
from alexprof.xplane import Events, Line, Plane, Trace

Int = NDArray[np.int64]

CPU = "CPU"
_HOST = "/host:CPU"
_DEVICE = "/device:"
_GPU = "/device:GPU:"

# Inside one of these the host prepares or runs ops; outside them all it runs the user's Python
# (tsl/profiler/utils/xplane_schema.cc has most of the names).
_CALLS = re.compile(
    r"SessionRun|FunctionRun|RunGraph|BatchingSessionRun|TfrtModelRun|Eager(?:Kernel)?Execute"
    r"|TFE_Py_(?:FastPathExecute_C|ExecuteCancelable)|ExecutorState::Process"
)
# Inside one of these the host takes a result from the device (JAX; TensorFlow does it in a call).
_FETCHES = re.compile(
    r"np\.asarray\(jax\.Array\)|(?:\w+::)*(?:ToLiteral|CopyRawToHost|CopyToHost)\w*"
    r"|TransferFromDevice"
)
_WAITS = re.compile(r"(?:MultiDevice)?IteratorGetNext\w*::\w+")


@dataclass(frozen=True)
class Activity:
    """The ops' events on one device, in columns of n events.

    Attributes:
        device: "CPU", "GPU:0", …
        op: int64 [n], index into the trace's ops, or `UNASSIGNED`.
        thread: int64 [n], a number for each thread or stream.
        start_ps: int64 [n].
        end_ps: int64 [n], not below `start_ps`.
        occurrences: int64 [n], how many executions an event stands for, mostly 1.
        name: int64 [n], index into `names`.
        names: What the events themselves are called: on a GPU the kernels.
        threads: Name of each thread or stream.
    """

    device: str
    op: Int
    thread: Int
    start_ps: Int
    end_ps: Int
    occurrences: Int
    name: Int
    names: tuple[str, ...]
    threads: tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """What ran, and what the host did meanwhile.

    Attributes:
        ops: Name and type of each op.
        devices: Devices with at least one event, the CPU first.
        host: The events of the host's planes, without threads inside of ops.
        calls: When TensorFlow had been called to run something; None when the trace never says.
        waits: When the host waited for the input pipeline.
        fetches: When it took results from a device.
        regions: Work of the pools' threads; None if it was not asked for or is not recorded.
        eager: Numbers of ops that ran eagerly, without names of their own.
        unread: Device planes with events of a sort that is not read here.
    """

    ops: tuple[Op, ...]
    devices: tuple[Activity, ...]
    host: tuple[Events, ...]
    calls: Cover | None
    waits: Cover
    fetches: Cover
    regions: Regions | None
    eager: frozenset[int]
    unread: tuple[str, ...]

    @property
    def span_ps(self) -> tuple[int, int]:
        """Begin of the first event of an op and end of the last."""
        return (
            min(int(device.start_ps.min()) for device in self.devices),
            max(int(device.end_ps.max()) for device in self.devices),
        )


def read_work(trace: Trace, *, cores: bool = True) -> Work:
    """Finds the ops of a trace and their events on each device.

    Args:
        trace: What the profiler wrote.
        cores: Whether to read what the pools' threads did: most of a CPU trace.
    """
    numbers = OpNumbers()
    planes = [plane for plane in trace.planes if plane.name.startswith(_HOST)]
    pools = [_with_workers(plane) if cores else None for plane in planes]
    host = tuple(
        plane.events(_may_hold_ops) if pool is None else pool.others()
        for plane, pool in zip(planes, pools, strict=True)
    )
    parts = [_on_host(*pair, numbers) for pair in zip(planes, host, strict=True)]
    devices = [plane for plane in trace.planes if plane.name.startswith(_DEVICE)]
    parts += [_on_gpu(plane, numbers) for plane in devices if plane.name.startswith(_GPU)]
    others = [plane for plane in devices if not plane.name.startswith(_GPU)]
    calls = _during(host, _CALLS)
    names = (name for events in host for name in events.names)
    # All that numbers ops comes before `ops` is taken.
    regions = _regions([pool for pool in pools if pool is not None], numbers)
    eager = frozenset(numbers.of(split_op(name)) for name in names if is_eager(name))
    return Work(
        ops=numbers.ops(),
        devices=tuple(_merged(parts)),
        host=host,
        calls=calls if calls.start_ps.size else None,
        waits=_during(host, _WAITS),
        fetches=_during(host, _FETCHES),
        regions=regions,
        eager=eager,
        unread=tuple(plane.name for plane in others if plane.events().name.size),
    )


def _may_hold_ops(line: Line) -> bool:
    """Leaves out the threads inside of ops: most of a trace's events, none of them an op."""
    return not (line.name.startswith("tf_numa_") and "_Eigen" in line.name)


def _on_host(plane: Plane, events: Events, numbers: OpNumbers) -> Activity:
    """Finds the ops among a host's events.

    What tf.data maps over examples runs on its own threads, as a graph of its own, whose names
    could be those of the model's ops; so its ops get `tf_data/` in front.
    """
    _, is_marker = events.ints("step_num")
    rows, op = _ops_among(plane, events, numbers)
    kept = ~is_marker[rows]
    return _activity(CPU, plane, events, rows[kept], op[kept])


def _ops_among(plane: Plane, events: Events, numbers: OpNumbers) -> tuple[NDArray[np.intp], Int]:
    """Which events have the name of an op, and the op of each."""
    parsed = [split_op(name) for name in events.names]
    rows = np.flatnonzero(np.array([op is not None for op in parsed], bool)[events.name])
    of_data = np.array([line.name.startswith("tf_data") for line in plane.lines], bool)
    key = events.name[rows].astype(np.int64) * 2 + of_data[events.line[rows]]
    keys, which = np.unique(key, return_inverse=True)
    found = [numbers.of(_scoped(parsed[number // 2], bool(number % 2))) for number in keys]
    return rows, np.array(found, np.int64)[which]


@dataclass(frozen=True)
class _Pool:
    """A host's events with those of its pools' threads, and bool [lines] which those are."""

    plane: Plane
    events: Events
    is_worker: NDArray[np.bool_]

    def others(self) -> Events:
        """The events on other threads."""
        return self.events.take(~self.is_worker[self.events.line])


def _with_workers(plane: Plane) -> _Pool | None:
    """Reads all of a host's events; None where no thread of a pool is recorded."""
    is_worker = np.array([not _may_hold_ops(line) for line in plane.lines], bool)
    return _Pool(plane, plane.events(stats=True), is_worker) if is_worker.any() else None


def _regions(pools: Sequence[_Pool], numbers: OpNumbers) -> Regions | None:
    """Finds the work of the pools' threads of all hosts."""
    found: list[Regions] = []
    lines = 0
    for pool in pools:
        rows, op = _ops_among(pool.plane, pool.events, numbers)
        kept = ~pool.is_worker[pool.events.line[rows]]
        one = find_regions(pool.events, pool.is_worker, rows[kept], op[kept])
        found.append(replace(one, thread=one.thread + lines))
        lines += len(pool.plane.lines)
    if not any(one.op.size for one in found):
        return None
    return Regions(
        op=np.concatenate([one.op for one in found]),
        thread=np.concatenate([one.thread for one in found]),
        start_ps=np.concatenate([one.start_ps for one in found]),
        end_ps=np.concatenate([one.end_ps for one in found]),
        threads=sum(one.threads for one in found),
    )


def _scoped(op: Op | None, of_data: bool) -> Op | None:
    return (f"{DATA_SCOPE}/{op[0]}", op[1]) if op is not None and of_data else op


def _on_gpu(plane: Plane, numbers: OpNumbers) -> Activity:
    events = stream_events(plane)
    device = plane.name.removeprefix(_DEVICE)
    rows = np.arange(events.name.size)
    return _activity(device, plane, events, rows, kernel_ops(events, numbers))


def _activity(
    device: str, plane: Plane, events: Events, rows: NDArray[np.intp], op: Int
) -> Activity:
    start = events.start_ps[rows]
    return Activity(
        device=device,
        op=op,
        thread=events.line[rows].astype(np.int64),
        start_ps=start,
        end_ps=start + np.maximum(events.duration_ps[rows], 0),
        occurrences=np.maximum(events.occurrences[rows], 1),
        name=events.name[rows].astype(np.int64),
        names=events.names,
        threads=tuple(line.name for line in plane.lines),
    )


def _merged(parts: Iterable[Activity]) -> list[Activity]:
    """Joins planes of the same device, as a trace of several hosts has them; drops empty ones."""
    merged: dict[str, Activity] = {}
    for part in parts:
        if part.op.size:
            known = merged.get(part.device)
            merged[part.device] = part if known is None else _joined(known, part)
    return list(merged.values())


def _joined(one: Activity, other: Activity) -> Activity:
    return Activity(
        one.device,
        np.concatenate((one.op, other.op)),
        np.concatenate((one.thread, other.thread + len(one.threads))),
        np.concatenate((one.start_ps, other.start_ps)),
        np.concatenate((one.end_ps, other.end_ps)),
        np.concatenate((one.occurrences, other.occurrences)),
        np.concatenate((one.name, other.name + len(one.names))),
        one.names + other.names,
        one.threads + other.threads,
    )


def _during(host: Sequence[Events], wanted: re.Pattern[str]) -> Cover:
    """Returns the time covered by events of the wanted names."""
    starts, ends = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for events in host:
        row = np.array([bool(wanted.fullmatch(name)) for name in events.names], bool)[events.name]
        starts.append(events.start_ps[row])
        ends.append(events.start_ps[row] + events.duration_ps[row])
    return Cover.of(np.concatenate(starts), np.concatenate(ends))
