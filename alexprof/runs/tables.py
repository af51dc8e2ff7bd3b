"""The run's two tables: timed steps and costs, as Parquet.

`steps.parquet`: a row per timed step, warm-up included and marked. `costs.parquet`: a row per
traced step, device and op, idle time included, so that the shares of a step add up to its wall
time; that is checked whenever the table is made or loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alexprof.attribute import check_closure, long_first
from alexprof.errors import RunError
from alexprof.files import whole_file
from alexprof.runs.record import on_cpu

if TYPE_CHECKING:
    import polars as pl

    from alexprof.measure.loop import Block

STEPS_FILE, COSTS_FILE = "steps.parquet", "costs.parquet"


def steps_table(phases: Mapping[str, Iterable[Block]]) -> pl.DataFrame:
    """Makes the table of timed steps.

    Args:
        phases: The blocks of each phase, in the order they ran.

    Returns:
        Columns variant, phase (str), block (i64, −1 for warm-up), step (i64, negative for warm-up),
        order (i64, the block's place among all of its phase), start_s (f64, since the phase's first
        step) and seconds (f64).
    """
    import numpy as np
    import polars as pl

    frames = []
    for phase, blocks in phases.items():
        begin_ns: int | None = None
        for block in blocks:
            begin_ns = int(block.start_ns[0]) if begin_ns is None else begin_ns
            count = len(block.start_ns)
            frames.append(
                pl.DataFrame(
                    {
                        "variant": [block.variant] * count,
                        "phase": [phase] * count,
                        "block": [block.block] * count,
                        "step": np.arange(block.first_step, block.first_step + count),
                        "order": [block.order] * count,
                        "start_s": (block.start_ns - begin_ns) / 1e9,
                        "seconds": block.seconds,
                    }
                )
            )
    return pl.concat(frames)


def costs_table(costs: Mapping[tuple[str, str], pl.DataFrame]) -> pl.DataFrame:
    """Puts the costs of all variants and phases into one table.

    Args:
        costs: By variant and phase, as `attribute` gives them.

    Raises:
        ClosureError: If the shares of a step do not add up to it.
    """
    import polars as pl

    frames = []
    for (variant, phase), frame in costs.items():
        check_closure(frame)
        named = frame.with_columns(pl.lit(variant).alias("variant"), pl.lit(phase).alias("phase"))
        frames.append(named.select("variant", "phase", *frame.columns))
    return pl.concat(frames)


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


def save_table(folder: Path, name: str, table: pl.DataFrame) -> None:
    """Writes a table, whole.

    Raises:
        RunError: If it can't be written.
    """
    with whole_file(folder / name) as temporary:
        table.write_parquet(temporary)


def load_costs(folder: str | Path) -> pl.DataFrame:
    """Reads `costs.parquet` and checks its books.

    Raises:
        RunError: If it can't be read.
        ClosureError: If the shares of a step do not add up to it.
    """
    import polars as pl

    table = _read(Path(folder) / COSTS_FILE)
    # Written before there were core times, or idle times by op.
    added = ("core_ns", "at_work_ns", "idle_before_ns", "launching_ns")
    missing = [name for name in added if name not in table.columns]
    table = table.with_columns(pl.lit(None, pl.Int64).alias(name) for name in missing)
    for _, frame in table.group_by("variant", "phase", maintain_order=True):
        check_closure(frame)
    return table


def load_steps(folder: Path) -> pl.DataFrame:
    """Reads `steps.parquet`.

    Raises:
        RunError: If it can't be read.
    """
    return _read(folder / STEPS_FILE)


def _read(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(path)
    except FileNotFoundError:
        raise RunError(f"no {path}: no phase of this run got that far") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RunError(f"{path} is damaged: {error}") from error
