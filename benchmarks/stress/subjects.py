"""What the campaign changes and kills: traces and records that never vary, and real runs."""

from __future__ import annotations

import lzma
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from alexprof.record.ablation import AblationSpec
from alexprof.record.store import save_run
from benchmarks.stress import hostile
from tests import h200
from tests.analysis.made import made_run

SMALL = ("--num-batches", "6", "--batch-size", "2", "--burn-in", "2")
LARGEST_BYTES = 320_000
"""The largest recorded trace to use; larger ones take longer and hold nothing new."""
_ON_A_CPU = ("names: colons", "markers: 300 long names", "times: empty")


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


def profile(logdir: Path, name: str) -> Path:
    """Profiles AlexNet in small."""
    done = run_program(["profile", "--logdir", str(logdir), "--run-name", name, *SMALL])
    if done.returncode:
        raise SystemExit(f"a small run failed: {done.stderr.decode()}")
    return logdir / name


def traces() -> Iterator[bytes]:
    """Traces recorded on a GPU, and some generated ones of a CPU."""
    for path in sorted(h200.DATA.rglob("*.xplane.pb.xz")):
        content = lzma.decompress(path.read_bytes())
        if len(content) < LARGEST_BYTES:
            yield content
    yield from (content for name, content in hostile.traces() if name in _ON_A_CPU)


def make_runs(logdir: Path) -> None:
    """Makes two comparable runs with tables, and one of a GPU without tables."""
    lrn = AblationSpec("lrn", "with_lrn", "without_lrn", kinds=("LRN",))
    for seed, (name, step_s) in enumerate({"base": 0.1, "other": 0.102}.items()):
        made_run(
            logdir / name,
            {"with_lrn": step_s, "without_lrn": step_s},
            without={"without_lrn": ("lrn1",)},
            ablations=[lrn],
            seed=seed,
            started=f"2026-11-2{seed}T04:42:00+00:00",
        )
    (logdir / "gpu").mkdir()
    save_run(logdir / "gpu", h200.run_of("alexnet_gpu32"))
