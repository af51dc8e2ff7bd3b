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
from alexprof.attribute.thunks import host_time
from alexprof.attribute.timeline import Cover, Segments, self_segments
from alexprof.attribute.xla import HLO_OP, XlaOps, is_thunk
from alexprof.xplane import Events, Line, Plane, Trace

Int = NDArray[np.int64]

CPU = "CPU"
_HOST = "/host:CPU"
_DEVICE = "/device:"
_GPU = "/device:GPU:"

# Inside one of these TensorFlow, JAX or XLA prepares or runs ops; outside them all the host runs
# the user's Python # (tsl/profiler/utils/xplane_schema.cc has most of the names).
_CALLS = re.compile(
    r"SessionRun|FunctionRun|RunGraph|BatchingSessionRun|TfrtModelRun|Eager(?:Kernel)?Execute"
    r"|TFE_Py_(?:FastPathExecute_C|ExecuteCancelable)|ExecutorState::Process"
    r"|PjitFunction\(.*\)|ThunkExecutor::Execute.*"
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
        at_work: When each event was at work, where that is not its own time on its thread.
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
    at_work: Segments | None = None

    def own(self) -> Segments:
        """The time of each event itself."""
        if self.at_work is not None:
            return self.at_work
        return self_segments(self.start_ps, self.end_ps, self.thread)


@dataclass(frozen=True)
class Work:
    """What ran, and what the host did meanwhile.

    Attributes:
        ops: Name and type of each op.
        devices: Devices with at least one event, the CPU first.
        host: The events of the host's planes, without threads inside of ops unless XLA ran.
        calls: When TensorFlow had been called to run something; None when the trace never says.
        waits: When the host waited for the input pipeline.
        regions: Work of the pools' threads; None if it was not asked for or is not recorded.
        eager: Numbers of ops that ran eagerly, without names of their own.
        unplaced: Numbers of ops that may belong to any pass: those that XLA made, as far as the
            trace does not say for what, and those that only called XLA.
        unread: Device planes with events of a sort that is not read here.
        notes: What a reader of the ops should know, one sentence each.
    """

    ops: tuple[Op, ...]
    devices: tuple[Activity, ...]
    host: tuple[Events, ...]
    calls: Cover | None
    waits: Cover
    regions: Regions | None
    eager: frozenset[int]
    unplaced: frozenset[int]
    unread: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def span_ps(self) -> tuple[int, int]:
        """Begin of the first event of an op and end of the last."""
        ends = [device.end_ps for device in self.devices]
        ends += [one.at_work.end_ps for one in self.devices if one.at_work is not None]
        return (
            min(int(device.start_ps.min()) for device in self.devices),
            max(int(end.max(initial=0)) for end in ends),
        )


def read_work(trace: Trace, *, cores: bool = True) -> Work:
    """Finds the ops of a trace and their events on each device.

    Args:
        trace: What the profiler wrote.
        cores: Whether to read what the pools' threads did: most of a CPU trace.
    """
    numbers = OpNumbers()
    xla = XlaOps(trace, numbers)
    planes = [plane for plane in trace.planes if plane.name.startswith(_HOST)]
    hosts = [_Host.read(plane, cores=cores) for plane in planes]
    on_hosts = [_on_host(host, numbers, xla) for host in hosts]
    devices = [plane for plane in trace.planes if plane.name.startswith(_DEVICE)]
    gpus = [_on_gpu(plane, numbers, xla) for plane in devices if plane.name.startswith(_GPU)]
    others = [plane for plane in devices if not plane.name.startswith(_GPU)]
    events = tuple(host.events for host in hosts)
    calls = _during(events, _CALLS)
    names = (name for one in events for name in one.names)
    # All that numbers ops comes before `ops` is taken.
    regions = _regions(hosts, [known for _, known in on_hosts], numbers) if cores else None
    eager = frozenset(numbers.of(split_op(name)) for name in names if is_eager(name))
    return Work(
        ops=numbers.ops(),
        devices=tuple(_merged([*(part for part, _ in on_hosts), *gpus])),
        host=events,
        calls=calls if calls.start_ps.size else None,
        waits=_during(events, _WAITS),
        regions=regions,
        eager=eager,
        unplaced=frozenset(xla.unplaced),
        unread=tuple(plane.name for plane in others if plane.events().name.size),
        notes=tuple(xla.notes),
    )


def _is_pool(line: Line) -> bool:
    """Knows the threads inside of ops: most of a trace's events, none of them a TensorFlow op."""
    return line.name.startswith("tf_numa_") and "_Eigen" in line.name


@dataclass(frozen=True)
class _Host:
    """What is read of a host.

    Attributes:
        plane: The host.
        is_pool: bool [lines], which lines are threads inside of ops.
        by_xla: Whether it may have run XLA, whose ops are on all threads.
        events: The events of all lines that can hold ops.
        every: All events, if they were read, else the same.
    """

    plane: Plane
    is_pool: NDArray[np.bool_]
    by_xla: bool
    events: Events
    every: Events

    @classmethod
    def read(cls, plane: Plane, *, cores: bool) -> _Host:
        """Reads a host; with the work of its pools if core times are asked for."""
        is_pool = np.array([_is_pool(line) for line in plane.lines], bool)
        by_xla = plane.may_have(HLO_OP)
        if not (by_xla or (cores and is_pool.any())):
            events = plane.events(lambda line: not _is_pool(line))
            return cls(plane, is_pool, by_xla, events, events)
        every = plane.events(stats=True)
        events = every if by_xla else every.take(~is_pool[every.line])
        return cls(plane, is_pool, by_xla, events, every)


def _on_host(host: _Host, numbers: OpNumbers, xla: XlaOps) -> tuple[Activity, Regions | None]:
    """Finds the ops among a host's events, and the work of its pools if it ran XLA.

    What tf.data maps over examples runs on its own threads, as a graph of its own, whose names
    could be those of the model's ops; so its ops get `tf_data/` in front.
    """
    plane, events = host.plane, host.events
    _, is_marker = events.ints("step_num")
    thunk = is_thunk(events) if host.by_xla else np.zeros(len(events), np.bool_)
    rows, op = _ops_among(host, events, numbers)
    kept = ~(is_marker | thunk)[rows]
    rows, op = rows[kept], op[kept]
    if not thunk.any():
        return _activity(CPU, plane, events, rows, op), None
    thunks = np.flatnonzero(thunk)
    of_xla = np.repeat(np.array([False, True]), (rows.size, thunks.size))
    rows, op = np.concatenate((rows, thunks)), np.concatenate((op, xla.of(events, thunks)))
    time = host_time(plane, events, rows, op, of_xla)
    xla.unplaced.update(op[time.callers].tolist())
    part = _activity(CPU, plane, events, rows, op)
    return replace(part, at_work=time.own), time.regions


def _ops_among(host: _Host, events: Events, numbers: OpNumbers) -> tuple[NDArray[np.intp], Int]:
    """Which events have the name of an op, and the op of each; those inside of ops don't count."""
    parsed = [split_op(name) for name in events.names]
    named = np.array([op is not None for op in parsed], bool)[events.name]
    rows = np.flatnonzero(named & ~host.is_pool[events.line])
    of_data = np.array([line.name.startswith("tf_data") for line in host.plane.lines], bool)
    key = events.name[rows].astype(np.int64) * 2 + of_data[events.line[rows]]
    keys, which = np.unique(key, return_inverse=True)
    found = [numbers.of(_scoped(parsed[number // 2], bool(number % 2))) for number in keys]
    return rows, np.array(found, np.int64)[which]


def _regions(
    hosts: Sequence[_Host], known: Sequence[Regions | None], numbers: OpNumbers
) -> Regions | None:
    """Finds the work of the pools' threads of all hosts, but those where it is known."""
    found: list[Regions] = []
    lines = 0
    for host, one in zip(hosts, known, strict=True):
        regions = one
        if regions is None and host.is_pool.any():
            ops = _ops_among(host, host.every, numbers)
            regions = find_regions(host.every, host.is_pool, *ops)
        if regions is not None:
            found.append(replace(regions, thread=regions.thread + lines))
        lines += len(host.plane.lines)
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


def _on_gpu(plane: Plane, numbers: OpNumbers, xla: XlaOps) -> Activity:
    events = stream_events(plane)
    device = plane.name.removeprefix(_DEVICE)
    rows = np.arange(events.name.size)
    return _activity(device, plane, events, rows, kernel_ops(events, numbers, xla))


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
        _both_at_work(one, other),
    )


def _both_at_work(one: Activity, other: Activity) -> Segments | None:
    if one.at_work is None and other.at_work is None:
        return None
    first, second = one.own(), other.own()
    return Segments(
        np.concatenate((first.owner, second.owner + one.op.size)),
        np.concatenate((first.start_ps, second.start_ps)),
        np.concatenate((first.end_ps, second.end_ps)),
    )


def _during(host: Sequence[Events], wanted: re.Pattern[str]) -> Cover:
    """Returns the time covered by events of the wanted names."""
    starts, ends = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for events in host:
        row = np.array([bool(wanted.fullmatch(name)) for name in events.names], bool)[events.name]
        starts.append(events.start_ps[row])
        ends.append(events.start_ps[row] + events.duration_ps[row])
    return Cover.of(np.concatenate(starts), np.concatenate(ends))
