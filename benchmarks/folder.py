"""How long `list`, `history` and `report latest` take in a folder of many runs, with start-up.

The unit is the time that starting Python takes, measured in turns with the commands, so that the
limits hold on any machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from alexprof.record.run import Run
from alexprof.record.store import load_run, save_run

RUNS = (1, 300, 1000)
REPEATS = 7
COMMANDS = (["list"], ["history"], ["report", "latest"])
START = [sys.executable, "-c", "pass"]
MARKS = {"list": 47.0, "history": 133.0, "report": 47.0}
"""Limits for 300 runs, in starts of Python: 0.7 and 2 s if a start takes 15 ms."""
LINEAR = 1.1 * 1000 / 300
"""The limit for the time of 1,000 runs / the time of 300."""


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Median times of each command for each number of runs, in turns with starting Python."""
    times_s: dict[tuple[str, int], list[float]] = {}
    starts_s = []
    with tempfile.TemporaryDirectory() as temporary:
        logdirs = _make(Path(temporary), arguments.num_batches or 100)
        for _ in range(REPEATS):
            for count, logdir in logdirs.items():
                for command in COMMANDS:
                    starts_s.append(_seconds(START))
                    whole = [sys.executable, "-m", "alexprof", *command, "--logdir", str(logdir)]
                    times_s.setdefault((command[0], count), []).append(_seconds(whole))
    start_s = statistics.median(starts_s)
    print(f"A folder of many runs, in starts of Python ({start_s * 1e3:.0f} ms)")
    return {"start_s": start_s} | {
        name: _figures(name, start_s, [statistics.median(times_s[name, count]) for count in RUNS])
        for name, *_ in COMMANDS
    }


def _figures(name: str, start_s: float, seconds: list[float]) -> dict[str, Any]:
    """A command's times for each number of runs, and whether they are within the limits."""
    starts, linear = [time_s / start_s for time_s in seconds], seconds[2] / seconds[1]
    within = starts[1] <= MARKS[name] and linear <= LINEAR
    each = ", ".join(
        f"{count} runs {number:.0f}" for count, number in zip(RUNS, starts, strict=True)
    )
    print(
        f"  {name:<8}{each}; marks: {RUNS[1]} runs {MARKS[name]:.0f}, "
        f"{RUNS[2]} / {RUNS[1]} runs {linear:.2f} of {LINEAR:.2f}{'' if within else '  MISSED'}"
    )
    return {"runs": RUNS, "seconds": seconds, "starts": starts, "linear": linear, "within": within}


def _make(folder: Path, num_batches: int) -> dict[int, Path]:
    """Makes logdirs of copies of one run, by the number of runs."""
    from alexprof.capture.runtime import start_tensorflow

    start_tensorflow()
    from alexprof.show.progress import Progress
    from alexprof.tracer.options import ProfileOptions
    from alexprof.tracer.profiling import profile
    from alexprof.workload.alexnet import alexnet

    source = folder / "source"
    options = ProfileOptions(num_batches=num_batches, burn_in=1)
    profile(alexnet(batch_size=1, image_size=64), source, options, Progress())
    run, logdirs = load_run(source), {count: folder / str(count) for count in RUNS}
    for logdir in logdirs.values():
        for number in range(int(logdir.name)):
            _copy(run, source, logdir / f"run-{number:04}", number)
    return logdirs


def _copy(run: Run, source: Path, folder: Path, number: int) -> None:
    """Copies a run under another name and start time, with hard links to its tables."""
    folder.mkdir(parents=True)
    started = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(hours=number)
    save_run(folder, replace(run, run=folder.name, started=started.isoformat()))
    for table in source.glob("*.parquet"):
        os.link(table, folder / table.name)


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
