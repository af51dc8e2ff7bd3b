"""The command line as a user meets it: one-line errors, exit codes, Ctrl-C."""

from __future__ import annotations

import gc
import json
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import alexprof
from alexprof.cli.terminal import no_collector
from alexprof.errors import UsageError
from alexprof.files import check_new_folder
from alexprof.record.store import save_run
from tests.analysis.made import made_run
from tests.command_line import assert_one_line, call, call_process, start
from tests.record.test_store import run_named
from tests.test_rooms import HEAVY, loaded_by
from tests.trace_runs import write_trace


@pytest.fixture
def logdir(tmp_path):
    save_run(tmp_path / "logdir" / "there", run_named("there"))
    return tmp_path / "logdir"


@pytest.fixture
def compared(tmp_path):
    """A logdir with a run, the same again, and one that is 20 % slower."""
    for place, (name, step_s) in enumerate({"a": 0.1, "again": 0.1, "slow": 0.12}.items()):
        made_run(
            tmp_path / name,
            {"v": step_s},
            seed=place,
            started=f"2026-11-0{place + 1}T04:42:00+00:00",
        )
    return tmp_path


EMPTY = "is empty: give a value or leave it out"
BAD_USE = {
    "profile --batch-size 0": ["'--batch-size': Input should be greater than or equal to 1"],
    "profile --batch-size many": ["--batch-size", "see alexprof profile --help"],
    "profile --num-batches 0": ["'--num-batches': Input should be greater than or equal to 1"],
    "profile --burn-in -1": ["'--burn-in': Input should be greater than or equal to 0"],
    "profile --burn-in 10000001": ["'--burn-in': Input should be less than or equal to 10000000"],
    "profile --num-batches 10000001": ["should be less than or equal to 10000000"],
    "profile --trace-steps -1": ["'--trace-steps': Input should be greater than or equal to 0"],
    "profile --precision fine": ["--precision", "0.5% or 0.005", "'fine'"],
    "profile --precision 0.5": ["did you mean 0.5%?"],
    "profile --max-time 0": ["the time limit (max_time_s) must be above 0 s"],
    "profile --max-time nan": ["the time limit", "finite, not nan"],
    "profile --max-time -1": ["the time limit", "not -1"],
    "profile --num-batches inf": ["--num-batches", "see alexprof profile --help"],
    "profile --max-time inf": ["the time limit", "finite, not inf"],
    "profile --max-time 5min": ["--max-time", "see alexprof profile --help"],
    "profile --block-steps 0": ["'--block-steps': Input should be greater than or equal to 1"],
    "profile --variants with_lrn,without_lr": ["'without_lr'", "did you mean without_lrn"],
    "profile --phases backward": ["'backward'", "did you mean forward"],
    "profile --device tpu": ["'tpu'", "auto, cpu, gpu"],
    "profile --cpu-allocator jemalloc": ["'jemalloc'", "bfc, malloc"],
    "profile --intra-op -2": ["'--intra-op': Input should be greater than or equal to 0"],
    "profile --inter-op 100000": ["--inter-op", "to 4096"],
    "profile --name a/b": ["one folder's name"],
    "profile --run-name a": ["exists already", "choose another name"],
    "profile --name latest": ["means the newest run"],
    "profile --name=-x": ["read as an option"],
    "profile --name ''": ["--name", EMPTY],
    "profile --variants=": ["--variants", EMPTY],
    "profile ''": ["an argument", EMPTY],
    "profile --bogus": ["--bogus", "see alexprof profile --help"],
    "profile alexnat": ["no workload 'alexnat'", "did you mean alexnet"],
    "profil": ["profil", "see alexprof --help"],
    "ablate --measure lrn9": ["'lrn9' in alexnet", "did you mean LRN or lrn2 or lrn1"],
    "ablate --measure Rleu": ["did you mean Relu"],
    "ablate --measure conv9:Relu": ["no layer 'conv9'", "did you mean conv5"],
    "ablate --measure conv1:Conv2D": ["Conv2D can't be left out"],
    "ablate --measure conv1:": ["names no ops"],
    "ablate --measure ,": ["an empty name"],
    "ablate --measure lrn1,lrn1": ["names something twice"],
    "ablate --trace-steps 0": ["--trace-steps must be at least 1"],
    "report nothing": ["no run 'nothing'", "alexprof list"],
    "report a --json --markdown": ["--json and --markdown exclude each other"],
    "report a --top -1": ["--top", "see alexprof report --help"],
    "report a --variant x": ["variant 'x'"],
    "history --phase x": ["no phase 'x'", "there are forward"],
    "profile --variants ,": ["an empty name"],
    "profile --variants with_lrn,with_lrn": ["names something twice"],
    "report a --variant ''": ["--variant", EMPTY],
    "report a --logdir ''": ["--logdir", EMPTY],
    "compare a": ["at least two"],
    "compare a a": ["named twice"],
    "compare a nothing": ["no run 'nothing'", "alexprof list"],
    "compare a:x again": ["no variant 'x'"],
    "compare a again --phase x": ["no phase 'x'"],
    "compare a again --top -1": ["--top", "see alexprof compare --help"],
    "compare a again --json --markdown": ["exclude each other"],
    "gate a": ["--baseline", "see alexprof gate --help"],
    "gate a --baseline a": ["named twice"],
    "gate a --baseline again --max-slowdown much": ["'much'", "3%"],
    "gate a --baseline again --max-slowdown vgg=1%": ["'vgg'", "LRN"],
    "history --metric forward": ["--metric"],
    "history --metric vgg.share": ["vgg"],
    "history --variant x": ["x"],
    "export a": ["--format", "see alexprof export --help"],
    "export a --format flat": ["no format 'flat': there are csv, parquet,"],
    "export nothing --format tensorboard": ["no run 'nothing'"],
    "ab true": ["two commands", "not 1"],
    "ab": ["two commands", "not 0"],
    "ab true true --pairs 1": ["--pairs must be at least 2, not 1"],
    "ab true true --warm-up -1": ["--warm-up must be at least 0"],
    "ab true 'no-such-program x'": ["no program 'no-such-program'"],
    'ab true "echo \'x"': ["No closing quotation"],
    "ab true true --name a/b": ["one folder's name"],
    "ab true true --json --markdown": ["exclude each other"],
    "ab true true --show x": ["leave the commands out"],
    "ab --show x": ["no pairs 'x'"],
    "ab --show x --pairs 7": ["--show runs nothing: leave --pairs out"],
    "ab --show x --warm-up 0": ["--show runs nothing: leave --warm-up out"],
}


@pytest.mark.parametrize("command", BAD_USE)
def test_bad_use_is_one_line_and_leaves_nothing(compared, command):
    before = sorted(compared.rglob("*"))
    done = call(*shlex.split(command), ALEXPROF_LOGDIR=str(compared))
    assert_one_line(done, 2, *BAD_USE[command])
    assert done.stdout == ""  # not even that TensorFlow starts
    assert sorted(compared.rglob("*")) == before


def test_a_table_is_no_trace(compared):
    done = call("report", compared / "a" / "steps.parquet")
    assert_one_line(done, 2, "is a table of a run", str(compared / "a"))


def test_without_arguments_the_help_is_shown():
    done = call()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == call("--help").stdout


def test_a_record_beside_a_table_of_another_run_is_not_shown(compared, tmp_path):
    swapped = shutil.copytree(compared / "a", tmp_path / "swapped")
    shutil.copy(compared / "slow" / "run.json", swapped)
    assert_one_line(call("report", swapped), 2, "steps.parquet", "not the table that the run wrote")
    for table in swapped.glob("*.parquet"):
        table.unlink()
    assert call("report", swapped).returncode == 0


def test_a_logdir_that_can_t_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    done = call("profile", "--logdir", tmp_path / "file" / "logdir")
    assert_one_line(done, 2, str(tmp_path / "file" / "logdir"), "choose another", "--logdir")
    for options in (["--logdir", tmp_path / "file"], ["--logdir", tmp_path, "--name", "file"]):
        assert_one_line(call("ab", "true", "true", *options), 2, "file")


@pytest.mark.slow
def test_a_gpu_where_there_is_none(logdir):
    done = call_process("profile", "--logdir", logdir, "--device", "gpu", CUDA_VISIBLE_DEVICES="-1")
    assert_one_line(done, 2, "no GPU", "--device cpu", "alexprof doctor")
    assert [path.name for path in logdir.iterdir()] == ["there"]


def test_report_list_and_version_answer(logdir):
    report = call("report", "--logdir", logdir)
    assert (report.returncode, report.stderr) == (0, "")
    assert report.stdout.startswith("AlexProf  there")
    parsed = json.loads(call("report", "there", "--json", "--logdir", logdir).stdout)
    assert parsed.pop("answers")["estimator"] == "mean"
    assert parsed == json.loads((logdir / "there" / "run.json").read_text())
    assert "there" in call("list", "--logdir", logdir).stdout
    assert call_process("--version").stdout == f"alexprof {alexprof.__version__}\n"
    assert "profile" in call("--help").stdout
    assert call("list", ALEXPROF_LOGDIR=str(logdir)).stdout.startswith("1 run")


def test_a_report_imports_neither_tensorflow_nor_numpy(logdir):
    loaded = loaded_by(
        f"import sys; sys.argv = ['alexprof', 'report', '--logdir', {str(logdir)!r}]\n"
        "from alexprof.cli import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert ended.code == 0"
    )
    assert not loaded & {*HEAVY, "numpy", "polars", "scipy"}
    assert "msgspec" in loaded


def test_a_reader_that_goes_away_is_no_error(logdir):
    command = f"'{sys.executable}' -m alexprof report --logdir '{logdir}' --json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{", "")


def start_profile(logdir, *, until):
    """Starts a run and waits for a line that begins so."""
    options = ["--batch-size", "1", "--num-batches", "20", "--burn-in", "1", "--trace-steps", "2"]
    process = start("profile", "--logdir", logdir, "--name", "run", *options)
    for line in process.stdout:
        if line.startswith(until):
            return process
    raise AssertionError(process.stderr.read())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "code", "note"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 130, "ended_by_signal"),
        (signal.SIGKILL, -signal.SIGKILL, "unfinished"),
    ],
)
def test_a_run_that_is_ended_keeps_finished_phases_and_says_so(tmp_path, sent, code, note):
    process = start_profile(tmp_path, until="Forward-backward, ")
    process.send_signal(sent)
    _, errors = process.communicate()
    assert process.returncode == code, errors
    if code > 0:
        assert errors.startswith(f"alexprof: interrupted; what is finished is in {tmp_path}/run")
        assert errors.count("\n") == 1
    run = alexprof.load_run(tmp_path / "run")
    assert (run.complete, run.stopped.code) == (False, note)
    for variant in run.variants.values():
        assert list(variant.phases) == ["forward"]
        assert variant.phases["forward"].attribution is not None
    assert "incomplete" in call("report", "run", "--logdir", tmp_path).stdout
    if sent == signal.SIGKILL:
        done = call("export", "run", "--format", "tensorboard", "--logdir", tmp_path)
        assert done.returncode == 0, done.stderr
        assert "killed" in call("report", "run", "--logdir", tmp_path).stdout
    for name in run.variants:
        assert len(list((tmp_path / "run" / name).glob("events.out.tfevents.*"))) == 1
    assert not list(tmp_path.rglob(".*"))


def test_compare_gate_and_history_answer(compared):
    logdir = ("--logdir", compared)
    text = call("compare", "a", "slow", *logdir)
    assert (text.returncode, text.stderr) == (0, "")
    assert "slower" in text.stdout
    assert all(len(line) <= 80 for line in text.stdout.splitlines())
    assert "| forward, v |" in call("compare", "a", "slow", "--markdown", *logdir).stdout
    parsed = json.loads(call("compare", "a", "slow", "--json", *logdir).stdout)
    assert parsed["comparable"] is True
    assert parsed["differences"][0]["difference"]["verdict"] == "slower"
    steps = json.loads(call("history", "--metric", "forward.mean", "--json", *logdir).stdout)
    assert [step["run"] for step in steps["steps"]] == ["slow"]
    assert "conv1.share" in call("history", "--metric", "conv1.share", *logdir).stdout


@pytest.mark.parametrize(
    ("run", "bounds", "code"),
    [
        ("again", ["--max-slowdown", "5%"], 0),
        ("slow", ["--max-slowdown", "5%"], 1),
        ("slow", [], 1),
        ("again", ["--max-slowdown", "1%"], 3),
        ("slow", ["--max-slowdown", "forward=30%", "--max-slowdown", "LRN=5%"], 1),
        ("slow", ["--max-slowdown", "30%"], 0),
    ],
)
def test_the_gate_s_exit_codes(compared, run, bounds, code):
    arguments = ("gate", run, "--baseline", "a", *bounds, "--logdir", compared)
    done = call(*arguments)
    assert (done.returncode, done.stderr) == (code, "")
    parsed = call(*arguments, "--json")
    assert parsed.returncode == json.loads(parsed.stdout)["exit_code"] == code


def test_damaged_tables_are_one_line(compared):
    (compared / "again" / "steps.parquet").write_bytes(b"PAR1")
    done = call("compare", "a", "again", "--logdir", compared)
    assert_one_line(done, 2, "steps.parquet", "damaged")


@pytest.mark.slow
def test_doctor_finds_a_trace_that_works(tmp_path):
    done = call_process("doctor", "--logdir", tmp_path)
    assert done.returncode == 0, done.stdout
    assert "ok   A trace: 3 of 3 steps" in done.stdout
    assert "host tracer level 3" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_the_collector_is_back_after_a_report_that_fails():
    with pytest.raises(ZeroDivisionError), no_collector():
        off = not gc.isenabled()
        raise ZeroDivisionError
    assert off
    assert gc.isenabled()


def test_import_says_what_it_made_and_what_to_type_next(tmp_path):
    file, logdir = write_trace(tmp_path / "vm.xplane.pb", steps=6), tmp_path / "a logdir"
    done = call("import", file, "--name", "mine", "--logdir", logdir)
    assert (done.returncode, done.stderr) == (0, "")
    first, *following = done.stdout.splitlines()
    assert first == f"Made '{logdir / 'mine'}': 6 traced steps of trace"
    commands = [shlex.split(line.partition(": ")[2]) for line in following]
    assert [command[0] for command in commands] == ["alexprof", "alexprof", "tensorboard"]
    shown = call(*commands[0][1:])
    assert shown.returncode == 0, shown.stderr
    alone = call("report", file)
    assert shown.stdout.splitlines()[1:8] == alone.stdout.splitlines()[1:8]
    compared = [str(file) if word == "OTHER" else word for word in commands[1][1:]]
    assert call(*compared).returncode == 0
    assert call("gate", "mine", "--baseline", file, "--logdir", logdir).returncode == 3
    again = call("import", file, "--name", "mine", "--logdir", logdir)
    assert_one_line(again, 2, "exists already", "--name")
    for no_trace in (tmp_path / "no", logdir / "mine"):
        assert_one_line(call("import", no_trace, "--logdir", logdir), 2, "no trace")


def test_a_name_that_another_run_takes_meanwhile_is_not_an_error(tmp_path, monkeypatch):
    tried: list[Path] = []

    def profile(workload, folder, options, progress):
        if not tried:
            folder.mkdir()  # as a run that started in the same second
        tried.append(folder)
        check_new_folder(folder)
        raise UsageError("far enough")

    monkeypatch.setattr("alexprof.tracer.profiling.profile", profile)
    monkeypatch.setattr("alexprof.capture.runtime.start_tensorflow", lambda: None)
    done = call("profile", "--logdir", tmp_path)
    assert done.stderr.endswith("alexprof: far enough\n")
    assert len({*tried}) == 2
