"""Shares and idle time add up to the step: checked when a table of costs is made, and when read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alexprof.errors import ClosureError

if TYPE_CHECKING:
    import polars as pl


def check_closure(costs: pl.DataFrame) -> None:
    """Checks that shares and idle time add up to the step, for each step and device.

    Raises:
        ClosureError: They do not; names the first such step.
    """
    import polars as pl

    sums = costs.group_by("step", "device", maintain_order=True).agg(
        pl.col("share_ns").sum(), pl.col("wall_ns").min(), pl.col("wall_ns").max().alias("most")
    )
    wrong = sums.filter(
        (pl.col("share_ns") != pl.col("wall_ns")) | (pl.col("most") != pl.col("wall_ns"))
    )
    if wrong.height:
        row = wrong.row(0, named=True)
        wall = row["wall_ns"] if row["most"] == row["share_ns"] else row["most"]
        raise ClosureError(
            f"step {row['step']} on {row['device']}: shares and idle time add up to "
            f"{row['share_ns']} ns, the step took {wall} ns; the costs are damaged: run again"
        )
