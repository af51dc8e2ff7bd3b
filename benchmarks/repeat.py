"""The same `alexprof profile` twice, several times over: how often does compare see a difference?

Something else keeps a core busy during every other pair, for a part of it by chance: nothing of the
program differs, so every difference that is called is a false one. With `--slower 0.15` the second
run of each pair is slower by that fraction of each step, on a machine without another program: then
every phase should be called slower.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CALLED = ("slower", "faster")
BATCHES = 30
"""Timed steps of each variant and phase: with 100 a pair takes four minutes on 2 cores."""
BUSY_S = (5.0, 60.0)
"""How long the other program runs."""
WAIT_S = (0.0, 20.0)
"""How long after the pair began."""
BUSY = """
import sys, time
time.sleep(float(sys.argv[1]))
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    sum(range(1000))
"""


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs the pairs and counts the verdicts at each level."""
    steps = arguments.num_batches or BATCHES
    chance = random.Random(0)
    pairs = []
    print(f"The same twice, {arguments.pairs} times, batch {arguments.batch_size}, {steps} steps")
    with tempfile.TemporaryDirectory() as logdir:
        for number in range(arguments.pairs):
            start = time.monotonic()
            wait_s, busy_s = chance.uniform(*WAIT_S), chance.uniform(*BUSY_S)
            names = [f"{number}{side}" for side in "ab"]
            busy = number % 2 == 1 and not arguments.slower
            with _busy(wait_s, busy_s) if busy else _quiet():
                for name, slower in zip(names, (0.0, arguments.slower), strict=True):
                    _profile(Path(logdir), name, arguments, steps, slower)
            pair = _compared(Path(logdir), names)
            pair |= {"busy": busy, "seconds": time.monotonic() - start}
            pairs.append(pair)
            print(_line(number, pair), flush=True)
    total = Counter(dict.fromkeys(("phase", "layer", "kind", "op"), 0))
    for pair in pairs:
        total.update(pair["called"])
    with_calls = sum(1 for pair in pairs if sum(pair["called"].values()))
    print(f"  called different: {sum(total.values())} ({dict(total)}), in {with_calls} pairs")
    return {
        "batch_size": arguments.batch_size,
        "steps": steps,
        "called": dict(total),
        "pairs_with_calls": with_calls,
        "pairs": pairs,
    }


def _profile(
    logdir: Path, name: str, arguments: argparse.Namespace, steps: int, slower: float
) -> None:
    program = ["benchmarks.slower", str(slower)] if slower else ["alexprof"]
    command = [sys.executable, "-m", *program, "profile", "--logdir", str(logdir)]
    command += ["--name", name, "--batch-size", str(arguments.batch_size)]
    command += ["--num-batches", str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode:
        raise SystemExit(f"alexprof profile failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _compared(logdir: Path, names: list[str]) -> dict[str, Any]:
    from alexprof.analysis.compare import LEVELS, compare
    from alexprof.tracer.sources import select_each

    comparison = compare(select_each(names, logdir))
    called = [change for change in comparison.differences if change.difference.verdict in CALLED]
    return {
        "called": {level: sum(change.level == level for change in called) for level in LEVELS},
        "what": [
            {
                "level": change.level,
                "variant": change.variant,
                "phase": change.phase,
                "name": change.name,
                "ratio": change.difference.ratio,
                "ci95": change.difference.ratio_ci95,
            }
            for change in called
        ],
        "compared": {
            level: sum(change.level == level for change in comparison.differences)
            for level in LEVELS
        },
        "phase_ratios": [
            change.difference.ratio for change in comparison.differences if change.level == "phase"
        ],
        "phase_ci95": [
            change.difference.ratio_ci95
            for change in comparison.differences
            if change.level == "phase"
        ],
        "why_not": [caveat.code for caveat in comparison.why_not],
        "notes": [caveat.code for caveat in comparison.notes],
    }


def _line(number: int, pair: dict[str, Any]) -> str:
    called = ", ".join(f"{count} {level}" for level, count in pair["called"].items())
    ratios = pair["phase_ratios"]
    return (
        f"  pair {number + 1:>2} {'busy ' if pair['busy'] else 'quiet'} called: {called}; phases "
        f"{min(ratios):.2f} to {max(ratios):.2f}, {'no verdict' if pair['why_not'] else 'judged'}"
        f" ({pair['seconds']:.0f} s)"
    )


@contextmanager
def _busy(wait_s: float, busy_s: float) -> Iterator[None]:
    """Another program that computes meanwhile."""
    other = subprocess.Popen([sys.executable, "-c", BUSY, str(wait_s), str(busy_s)])
    try:
        yield
    finally:
        other.kill()
        other.wait()


@contextmanager
def _quiet() -> Iterator[None]:
    yield
