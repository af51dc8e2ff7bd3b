"""A stopwatch beside a trace: when each step began, and when all of them had ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

Laps: TypeAlias = "dict[str, list[float]]"
"""Seconds of each step, by the name that its marker has in the trace; "" without a marker."""


def laps(
    steps: Iterable[tuple[str, Callable[[], object]]], wait: Callable[[], object] = lambda: None
) -> Laps:
    """Runs steps and times them.

    Args:
        steps: The sort of each and what runs it.
        wait: Returns when the device has done everything.

    Returns:
        A step lasts until the next begins, the last one until the device is done.
    """
    sorts: list[str] = []
    begins_s: list[float] = []
    for sort, step in steps:
        sorts.append(sort)
        begins_s.append(time.perf_counter())
        step()
    wait()
    return lengths(sorts, [*begins_s, time.perf_counter()])


def lengths(sorts: Iterable[str], times_s: Iterable[float]) -> Laps:
    """Turns the sorts of n steps, their begins and the end of the last into laps."""
    taken: Laps = {}
    for sort, (begin_s, end_s) in zip(sorts, pairwise(times_s), strict=True):
        taken.setdefault(sort, []).append(end_s - begin_s)
    return taken


@contextmanager
def profiler(folder: Path) -> Iterator[None]:
    """TensorFlow's profiler with its default options, as users take traces."""
    import tensorflow as tf

    tf.profiler.experimental.start(str(folder))
    try:
        yield
    finally:
        tf.profiler.experimental.stop()


def marked(sort: str, number: int, step: Callable[[], object]) -> Callable[[], object]:
    """Puts a step marker of TensorFlow's around a step."""

    def run() -> object:
        import tensorflow as tf

        with tf.profiler.experimental.Trace(sort, step_num=number, _r=1):
            return step()

    return run
