"""A fixed piece of work, timed before and after a phase: is the machine as quick as it was?

Neighbours on the same host, clocks and heat slow a machine down without a trace in its own books.
Whatever slows the steps slows this too.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from alexprof.measure.disturbances import Yardstick

HASHED_BYTES, HASHES = 1 << 20, 8
"""Of each thread in one repetition: about 5 ms, in a core's own caches."""
COPIED_BYTES = 64 << 20
"""Of all threads together in one repetition: about 10 ms. With its copy twice this, more than the
caches of most processors hold."""
REPETITIONS = 7
"""Their median stands; one more comes first and is left out."""

Clock = Callable[[], float]


def usable_cores() -> int:
    """Logical cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_yardstick(clock: Clock = time.perf_counter) -> Yardstick:
    """Times both pieces of work on all usable cores at once, about 0.15 s altogether.

    Hashing and copying leave Python's lock alone, so that threads run side by side.
    """
    cores = usable_cores()
    with ThreadPoolExecutor(cores) as pool:
        arithmetic_s = _median(pool, [_hash] * cores, clock)
        memory_s = _median(pool, list(_copies(cores)), clock)
    return Yardstick(arithmetic_s, memory_s)


def _hash() -> None:
    digest = hashlib.sha256()
    for _ in range(HASHES):
        digest.update(_BUFFER)


_BUFFER = bytes(HASHED_BYTES)
Bytes = NDArray[np.uint8]


def _copies(cores: int) -> Iterator[Callable[[], None]]:
    for _ in range(cores):
        source = np.ones(COPIED_BYTES // cores, np.uint8)
        target = np.zeros_like(source)

        def copy(target: Bytes = target, source: Bytes = source) -> None:
            np.copyto(target, source)

        yield copy


def _median(pool: ThreadPoolExecutor, work: list[Callable[[], None]], clock: Clock) -> float:
    """Median time from the start of all to the end of the last."""
    taken = []
    for _ in range(REPETITIONS + 1):
        start = clock()
        for running in [pool.submit(one) for one in work]:
            running.result()
        taken.append(clock() - start)
    return statistics.median(taken[1:])
