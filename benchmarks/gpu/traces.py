"""What AlexProf reads in a trace beside what a stopwatch said while it was taken."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.gpu.programs import PROGRAMS
from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.stopwatch import Laps

if TYPE_CHECKING:
    from alexprof.attribute import Attribution


def beside_stopwatch(name: str, sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Runs a program, traces some of its steps and reads the trace.

    Args:
        name: Of the program.
        sizes: How large.
        folder: For the trace.

    Returns:
        Under "sorts" an entry for each sort of steps: `compared`.
    """
    if name != "jax-async-loop":
        from alexprof.capture.runtime import start_tensorflow

        start_tensorflow()
    taken = PROGRAMS[name](sizes, folder)
    from alexprof.attribute.costs import attribute_phases
    from alexprof.xplane import read_trace

    (path,) = folder.rglob("*.xplane.pb")
    return {
        "bytes": path.stat().st_size,
        "sorts": compared(taken, attribute_phases(read_trace(path))),
    }


def compared(taken: Laps, read: dict[str, Attribution]) -> list[dict[str, Any]]:
    """Sets the steps of each sort side by side.

    Args:
        taken: By the stopwatch, "" where no marker names them.
        read: By AlexProf. Where there is one sort on each side they belong together, whatever
            they are called.

    Returns:
        For each sort `sort`, `stopwatch` and `alexprof` (None where that side lacks it) and
        `difference`, AlexProf's mean over the stopwatch's, less 1.
    """
    if len(taken) == len(read) == 1:
        (seconds,), ((sort, attribution),) = taken.values(), read.items()
        return [_row(sort, seconds, attribution)]
    sorts = dict.fromkeys([*taken, *read])
    return [_row(sort, taken.get(sort, []), read.get(sort)) for sort in sorts]


def _row(sort: str, seconds: list[float], attribution: Attribution | None) -> dict[str, Any]:
    stopwatch = _of(seconds) if seconds else None
    alexprof = None if attribution is None else _read(attribution)
    return {
        "sort": sort,
        "stopwatch": stopwatch,
        "alexprof": alexprof,
        "difference": alexprof["mean_s"] / stopwatch["mean_s"] - 1
        if alexprof and stopwatch
        else None,
    }


def _of(seconds: list[float]) -> dict[str, Any]:
    """Number and mean of steps; the mean without the first, None if there is no other."""
    return {
        "steps": len(seconds),
        "mean_s": statistics.fmean(seconds),
        "mean_without_first_s": statistics.fmean(seconds[1:]) if len(seconds) > 1 else None,
    }


def _read(attribution: Attribution) -> dict[str, Any]:
    """The same of the trace, with what the device did."""
    import polars as pl

    from alexprof.attribute import by_layer_whole, totals

    walls = dict(attribution.steps.select("step", "wall_ns").iter_rows())
    if attribution.left_out is not None:
        walls |= dict(attribution.left_out.select("step", "wall_ns").iter_rows())
    seconds = [walls[step] / 1e9 for step in sorted(walls)]
    (total,) = [total for total in totals(attribution.costs) if total.device == attribution.device]
    on_device = attribution.costs.filter(pl.col("device") == attribution.device)
    steps = max(on_device["step"].n_unique(), 1)
    layers = by_layer_whole(on_device).filter(pl.col("name") != "(idle)")
    optimizer = on_device.filter(pl.col("pass") == "optimizer")["busy_ns"].sum()
    return {
        **_of(seconds),
        "device": attribution.device,
        "busy_s": int(on_device.filter(pl.col("pass") != "idle")["busy_ns"].sum()) / 1e9 / steps,
        "optimizer_s": int(optimizer) / 1e9 / steps,
        "idle": total.idle_ns / total.wall_ns if total.wall_ns else None,
        "unassigned": total.unassigned_ns / total.share_ns if total.share_ns else None,
        "layers": layers["name"].to_list()[:12],
        "notes": msgspec.to_builtins(attribution.notes),
    }
