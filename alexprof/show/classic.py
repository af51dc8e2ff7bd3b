"""The lines that the classic benchmark prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from alexprof.record.timed import Timed
from alexprof.record.workload import Layer
from alexprof.show.numbers import classic_seconds


def layer_line(layer: Layer) -> str:
    """A layer's name and output shape: `conv1   [32, 56, 56, 64]`."""
    return f"{layer.name}   {list(layer.shape)}"


def step_lines(
    now: datetime, first_step: int, seconds: Sequence[float], variant: str = ""
) -> Iterator[str]:
    """Every tenth step of a block: `2026-11-24 04:18:02.123456: step 10, duration = 0.205`."""
    for step, taken_s in enumerate(seconds, first_step):
        if step % 10 == 0:
            (duration,) = classic_seconds(taken_s)
            yield f"{now}: step {step}, duration = {duration}{_of(variant)}"


def summary_line(now: datetime, label: str, timed: Timed, variant: str = "") -> str:
    """All steps: `2026-…: Forward across 100 steps, 0.205 +/- 0.006 sec / batch`, and likewise."""
    mean, std = classic_seconds(timed.mean_s, timed.std_s)
    return f"{now}: {label} across {timed.steps} steps, {mean} +/- {std} sec / batch{_of(variant)}"


def _of(variant: str) -> str:
    return f", {variant}" if variant else ""
