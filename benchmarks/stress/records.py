"""Changes of a run's files: JSON values of other types and sizes, tables of other contents."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.stress.mutations import mutated

DEEP = "[" * 100_000 + "]" * 100_000
VALUES: tuple[Any, ...] = (
    None,
    "",
    "x" * 100_000,
    "\u202e\x1b[31m<b>",
    -1,
    0,
    0.0,
    1e308,
    -1e308,
    1 << 62,
    [],
    {},
    [[]],
    [None],
    True,
    {"a": 1},
)


def change_json(path: Path, chance: random.Random) -> str:
    """Changes a file of JSON; says how."""
    content = path.read_bytes()
    how = chance.choice(("value", "value", "value", "value", "raw", "bytes", "key", "double"))
    if how == "bytes":
        path.write_bytes(mutated(content, chance))
        return "bytes"
    if how == "raw":
        raw = chance.choice((b"", b"null", b"[]", b"{}", DEEP.encode(), b"\xff\xfe", b"{" * 50_000))
        path.write_bytes(raw)
        return f"raw {raw[:8]!r}"
    record = json.loads(content)
    holder, key, _ = chance.choice(list(places(record)))
    shown = f"{how} {key}"
    if how == "value":
        value = chance.choice((*VALUES, DEEP, float("nan")))
        shown += f" = {str(value)[:20]}"
        holder[key] = "DEEP" if value is DEEP else value
    elif isinstance(holder, list):
        holder.insert(0, holder[key]) if how == "double" else holder.pop(key)
    elif how == "double":
        holder[f"{key}2"] = holder[key]
    else:
        del holder[key]
    path.write_text(json.dumps(record).replace('"DEEP"', DEEP))
    return shown


def places(value: Any, name: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Yields each place in a record: its container, its key there, and its kind."""
    items = enumerate(value) if isinstance(value, list) else value.items()
    of_names = name in (".variants", ".variants*.phases")
    for key, part in items:
        kind = f"{name}*" if isinstance(value, list) or of_names else f"{name}.{key}"
        yield value, key, kind
        if isinstance(part, list | dict):
            yield from places(part, kind)


def contradict(path: Path, chance: random.Random) -> str:
    """Changes a number in a run's record that its tables contain too; says which."""
    record = json.loads(path.read_bytes())
    phases = [
        phase for variant in record["variants"].values() for phase in variant["phases"].values()
    ]
    phase = chance.choice(phases)
    timed, costs = phase["timed"], chance.choice(phase["ops"] + phase["layers"])
    holder, key = chance.choice(
        (
            *((timed, key) for key in ("mean_s", "median_s", "std_s", "steps", "min_s", "max_s")),
            *((phase["attribution"]["devices"][0], key) for key in ("wall_ns", "share_ns")),
            *((costs, key) for key in ("share_mean_s", "busy_mean_s", "share_fraction")),
            *((phase["traced"], key) for key in ("mean_s", "steps")),
        )
    )
    holder[key] *= 2
    path.write_text(json.dumps(record))
    return f"twice {key}"


def change_table(path: Path, chance: random.Random) -> str:
    """Changes a Parquet file; says how."""
    how = chance.choice(("bytes", "bytes", *_TABLES))
    if how == "bytes":
        path.write_bytes(mutated(path.read_bytes(), chance))
        return how
    frame = pl.read_parquet(path, glob=False)
    _TABLES[how](frame, chance).write_parquet(path)
    return how


def _other_type(frame: pl.DataFrame, chance: random.Random) -> pl.DataFrame:
    column = chance.choice(frame.columns)
    return frame.with_columns(pl.lit("text").alias(column))


def _other_values(frame: pl.DataFrame, chance: random.Random) -> pl.DataFrame:
    numbers = [name for name in frame.columns if frame[name].dtype.is_numeric()]
    column = chance.choice(numbers)
    return frame.with_columns((pl.col(column) * 2).cast(frame[column].dtype))


_TABLES: dict[str, Callable[[pl.DataFrame, random.Random], pl.DataFrame]] = {
    "no rows": lambda frame, chance: frame.clear(),
    "half of the rows": lambda frame, chance: frame.head(frame.height // 2),
    "rows twice": lambda frame, chance: pl.concat([frame, frame]),
    "no column": lambda frame, chance: frame.drop(chance.choice(frame.columns)),
    "another type": _other_type,
    "other values": _other_values,
    "another order": lambda frame, chance: frame.reverse(),
    "nulls": lambda frame, chance: frame.with_columns(
        pl.lit(None).cast(frame.dtypes[0]).alias(frame.columns[0])
    ),
}
