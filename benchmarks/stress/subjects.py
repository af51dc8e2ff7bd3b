"""What is changed and killed: small runs of the real program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SMALL = ("--num-batches", "6", "--batch-size", "2", "--burn-in", "2")


def run_program(
    arguments: Sequence[str], timeout_s: float = 120, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Runs `alexprof` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "alexprof", *arguments],
        capture_output=True,
        check=False,
        timeout=timeout_s,
        env=os.environ | environment,
    )


def make_run(logdir: Path, name: str) -> Path:
    """Profiles AlexNet in small."""
    done = run_program(["profile", "--logdir", str(logdir), "--run-name", name, *SMALL])
    if done.returncode:
        raise SystemExit(f"a small run failed: {done.stderr.decode()}")
    return logdir / name


def copy_run(folder: Path, logdir: Path, name: str) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(folder, logdir / name))
