from __future__ import annotations

import json
import os

import msgspec
import pytest

from alexprof.errors import RunError
from alexprof.record.run import SCHEMA_VERSION
from alexprof.record.store import BrokenRun, find_run, list_runs, load_run, save_run
from tests.factory import run_of


def run_named(name, started="2026-11-24T04:42:00+01:00", **fields):
    return run_of(name, started=started, **fields)


@pytest.fixture
def logdir(tmp_path):
    """Two runs whose names say the opposite of when they began, and a folder that is none."""
    save_run(tmp_path / "b-older", run_named("b-older", "2026-11-24T04:42:00+01:00"))
    save_run(tmp_path / "a-newer", run_named("a-newer", "2026-11-24T03:43:00+00:00"))
    (tmp_path / "other").mkdir()
    return tmp_path


def test_a_run_is_found_by_folder_name_or_as_the_latest(logdir):
    assert find_run(str(logdir / "a-newer"), logdir / "nowhere") == logdir / "a-newer"
    assert find_run("b-older", logdir) == logdir / "b-older"
    assert find_run("latest", logdir) == logdir / "a-newer"


@pytest.mark.parametrize(
    ("name", "message"),
    [("other", "not a run: it has no run.json"), ("nothing", "no run 'nothing'")],
)
def test_what_is_no_run_is_said_with_a_way_out(logdir, name, message):
    with pytest.raises(RunError, match=f"{message}.*alexprof list"):
        find_run(name, logdir)
    (logdir / "file").write_text("")
    with pytest.raises(RunError, match="not a run"):
        load_run(logdir / "file")


def test_an_empty_or_missing_logdir_says_how_to_make_a_run(tmp_path):
    with pytest.raises(RunError, match=r"no run in .* yet: make one with `alexprof profile`"):
        find_run("latest", tmp_path)
    with pytest.raises(RunError, match=r"no folder .*: make a run with `alexprof profile`"):
        list_runs(tmp_path / "nowhere")


def damaged(logdir, change):
    path = logdir / "b-older" / "run.json"
    path.write_bytes(change(path.read_text()).encode(errors="surrogateescape"))
    return path


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (SCHEMA_VERSION + 1, r"schema 3, newer than this AlexProf reads \(2\).*update"),
        (SCHEMA_VERSION - 1, r"measure again; its traces .*/VARIANT/plugins/profile/"),
    ],
)
def test_another_schema_is_no_damage_and_says_what_to_do(logdir, version, message):
    damaged(logdir, lambda text: json.dumps({**json.loads(text), "schema_version": version}))
    with pytest.raises(RunError, match=message):
        load_run(logdir / "b-older")


DEEP = ['{"later": ' + "[" * 100_000, '{"variants": ' + '{"a":' * 100_000]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[: len(text) // 2],
        *(lambda _, text=text: text for text in ("", "[1, 2]", "{}")),
        *(lambda text, deep=deep: text.replace("{", deep, 1) for deep in DEEP),
        lambda text: text.replace('"run": "', '"run": "\udcff'),
        lambda text: text.replace('"complete": true', '"complete": "yes"'),
        lambda text: text.replace('"cores": 2', '"cores": null'),
    ],
)
def test_damage_names_the_file_and_what_is_wrong(logdir, change):
    path = damaged(logdir, change)
    with pytest.raises(RunError) as caught:
        load_run(logdir / "b-older")
    assert (caught.value.code, str(path) in str(caught.value)) == ("file_damaged", True)
    assert "\n" not in str(caught.value)


def test_fields_that_are_not_known_are_left_alone(logdir):
    # A newer AlexProf may add fields without a new schema.
    damaged(logdir, lambda text: text.replace("{", '{"added_later": [1],', 1))
    assert load_run(logdir / "b-older") == run_named("b-older")


def test_the_list_is_by_time_and_ends_with_the_broken_ones(logdir):
    damaged(logdir, lambda text: "{")
    save_run(logdir / "c", run_named("c", "2026-11-23T00:00:00+00:00"))
    first, second, broken = list_runs(logdir)
    assert (first.run, second.run) == ("c", "a-newer")
    assert isinstance(broken, BrokenRun)
    assert (broken.run, broken.error.code) == ("b-older", "file_damaged")
    assert find_run("latest", logdir) == logdir / "a-newer"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_run_that_may_not_be_read(logdir):
    (logdir / "b-older" / "run.json").chmod(0)
    with pytest.raises(RunError, match="can't read"):
        load_run(logdir / "b-older")


def test_the_file_is_the_object_that_the_record_describes(logdir):
    on_disk = json.loads((logdir / "a-newer" / "run.json").read_text())
    assert on_disk == json.loads(msgspec.json.encode(load_run(logdir / "a-newer")))
    assert list(on_disk)[:3] == ["schema_version", "run", "complete"]


def test_a_mistyped_name_is_answered_with_names_like_it(logdir):
    names = [path.name for path in logdir.iterdir() if (path / "run.json").is_file()]
    with pytest.raises(RunError, match=f"did you mean .*{names[0]}"):
        find_run(names[0] + "x", logdir)
    with pytest.raises(RunError, match="did you mean latest"):
        find_run("lates", logdir)
    with pytest.raises(RunError, match="--logdir"):
        find_run(str(logdir), logdir)
