"""Commands whose streams are closed or full: an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest

from alexprof.record.store import save_run
from tests.record.test_store import run_named

SMALL = "profile --run-name run --batch-size 1 --num-batches 2 --burn-in 0 --trace-steps 1"


@pytest.fixture
def logdir(tmp_path):
    save_run(tmp_path / "logdir" / "there", run_named("there"))
    return tmp_path / "logdir"


def shell(words, logdir) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        f"{shlex.quote(sys.executable)} -m alexprof {words}",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ALEXPROF_LOGDIR": str(logdir)},
    )


@pytest.mark.parametrize(
    ("command", "code", "errors"),
    [
        ("report >/dev/full", 2, "alexprof: can't write the report: No space left on device\n"),
        ("report >/dev/full 2>&1", 2, ""),
        ("report >&-", 0, ""),
        ("report <&- >&- 2>&-", 0, ""),
        ("report nothing 2>/dev/full", 2, ""),
        ("report nothing 2>&-", 2, ""),
        ("report nothing >&-", 2, "alexprof: no run 'nothing' here or in"),
        ("report --bogus <&- >&- 2>&-", 2, ""),
        ("--help >/dev/full", 2, "alexprof: can't write: No space left on device\n"),
        ("--version >/dev/full 2>&1", 2, ""),
    ],
)
def test_no_stream_is_needed_for_an_exit_code(logdir, command, code, errors):
    done = shell(command, logdir)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(errors)
    assert done.stderr.count("\n") == (1 if errors else 0)


@pytest.mark.slow
@pytest.mark.parametrize("redirected", ["<&- >&- 2>&-", ">/dev/full 2>&1"])
def test_a_job_without_output_is_recorded_whole(tmp_path, redirected):
    shell(f"{SMALL} {redirected}", tmp_path)
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["complete"]
    assert [list(variant["phases"]) for variant in record["variants"].values()] == [
        ["forward", "forward_backward"],
        ["forward", "forward_backward"],
    ]
