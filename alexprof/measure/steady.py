"""Whether steps had settled, and where: change points in the order measured.

The sequence is cut where its level changes: the cut that makes squared distances from the pieces'
means smallest, each further piece costing `PENALTY` × log(n) long-run variances (optimal
partitioning, Jackson et al. 2005, with pruning not needed at this length; Killick et al. 2012).
Steps that resemble each other drift, so the penalty grows with their resemblance: variance and
correlation are those of what is left beside the levels (AR(1), as Chakar et al. 2017 assume, "A
robust approach for estimating change-points in the mean of an AR(1) process"). Outliers are pulled
in to Tukey's outer fence first: one slow step is no level.

The classes are those of Barrett et al. 2017, "Virtual machine warmup blows hot and cold".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from alexprof.measure.outliers import SEVERE
from alexprof.record.values import State, Steadiness

Floats = NDArray[np.float64]

PENALTY = 3.0
SHORTEST = 5
"""Steps of the shortest piece."""
LEAST_STEPS = 20
"""Fewer are not judged."""
LAST_PART = 0.25
"""A level must have held for this part of the steps to count as settled."""
BAND = 0.01
"""Levels that differ by at most this part count as one."""
ROUNDS = 4
MOST_ALIKE = 0.9
ENDS = 5
"""The first and the last fifth are a level's ends."""
SURE = 4.0
"""Standard errors of a trend that are no chance."""
FINEST = 1000
"""More steps than this are put together, so that a cut takes milliseconds."""


def find_steady_state(seconds: Floats) -> Steadiness | None:
    """Cuts a sequence of steps into levels and says whether it settled.

    Args:
        seconds: Durations of one variant and phase, float64 [n], in the order measured.

    Returns:
        None with fewer than `LEAST_STEPS` steps. Costs O(min(n, 1000)²) operations.
    """
    if len(seconds) < LEAST_STEPS:
        return None
    values = _pulled_in(seconds)
    starts = change_points(values)
    levels = np.array([piece.mean() for piece in np.split(values, starts[1:])])
    last = levels[-1]
    other = np.flatnonzero(np.abs(levels / last - 1) > BAND)
    settled = int(starts[other[-1] + 1]) if len(other) else 0
    state: State = "steady"
    if _trends(values[settled:]):
        state = "no steady state"
    elif len(other):
        young = len(seconds) - settled < max(LAST_PART * len(seconds), 2 * SHORTEST)
        slowing = bool((levels[other] < last).any())
        state = "no steady state" if young else "slowing" if slowing else "warming"
    return Steadiness(
        state=state,
        settled_step=None if state == "no steady state" else settled + 1,
        first_steps=tuple(int(start) + 1 for start in starts),
        levels_s=tuple(levels.tolist()),
    )


def change_points(values: Floats) -> NDArray[np.int64]:
    """First index of each piece, int64, 0 first.

    Args:
        values: float64 [n], n at least `LEAST_STEPS`, without outliers.
    """
    together = math.ceil(len(values) / FINEST)
    whole = len(values) // together * together
    coarse = values[:whole].reshape(-1, together).mean(axis=1)
    # Noise is what is left beside levels. The first guess at those is the best cut in three (a
    # stretch and what is around it), worth it or not; each cut that has more pieces leaves less.
    starts, pieces = _cut_in_three(coarse), 1
    for _ in range(ROUNDS):
        noise = long_run_variance(coarse, starts)
        starts = _best_cut(coarse, PENALTY * noise * math.log(len(coarse)))
        if len(starts) <= pieces:
            break
        pieces = len(starts)
    return starts * together


def long_run_variance(values: Floats, starts: NDArray[np.int64]) -> float:
    """Variance of the mean of many values, times their number, if they are AR(1) about levels.

    Args:
        values: float64 [n], in the order measured.
        starts: First index of each piece, int64, 0 first.
    """
    pieces = np.split(values, starts[1:])
    rest = np.concatenate([piece - piece.mean() for piece in pieces])
    squares = float((rest**2).sum())
    if squares == 0:
        return 0.0
    alike = float((rest[1:] * rest[:-1]).sum()) / squares
    # Taking a mean off a piece makes its steps look less alike (Marriott & Pope 1954).
    alike += (1 + 3 * alike) * len(pieces) / len(values)
    alike = min(max(alike, 0.0), MOST_ALIKE)
    return squares / (len(values) - len(pieces)) * (1 + alike) / (1 - alike)


def _trends(values: Floats) -> bool:
    """Whether steps go on changing: a slope beyond doubt, and ends further apart than the band."""
    count, end = len(values), max(1, len(values) // ENDS)
    if abs(values[-end:].mean() - values[:end].mean()) <= BAND * values.mean():
        return False
    place = np.arange(count) - (count - 1) / 2
    slope = float((place @ values) / (place @ place))
    rest = values - values.mean() - slope * place
    error = math.sqrt(12 * long_run_variance(rest, np.zeros(1, np.int64)) / count)
    return abs(slope) * count > SURE * error


def _cut_in_three(values: Floats) -> NDArray[np.int64]:
    """The three pieces of at least `SHORTEST` that leave the least squares."""
    count = len(values)
    sums = np.concatenate([[0.0], np.cumsum(values - values.mean())])
    start = np.arange(SHORTEST, count - 2 * SHORTEST + 1)[:, None]
    end = np.arange(2 * SHORTEST, count - SHORTEST + 1)[None, :]
    size = np.maximum(end - start, 1)
    won = sums[start] ** 2 / start + (sums[end] - sums[start]) ** 2 / size
    won += sums[end] ** 2 / (count - end)
    won[end - start < SHORTEST] = -1
    first, second = np.unravel_index(won.argmax(), won.shape)
    return np.array([0, start[first, 0], end[0, second]], np.int64)


def _pulled_in(seconds: Floats) -> Floats:
    low, high = np.percentile(seconds, [25, 75])
    if low == high:
        return seconds
    reach = SEVERE * (high - low)
    return np.clip(seconds, low - reach, high + reach)


def _best_cut(values: Floats, penalty: float) -> NDArray[np.int64]:
    count = len(values)
    centred = values - values.mean()
    sums = np.concatenate([[0.0], np.cumsum(centred)])
    squares = np.concatenate([[0.0], np.cumsum(centred**2)])
    # What rounding leaves of equal values must not pay for a cut.
    penalty += 1e-9 * float(squares[-1]) + float(np.finfo(np.float64).tiny)
    best = np.full(count + 1, np.inf)
    best[0] = -penalty
    before = np.zeros(count + 1, np.int64)
    for end in range(SHORTEST, count + 1):
        start = np.arange(end - SHORTEST + 1)
        inside = squares[end] - squares[start] - (sums[end] - sums[start]) ** 2 / (end - start)
        cost = best[start] + inside + penalty
        before[end] = cost.argmin()
        best[end] = cost[before[end]]
    starts = [int(before[count])]
    while starts[-1] > 0:
        starts.append(int(before[starts[-1]]))
    return np.array(starts[::-1], np.int64)
