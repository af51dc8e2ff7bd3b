"""Runs that are killed, and runs whose disk fills up: what was finished must be there after it."""

from __future__ import annotations

import argparse
import random
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alexprof.errors import AlexProfError
from alexprof.record.store import load_run
from benchmarks.stress.commands import WORKERS, Command, Result, run_all
from benchmarks.stress.subjects import SMALL, make_run

KILLS, DISKS = 30, 18
KILLED_AFTER_S = (2.0, 16.0)
_FINISHED = re.compile(rb": (Forward|Forward-backward) across \d+ steps.*, (with|without) LRN\n")
_LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
sys.argv = ["alexprof", *sys.argv[2:]]
from alexprof.cli import main
main()
"""


def kills(folder: Path, arguments: argparse.Namespace) -> list[Result]:
    """Kills `alexprof profile` at random moments; half of them by SIGKILL."""
    result = Result("kills")
    logdir = folder / "logdir"

    def kill(number: int) -> str:
        chance = random.Random(f"{arguments.seed} kill {number}")
        name, after_s = f"run{number}", chance.uniform(*KILLED_AFTER_S)
        sent = chance.choice((signal.SIGKILL, signal.SIGTERM))
        command = ["alexprof", "profile", "--logdir", str(logdir), "--run-name", name, *SMALL]
        process = subprocess.Popen(
            [sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            out, err = process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(sent)
            out, err = process.communicate(timeout=60)
        wrong = _lost(logdir / name, out, finished=process.returncode == 0)
        if b"Traceback" in err:
            wrong = f"traceback: {err.decode(errors='replace')[-200:]}"
        return f"{sent.name} after {after_s:.1f} s: {wrong}" if wrong else ""

    with ThreadPoolExecutor(WORKERS) as threads:
        for wrong in threads.map(kill, range(round(KILLS * arguments.scale))):
            result.tried += 1
            result.faults += [wrong] if wrong else []
    make_run(logdir, "next")
    result.faults += _left(logdir)
    at = ("--logdir", str(logdir))
    reports = [
        Command(f"report {run.name}", ("report", run.name, *at), 1_000_000)
        for run in logdir.iterdir()
        if (run / "run.json").exists()
    ]
    return [result, run_all("reports of killed runs", [Command("list", ("list", *at)), *reports])]


def _left(logdir: Path) -> list[str]:
    """What the next run in the logdir should have put in order."""
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
    return "complete, but killed" if record.complete and not finished else ""


def full_disks(folder: Path, arguments: argparse.Namespace) -> list[Result]:
    """Profiles where files may be no larger than so much, and on a small disk."""
    result = Result("full disks")
    attempts = round(DISKS * arguments.scale)

    def limited(number: int) -> str:
        size = 100 * 2**number
        run = folder / "limited" / f"run{number}"
        command = ["profile", "--logdir", str(run.parent), "--run-name", run.name, *SMALL]
        return _full(
            [sys.executable, "-c", _LIMITED, str(size), *command], run, f"files of {size} bytes"
        )

    with ThreadPoolExecutor(WORKERS) as threads:
        for wrong in threads.map(limited, range(attempts)):
            result.tried += 1
            result.faults += [wrong] if wrong else []
    return [result, _small_disks(folder, attempts // 2)]


def _small_disks(folder: Path, attempts: int) -> Result:
    """The same on a disk in memory of a few megabytes; needs the right to mount one."""
    result = Result("small disks")
    for number in range(attempts):
        disk, kilobytes = folder / "disk", 64_300 + 400 * number
        disk.mkdir(exist_ok=True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            print("  no right to mount a small disk: left out")
            return result
        try:
            command = ["profile", "--logdir", str(disk), "--run-name", "run", *SMALL]
            filler = disk / "filler"

            def fill(filler: Path = filler, number: int = number) -> None:
                filler.write_bytes(bytes(63_900_000 - 20_000 * number))

            wrong = _full(
                [sys.executable, "-m", "alexprof", *command],
                disk / "run",
                f"a disk of {kilobytes} kB",
                started=fill,
            )
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)
        result.tried += 1
        result.faults += [wrong] if wrong else []
    return result


def _full(command: list[str], run: Path, shown: str, started: object = None) -> str:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        if callable(started):
            while process.poll() is None and not (run / "run.json").exists():
                time.sleep(0.05)
            started()
        out, err = process.communicate(timeout=120)
    if b"Traceback" in err or process.returncode not in (0, 1, 2):
        return f"{shown}: exit code {process.returncode}: {err.decode(errors='replace')[-300:]}"
    if not err.strip() and process.returncode:
        return f"{shown}: no message"
    lost = _lost(run, out, finished=process.returncode == 0)
    return f"{shown}: {lost}" if lost else ""
