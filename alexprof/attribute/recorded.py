"""What a trace records of each device and kernel, before any clipping to steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.activity import CPU, Activity
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import PS_PER_NS
from alexprof.attribute.symbols import UNASSIGNED
from alexprof.attribute.timeline import Cover

if TYPE_CHECKING:
    import polars as pl

Int = NDArray[np.int64]


def recorded_devices(work: Work) -> pl.DataFrame:
    """Lists the devices that anything ran on, the CPU first.

    Args:
        work: What ran.

    Returns:
        A row each: `name` ("CPU", "GPU:0", …) and `kind` ("cpu" or "gpu") strings; `events` (of ops
        on a CPU, of kernels and copies on a GPU) and `busy_ns` (in which at least one ran) int64.
    """
    import polars as pl

    return pl.DataFrame(
        {
            "name": [one.device for one in work.devices],
            "kind": ["cpu" if one.device == CPU else "gpu" for one in work.devices],
            "events": [int(one.op.size) for one in work.devices],
            "busy_ns": [_busy_ns(one) for one in work.devices],
        }
    )


def recorded_kernels(work: Work, unassigned: str) -> pl.DataFrame:
    """Adds up what the GPUs ran, by kernel, op and stream.

    Args:
        work: What ran.
        unassigned: The op of kernels that name none.

    Returns:
        A row each, longest first: `name`, `op`, `device`, `stream` strings; `executions` and
        `total_ns` int64, the sum of the durations that the file records.
    """
    import polars as pl

    ops = [name for name, _ in work.ops]
    columns: dict[str, list[str]] = {"name": [], "op": [], "device": [], "stream": []}
    executions: list[Int] = [np.zeros(0, np.int64)]
    total_ps: list[Int] = [np.zeros(0, np.int64)]
    for one in work.devices:
        if one.device == CPU:
            continue
        keys, count, sums = _grouped(one, len(ops))
        columns["name"] += [one.names[name] for name, _, _ in keys]
        columns["op"] += [ops[op] if op != UNASSIGNED else unassigned for _, op, _ in keys]
        columns["device"] += [one.device] * len(keys)
        columns["stream"] += [one.threads[thread] for _, _, thread in keys]
        executions.append(count)
        total_ps.append(sums)
    table = pl.DataFrame(
        {
            **{name: pl.Series(name, texts, dtype=pl.String) for name, texts in columns.items()},
            "executions": np.concatenate(executions),
            "total_ps": np.concatenate(total_ps),
        }
    )
    table = table.group_by(list(columns)).agg(pl.col("executions", "total_ps").sum())
    table = table.with_columns(
        ((pl.col("total_ps") + PS_PER_NS // 2) // PS_PER_NS).alias("total_ns")
    )
    return table.drop("total_ps").sort(
        ["total_ns", "name", "op", "device", "stream"], descending=[True, *[False] * 4]
    )


def _grouped(one: Activity, ops: int) -> tuple[Sequence[tuple[int, int, int]], Int, Int]:
    """Kernel, op and stream of each group, its executions and its picoseconds."""
    op = np.where(one.op == UNASSIGNED, ops, one.op)
    threads = len(one.threads)
    key = (one.name * (ops + 1) + op) * threads + one.thread
    keys, which = np.unique(key, return_inverse=True)
    count, total_ps = np.zeros((2, keys.size), np.int64)
    np.add.at(count, which, one.occurrences)
    np.add.at(total_ps, which, one.end_ps - one.start_ps)
    name, rest = np.divmod(keys, (ops + 1) * threads)
    of_op, thread = np.divmod(rest, threads)
    of_op = np.where(of_op == ops, UNASSIGNED, of_op)
    groups = list(zip(name.tolist(), of_op.tolist(), thread.tolist(), strict=True))
    return groups, count, total_ps


def _busy_ns(one: Activity) -> int:
    own = one.own()
    covered = Cover.of(own.start_ps, own.end_ps)
    return (int((covered.end_ps - covered.start_ps).sum()) + PS_PER_NS // 2) // PS_PER_NS
