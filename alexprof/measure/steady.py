"""Steps in the order measured: levels, whether they had settled, outliers, slow stretches.

Durations are float64 [n], at least one, in seconds, of one variant and phase if not said otherwise.

The sequence is cut where its level changes: the cut that makes squared distances from the pieces'
means smallest, each further piece costing `PENALTY` × log(n) long-run variances (optimal
partitioning, Jackson et al. 2005, with pruning not needed at this length; Killick et al. 2012).
Autocorrelation makes chance look like levels, so the penalty grows with it: variance and
correlation are those of what is left beside the levels (AR(1), as Chakar et al. 2017 assume, "A
robust approach for estimating change-points in the mean of an AR(1) process"). Outliers are pulled
in to the outer fence first: one slow step is no level.

The classes are those of Barrett et al. 2017, "Virtual machine warmup blows hot and cold"; the
fences are Tukey's ("Exploratory Data Analysis", 1977): of normally spread steps one in 140 is a
mild outlier and one in 400,000 a severe one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alexprof.measure.spread import Floats
from alexprof.record.timed import Outliers, State, Steadiness, Stretch

PENALTY = 3.0
SHORTEST = 5
"""Steps of the shortest piece."""
LEAST_STEPS = 20
"""Fewer are not judged."""
LAST_PART = 0.25
"""A level must have held for this part of the steps to count as settled."""
LEVEL_BAND = 0.01
"""Levels that differ by at most this part count as one."""
ROUNDS = 4
MOST_CORRELATION = 0.9
ENDS = 5
"""The first and the last fifth are a level's ends."""
SURE = 4.0
"""Standard errors of a trend that are no chance."""
FINEST = 1000
"""More steps than this are averaged in groups, so that a cut takes milliseconds."""
WARM_UP_WINDOW = 40
"""The last steps of a variant's warm-up that must hold one level."""
MILD, SEVERE = 1.5, 3.0
"""Interquartile ranges from the quartiles to the fences, beyond which are outliers."""
SLOW = 1.05
"""A step is slow if it takes longer than this many times its variant's median, and lies more than
three (robust) standard deviations above it: wide noise is no stretch."""
SHORTEST_STRETCH = 3


def find_steady_state(seconds: Floats) -> Steadiness | None:
    """Cuts a sequence of steps into levels and says whether it settled; in O(min(n, 1000)²).

    None with fewer than `LEAST_STEPS` steps.
    """
    if len(seconds) < LEAST_STEPS:
        return None
    low, high = _fences(seconds, SEVERE)
    values = seconds if low == high else np.clip(seconds, low, high)
    starts = change_points(values)
    levels = np.array([piece.mean() for piece in np.split(values, starts[1:])])
    last = levels[-1]
    other = np.flatnonzero(np.abs(levels / last - 1) > LEVEL_BAND)
    settled = int(starts[other[-1] + 1]) if len(other) else 0
    state: State = "steady"
    if _trends(values[settled:]):
        state = "no steady state"
    elif len(other):
        recent = len(seconds) - settled < max(LAST_PART * len(seconds), 2 * SHORTEST)
        slowing = bool((levels[other] < last).any())
        state = "no steady state" if recent else "slowing" if slowing else "warming"
    return Steadiness(
        state=state,
        settled_step=None if state == "no steady state" else settled + 1,
        first_steps=tuple(int(start) + 1 for start in starts),
        levels_s=tuple(levels.tolist()),
    )


def warm_up_settled(seconds: Floats) -> bool:
    """Whether the last steps of a variant's warm-up hold one level."""
    if len(seconds) < WARM_UP_WINDOW:
        return False
    steadiness = find_steady_state(seconds[-WARM_UP_WINDOW:])
    return steadiness is not None and steadiness.state == "steady"


def outlier_classes(seconds: Floats) -> NDArray[np.int8]:
    """Class of each step, int8 [n]: 0 inside the fences, ±1 mild, ±2 severe; negative is quick."""
    classes = np.zeros(len(seconds), np.int8)
    for reach in (MILD, SEVERE):
        low, high = _fences(seconds, reach)
        classes += np.where(seconds > high, 1, 0) - np.where(seconds < low, 1, 0)
    return classes


def count_outliers(seconds: Floats) -> Outliers:
    """Counts the steps of each class; none is dropped anywhere."""
    classes = outlier_classes(seconds)
    counts = np.bincount(classes + 2, minlength=5).tolist()
    return Outliers(
        steps=len(seconds),
        severe_low=counts[0],
        mild_low=counts[1],
        mild_high=counts[3],
        severe_high=counts[4],
        mean_share=float(seconds.mean() / seconds[classes <= 0].mean() - 1),
    )


def find_stretches(phase: str, seconds: Floats, variants: Sequence[str]) -> list[Stretch]:
    """Finds runs of slow steps: three or more, single quick steps between them allowed.

    `seconds` are those of all variants, `variants` has the variant of each step.
    """
    names = np.asarray(variants)
    ratio, limit = np.empty_like(seconds), np.empty_like(seconds)
    for name in set(variants):
        own = names == name
        ratio[own] = seconds[own] / np.median(seconds[own])
        # 1.4826 × the median deviation is a normal spread's standard deviation.
        spread = 1.4826 * float(np.median(np.abs(ratio[own] - 1)))
        limit[own] = max(SLOW, 1 + 3 * spread)
    slow = np.flatnonzero(ratio > limit)
    groups = np.split(slow, np.flatnonzero(np.diff(slow) > 2) + 1)
    return [
        Stretch(
            phase=phase,
            first_step=int(group[0]) + 1,
            last_step=int(group[-1]) + 1,
            ratio=float(ratio[group].max()),
            variants=tuple(dict.fromkeys(names[group].tolist())),
        )
        for group in groups
        if len(group) >= SHORTEST_STRETCH
    ]


def change_points(values: Floats) -> NDArray[np.int64]:
    """First index of each piece, int64, 0 first, of at least `LEAST_STEPS` values, no outliers."""
    size = math.ceil(len(values) / FINEST)
    whole = len(values) // size * size
    coarse = values[:whole].reshape(-1, size).mean(axis=1)
    # Noise is what is left beside levels. The first guess at those is the best cut in three (a
    # stretch and what is around it), worth it or not; each cut that has more pieces leaves less.
    starts, pieces = _cut_in_three(coarse), 1
    for _ in range(ROUNDS):
        noise = _long_run_variance(coarse, starts)
        starts = _best_cut(coarse, PENALTY * noise * math.log(len(coarse)))
        if len(starts) <= pieces:
            break
        pieces = len(starts)
    return starts * size


def _long_run_variance(values: Floats, starts: NDArray[np.int64]) -> float:
    """Variance of the mean of many values, times their number, if they are AR(1) about levels."""
    pieces = np.split(values, starts[1:])
    residuals = np.concatenate([piece - piece.mean() for piece in pieces])
    squares = float(residuals @ residuals)
    if squares == 0:
        return 0.0
    correlation = float(residuals[1:] @ residuals[:-1]) / squares
    # Taking a mean off a piece lowers the autocorrelation (Marriott & Pope 1954).
    correlation += (1 + 3 * correlation) * len(pieces) / len(values)
    correlation = min(max(correlation, 0.0), MOST_CORRELATION)
    return squares / (len(values) - len(pieces)) * (1 + correlation) / (1 - correlation)


def _trends(values: Floats) -> bool:
    """Whether steps go on changing: a slope beyond doubt, and ends further apart than the band."""
    count, end = len(values), max(1, len(values) // ENDS)
    if abs(values[-end:].mean() - values[:end].mean()) <= LEVEL_BAND * values.mean():
        return False
    place = np.arange(count) - (count - 1) / 2
    slope = float((place @ values) / (place @ place))
    residuals = values - values.mean() - slope * place
    error = math.sqrt(12 * _long_run_variance(residuals, np.zeros(1, np.int64)) / count)
    return abs(slope) * count > SURE * error


def _cut_in_three(values: Floats) -> NDArray[np.int64]:
    """The three pieces of at least `SHORTEST` that leave the least squares."""
    count = len(values)
    sums = np.concatenate([[0.0], np.cumsum(values - values.mean())])
    start = np.arange(SHORTEST, count - 2 * SHORTEST + 1)[:, None]
    end = np.arange(2 * SHORTEST, count - SHORTEST + 1)[None, :]
    size = np.maximum(end - start, 1)
    explained = sums[start] ** 2 / start + (sums[end] - sums[start]) ** 2 / size
    explained += sums[end] ** 2 / (count - end)
    explained[end - start < SHORTEST] = -1
    first, second = np.unravel_index(explained.argmax(), explained.shape)
    return np.array([0, start[first, 0], end[0, second]], np.int64)


def _best_cut(values: Floats, penalty: float) -> NDArray[np.int64]:
    count = len(values)
    centered = values - values.mean()
    sums = np.concatenate([[0.0], np.cumsum(centered)])
    squares = np.concatenate([[0.0], np.cumsum(centered**2)])
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


def _fences(seconds: Floats, reach: float) -> tuple[float, float]:
    low, high = np.percentile(seconds, [25, 75])
    return low - reach * (high - low), high + reach * (high - low)
