"""The table of costs: divisions of all devices with names, at whole nanoseconds; its closure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.division import IDLE_REASONS, Division
from alexprof.attribute.names import Labels
from alexprof.attribute.ops import Work
from alexprof.attribute.rounding import settle
from alexprof.attribute.steps import PS_PER_NS, Steps
from alexprof.attribute.symbols import UNASSIGNED

if TYPE_CHECKING:
    import polars as pl

IDLE_OP = "(idle)"
UNASSIGNED_OP = "(unassigned)"


@dataclass(frozen=True)
class _Rows:
    """The rows of the table before it has names. `label` is a row of `_label_columns`."""

    step: NDArray[np.int64]
    device: NDArray[np.int64]
    label: NDArray[np.int64]
    executions: NDArray[np.int64]
    kernels: NDArray[np.int64]
    busy_ps: NDArray[np.int64]
    share_ps: NDArray[np.float64]
    core_ps: NDArray[np.int64]  # -1 where it is not known, like the next
    at_work_ps: NDArray[np.int64]
    idle_before_ps: NDArray[np.int64]
    launching_ps: NDArray[np.int64]


def costs_table(
    divisions: Sequence[Division], steps: Steps, work: Work, labels: Labels
) -> pl.DataFrame:
    """Joins the devices, settles shares at whole nanoseconds and puts the names in.

    Has `at` beside the columns of the costs: the index of the step among those of all sorts.
    """
    import polars as pl

    parts = [_rows(each, number, len(work.ops)) for number, each in enumerate(divisions)]
    rows = _Rows(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in _Rows.__annotations__)
    )
    wall = np.concatenate(
        [(division.end_ps - division.start_ps) // PS_PER_NS for division in divisions]
    )
    group = rows.device * len(steps) + rows.step
    share = settle(rows.share_ps / PS_PER_NS, group, wall)
    order = np.lexsort((-share, rows.device, rows.step))
    device = pl.Series("device", [division.device for division in divisions], dtype=pl.String)
    label = rows.label[order]
    return pl.DataFrame(
        [
            pl.Series("step", steps.number[rows.step[order]]),
            device.gather(rows.device[order]),
            *(
                pl.Series(name, texts, dtype=pl.String).gather(label)
                for name, texts in _label_columns(work, labels).items()
            ),
            _nullable("executions", rows.executions[order]),
            pl.Series("kernels", rows.kernels[order]),
            pl.Series("busy_ns", _rounded_ns(rows.busy_ps[order])),
            pl.Series("share_ns", share[order]),
            pl.Series("wall_ns", wall[group[order]]),
            _nullable("core_ns", _rounded_ns(rows.core_ps[order])),
            _nullable("at_work_ns", _rounded_ns(rows.at_work_ps[order])),
            _nullable("idle_before_ns", _rounded_ns(rows.idle_before_ps[order])),
            _nullable("launching_ns", _rounded_ns(rows.launching_ps[order])),
            pl.Series("at", rows.step[order]),
        ]
    )


def _nullable(name: str, numbers: NDArray[np.int64]) -> pl.Series:
    """A column in which negative numbers are null."""
    import polars as pl

    return pl.Series(name, numbers).set(pl.Series(numbers < 0), None)


def _rounded_ns(time_ps: NDArray[np.int64]) -> NDArray[np.int64]:
    """To nanoseconds; −1 stays below 0."""
    rounded: NDArray[np.int64] = np.where(time_ps < 0, -1, (time_ps + PS_PER_NS // 2) // PS_PER_NS)
    return rounded


def _rows(division: Division, device: int, ops: int) -> _Rows:
    """Lists a device's ops, then its idle time where there is any."""
    reason, step = np.nonzero(division.idle_ps)
    none = np.zeros(step.size, np.int64)
    label = np.where(division.op == UNASSIGNED, ops, division.op)
    unknown = np.full(label.size, -1)
    core_ps, at_work_ps = division.cores or (unknown, unknown)
    return _Rows(
        step=np.concatenate((division.step, step)),
        device=np.full(division.step.size + step.size, device),
        label=np.concatenate((label, ops + 1 + reason)),
        executions=np.concatenate((division.executions, none)),
        kernels=np.concatenate((division.kernels, none)),
        busy_ps=np.concatenate((division.busy_ps, none)),
        share_ps=np.concatenate((division.share_ps, division.idle_ps[reason, step])),
        core_ps=np.concatenate((core_ps, none - 1)),
        at_work_ps=np.concatenate((at_work_ps, none - 1)),
        idle_before_ps=np.concatenate((division.idle_before_ps, none - 1)),
        launching_ps=np.concatenate((division.launching_ps, none - 1)),
    )


def _label_columns(work: Work, labels: Labels) -> dict[str, list[str]]:
    """The text columns: a row per op, one for the unassigned, one per reason to be idle."""
    reasons = len(IDLE_REASONS)
    idle = [IDLE_OP] * reasons
    return {
        "op": [name for name, _ in work.ops] + [UNASSIGNED_OP, *idle],
        "type": [type_ for _, type_ in work.ops] + [UNASSIGNED_OP, *IDLE_REASONS],
        "kind": [*labels.kind, UNASSIGNED_OP, *idle],
        "layer": [*labels.layer, UNASSIGNED_OP, *idle],
        "pass": [*labels.passes, "other", *["idle"] * reasons],
    }
