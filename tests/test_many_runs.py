"""A folder of many runs: an unreadable run is a row, the rest is shown, in linear time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import warnings
from collections import Counter
from hashlib import sha256

import msgspec
import pytest

from alexprof.analysis import history as over_time
from alexprof.analysis.history import history
from alexprof.errors import AlexProfWarning
from alexprof.record import parquet, store
from alexprof.record.outline import Outline
from alexprof.record.parquet import load_costs, save_tables
from alexprof.record.store import BrokenRun, find_run, list_runs, load_run, save_run
from alexprof.show.listing import render_list
from alexprof.show.over_time import render_history
from tests.analysis.made import made_run
from tests.command_line import call, call_process
from tests.show import odd_runs, runs

BAD = "bad"


def day(number: int) -> str:
    return f"2026-11-{number:02}T04:00:00+00:00"


@pytest.fixture
def logdir(tmp_path):
    """Three runs; tests make the middle one unreadable."""
    for number, name in enumerate(("first", BAD, "last"), 1):
        made_run(tmp_path / name, {"v": 0.1}, seed=number, started=day(number))
    return tmp_path


@pytest.fixture
def no_hang():
    """Fails a test that hangs."""

    def stop(number, frame):
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def rewritten(change):
    def make(path):
        path.write_text(change(path.read_text()))

    return make


def with_value(*place, value):
    def change(text):
        record = json.loads(text)
        holder = record
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = value
        return json.dumps(record)

    return rewritten(change)


def instead(make):
    def replace(path):
        path.unlink()
        make(path)

    return replace


TIMED = ("variants", "v", "phases", "forward", "timed")
DEEP = "[" * 100_000 + "]" * 100_000
RECORDS = {
    "brackets": (rewritten(lambda text: text.replace("{", f'{{"x": {DEEP},', 1)), "file_damaged"),
    "nothing": (rewritten(lambda _: ""), "file_damaged"),
    "half": (rewritten(lambda text: text[: len(text) // 2]), "file_damaged"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe"), "file_damaged"),
    "type": (with_value("complete", value="yes"), "file_damaged"),
    "long type": (with_value("stopped", value={"x" * 100_000: "\x1b[31m"}), "file_damaged"),
    "below 0": (with_value(*TIMED, "mean_s", value=-1), "file_damaged"),
    "huge": (with_value(*TIMED, "mean_s", value=1e308), "file_damaged"),
    "schema": (with_value("schema_version", value=99), "schema_newer"),
    "folder": (instead(lambda path: path.mkdir()), "not_readable"),
    "pipe": (instead(os.mkfifo), "no_file"),
    "device": (instead(lambda path: path.symlink_to("/dev/zero")), "no_file"),
    "link to nothing": (instead(lambda path: path.symlink_to("nowhere")), "not_readable"),
    "link to itself": (instead(lambda path: path.symlink_to(path)), "not_readable"),
}


@pytest.mark.filterwarnings("ignore::alexprof.errors.AlexProfWarning")
@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize(("make", "code"), RECORDS.values(), ids=RECORDS)
def test_an_unreadable_record_is_a_row_and_the_rest_is_shown(logdir, make, code):
    make(logdir / BAD / "run.json")
    first, last, bad = list_runs(logdir)
    assert (first.run, last.run) == ("first", "last")
    assert isinstance(bad, BrokenRun)
    assert (bad.run, bad.error.code) == (BAD, code)
    listed = call("list", "--logdir", logdir)
    assert (listed.returncode, listed.stdout.count("unreadable:")) == (0, 1)
    followed = history(logdir)
    assert [(note.code, note.runs, note.what) for note in followed.notes] == [
        ("unreadable", (BAD,), code)
    ]
    assert [point.compared for point in followed.points] == [True, True]
    text = render_history(followed)
    assert f"{BAD}: unreadable:" in text
    assert max(map(len, (listed.stdout, text))) < 2000  # a reason is short
    assert "\x1b" not in text + listed.stdout
    assert find_run("latest", logdir) == logdir / "last"


def not_closing(folder):
    table = load_costs(folder)
    one_more = table["share_ns"].to_frame().with_row_index().select("index")["index"] == 0
    table = table.with_columns(share_ns=table["share_ns"] + one_more.cast(int))
    save_run(folder, save_tables(folder, load_run(folder), {"costs.parquet": table}))


def written(name, content):
    def make(folder):
        run = load_run(folder)
        tables = {**run.tables, name: (sha256(content).hexdigest(),)}
        save_run(folder, msgspec.structs.replace(run, tables=tables))
        (folder / name).write_bytes(content)

    return make


TABLES = {
    "gone": ("steps", lambda folder: (folder / "steps.parquet").unlink(), "file_missing"),
    "changed": (
        "steps",
        lambda folder: shutil.copy(folder.parent / "last" / "steps.parquet", folder),
        "table_changed",
    ),
    "no table": ("steps", written("steps.parquet", b"PAR1" * 9), "file_damaged"),
    "pipe": (
        "steps",
        lambda folder: instead(os.mkfifo)(folder / "steps.parquet"),
        "no_file",
    ),
    "costs gone": ("costs", lambda folder: (folder / "costs.parquet").unlink(), "file_missing"),
    "no costs": ("costs", written("costs.parquet", b"PAR1" * 9), "file_damaged"),
    "not closing": ("costs", not_closing, "file_damaged"),
}


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize(("table", "make", "code"), TABLES.values(), ids=TABLES)
def test_an_unreadable_table_removes_only_what_depends_on_it(logdir, table, make, code):
    make(logdir / BAD)
    for metric, needed in (("forward.mean", "steps"), ("lrn.share", "costs")):
        _, point, _ = history(logdir, metric).points
        if table == needed:
            (reason,) = point.reasons
            assert (point.value, reason.code, reason.what) == (None, "unreadable", code)
        elif table == "costs":
            assert point.value == pytest.approx(0.1, rel=1e-3)
    assert call("history", "--logdir", logdir).returncode == 0


def test_ops_tell_whether_custom_graphs_are_the_same_program(tmp_path):
    other = {f"other{number}": 0.2 for number in range(4)}
    for number, ops in enumerate((other, None, None), 1):
        made_run(tmp_path / f"r{number}", {"v": 0.1}, started=day(number), ops=ops, workload=None)
    points = history(tmp_path).points
    assert [[reason.code for reason in point.reasons] for point in points] == [
        ["programs_unlike"],
        [],
        [],
    ]


SHOWN = [runs.steady, runs.alexnet, odd_runs.incomplete, odd_runs.two_gpus, odd_runs.ablated]


@pytest.mark.parametrize("make", SHOWN, ids=lambda make: make.__name__)
def test_a_list_of_outlines_equals_a_list_of_whole_runs(make):
    run = make()
    outline = msgspec.json.decode(msgspec.json.encode(run), type=Outline)
    assert render_list([outline]) == render_list([run])
    for variant in outline.variants.values():
        for phase in variant.phases.values():
            assert not any((phase.ops, phase.layers, phase.kernels, phase.replay))


def test_latest_warns_of_an_unreadable_run_that_may_be_newer(logdir):
    bad, last = logdir / BAD / "run.json", logdir / "last"
    bad.write_text("{")
    os.utime(bad, (0, 0))  # before the last run began
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_run("latest", logdir) == last
    os.utime(bad, (2e9, 2e9))
    with pytest.warns(AlexProfWarning, match=f"latest is last: {BAD} may be newer"):
        assert find_run("latest", logdir) == last
    shown = call_process("report", "latest", "--logdir", logdir)
    assert (shown.returncode, shown.stderr.count("\n")) == (0, 1)
    assert shown.stderr.startswith("alexprof: latest is last: ")


def test_an_op_of_another_type_makes_the_latest_run_unreadable_too(logdir):
    with_value("variants", "v", "phases", "forward", "ops", value=[{}])(logdir / "last/run.json")
    with pytest.warns(AlexProfWarning, match="latest is bad: last may be newer"):
        assert find_run("latest", logdir) == logdir / BAD


@pytest.mark.parametrize("count", [6, 24])
def test_each_file_is_read_once_and_runs_are_compared_a_few_times(tmp_path, monkeypatch, count):
    made_run(tmp_path / "r00", {"v": 0.1})
    for number in range(1, count):
        shutil.copytree(tmp_path / "r00", tmp_path / f"r{number:02}")
    calls: Counter[str] = Counter()

    def counted(module, name, of=lambda path, *_: path.name):
        function = getattr(module, name)

        def call_it(*args, **kwargs):
            calls[of(*args)] += 1
            return function(*args, **kwargs)

        monkeypatch.setattr(module, name, call_it)

    counted(store, "read_whole")
    counted(parquet, "read_whole")
    counted(over_time, "compare_times", lambda *_: "compared")
    list_runs(tmp_path)
    assert calls == {"run.json": count}
    calls.clear()
    history(tmp_path)
    assert calls == {"run.json": count, "steps.parquet": count, "compared": 5}
