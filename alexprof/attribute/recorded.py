"""What a trace records of each device and kernel, before any clipping to steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alexprof.attribute.activity import CPU, Activity
from alexprof.attribute.kernel_facts import kernel_facts, uses_tensor_cores
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import PS_PER_NS
from alexprof.attribute.symbols import UNASSIGNED
from alexprof.attribute.table import UNASSIGNED_OP
from alexprof.attribute.timeline import Cover

if TYPE_CHECKING:
    import polars as pl


def recorded_devices(work: Work) -> pl.DataFrame:
    """Lists the devices that anything ran on, the CPU first.

    Returns:
        A row each: `name` ("CPU", "GPU:0", …) and `kind` ("cpu" or "gpu") strings; `events` (of ops
        on a CPU, of kernels and copies on a GPU) and `busy_ns` (in which at least one ran) int64.
    """
    import polars as pl

    return pl.DataFrame(
        {
            "name": [device.device for device in work.devices],
            "kind": ["cpu" if device.device == CPU else "gpu" for device in work.devices],
            "events": [int(device.op.size) for device in work.devices],
            "busy_ns": [_busy_ns(device) for device in work.devices],
        }
    )


def recorded_kernels(work: Work) -> pl.DataFrame:
    """Adds up what the GPUs ran, by kernel, op and stream.

    Returns:
        A row each, longest first: `name`, `op`, `device`, `stream` strings; `executions` and
        `total_ns` int64, the sum of the durations that the file records; `launches` int64, in how
        many ways it was launched, and the `KernelFacts` of the one that took most time;
        `total_bytes` int64, what all executions copy or fill; `tensor_cores` bool, null where the
        name leaves it open.
    """
    import polars as pl

    keys = ["name", "op", "device", "stream"]
    rows = pl.concat([_nothing(), *(_by_launch(device, work) for device in work.devices)])
    sizes = {text: kernel_facts(text).copied_bytes for text in rows["details"].unique()}
    copied = pl.Series("bytes", [sizes[text] for text in rows["details"]], dtype=pl.Int64)
    table = (
        rows.with_columns((copied * rows["executions"]).alias("total_bytes"))
        .group_by(*keys, "details")
        .agg(pl.col("executions", "total_ps", "total_bytes").sum())
        .sort(["total_ps", *keys, "details"], descending=[True, *[False] * 5])
        .group_by(keys, maintain_order=True)
        .agg(
            pl.col("executions", "total_ps", "total_bytes").sum(),
            pl.len().cast(pl.Int64).alias("launches"),
            pl.col("details").first(),
        )
    )
    table = table.with_columns(
        ((pl.col("total_ps") + PS_PER_NS // 2) // PS_PER_NS).alias("total_ns")
    ).sort(["total_ns", *keys], descending=[True, *[False] * 4])
    fact_types: dict[str, Any] = {
        "grid": pl.List(pl.Int64),
        "block": pl.List(pl.Int64),
        "registers": pl.Int64(),
        "shared_memory_bytes": pl.Int64(),
        "occupancy": pl.Float64(),
        "copied_bytes": pl.Int64(),
        "copied_from": pl.String(),
        "copied_to": pl.String(),
    }
    by_text = {text: kernel_facts(text) for text in table["details"].unique()}
    facts = [by_text[text] for text in table["details"]]
    by_name = {name: uses_tensor_cores(name) for name in table["name"].unique()}
    return table.select(*keys, "executions", "total_ns", "launches", "total_bytes").with_columns(
        *(
            pl.Series(name, [getattr(fact, name) for fact in facts], dtype=dtype)
            for name, dtype in fact_types.items()
        ),
        pl.Series("tensor_cores", [by_name[name] for name in table["name"]], dtype=pl.Boolean),
    )


def _by_launch(device: Activity, work: Work) -> pl.DataFrame:
    """A GPU's kernels by name, op, stream and the way they were launched."""
    import polars as pl

    if device.device == CPU:
        return _nothing()
    ops = pl.Series([*(name for name, _ in work.ops), UNASSIGNED_OP], dtype=pl.String)
    rows = pl.DataFrame(
        {
            "name": device.name,
            "op": np.where(device.op == UNASSIGNED, len(work.ops), device.op),
            "stream": device.thread,
            "details": np.where(device.detail < 0, len(device.details), device.detail),
            "executions": device.occurrences,
            "total_ps": device.end_ps - device.start_ps,
        }
    )
    sums = rows.group_by("name", "op", "stream", "details").agg(
        pl.col("executions", "total_ps").sum()
    )
    return sums.select(
        pl.Series("name", device.names, dtype=pl.String).gather(sums["name"]),
        ops.alias("op").gather(sums["op"]),
        pl.lit(device.device).alias("device"),
        pl.Series("stream", device.threads, dtype=pl.String).gather(sums["stream"]),
        pl.Series("details", [*device.details, ""], dtype=pl.String).gather(sums["details"]),
        "executions",
        "total_ps",
    )


def _nothing() -> pl.DataFrame:
    import polars as pl

    texts = dict.fromkeys(["name", "op", "device", "stream", "details"], pl.String)
    return pl.DataFrame(schema=texts | dict.fromkeys(["executions", "total_ps"], pl.Int64))


def _busy_ns(device: Activity) -> int:
    own = device.own
    covered = Cover.of(own.start_ps, own.end_ps)
    return (int((covered.end_ps - covered.start_ps).sum()) + PS_PER_NS // 2) // PS_PER_NS
