"""Tables of a trace: the most expensive ops, a GPU's kernels and copies, its launches by layer."""

from __future__ import annotations

import math
import re
from itertools import accumulate

from alexprof.analysis.division import UNASSIGNED, DividedStep, costs_together, device_ops
from alexprof.record.kernels import Kernel
from alexprof.record.phase import OpCost, Phase
from alexprof.show import numbers
from alexprof.show.document import Column, Table
from alexprof.show.finding_texts import ONE_BY_ONE
from alexprof.show.numbers import count, percent
from alexprof.show.text import plural

LAUNCHING_LAYERS_SHOWN = 8
# The profiler names a stream after its number and all that runs on it.
_STREAM = re.compile(r"Stream #(\d+).*")
_TENSOR_CORES = {True: "yes", False: "no", None: "?"}


def times_of(device: str, *, on_cpu: bool) -> str:
    """What times on a device are called: never one for the other."""
    return f"{'op' if on_cpu else 'kernel'} times, {device}"


def op_table(phase: Phase, division: DividedStep, top: int) -> Table | None:
    """The `top` most expensive ops, and one row for the others; None if there are none."""
    ops = device_ops(phase, division)
    shown, others = ops[:top], ops[top:]
    if not shown:
        return None
    title = f"All {len(ops)} ops" if len(ops) > 1 else "The only op"
    if others:
        title = f"The {len(shown)} most expensive of {plural(len(ops), 'op')}"
        shown.append(costs_together(others, plural(len(others), "more op")))
    unit = numbers.table_unit([division.step_s])
    totals = accumulate(op.share_fraction for op in shown)
    return Table.of(
        op_columns(unit),
        zip(shown, totals, strict=True),
        style=lambda item: "plain" if item[0].kind else "muted",
        title=title,
        aside=times_of(division.device, on_cpu=division.on_cpu),
    )


def op_columns(unit: numbers.Unit) -> tuple[Column, ...]:
    """Of pairs of an op and the total so far."""

    def cores(op: OpCost) -> str:
        return numbers.MISSING if op.parallelism is None else f"{op.parallelism:.1f}"

    def half(op: OpCost) -> str:
        return unit.half_width(op.share_ci95_s, op.share_mean_s)

    return (
        Column("op", "", lambda row: row[0].name or UNASSIGNED, align="name"),
        Column("kind", "", lambda row: row[0].kind, align="text", drop=1),
        Column("pass", "", lambda row: row[0].pass_, align="text", drop=4),
        Column("share", unit.name, lambda row: unit.plain(row[0].share_mean_s)),
        Column("± 95 %", unit.name, lambda row: half(row[0]), drop=6),
        Column("step", "%", lambda row: percent(row[0].share_fraction)),
        Column("GPU-busy", "%", lambda row: percent(row[0].busy_fraction), drop=2, optional=True),
        Column("total", "%", lambda row: percent(row[1]), drop=3),
        Column("busy", unit.name, lambda row: unit.plain(row[0].busy_mean_s), drop=5),
        Column("count", "", lambda row: count(row[0].executions_per_step), align="right", drop=7),
        Column("cores", "", lambda row: cores(row[0]), align="right", drop=8, optional=True),
    )


def kernel_table(phase: Phase, division: DividedStep, top: int) -> Table | None:
    """The `top` longest kernels of a device, and one row for the others; None if it ran none."""
    kernels = [kernel for kernel in phase.kernels if kernel.device == division.device]
    if not kernels or not top:
        return None
    shown, others = kernels[:top], kernels[top:]
    title = "All kernels, by op and stream"
    if others:
        title = f"The longest {top} of {len(kernels)} kernels, by op and stream"
        shown.append(_together(others, f"{len(others)} more"))
    unit = numbers.table_unit(_mean_s(kernel) for kernel in shown[:top])
    return Table.of(
        _kernel_columns(unit),
        shown,
        style=lambda kernel: "plain" if kernel.stream else "muted",
        title=title,
        aside=f"kernel times, {division.device}, whole trace",
    )


def _together(kernels: list[Kernel], name: str) -> Kernel:
    return Kernel(
        name=name,
        op="",
        device=kernels[0].device,
        stream="",
        executions=sum(kernel.executions for kernel in kernels),
        total_ns=sum(kernel.total_ns for kernel in kernels),
        total_bytes=sum(kernel.total_bytes for kernel in kernels),
    )


def _mean_s(kernel: Kernel) -> float:
    return kernel.total_ns / 1e9 / max(kernel.executions, 1)


def _kernel_columns(unit: numbers.Unit) -> tuple[Column, ...]:
    def tensor_cores(kernel: Kernel) -> str:
        ran = kernel.copied_bytes is None and kernel.stream
        return _TENSOR_CORES[kernel.tensor_cores] if ran else ""

    def mean_s(kernel: Kernel) -> str:
        return unit.plain(_mean_s(kernel)) if kernel.stream else ""

    def occupancy(kernel: Kernel) -> str:
        return "" if kernel.occupancy is None else percent(kernel.occupancy)

    return (
        Column("kernel", "", lambda kernel: kernel.name, align="name"),
        Column("op", "", lambda kernel: kernel.op, align="text", drop=1, optional=True),
        Column("stream", "", _stream, align="text", drop=5, optional=True),
        Column("total", unit.name, lambda kernel: unit.plain(kernel.total_ns / 1e9)),
        Column("each", unit.name, mean_s, drop=2),
        Column("count", "", lambda kernel: kernel.executions, align="right"),
        Column("TC", "", tensor_cores, align="text", drop=3, optional=True),
        Column("grid", "", lambda row: _size(row.grid), align="right", drop=7, optional=True),
        Column("block", "", lambda row: _size(row.block), align="right", drop=6, optional=True),
        Column("regs", "", lambda kernel: kernel.registers, align="right", drop=8, optional=True),
        Column("occ", "%", occupancy, drop=4, optional=True),
    )


def _stream(kernel: Kernel) -> str:
    return _STREAM.sub(r"#\1", kernel.stream)


def _size(size: tuple[int, int, int] | None) -> str:
    """A size without the directions that are not used: 160, 16×32, 8×8×4."""
    if size is None:
        return ""
    used = max((axis for axis, length in enumerate(size) if length > 1), default=0) + 1
    return "×".join(map(str, size[:used]))


def copy_table(phase: Phase, division: DividedStep) -> Table | None:
    """What a device copied, by direction and memory; None if it copied nothing."""
    ways: dict[str, list[Kernel]] = {}
    for kernel in phase.kernels:
        if kernel.device == division.device and kernel.copied_from and kernel.copied_to:
            way = f"{kernel.copied_from} → {kernel.copied_to}"
            ways.setdefault(way, []).append(kernel)
    if not ways:
        return None
    copies = [_together(kernels, way) for way, kernels in ways.items()]
    unit = numbers.table_unit(copy.total_ns / 1e9 for copy in copies)

    def rate(copy: Kernel) -> str:
        return numbers.plain(copy.total_bytes / copy.total_ns) if copy.total_ns else ""

    return Table.of(
        (
            Column("copies", "", lambda copy: copy.name, align="name"),
            Column("count", "", lambda copy: copy.executions, align="right"),
            Column("moved", "kB", lambda copy: numbers.plain(copy.total_bytes / 1e3)),
            Column("took", unit.name, lambda copy: unit.plain(copy.total_ns / 1e9)),
            Column("rate", "GB/s", rate),
        ),
        sorted(copies, key=lambda copy: -copy.total_ns),
        title="Copies",
        aside=f"{division.device}, whole trace",
    )


def launch_table(phase: Phase, division: DividedStep) -> Table | None:
    """Who launches, in a step that is bound by launching one kernel after the other; else None."""
    layers = sorted(
        (row for row in phase.layers_whole if row.device == division.device),
        key=lambda layer: -layer.kernels_per_step,
    )
    layers = [layer for layer in layers if layer.kernels_per_step]
    kernels = math.fsum(layer.kernels_per_step for layer in layers)
    timeline = phase.attribution
    launches = timeline.launches_per_step if timeline and timeline.bound_by == "launching" else None
    if not launches or launches <= ONE_BY_ONE * kernels:
        return None
    shown, rest = layers[:LAUNCHING_LAYERS_SHOWN], layers[LAUNCHING_LAYERS_SHOWN:]
    if rest:
        shown.append(costs_together(rest, plural(len(rest), "more layer")))
    unit = numbers.table_unit([division.step_s])
    return Table.of(
        (
            Column("layer", "", lambda layer: layer.name, align="name"),
            Column("launches", "", lambda layer: f"{layer.kernels_per_step:.0f}", align="right"),
            Column("of all", "%", lambda layer: percent(layer.kernels_per_step / kernels)),
            Column("host", unit.name, lambda layer: unit.plain(layer.launching_s), drop=2),
            Column("idle before", unit.name, lambda layer: unit.plain(layer.idle_before_s), drop=1),
            Column("busy", unit.name, lambda layer: unit.plain(layer.share_mean_s)),
        ),
        shown,
        title="Launches by layer",
        aside=f"a step of {division.device}",
    )
