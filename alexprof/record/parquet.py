"""The run's two tables: steps and costs, as Parquet.

`steps.parquet`: a row per step, timed or traced, warm-up included and marked. `costs.parquet`: a
row per traced step, device and op, idle time included, so that the shares of a step add up to its
wall time; that is checked whenever the table is made or loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alexprof.errors import ClosureError, RunError
from alexprof.files import whole_file
from alexprof.record.store import damaged

if TYPE_CHECKING:
    import polars as pl


STEPS_FILE, COSTS_FILE = "steps.parquet", "costs.parquet"


def check_closure(costs: pl.DataFrame) -> None:
    """Raises a ClosureError unless shares and idle time add up to the step, on each device."""
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
            f"{row['share_ns']} ns, the step took {wall} ns; the costs are damaged: run again",
            numbers={"step": row["step"], "share_ns": row["share_ns"], "wall_ns": wall},
            names=(row["device"],),
        )


def costs_table(costs: Mapping[tuple[str, str], pl.DataFrame]) -> pl.DataFrame:
    """Puts the costs of all variants and phases into one table, once `check_closure` is content."""
    import polars as pl

    frames = []
    for (variant, phase), frame in costs.items():
        check_closure(frame)
        named = frame.with_columns(pl.lit(variant).alias("variant"), pl.lit(phase).alias("phase"))
        frames.append(named.select("variant", "phase", *frame.columns))
    return pl.concat(frames)


def save_table(folder: Path, name: str, table: pl.DataFrame) -> None:
    """Writes a table, whole; a RunError if it can't be written."""
    with whole_file(folder / name) as temporary:
        table.write_parquet(temporary)


def load_costs(folder: str | Path) -> pl.DataFrame:
    """Reads `costs.parquet` and checks that shares and idle time make up the steps.

    Raises:
        RunError: If it can't be read.
        ClosureError: If the shares of a step do not add up to it.
    """
    table = _read(Path(folder) / COSTS_FILE)
    for _, frame in table.group_by("variant", "phase", maintain_order=True):
        check_closure(frame)
    return table


def load_steps(folder: Path) -> pl.DataFrame:
    """Reads `steps.parquet`; a RunError if it can't be read."""
    import polars as pl

    table = _read(folder / STEPS_FILE)
    if "traced" in table.columns:
        return table
    return table.with_columns(traced=pl.lit(value=False))  # the first runs of schema 2 lack it


def _read(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(path)
    except FileNotFoundError:
        message = f"no {path}: no phase of this run got that far"
        raise RunError(message, code="file_missing", names=(str(path),)) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise damaged(path, error) from error
