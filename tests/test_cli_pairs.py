"""`alexprof ab` as a user meets it: real processes of a few milliseconds."""

from __future__ import annotations

import json
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from alexprof.cli.terminal import new_folder
from tests.command_line import COMMAND, assert_one_line, call, start
from tests.processes import ended

PYTHON = f"{sys.executable} -S -E -c"


@pytest.fixture
def noted(tmp_path):
    """A command that writes down who ran; and what was written."""
    note = tmp_path / "ran.txt"

    def command(name, then=""):
        return f"WHO={name} sh -c 'echo $WHO $ALEXPROF_LOGDIR >> {note}; {then}:'"

    return command, lambda: [line.split() for line in note.read_text().splitlines()]


def test_turns_and_a_logdir_of_its_own(tmp_path, noted):
    command, ran = noted
    done = call("ab", command("A"), command("B"), "--pairs", 3, "--logdir", tmp_path / "logdir")
    assert done.returncode == 0, done.stderr
    assert "".join(who for who, _ in ran()) == "AB" + "ABBAAB"
    folders = [Path(logdir) for _, logdir in ran()]
    assert len({*folders}) == 8
    (folder,) = (tmp_path / "logdir").iterdir()
    assert folder.name.startswith("ab-")
    assert {logdir.parent for logdir in folders} == {folder}
    assert [logdir.name for logdir in folders[2:]] == ["a1", "b1", "b2", "a2", "a3", "b3"]
    assert "Pair 3 of 3: A " in done.stderr
    assert "left\n" in done.stderr
    assert done.stdout.startswith(f"AlexProf  {folder.name}")
    assert "Pairs can’t rule out" in done.stdout
    assert max(map(len, done.stdout.replace(str(folder), "").splitlines())) <= 80
    assert f"Again: alexprof ab --show {folder}" in done.stdout


def test_the_slower_one_is_found_and_shown_again(tmp_path):
    quick, slow = (f"{PYTHON} 'import time; time.sleep({s})'" for s in (0.15, 0.6))
    options = ("--logdir", tmp_path, "--name", "pairs")
    done = call("ab", quick, slow, "--pairs", 3, "--warm-up", 0, "--json", *options)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert (printed["judged_by"], printed["finished"]) == ("processes", 3)
    wall, cpu = printed["times"]
    assert (wall["name"], wall["difference"]["verdict"]) == ("wall", "slower")
    assert wall["difference"]["change_s"] == pytest.approx(0.45, abs=0.3)
    assert cpu["difference"]["after_s"] < wall["difference"]["after_s"] - 0.5
    assert [process["folder"] for process in printed["record"]["processes"]] == [
        *("a1", "b1", "b2", "a2", "a3", "b3")
    ]
    again = call("ab", "--show", "pairs", "--logdir", tmp_path)
    assert again.returncode == 0
    assert "slower than A" in again.stdout
    assert "| wall time | " in call("ab", "--show", tmp_path / "pairs", "--markdown").stdout
    listed = call("list", "--logdir", tmp_path)
    assert "pairs" not in listed.stdout
    assert_one_line(call("report", "latest", "--logdir", tmp_path), 2, "no run")


def test_a_failure_shows_its_complaints(tmp_path):
    bad = f"{PYTHON} 'import sys; sys.exit(\"no \\x1b[31msuch file\")'"
    done = call("ab", "true", bad, "--logdir", tmp_path, "--name", "x")
    assert done.returncode == 2
    assert done.stdout == ""
    *_, complaint, last = done.stderr.splitlines()
    assert complaint == "  no ?[31msuch file"
    assert last.startswith("alexprof: warm-up of B failed (exit code 1) after ")
    assert f"{tmp_path}/x/warm-up-b1.err.txt" in last
    assert "Traceback" not in done.stderr


def test_names_by_the_clock_that_are_taken_get_a_number(tmp_path, monkeypatch):
    now = SimpleNamespace(now=lambda: datetime(2026, 11, 27, 5))
    monkeypatch.setattr("alexprof.cli.terminal.datetime", now)
    name = "ab-20261127-050000"
    assert new_folder(tmp_path, None, "ab") == tmp_path / name
    (tmp_path / name).mkdir()
    (tmp_path / f"{name}-2").mkdir()
    assert new_folder(tmp_path, None, "ab") == tmp_path / f"{name}-3"


def interrupted(tmp_path, after_pairs):
    """An `ab` that gets Ctrl-C in the process that follows so many pairs."""
    started = tmp_path / "started.txt"
    hang = 2 * after_pairs + 1
    script = tmp_path / "command.sh"
    script.write_text(
        f"echo $$ >> {started}\n"
        f"if [ $(wc -l < {started}) -ge {hang} ]; then sleep 60 & echo $! >> {started}; wait; fi\n"
    )
    command = f"sh {script}"
    process = start("ab", command, command, "--warm-up", 0, "--logdir", tmp_path / "logdir")
    lines: list[str] = []
    while len(lines) <= hang and process.poll() is None:
        time.sleep(0.05)
        lines = started.read_text().splitlines() if started.exists() else []
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate()
    return process.returncode, out, errors, [int(pid) for pid in lines[-2:]]


@pytest.mark.parametrize("pairs", [0, 3])
def test_ctrl_c_ends_the_children_and_judges_what_there_is(tmp_path, pairs):
    code, out, errors, pids = interrupted(tmp_path, pairs)
    assert code == 130
    assert errors.splitlines()[-1].startswith(f"alexprof: interrupted; {pairs} finished pairs are")
    assert "Traceback" not in errors
    assert all(map(ended, pids))
    assert ("3 of 7 pairs: interrupted from the keyboard" in out) == (pairs == 3)
    assert ("incomplete" in out) == (pairs == 3)


def test_a_killed_ab_keeps_its_pairs(tmp_path):
    process = start("ab", "true", "true", "--pairs", 1000, "--logdir", tmp_path)
    for line in process.stderr:
        if line.startswith("Pair 4"):
            break
    process.kill()
    process.communicate()
    (folder,) = tmp_path.iterdir()
    again = call("ab", "--show", folder)
    assert again.returncode == 0, again.stderr
    assert "still running, or killed" in again.stdout
    assert "incomplete" in again.stdout


@pytest.mark.slow
def test_real_runs_of_pairs_are_judged_by_their_steps(tmp_path):
    words = "profile --batch-size 1 --num-batches 10 --burn-in 1 --trace-steps 3"
    command = " ".join([*COMMAND, words, "--variants without_lrn --phases forward"])
    options = ("--pairs", 2, "--warm-up", 0, "--logdir", tmp_path, "--json")
    done = call("ab", command, command, *options)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["judged_by"] == "runs"
    levels = {change["level"] for change in printed["comparison"]["differences"]}
    assert levels == {"phase", "layer", "kind", "op"}
    assert printed["comparison"]["a"]["runs"] == ["a1", "a2"]
    # Other programs may be busy here, and that is no error.
    assert {reason["effect"] for reason in printed["comparison"]["why_not"]} <= {"times"}
