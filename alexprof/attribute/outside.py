"""What lies around the steps: a first one unlike the others, and work between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alexprof.attribute.division import Division
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import PS_PER_NS, Steps
from alexprof.attribute.symbols import DATA_SCOPE
from alexprof.attribute.timeline import Cover, idle_within

if TYPE_CHECKING:
    import polars as pl

LONG, LONG_ON_CPU = 1.2, 3.0
"""Times the median of the others, from which on a first step is left out."""
COMPILING_NS = 50_000_000
"""On a CPU by so much longer, too: what is shorter is a cold cache, and no compiler."""
_OTHERS = 3  # so many others tell


def outside_of(steps: Steps, division: Division, work: Work) -> tuple[int, int]:
    """Measures from the first marked step to the end of all, and what ran outside of all steps.

    Of steps of one sort that is from each step to the next of any sort.
    Threads of the input pipeline mostly wait, so they don't count, nor do ops that get input.

    Returns:
        Nanoseconds from the begin of the first step, and those of them in which the device ran an
        op outside of all steps; 0 where steps are not marked.
    """
    if steps.source != "marker":
        return 0, 0
    activity = next(device for device in work.devices if device.device == division.device)
    of_input = [name.startswith(f"{DATA_SCOPE}/") for name, _ in work.ops]
    of_model = ~np.array([*of_input, False], bool)[activity.op]  # the last is for UNASSIGNED
    busy = Cover.of(activity.start_ps[of_model], activity.end_ps[of_model])
    rows = np.sort(np.concatenate([steps.rows_of(sort) for sort in steps.shown()]))
    start_ps, last_ps = division.start_ps, max(division.end_ps.max(), work.span_ps[1])
    until_ps = np.append(start_ps[1:], last_ps)  # what is between steps belongs to the one before
    every_ps, within_ps = (
        int(idle_within(work.waits, busy, start_ps[rows], end_ps[rows]).sum())
        for end_ps in (until_ps, division.end_ps)
    )
    span_ps = int((until_ps - start_ps)[rows].sum())
    return span_ps // PS_PER_NS, (every_ps - within_ps) // PS_PER_NS


def long_first(steps: pl.DataFrame, *, on_cpu: bool = False) -> pl.DataFrame | None:
    """Finds a first step that took much longer than the others: its row, or None.

    A profiler sets itself up in it on a GPU; a program may compile in it on any device. `on_cpu`
    says that steps are judged by a CPU, where nothing but compiling takes long.
    """
    import polars as pl

    least, longer_ns = (LONG_ON_CPU, COMPILING_NS) if on_cpu else (LONG, 0)
    rest = steps["wall_ns"][1:]
    if len(rest) < _OTHERS:
        return None
    median = rest.median()
    assert isinstance(median, float)
    first = steps.head(1)
    long = pl.col("wall_ns") >= max(least * median, median + longer_ns)
    return first if first.select(long).item() else None
