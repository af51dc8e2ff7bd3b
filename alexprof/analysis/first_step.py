"""A long first traced step in tables of older runs, which have it still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alexprof.attribute import long_first
from alexprof.record.phase import on_cpu

if TYPE_CHECKING:
    import polars as pl


def long_first_of(costs: pl.DataFrame, device: str) -> pl.DataFrame | None:
    """Finds a first step that took much longer than the others, where a GPU is judged.

    Only tables of older runs have it, which don't know the host's time for launches: it was left
    out before the others were written.

    Args:
        costs: Of one variant and phase.
        device: What its steps are judged by.

    Returns:
        Its `step` and `wall_ns`; None where there is none.
    """
    import polars as pl

    if on_cpu(device):
        return None
    rows = costs.filter(pl.col("device") == device)
    if rows["launching_ns"].count():
        return None
    steps = rows.select("step", "wall_ns")
    return long_first(steps.unique().sort("step"))


def without_long_first(costs: pl.DataFrame, device: str) -> pl.DataFrame:
    """Leaves that step out; see `long_first_of`."""
    import polars as pl

    late = long_first_of(costs, device)
    return costs if late is None else costs.filter(pl.col("step") != late["step"].item())
