"""The run's two tables: steps and costs, as Parquet.

`steps.parquet`: a row per step, timed or traced, warm-up included and marked. `costs.parquet`: a
row per traced step, device and op, idle time included, so that the shares of a step add up to its
wall time; that is checked whenever the table is made or loaded.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from alexprof.errors import ClosureError, RunError
from alexprof.files import read_whole, write_whole
from alexprof.record.consistency import differ
from alexprof.record.run import AnyRun, Run
from alexprof.record.store import damaged, load_run, not_readable, save_run
from alexprof.record.tables import (
    COSTS,
    STEPS,
    compared_costs,
    compared_steps,
    with_all,
    wrong_type,
    wrong_value,
)

if TYPE_CHECKING:
    import polars as pl


STEPS_FILE, COSTS_FILE = "steps.parquet", "costs.parquet"
LARGEST_BYTES = 2_000_000_000
"""The largest table that is read."""
MOST_ROWS = 1_000_000
"""A table may have this many rows, plus one for each byte of the file: a row that AlexProf wrote
takes several bytes. More rows are not read, since a thousand bytes can encode a billion rows."""


def check_closure(costs: pl.DataFrame) -> None:
    """Raises a ClosureError unless shares and idle time add up to the step, on each device."""
    import polars as pl

    keys = [name for name in ("variant", "phase", "step", "device") if name in costs.columns]
    sums = costs.group_by(keys, maintain_order=True).agg(
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


def load_costs(folder: str | Path, run: Run | None = None) -> pl.DataFrame:
    """Reads `costs.parquet` and checks that shares and idle time add up to the steps.

    Args:
        folder: The run's folder.
        run: Its record, if already loaded.

    Raises:
        RunError: If the table can't be read, is damaged, or contradicts itself or the record.
    """
    table = _read(Path(folder), COSTS_FILE, run)
    try:
        check_closure(table)
    except ClosureError as error:
        raise damaged(Path(folder) / COSTS_FILE, error) from error
    return table


def load_steps(folder: Path, run: Run | None = None) -> pl.DataFrame:
    """Reads `steps.parquet`; arguments and errors are as for `load_costs`."""
    return _read(folder, STEPS_FILE, run)


class Tables:
    """The tables of a run, each read when it is asked for."""

    def __init__(
        self,
        run: Run,
        folder: Path,
        held: Mapping[str, bytes] | None = None,
        costs: pl.DataFrame | None = None,
    ) -> None:
        """Takes the run's folder, or instead the contents of tables by name, or a trace's costs."""
        self._run, self._folder, self._held = run, folder, held
        if costs is not None:
            self.costs = costs

    @cached_property
    def steps(self) -> pl.DataFrame | None:
        """`steps.parquet`; None if there is none. Errors are as for `load_costs`."""
        return self._table(STEPS_FILE)

    @cached_property
    def costs(self) -> pl.DataFrame | None:
        """`costs.parquet`; None if there is none. Errors are as for `load_costs`."""
        return self._table(COSTS_FILE)

    def _table(self, name: str) -> pl.DataFrame | None:
        if name not in self._run.tables:
            return None
        if self._held is None:
            return (
                load_costs(self._folder, self._run)
                if name == COSTS_FILE
                else (load_steps(self._folder, self._run))
            )
        content = self._held.get(name)
        if content is None:
            return None
        _check_content(self._folder / name, content, self._run)
        table = _decoded(self._folder / name, content)
        _compare(self._folder / name, table, self._run)
        return table


def check_tables(folder: Path, run: Run) -> None:
    """Raises a RunError if a table is not the one that the run wrote; one that is gone is none."""
    for name in run.tables:
        if (folder / name).exists():
            _content(folder, name, run)


def _read(folder: Path, name: str, run: Run | None) -> pl.DataFrame:
    """Reads a table, and checks that the run wrote these contents."""
    content, run = _content(folder, name, run)
    table = _decoded(folder / name, content)
    # While a table is being replaced, the record still describes the old one.
    if len(run.tables[name]) == 1:
        _compare(folder / name, table, run)
    return table


def _content(folder: Path, name: str, run: Run | None) -> tuple[bytes, Run]:
    """A table's bytes, which the run wrote, and the record that says so."""
    path = folder / name
    try:
        content = read_whole(path, LARGEST_BYTES)
    except FileNotFoundError:
        message = f"no {path}: no phase of this run got that far"
        raise RunError(message, code="file_missing", names=(str(path),)) from None
    except OSError as error:
        raise not_readable(path, error) from error
    if run is None or _checksum(content) not in run.tables.get(name, ()):
        run = load_run(folder)  # the record may have been written since
    _check_content(path, content, run)
    return content, run


def _check_content(path: Path, content: bytes, run: Run) -> None:
    """Raises a RunError unless the run wrote these contents."""
    if _checksum(content) not in run.tables.get(path.name, ()):
        raise RunError(
            f"{path} is not the table that the run wrote, or was changed: copy it again from where "
            "the run was made, or measure again",
            code="table_changed",
            names=(str(path),),
        )


def _compare(path: Path, table: pl.DataFrame, run: Run) -> None:
    """Raises a RunError, with both numbers, if a table and the record differ.

    A table may hold more than the record, because it is written first.
    """
    compared = compared_steps if path.name == STEPS_FILE else compared_costs
    for what, number, recorded in compared(table, run):
        if differ(number, recorded):
            text = f"it has {number:.9g} {what}, but the record has {recorded:.9g}"
            raise damaged(path, ValueError(text))


def _decoded(path: Path, content: bytes) -> pl.DataFrame:
    """Reads a table's declared columns, and checks their types and values."""
    import polars as pl

    columns = STEPS if path.name == STEPS_FILE else COSTS
    most = MOST_ROWS + len(content)
    try:
        lazy = pl.scan_parquet(io.BytesIO(content))
        rows = lazy.select(pl.len()).collect().item()
        schema = lazy.collect_schema()
        text = f"it has {rows} rows, but at most {most} are read" if rows > most else None
        text = text or wrong_type(columns, schema)
        if text is None:
            declared = {column.name for column in columns}
            names = [name for name in schema if name in declared]
            # Never read more rows than the file declares.
            table = pl.read_parquet(io.BytesIO(content), columns=names, n_rows=rows)
            table = with_all(columns, table)
            text = wrong_value(columns, table)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise damaged(path, error) from error
    if text is not None:
        raise damaged(path, ValueError(text))
    return table


def _encoded(table: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    table.write_parquet(file)
    return file.getvalue()


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
