"""Traces of a CPU made by hand: steps of a few ops, whose times a test knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.attribute.hand import draw
from tests.factory import wave
from tests.traces import TraceBuilder

OPS = {"conv1/Conv2D:Conv2D": 0.6, "lrn1/LRN:LRN": 0.3}
"""Parts of a step; what is left is idle time."""
STEP_NS = 10e6


def step_lengths_ns(steps: int, scale: float, noise: float, seed: int, first: float) -> list[int]:
    """How long each step of `write_trace` takes, the first one included."""
    lengths = STEP_NS * scale * (1 + noise * wave(steps, seed))
    return [round(STEP_NS * first)] * (first > 0) + [round(length) for length in lengths]


def write_trace(
    path: Path,
    *,
    steps: int,
    scale: float = 1.0,
    noise: float = 0.02,
    seed: int = 0,
    first: float = 0.0,
    sorts: Sequence[str] = ("forward",),
    ops: Mapping[str, float] = OPS,
) -> Path:
    """Writes the trace of a host: for each marker name so many steps of `scale` × 10 ms.

    `ops` are parts of a step. A step deviates by up to the fraction `noise`; a first one, unless 0,
    takes `first` × 10 ms.
    """
    marks, drawn, at_ns = [], [], 0
    for sort in sorts:
        for number, length in enumerate(step_lengths_ns(steps, scale, noise, seed, first)):
            marks.append((sort, at_ns, at_ns + length, {"step_num": number}))
            start = at_ns + length // 20
            for op, part in ops.items():
                drawn.append((op, start, start + round(length * part)))
                start += round(length * part)
            at_ns += length + 1000
    trace = TraceBuilder()
    draw(trace.plane("/host:CPU"), {"python": marks, "tf_Compute/1": drawn})
    return trace.write(path)
