"""Tables are those that their run wrote, whatever became of the files, or they are not read."""

from __future__ import annotations

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


def test_a_run_of_before_checksums_is_read(tmp_path):
    run = made_run(tmp_path / "a", {"v": 0.1})
    save_run(tmp_path / "a", replace(run, tables={}))
    assert load_steps(tmp_path / "a").height


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x00" * 100, b"[" * 1000])
def test_what_is_no_table_is_an_error(tmp_path, content):
    run = made_run(tmp_path / "a", {"v": 0.1})
    save_run(tmp_path / "a", replace(run, tables={}))
    (tmp_path / "a" / STEPS_FILE).write_bytes(content)
    assert code_of(load_steps, tmp_path / "a") == "file_damaged"


def test_a_table_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    made_run(tmp_path / "a", {"v": 0.1})
    monkeypatch.setattr(parquet, "LARGEST_BYTES", 100)
    assert code_of(load_steps, tmp_path / "a") == "file_too_large"
