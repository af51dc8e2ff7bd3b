"""What the NVIDIA driver says of the GPUs: clocks, temperature, what slows them down."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess

from alexprof.record.interference import GpuState

FIELDS = ("index", "clocks.sm", "clocks.max.sm", "clocks.mem", "temperature.gpu")
REASON_FIELDS = ("clocks_event_reasons.active", "clocks_throttle_reasons.active")
"""What slows it down, by its name since driver 535 and by the one before."""
TIMEOUT_S = 5.0
REASONS = {
    0x2: "application clocks",
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "another GPU in sync",
    0x20: "thermal (software)",
    0x40: "thermal (hardware)",
    0x80: "power cap (brake)",
    0x100: "display clocks",
}
"""Bits of the last field (nvmlClocksEventReasons in NVIDIA's nvml.h), less 0x1: a GPU that has
nothing to do is not slowed down."""


def read_gpus() -> tuple[GpuState, ...]:
    """Asks `nvidia-smi`, if there is one; nothing if it fails or takes more than `TIMEOUT_S`.

    GPUs that are hidden from this process (CUDA_VISIBLE_DEVICES empty or -1) have no part in what
    it does, so none is read.
    """
    program = shutil.which("nvidia-smi")
    if program is None or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return ()
    for reasons in REASON_FIELDS:
        query = f"--query-gpu={','.join((*FIELDS, reasons))}"
        try:
            done = subprocess.run(
                [program, query, "--format=csv,noheader,nounits"],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ()
        if done.returncode == 0:
            return parse_gpus(done.stdout)
    return ()


def parse_gpus(text: str) -> tuple[GpuState, ...]:
    """Reads what `nvidia-smi --query-gpu` prints without header and units, a line for each GPU.

    It holds `FIELDS` and the bits of what slows it down, "[N/A]" or the like where that is unknown;
    lines of another shape are passed over.
    """
    states = []
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        if len(row) == len(FIELDS) + 1 and row[0].strip().isdigit():
            clock, most, memory, celsius = (_number(value) for value in row[1:5])
            states.append(GpuState(int(row[0]), clock, most, memory, celsius, _reasons(row[5])))
    return tuple(states)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _reasons(text: str) -> tuple[str, ...]:
    try:
        bits = int(text, 16)
    except ValueError:
        return ()
    return tuple(name for bit, name in REASONS.items() if bits & bit)
