"""What ran in a trace: the events of ops on each device, and what the host did meanwhile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from alexprof.attribute import kinds
from alexprof.attribute.activity import CPU, Activity, merged, odd_events
from alexprof.attribute.cores import Regions
from alexprof.attribute.on_gpu import (
    DEVICE,
    GPU,
    Launches,
    TurnedOff,
    kernel_ops,
    on_gpu,
    turned_off,
)
from alexprof.attribute.on_host import Host, on_host, pool_regions
from alexprof.attribute.symbols import DATA_SCOPE, Op, OpNumbers, is_eager, split_op
from alexprof.attribute.timeline import Bool, Cover, Int
from alexprof.attribute.xla import XlaOps
from alexprof.record.note import Note
from alexprof.xplane import Events, Trace

_HOST = "/host:CPU"

# Inside one of these TensorFlow, JAX or XLA prepares or runs ops; outside them all the host runs
# the user's Python (tsl/profiler/utils/xplane_schema.cc has most of the names).
_CALLS = re.compile(
    r"SessionRun|FunctionRun|RunGraph|BatchingSessionRun|TfrtModelRun|Eager(?:Kernel)?Execute"
    r"|TFE_Py_(?:FastPathExecute_C|ExecuteCancelable)|ExecutorState::Process"
    r"|PjitFunction\(.*\)|ThunkExecutor::Execute.*|PJRT_LoadedExecutable_Execute"
    r"|PjRt\w+::(?:Execute|EnqueueExecution)\w*|GpuExecutable::Execute\w+"
)
# Inside one of these the host takes a result from the device (JAX; TensorFlow does it in a call).
_FETCHES = re.compile(
    r"np\.asarray\(jax\.Array\)|(?:\w+::)*(?:ToLiteral|CopyRawToHost|CopyToHost)\w*"
    r"|TransferFromDevice"
)
_WAITS = re.compile(r"(?:MultiDevice)?IteratorGetNext\w*::\w+")


@dataclass(frozen=True)
class Work:
    """What ran, and what the host did meanwhile."""

    ops: tuple[Op, ...]  # name and type of each op
    devices: tuple[Activity, ...]  # devices with at least one event, the CPU first
    # The events of the host's planes, without threads inside of ops unless XLA ran.
    host: tuple[Events, ...]
    # When TensorFlow had been called to run something; None when the trace never says. Like the
    # next two without what threads of the input pipeline did.
    calls: Cover | None
    in_iterators: Cover  # when the host waited for the input pipeline
    fetches: Cover  # when it took results from a device
    # Work of the pools' threads; None if not wanted or not recorded.
    regions: Regions | None
    eager: frozenset[int]  # numbers of ops that ran eagerly, without names of their own
    # Numbers of ops that may belong to any pass: those that XLA made, as far as the trace does not
    # say for what, and those that only called XLA.
    unplaced: frozenset[int]
    # Numbers of ops that some fusion of XLA's goes by only because most of it is of them.
    estimated: frozenset[int]
    # Of each fusion, the names of the ops that it computes: see `Activity.fusion`.
    fusions: tuple[tuple[str, ...], ...]
    turned_off: TurnedOff | None  # command buffers that XLA turned off; None where there are none
    unread: tuple[str, ...]  # device planes with events that are not read here
    notes: tuple[Note, ...]  # what a reader of the ops should know

    def device(self, name: str) -> Activity:
        """Returns what a device ran."""
        return next(device for device in self.devices if device.device == name)

    @cached_property
    def is_data(self) -> Bool:
        """Which ops run inside of tf.data, bool [ops + 1]; the last is for `UNASSIGNED`."""
        return np.array([*(name.startswith(f"{DATA_SCOPE}/") for name, _ in self.ops), False], bool)

    @cached_property
    def gets_input(self) -> Bool:
        """Which ops get input, as `is_data`."""
        return np.array([*(kinds.is_input(type_) for _, type_ in self.ops), False], bool)

    @cached_property
    def waits(self) -> Cover:
        """When the host waited for the input pipeline, or ran an op of its own for it."""
        return self.in_iterators | self._ran(self.gets_input)

    @cached_property
    def ran(self) -> Cover:
        """When it ran other ops."""
        return self._ran(~self.gets_input)

    def _ran(self, wanted: Bool) -> Cover:
        """When the host ran some ops outside of tf.data."""
        spans = []
        for device in self.devices:
            if device.device == CPU:
                row = (wanted & ~self.is_data)[device.op]
                spans.append((device.start_ps[row], device.end_ps[row]))
        return Cover.of_all(spans)

    @cached_property
    def apart(self) -> Cover:
        """When the host waited for input or took results from a device."""
        return self.waits | self.fetches

    @cached_property
    def called(self) -> Cover:
        """When it had been called to run something, waited, fetched, or ran ops."""
        called = self.apart | self.ran
        return called if self.calls is None else called | self.calls

    def launching_within(self, start_ps: Int, end_ps: Int) -> Int:
        """How much of each window the host had to launch something, int64 [n] picoseconds.

        That is all but Python, waiting for input and taking results; all of it where the trace does
        not say when TensorFlow was called.
        """
        if self.calls is None:
            return end_ps - start_ps
        apart = self.apart.within(start_ps, end_ps)
        launching: Int = self.called.within(start_ps, end_ps) - apart
        return launching

    @property
    def span_ps(self) -> tuple[int, int]:
        """Begin of the first event of an op and end of the last."""
        ends = [device.end_ps for device in self.devices]
        ends += [device.at_work.end_ps for device in self.devices if device.at_work is not None]
        return (
            min(int(device.start_ps.min()) for device in self.devices),
            max(int(end.max(initial=0)) for end in ends),
        )


def read_work(trace: Trace, *, cores: bool = True) -> Work:
    """Finds the ops of a trace and their events on each device.

    Core times need what the pools' threads did: most of a CPU trace.
    """
    numbers = OpNumbers()
    xla = XlaOps(trace, numbers)
    launches = Launches(trace.planes, lambda events: kernel_ops(events, numbers, xla)[0])
    planes = [plane for plane in trace.planes if plane.name.startswith(_HOST)]
    hosts = [Host.read(plane, cores=cores) for plane in planes]
    on_hosts = [on_host(host, numbers, xla, launches) for host in hosts]
    planes = [plane for plane in trace.planes if plane.name.startswith(DEVICE)]
    on_gpus = [
        on_gpu(plane, numbers, xla, launches) for plane in planes if plane.name.startswith(GPU)
    ]
    events = tuple(host.events for host in hosts)
    calls = _during(hosts, _CALLS)
    names = (name for event in events for name in event.names)
    # All that numbers ops comes before `ops` is taken.
    regions = pool_regions(hosts, [known for _, known in on_hosts], numbers) if cores else None
    eager = frozenset(numbers.of(split_op(name)) for name in names if is_eager(name))
    devices = tuple(merged([part for part, _ in (*on_hosts, *on_gpus)]))
    return Work(
        ops=tuple(numbers),
        devices=devices,
        host=events,
        calls=calls if calls.start_ps.size else None,
        in_iterators=_during(hosts, _WAITS),
        fetches=_during(hosts, _FETCHES),
        regions=regions,
        eager=eager,
        unplaced=frozenset(xla.unplaced),
        estimated=frozenset(xla.estimated),
        fusions=tuple(xla.fusions),
        turned_off=turned_off(hosts, launches, devices),
        unread=tuple(
            plane.name
            for plane in planes
            if not plane.name.startswith(GPU) and plane.events().name.size
        ),
        notes=(
            *xla.notes,
            *(note for host in hosts for note in odd_events(CPU, host.events)),
            *(note for _, notes in on_gpus for note in notes),
        ),
    )


def _during(hosts: Sequence[Host], wanted: re.Pattern[str]) -> Cover:
    """Returns the time covered by events of the wanted names, but on threads of the input."""
    spans = []
    for host in hosts:
        events = host.events
        rows = events.named(wanted.fullmatch)
        rows = rows[~host.is_input[events.line[rows]] | (wanted is _WAITS)]
        spans.append((events.start_ps[rows], events.end_ps[rows]))
    return Cover.of_all(spans)
