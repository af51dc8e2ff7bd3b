"""How long the commands that read a saved run take, whole, start-up included."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPEATS = 11
COMMANDS = (["--help"], ["report", "latest"], ["report", "latest", "--json"], ["list"])


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Median and slowest of some runs of each command, taking turns."""
    from alexprof.capture.runtime import start_tensorflow

    start_tensorflow()
    from alexprof.show.progress import Progress
    from alexprof.tracer.options import ProfileOptions
    from alexprof.tracer.profiling import profile
    from alexprof.workload.alexnet import alexnet

    seconds: dict[str, list[float]] = {" ".join(command): [] for command in COMMANDS}
    with tempfile.TemporaryDirectory() as logdir:
        options = ProfileOptions(num_batches=arguments.num_batches or 100, burn_in=1, trace_steps=3)
        small = alexnet(batch_size=1, image_size=64)
        profile(small, Path(logdir) / "run", options, Progress())
        for _ in range(REPEATS):
            for command in COMMANDS:
                tail = [] if command == ["--help"] else ["--logdir", logdir]
                start = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "alexprof", *command, *tail],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
                seconds[" ".join(command)].append(time.perf_counter() - start)
    print(f"Commands on a saved run, {REPEATS} times each")
    for name, times in seconds.items():
        print(
            f"  alexprof {name:<22}median {statistics.median(times):.2f} s, max {max(times):.2f} s"
        )
    return {
        name: {"median_s": statistics.median(times), "max_s": max(times)}
        for name, times in seconds.items()
    }
