"""Tables are those that their run wrote, whatever became of the files, or they are not read."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace

from alexprof.errors import RunError
from alexprof.record import parquet
from alexprof.record.parquet import COSTS_FILE, STEPS_FILE, load_costs, load_steps, save_tables
from alexprof.record.store import load_run, save_run
from tests.analysis.made import made_run

LOADS = {COSTS_FILE: load_costs, STEPS_FILE: load_steps}


def code_of(load, folder) -> str:
    with pytest.raises(RunError) as caught:
        load(folder)
    return caught.value.code


@pytest.mark.parametrize("name", ["a[b]", "a*", "a?", "[a-z]", "{a}", "**"])
def test_the_name_of_a_run_is_no_pattern(tmp_path, name):
    made_run(tmp_path / "a", {"v": 0.1})
    made_run(tmp_path / "b", {"v": 0.2})
    run = made_run(tmp_path / name, {"v": 0.3})
    steps = load_steps(tmp_path / name).filter(pl.col("block") >= 0, traced=False)
    assert steps["seconds"].mean() == pytest.approx(run.phase("v", "forward").timed.mean_s)


@pytest.mark.parametrize("table", LOADS)
def test_a_table_of_another_run_is_refused(tmp_path, table):
    made_run(tmp_path / "a", {"v": 0.1})
    made_run(tmp_path / "b", {"v": 0.1}, seed=1)
    shutil.copy(tmp_path / "b" / table, tmp_path / "a" / table)
    assert code_of(LOADS[table], tmp_path / "a") == "table_changed"


@pytest.mark.parametrize("table", LOADS)
def test_a_flipped_bit_anywhere_is_noticed(tmp_path, table):
    made_run(tmp_path / "a", {"v": 0.1})
    path = tmp_path / "a" / table
    whole = path.read_bytes()
    for place in range(0, len(whole), max(len(whole) // 97, 1)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert code_of(LOADS[table], tmp_path / "a") == "table_changed"


@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_whenever_writing_stops_tables_and_record_agree(tmp_path, monkeypatch, written):
    """Record, two tables and record again are written; the disk takes some of them."""
    folder = tmp_path / "a"
    run = made_run(folder, {"v": 0.1})
    changed = {
        COSTS_FILE: load_costs(folder).head(0),
        STEPS_FILE: load_steps(folder).head(3),
    }
    left = iter(range(written))

    def rename(path, target):
        if next(left, None) is None:
            raise OSError(28, "full")
        Path(path).rename(target)

    monkeypatch.setattr("pathlib.Path.replace", rename)
    with pytest.raises(RunError):
        save_run(folder, save_tables(folder, run, changed))
    assert load_run(folder).variants == run.variants
    assert load_costs(folder).is_empty() == (written > 1)
    assert (load_steps(folder).height == 3) == (written > 2)
    assert list(folder.glob(".part*")) == []


def test_a_table_that_the_record_has_no_checksum_of_is_refused(tmp_path):
    run = made_run(tmp_path / "a", {"v": 0.1})
    save_run(tmp_path / "a", replace(run, tables={}))
    assert code_of(load_steps, tmp_path / "a") == "table_changed"


def altered(folder, name, change) -> str:
    """The error for a table that was changed together with its checksum."""
    run = made_run(folder, {"v": 0.1})
    save_run(folder, save_tables(folder, run, {name: change(LOADS[name](folder))}))
    with pytest.raises(RunError) as caught:
        LOADS[name](folder)
    assert caught.value.code == "file_damaged"
    return str(caught.value).removeprefix(f"{folder / name} is damaged, or not a record: ")


def set_first(name, value):
    """Returns a function that changes a column's first value."""
    first = pl.int_range(pl.len()) == 0
    return lambda table: table.with_columns(
        pl.when(first).then(pl.lit(value)).otherwise(name).alias(name)
    )


ALTERED = {
    "no column": (lambda table: table.drop("variant"), "no column variant"),
    "another type": (
        lambda table: table.with_columns(pl.col("step").cast(pl.Int32)),
        "column step is Int32, not Int64",
    ),
    "text": (lambda table: table.with_columns(step=pl.lit("x")), "column step is String"),
    "nested": (
        lambda table: table.with_columns(step=pl.lit([[1]])),
        "column step is List",
    ),
    "null": (set_first("step", None), "column step has no value in 1 of"),
    "far": (set_first("step", 1 << 62), "column step has 4611686018427387904"),
}
ALTERED_STEPS = {
    "negative": (set_first("seconds", -1.0), "column seconds has -1.0, which is outside 0 to"),
    "not a number": (set_first("seconds", float("nan")), "column seconds has nan"),
    "infinite": (set_first("seconds", float("inf")), "column seconds has inf"),
    "block": (set_first("block", -2), "column block has -2"),
    "no rows": (
        lambda table: table.clear(),
        "0 timed steps of v, forward, but the record has 100",
    ),
    "half": (
        lambda table: table.head(50),
        "50 timed steps of v, forward, but the record has 100",
    ),
    "twice": (lambda table: pl.concat([table, table]), "200 timed steps of v, forward"),
    "doubled": (
        lambda table: table.with_columns(pl.col("seconds") * 2),
        "s as the mean of v, forward, but the record has 0.1",
    ),
    "another step": (set_first("seconds", 0.2), "s as the mean of v, forward"),
    "another phase": (
        lambda table: table.with_columns(phase=pl.lit("x")),
        "0 timed steps of v, forward",
    ),
}
ALTERED_COSTS = {
    "negative": (set_first("share_ns", -1), "column share_ns has -1, which is outside 0 to"),
    "doubled": (
        lambda table: table.with_columns(pl.col("share_ns") * 2),
        "ns of v, forward on CPU, but the record has",
    ),
    "fewer steps": (
        lambda table: table.filter(pl.col("step") > 0),
        "ns of v, forward on CPU, but the record has",
    ),
    "other ops": (
        lambda table: table.with_columns(pl.col("op").str.replace("conv1", "conv9")),
        "0 ns of conv1 of v, forward on CPU",
    ),
    "exchanged": (
        lambda table: table.with_columns(pl.col("op").replace("conv1", "(idle)")),
        "idle ns of v, forward on CPU",
    ),
    "moved": (
        lambda table: table.with_columns(
            share_ns=pl.col("share_ns") + pl.when(pl.col("op") == "conv1").then(1).otherwise(0)
        ),
        "shares and idle time add up to",
    ),
}


@pytest.mark.parametrize("name", LOADS)
@pytest.mark.parametrize("kind", ALTERED)
def test_a_table_that_was_altered_with_its_checksum_is_refused(tmp_path, name, kind):
    change, said = ALTERED[kind]
    assert said in altered(tmp_path / "a", name, change)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((STEPS_FILE, kind) for kind in ALTERED_STEPS),
        *((COSTS_FILE, kind) for kind in ALTERED_COSTS),
    ],
)
def test_a_table_that_contradicts_the_record_is_refused(tmp_path, name, kind):
    change, said = (ALTERED_STEPS if name == STEPS_FILE else ALTERED_COSTS)[kind]
    assert said in altered(tmp_path / "a", name, change)


def test_while_a_table_is_replaced_it_may_have_more_than_the_record(tmp_path):
    folder = tmp_path / "a"
    run = made_run(folder, {"v": 0.1})
    more = pl.concat([load_steps(folder), load_steps(folder)])
    save_tables(folder, run, {STEPS_FILE: more})  # and killed before the record is written
    assert load_steps(folder).height == 200


def test_a_small_file_of_many_rows_is_not_read(tmp_path):
    folder = tmp_path / "a"
    run = made_run(folder, {"v": 0.1})
    row = load_steps(folder).row(0, named=True)
    table = pl.select(pl.repeat(value, 3_000_000).alias(name) for name, value in row.items())
    save_run(folder, save_tables(folder, run, {STEPS_FILE: table}))
    with pytest.raises(RunError, match=r"it has 3000000 rows, but at most 1\d{6} are read"):
        load_steps(folder)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x00" * 100, b"[" * 1000])
def test_what_is_no_table_is_an_error(tmp_path, content):
    run = made_run(tmp_path / "a", {"v": 0.1})
    (tmp_path / "a" / STEPS_FILE).write_bytes(content)
    checksum = hashlib.sha256(content).hexdigest()
    save_run(tmp_path / "a", replace(run, tables={STEPS_FILE: (checksum,)}))
    assert code_of(load_steps, tmp_path / "a") == "file_damaged"


def test_a_table_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    made_run(tmp_path / "a", {"v": 0.1})
    monkeypatch.setattr(parquet, "LARGEST_BYTES", 100)
    assert code_of(load_steps, tmp_path / "a") == "file_too_large"


def test_a_panic_of_polars_is_damage(tmp_path, monkeypatch):
    """Some damaged files make polars panic, which is no `Exception`."""
    made_run(tmp_path / "run", {"v": 0.1})

    def panic(*_, **__):
        raise pl.exceptions.PanicException("index out of bounds")

    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(RunError) as caught:
        load_costs(tmp_path / "run")
    assert caught.value.code == "file_damaged"
