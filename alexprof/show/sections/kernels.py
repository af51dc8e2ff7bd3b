"""The longest kernels of a GPU: which op launched them, on which stream."""

from __future__ import annotations

import math

from alexprof.runs.record import Kernel, Phase
from alexprof.show import numbers
from alexprof.show.document import Column, Row, Table
from alexprof.show.fit import clean

_COLUMNS = (
    Column("kernel", align="name"),
    Column("op", align="text", drop=1),
    Column("stream", align="text", drop=3),
    Column("total", "ms"),
    Column("each", "ms", drop=2),
    Column("count", align="right"),
)
KERNELS_NOTE = (
    "Kernels and copies as the whole trace records them, the parts outside steps included; streams "
    "that run side by side add up to more than the step."
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
    rows = [_row(one) for one in shown]
    if others:
        total_s = math.fsum(one.total_ns for one in others) / 1e9
        count = str(sum(one.executions for one in others))
        more = f"{len(others)} more"
        rows.append(Row((more, "", "", numbers.ms(total_s), "", count), "muted"))
    few = f"The longest {len(shown)} of {len(mine)} kernels, by op and stream"
    title = few if others else "All kernels, by op and stream"
    return Table(_COLUMNS, tuple(rows), title=title, aside=f"kernel times, {device}, whole trace")


def _row(one: Kernel) -> Row:
    return Row(
        (
            clean(one.name),
            clean(one.op),
            clean(one.stream),
            numbers.ms(one.total_ns / 1e9),
            numbers.ms(one.total_ns / 1e9 / max(one.executions, 1)),
            str(one.executions),
        )
    )
