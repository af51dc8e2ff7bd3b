"""The command line as a user meets it: in this process, which is quick, or in one of its own."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from alexprof.cli import main

COMMAND = [sys.executable, "-m", "alexprof"]


@dataclass(frozen=True)
class Answer:
    """What a process would have left."""

    returncode: int
    stdout: str
    stderr: str


def call(*arguments, **environment) -> Answer:
    """Runs a command here."""
    out, errors = io.StringIO(), io.StringIO()
    before = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["alexprof", *map(str, arguments)])
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            with redirect_stdout(out), redirect_stderr(errors), pytest.raises(SystemExit) as ended:
                main()
        finally:
            signal.signal(signal.SIGTERM, before)
    code = ended.value.code
    assert isinstance(code, int)
    return Answer(code, out.getvalue(), errors.getvalue())


def call_process(*arguments, **environment) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process of its own, where TensorFlow starts anew."""
    command = [*COMMAND, *map(str, arguments)]
    variables = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


def start(*arguments) -> subprocess.Popen[str]:
    """Starts a command in a process of its own, to be read from and ended."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_one_line(done, code, *words):
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("alexprof: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
