"""The run's two tables: steps and costs, as Parquet.

`steps.parquet`: a row per step, timed or traced, warm-up included and marked. `costs.parquet`: a
row per traced step, device and op, idle time included, so that the shares of a step add up to its
wall time; that is checked whenever the table is made or loaded.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from alexprof.errors import ClosureError, RunError
from alexprof.files import read_whole, write_whole
from alexprof.record.run import SCHEMA_VERSION, AnyRun
from alexprof.record.store import RUN_FILE, damaged, load_json, save_run

if TYPE_CHECKING:
    import polars as pl


STEPS_FILE, COSTS_FILE = "steps.parquet", "costs.parquet"
LARGEST_BYTES = 2_000_000_000
"""The largest table that is read."""


class _Checksums(Struct):
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)


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


def save_tables(folder: Path, run: AnyRun, tables: Mapping[str, pl.DataFrame]) -> AnyRun:
    """Writes tables by name, each whole, and their checksums into the run's record.

    The record is written before the tables, with the checksums of old and new ones: whenever
    writing stops, tables and record agree.

    Returns:
        The run with the new checksums, which is not written yet.

    Raises:
        RunError: If something can't be written.
    """
    contents = {name: _encoded(table) for name, table in tables.items()}
    new = {name: (_checksum(content),) for name, content in contents.items()}
    both = {name: (*run.tables.get(name, ()), *checksums) for name, checksums in new.items()}
    save_run(folder, replace(run, tables={**run.tables, **both}))
    for name, content in contents.items():
        write_whole(folder / name, content)
    return replace(run, tables={**run.tables, **new})


def load_costs(folder: str | Path) -> pl.DataFrame:
    """Reads `costs.parquet` and checks that shares and idle time make up the steps.

    Raises:
        RunError: If it can't be read.
        ClosureError: If the shares of a step do not add up to it.
    """
    import polars as pl

    table = _read(Path(folder), COSTS_FILE)
    try:
        for _, frame in table.group_by("variant", "phase", maintain_order=True):
            check_closure(frame)
    except (TypeError, pl.exceptions.PolarsError) as error:  # columns are missing, or hold texts
        raise damaged(Path(folder) / COSTS_FILE, error) from error
    return table


def load_steps(folder: Path) -> pl.DataFrame:
    """Reads `steps.parquet`; a RunError if it can't be read."""
    import polars as pl

    table = _read(folder, STEPS_FILE)
    if "traced" in table.columns:
        return table
    return table.with_columns(traced=pl.lit(value=False))  # the first runs of schema 2 lack it


def _read(folder: Path, name: str) -> pl.DataFrame:
    """Reads a table whose contents are those that the run wrote."""
    import polars as pl

    path = folder / name
    try:
        content = read_whole(path, LARGEST_BYTES)
    except FileNotFoundError:
        message = f"no {path}: no phase of this run got that far"
        raise RunError(message, code="file_missing", names=(str(path),)) from None
    checksums = load_json(folder / RUN_FILE, _Checksums, SCHEMA_VERSION).tables.get(name)
    if checksums is not None and _checksum(content) not in checksums:
        raise RunError(
            f"{path} is not the table that the run wrote, or was changed: copy it again from where "
            "the run was made, or measure again",
            code="table_changed",
            names=(str(path),),
        )
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise damaged(path, error) from error


def _encoded(table: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    table.write_parquet(file)
    return file.getvalue()


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
