"""Runs that are killed, and runs whose disk fills up: what was finished must be there after it."""

from __future__ import annotations

import argparse
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alexprof.errors import AlexProfError
from alexprof.record.store import load_run
from benchmarks.stress.commands import JOB_LIMIT_S, Command, Result, run_all, try_all
from benchmarks.stress.subjects import SMALL, profile, run_program

KILLS, DISKS = 30, 12
PHASES = 4
STARTING_S, LINE_S = 4.0, 0.4
"""The longest waits before a kill: before the first line, and after a line."""
_FINISHED = re.compile(rb": (Forward|Forward-backward) across \d+ steps.*, (with|without) LRN\n")


def kills(folder: Path, arguments: argparse.Namespace) -> list[Result]:
    """Kills `alexprof profile` at random moments; half of them by SIGKILL."""
    logdir = folder / "logdir"
    whole = run_program(["profile", "--logdir", str(folder / "whole"), *SMALL])
    lines = whole.stdout.count(b"\n")
    logdir.mkdir()

    def kill(number: int) -> str:
        chance = random.Random(f"{arguments.seed} kill {number}")
        line = chance.randrange(lines)
        after_s = chance.choice((0.0, chance.uniform(0, LINE_S if line else STARTING_S)))
        sent = chance.choice((signal.SIGKILL, signal.SIGTERM))
        wrong = _killed(logdir / f"run{number}", line, after_s, sent)
        return f"{sent.name} {after_s:.2f} s after line {line}: {wrong}" if wrong else ""

    result = try_all("kills", kill, range(round(KILLS * arguments.scale)))
    at = ("--logdir", str(logdir))
    names = sorted(run.name for run in logdir.iterdir() if (run / "run.json").exists())
    reports = [Command(f"report {name}", ("report", name, *at), 1_000_000) for name in names]
    read = run_all("reports of killed runs", [Command("list", ("list", *at)), *reports])
    profile(logdir, "next")
    result.faults += _left(logdir)
    return [result, read]


def _killed(run: Path, line: int, after_s: float, sent: signal.Signals) -> str:
    """Kills a run after it has printed some lines; says what is lost or wrong."""
    command = ["alexprof", "profile", "--logdir", str(run.parent), "--run-name", run.name, *SMALL]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        assert process.stdout is not None
        out = b"".join(process.stdout.readline() for _ in range(line))
        time.sleep(after_s)
        process.send_signal(sent)
        out += process.communicate(timeout=JOB_LIMIT_S)[0]
        errors.seek(0)
        err = errors.read()
    if b"Traceback" in err:
        return f"traceback: {err.decode(errors='replace')[-200:]}"
    return _lost(run, out, finished=process.returncode == 0)


def _left(logdir: Path) -> list[str]:
    """Lists what the next run in the logdir should have repaired, but did not."""
    faults = []
    left = [str(path.relative_to(logdir)) for path in logdir.rglob(".part*")]
    if left:
        faults.append(f"{len(left)} temporary files are left, such as {left[0]}")
    for run in logdir.iterdir():
        if not (run / "run.json").exists():
            faults.append(f"{run.name} has no record")
            continue
        record = load_run(run)
        if record.stopped is not None and record.stopped.code == "unfinished":
            faults.append(f"{run.name} doesn't say that it was killed")
        faults += [
            f"{run.name}/{variant} has no event file"
            for variant in record.variants
            if not list((run / variant).glob("events.out.tfevents.*"))
        ]
    return faults


def _lost(run: Path, out: bytes, *, finished: bool) -> str:
    """What a record lacks of what was said to be finished."""
    announced = {(variant.decode(), phase.decode()) for phase, variant in _FINISHED.findall(out)}
    if not (run / "run.json").exists():
        return f"no record, and finished: {sorted(announced)}" if announced else ""
    try:
        record = load_run(run)
    except AlexProfError as error:
        return f"not readable: {error}"
    kept = {
        (variant.label.split()[0], phase.label)
        for variant in record.variants.values()
        for phase in variant.phases.values()
        if phase.timed is not None
    }
    if announced - kept:
        return f"finished, and not in the record: {sorted(announced - kept)}"
    if finished != record.complete and (finished or len(kept) < PHASES):
        return "finished, but not complete" if finished else f"complete, with {len(kept)} phases"
    return ""


def full_disks(folder: Path, arguments: argparse.Namespace) -> list[Result]:
    """Profiles where files may be no larger than so much, and on a small disk."""
    attempts = round(DISKS * arguments.scale)

    def limited(number: int) -> str:
        size = round(100 * 10 ** (5 * (number + 0.5) / attempts))
        run = folder / "limited" / f"run{number}"
        return _full(
            run,
            f"files of {size} bytes",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )

    return [
        try_all("full disks: files of limited size", limited, range(attempts)),
        _small_disks(folder, attempts // 2),
    ]


def _small_disks(folder: Path, attempts: int) -> Result:
    """The same on a disk in memory of a few megabytes; needs the right to mount one."""
    result = Result("full disks: a small one")
    for number in range(attempts):
        disk, kilobytes = folder / "disk", 64_300 + 400 * number
        disk.mkdir(exist_ok=True)
        begin_s = time.monotonic()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            print("  no right to mount a small disk: left out")
            return result
        try:

            def fill(filler: Path = disk / "filler", number: int = number) -> None:
                filler.write_bytes(bytes(63_900_000 - 20_000 * number))

            wrong = _full(disk / "run", f"a disk of {kilobytes} kB", started=fill)
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)
        result.tried += 1
        result.longest_s = max(result.longest_s, time.monotonic() - begin_s)
        result.faults += [wrong] if wrong else []
    return result


def _full(run: Path, shown: str, started: Callable[[], None] | None = None, **options: Any) -> str:
    """Profiles; calls `started` once there is a record. Says what is lost or wrong."""
    command = ["alexprof", "profile", "--logdir", str(run.parent), "--run-name", run.name, *SMALL]
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    ) as process:
        if started is not None:
            while process.poll() is None and not (run / "run.json").exists():
                time.sleep(0.05)
            started()
        out, err = process.communicate(timeout=JOB_LIMIT_S)
    if b"Traceback" in err or process.returncode not in (0, 1, 2):
        return f"{shown}: exit code {process.returncode}: {err.decode(errors='replace')[-300:]}"
    if not err.strip() and process.returncode:
        return f"{shown}: no message"
    lost = _lost(run, out, finished=process.returncode == 0)
    return f"{shown}: {lost}" if lost else ""
