"""The longest kernels of a GPU: which op launched them, on which stream."""

from __future__ import annotations

import math
import re

from alexprof.record.phase import Phase
from alexprof.record.trace import Kernel
from alexprof.show import numbers
from alexprof.show.document import Column, Row, Table
from alexprof.show.fit import clean

# The profiler names a stream after its number and all that runs on it.
_STREAM = re.compile(r"Stream #(\d+).*")
_TENSOR_CORES = {True: "yes", False: "no", None: "?"}
KERNELS_NOTE = (
    "Kernels and copies as the whole trace records them, the parts outside steps included; streams "
    "that run side by side add up to more than the step. TC: Tensor Cores, by the kernel’s name."
)


def kernel_table(phase: Phase, device: str, top: int) -> Table | None:
    """The `top` longest kernels of a device, and one row for the others; None if it ran none.

    Args:
        phase: The traced phase.
        device: "GPU:0", …
        top: How many.
    """
    mine = [one for one in phase.kernels if one.device == device]
    if not mine or not top:
        return None
    shown, others = mine[:top], mine[top:]
    unit = numbers.table_unit(_times_s(one)[1] for one in shown)
    rows = [_row(one, unit) for one in shown]
    if others:
        total_s = math.fsum(one.total_ns for one in others) / 1e9
        count = str(sum(one.executions for one in others))
        more = f"{len(others)} more"
        rows.append(Row((more, "", "", unit.plain(total_s), "", count), "muted"))
    few = f"The longest {len(shown)} of {len(mine)} kernels, by op and stream"
    title = few if others else "All kernels, by op and stream"
    columns = _columns(unit.name)
    aside = f"kernel times, {device}, whole trace"
    table = Table(columns, tuple(rows), title=title, aside=aside, part="kernels")
    filled = (any(row.text(at) for row in rows) for at in range(len(columns)))
    empty = [column.title for column, some in zip(columns, filled, strict=True) if not some]
    return table.without(*empty)


def copy_table(phase: Phase, device: str) -> Table | None:
    """What a device copied, by direction and memory; None if it copied nothing."""
    copies: dict[tuple[str, str], list[Kernel]] = {}
    for kernel in phase.kernels:
        if kernel.device == device and kernel.copied_from and kernel.copied_to:
            copies.setdefault((kernel.copied_from, kernel.copied_to), []).append(kernel)
    if not copies:
        return None
    total_s = {
        way: math.fsum(kernel.total_ns for kernel in kernels) / 1e9
        for way, kernels in copies.items()
    }
    unit = numbers.table_unit(total_s.values())
    rows = []
    for way in sorted(copies, key=lambda way: -total_s[way]):
        moved = sum(kernel.total_bytes for kernel in copies[way])
        rows.append(
            Row(
                (
                    f"{clean(way[0])} → {clean(way[1])}",
                    str(sum(kernel.executions for kernel in copies[way])),
                    numbers.plain(moved / 1e3),
                    unit.plain(total_s[way]),
                    numbers.plain(moved / 1e9 / total_s[way]) if total_s[way] else "",
                )
            )
        )
    columns = (
        Column("copies", align="name"),
        Column("count", align="right"),
        Column("moved", "kB"),
        Column("took", unit.name),
        Column("rate", "GB/s"),
    )
    return Table(
        columns, tuple(rows), title="Copies", aside=f"{device}, whole trace", part="copies"
    )


def _columns(unit: str) -> tuple[Column, ...]:
    return (
        Column("kernel", align="name"),
        Column("op", align="text", drop=1),
        Column("stream", align="text", drop=5),
        Column("total", unit),
        Column("each", unit, drop=2),
        Column("count", align="right"),
        Column("TC", align="text", drop=3),
        Column("grid", align="right", drop=7),
        Column("block", align="right", drop=6),
        Column("regs", align="right", drop=8),
        Column("occ", "%", drop=4),
    )


def _times_s(one: Kernel) -> tuple[float, float]:
    """All its executions together, and each of them, in seconds."""
    total_s = one.total_ns / 1e9
    return total_s, total_s / max(one.executions, 1)


def _row(one: Kernel, unit: numbers.Unit) -> Row:
    total_s, each_s = _times_s(one)
    return Row(
        (
            clean(one.name),
            clean(one.op),
            _STREAM.sub(r"#\1", clean(one.stream)),
            unit.plain(total_s),
            unit.plain(each_s),
            str(one.executions),
            _TENSOR_CORES[one.tensor_cores] if one.copied_bytes is None else "",
            _size(one.grid),
            _size(one.block),
            "" if one.registers is None else str(one.registers),
            "" if one.occupancy is None else numbers.percent(one.occupancy),
        )
    )


def _size(size: tuple[int, int, int] | None) -> str:
    """A size without the directions that are not used: 160, 16×32, 8×8×4."""
    if size is None:
        return ""
    used = max((at for at, one in enumerate(size) if one > 1), default=0) + 1
    return "×".join(map(str, size[:used]))
