"""What a host ran: ops on its threads, and the work of its pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from alexprof.attribute.activity import CPU, Activity, activity
from alexprof.attribute.cores import Regions, find_regions
from alexprof.attribute.on_gpu import CORRELATION, OP_STATS, SCOPE, Launches
from alexprof.attribute.symbols import DATA_SCOPE, OpNumbers, split_op
from alexprof.attribute.thunks import host_time
from alexprof.attribute.timeline import Bool, Index, Int
from alexprof.attribute.xla import HLO_OP, XlaOps, is_thunk
from alexprof.xplane import Events, Plane

# What is read of a host's events: here, in `xla`, in `on_gpu.Launches` and for the steps.
_STATS = (
    "step_num",
    "tf_function_call",
    SCOPE,
    HLO_OP,
    "hlo_module",
    "program_id",
    "name",
    CORRELATION,
    *OP_STATS,
)
_POOL_STATS = ("_c", "_p")


@dataclass(frozen=True)
class Host:
    """What is read of a host."""

    plane: Plane  # the host
    is_pool: Bool  # [lines], which are threads inside of ops: most events, none of them an op's
    is_input: Bool  # [lines], which are threads of the input pipeline
    by_xla: bool  # whether it may have run XLA, whose ops are on all threads
    events: Events  # the events of all lines that can hold ops
    every: Events  # all events, if they were read, else the same

    @classmethod
    def read(cls, plane: Plane, *, cores: bool) -> Host:
        """Reads a host; with the work of its pools for core times."""
        pools = [line.name.startswith("tf_numa_") and "_Eigen" in line.name for line in plane.lines]
        is_pool = np.array(pools, bool)
        is_input = np.array([line.name.startswith("tf_data") for line in plane.lines], bool)
        by_xla = plane.may_have(HLO_OP)
        if by_xla or (cores and is_pool.any()):
            every = plane.events(stats=(*_STATS, *_POOL_STATS) if cores or by_xla else _STATS)
            events = every if by_xla else every.take(~is_pool[every.line])
        else:
            of_pools = {line for line, pool in zip(plane.lines, pools, strict=True) if pool}
            every = events = plane.events(lambda line: line not in of_pools, stats=_STATS)
        return cls(plane, is_pool, is_input, by_xla, events, every)

    def ops_among(self, events: Events, numbers: OpNumbers) -> tuple[Index, Int]:
        """Which events have the name of an op, and the op of each; not those inside of ops.

        What tf.data maps over examples runs on its own threads, as a graph of its own, whose names
        could be those of the model's ops; so its ops get `tf_data/` in front.
        """
        parsed = [split_op(name) for name in events.names]
        named = np.array([op is not None for op in parsed], bool)[events.name]
        rows = np.flatnonzero(named & ~self.is_pool[events.line])
        key = events.name[rows].astype(np.int64) * 2 + self.is_input[events.line[rows]]
        keys, which = np.unique(key, return_inverse=True)
        ops = [
            (f"{DATA_SCOPE}/{op[0]}", op[1]) if number % 2 else op
            for number in keys
            if (op := parsed[number // 2]) is not None
        ]
        return rows, np.array([numbers.of(op) for op in ops], np.int64)[which]


def on_host(
    host: Host, numbers: OpNumbers, xla: XlaOps, launches: Launches
) -> tuple[Activity, Regions | None]:
    """Finds the ops among a host's events, and the work of its pools if it ran XLA."""
    plane, events = host.plane, host.events
    _, is_marker = events.ints("step_num")
    thunk = is_thunk(events) if host.by_xla else np.zeros(len(events), np.bool_)
    rows, op = host.ops_among(events, numbers)
    kept = ~(is_marker | thunk)[rows]
    rows, op = rows[kept], op[kept]
    if not thunk.any():
        launches.ran(plane, events, rows, op)
        return activity(CPU, plane, events, rows, op), None
    thunks = np.flatnonzero(thunk)
    of_xla = np.repeat(np.array([False, True]), (rows.size, thunks.size))
    rows, op = np.concatenate((rows, thunks)), np.concatenate((op, xla.read(events, thunks)[0]))
    launches.ran(plane, events, rows, op)
    time = host_time(plane, events, rows, op, of_xla)
    xla.unplaced.update(op[time.callers].tolist())
    part = activity(CPU, plane, events, rows, op)
    return replace(part, at_work=time.own), time.regions


def pool_regions(
    hosts: Sequence[Host], of_xla: Sequence[Regions | None], numbers: OpNumbers
) -> Regions | None:
    """Finds the work of the pools' threads of all hosts, but those where XLA's are known."""
    parts: list[Regions] = []
    lines = 0
    for host, by_xla in zip(hosts, of_xla, strict=True):
        regions = by_xla
        if regions is None and host.is_pool.any():
            ops = host.ops_among(host.every, numbers)
            regions = find_regions(host.every, host.is_pool, *ops)
        if regions is not None:
            parts.append(replace(regions, thread=regions.thread + lines))
        lines += len(host.plane.lines)
    if not any(part.op.size for part in parts):
        return None
    return Regions(
        op=np.concatenate([part.op for part in parts]),
        thread=np.concatenate([part.thread for part in parts]),
        start_ps=np.concatenate([part.start_ps for part in parts]),
        end_ps=np.concatenate([part.end_ps for part in parts]),
        threads=sum(part.threads for part in parts),
    )
