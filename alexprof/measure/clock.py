"""What a reading of the clock costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

READINGS, ROUNDS = 1000, 9


def clock_cost_s(clock: Callable[[], int] = time.perf_counter_ns) -> float:
    """What one reading of the clock takes: the median of nine loops of 1000, in seconds."""
    rounds = []
    for _ in range(ROUNDS):
        start = clock()
        for _ in range(READINGS):
            clock()
        rounds.append((clock() - start) / READINGS)
    return median(rounds) / 1e9
