"""Runs the parts, each in a process of its own, and keeps what there is after each."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from alexprof.files import write_whole
from benchmarks.gpu import sizes
from benchmarks.gpu.parts import names
from benchmarks.gpu.tables import as_markdown

ROOT = Path(__file__).parents[2]
NEEDS_A_GPU = (
    "python -m benchmarks gpu needs a GPU that TensorFlow can use, and there is none here: "
    "`alexprof doctor` says why, and --on-cpu runs all parts in small sizes on the CPU"
)
_ON_CPU = {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
_ON_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs all parts, or those asked for.

    Args:
        arguments: `out`, the folder for results; `on_cpu`; `parts`, names by commas or ""; and
            `part_timeout_s`, after which a part is given up.

    Returns:
        `machine`, and under `parts` an entry for each: `seconds` and its `result`, or `not_here`
        or `error` with the reason in a sentence.

    Raises:
        SystemExit: There is no GPU and `on_cpu` wasn't asked for, or no part of that name.
    """
    size = sizes.CPU if arguments.on_cpu else sizes.GPU
    chosen = _chosen(arguments.parts, names(size))
    with tempfile.TemporaryDirectory(prefix="alexprof-gpu-") as folder:
        machine = run_one("machine", arguments, Path(folder))
        if "error" in machine:
            raise SystemExit(f"TensorFlow doesn't start here: {machine['error']}")
        if not machine["result"]["gpus"] and not arguments.on_cpu:
            raise SystemExit(NEEDS_A_GPU)
        results: dict[str, Any] = {
            "on_cpu": arguments.on_cpu,
            "machine": machine["result"],
            "parts": {},
        }
        for name in chosen:
            results["parts"][name] = part = run_one(name, arguments, Path(folder))
            _keep(results, arguments.out)
            print(f"  {name:<24}{_outcome(part)}", flush=True)
    return results


def run_one(name: str, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Runs a part in a process of its own; see `measure` for what it returns."""
    result, log = folder / f"{name}.json", folder / f"{name}.log"
    command = [sys.executable, "-m", "benchmarks.gpu", name, str(folder / name), str(result)]
    command += ["--on-cpu"] if arguments.on_cpu else []
    environment = {**os.environ, **(_ON_CPU if arguments.on_cpu else _ON_GPU)}
    start_s = time.monotonic()
    with log.open("wb") as output:
        try:
            code = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=arguments.part_timeout_s,
                check=False,
            ).returncode
            why = f"exit code {code}: {_last_line(log)}" if code else ""
        except subprocess.TimeoutExpired:
            why = f"it took longer than {arguments.part_timeout_s:g} s"
    part: dict[str, Any] = {"seconds": time.monotonic() - start_s}
    if why:
        return {**part, "error": why}
    value = json.loads(result.read_bytes())
    if "not_here" in value:
        return {**part, "not_here": value["not_here"]}
    return {**part, "result": value}


def _chosen(wanted: str, there: list[str]) -> list[str]:
    chosen = [name.strip() for name in wanted.split(",") if name.strip()] or there
    if unknown := [name for name in chosen if name not in there]:
        raise SystemExit(f"no part {', '.join(unknown)}: there are {', '.join(there)}")
    return chosen


def _keep(results: dict[str, Any], out: Path) -> None:
    write_whole(out / "gpu.json", json.dumps(results, indent=1).encode() + b"\n")
    write_whole(out / "gpu.md", as_markdown(results).encode())


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")


def _outcome(part: dict[str, Any]) -> str:
    if "error" in part:
        return f"failed: {part['error']}"
    if "not_here" in part:
        return f"not run: {part['not_here']}"
    return f"{part['seconds']:.0f} s"
