"""Which of two is slower, by how much, and whether the data can tell.

Pure: arrays in, values out. The ratio is that of the two means. Its interval comes from the largest
thing that varies: pairs of processes, processes, or blocks of steps within the one process of each
side, together with an allowance for what two processes would differ by anyway. Spreads are of
linearised log-ratios: unit i adds b_i / mean(b) − a_i / mean(a), which is log(b_i / a_i) less its
mean to first order, but needs no logarithm of a block that took no time and keeps the ratio that of
the means (Cochran, "Sampling Techniques", ratio estimates).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprof.measure.families import adjust
from alexprof.measure.values import Comparison, Interval, Verdict

__all__ = ["Comparison", "Runs", "Verdict", "adjust", "compare_times", "interval_at"]

Floats = NDArray[np.float64]
Runs = Sequence[Sequence[Floats]]
"""Runs (processes) -> blocks of steps that ran in a row -> seconds, float64 [steps]."""

BAND = 0.01
"""Changes of at most this part count as the same."""
PROCESS_CV = 0.01
"""Standard deviation of a process's mean, as a part of it, where it can't be seen. Reason in
docs/statistics.md."""
LEAST_RUNS = 3
"""Of each side, to see from them how processes differ."""
MOST_BLOCKS = 40
"""From here on neighbouring blocks are put together, two by two, three by three: longer blocks are
less alike, and twenty of them give all the degrees of freedom that an interval needs."""


@dataclass(frozen=True)
class _Spread:
    """Of the ratio's logarithm, and how more data would shrink it."""

    error: float
    freedom: float
    count: int
    unit: str
    floor: float = 0.0
    process: float = 0.0


def compare_times(
    a: Runs,
    b: Runs,
    *,
    paired: bool = False,
    band: float = BAND,
    process_cv: float = PROCESS_CV,
) -> Comparison:
    """Compares B with A.

    Args:
        a: Runs of A, each its blocks, each float64 [steps], seconds.
        b: Runs of B.
        paired: Whether run i of A belongs to run i of B; with one run each, whether block i ran
            beside block i in the same process, so that there is no process effect. Where the
            numbers differ, nothing is paired.
        band: What counts as the same, as a part.
        process_cv: Standard deviation of a process's mean, as a part of it: goes into the interval
            where there are fewer than three runs of a side, unpaired.

    Raises:
        ValueError: If a side has no step.
    """
    if not _steps(a) or not _steps(b):
        raise ValueError("a comparison needs at least one step of each side")
    a_means, b_means = _run_means(a), _run_means(b)
    a_s, b_s = float(a_means.mean()), float(b_means.mean())
    if not (a_s > 0 and b_s > 0):
        ratio = b_s / a_s if a_s > 0 else math.inf if b_s > 0 else math.nan
        return Comparison(a_s, b_s, ratio, None, "unclear", "times above 0 of both")
    spread = _spread(a, b, paired, process_cv)
    if isinstance(spread, str):
        return Comparison(a_s, b_s, b_s / a_s, None, "unclear", spread)
    return _judged(a_s, b_s, spread, band)


def interval_at(comparison: Comparison, level: float) -> Interval | None:
    """The ratio's interval at another level than 95 %; None where `ci95` is None."""
    if comparison.log_error is None or comparison.freedom is None:
        return None
    half = _quantile(comparison.freedom, (1 + level) / 2) * comparison.log_error
    return comparison.ratio * math.exp(-half), comparison.ratio * math.exp(half)


def _judged(a_s: float, b_s: float, spread: _Spread, band: float) -> Comparison:
    centre = math.log(b_s / a_s)
    half = _quantile(spread.freedom, 0.975) * spread.error
    low, high = math.exp(centre - half), math.exp(centre + half)
    verdict: Verdict = "unclear"
    if low >= 1 - band and high <= 1 + band:
        verdict = "same"
    elif low > 1:
        verdict = "slower"
    elif high < 1:
        verdict = "faster"
    return Comparison(
        a_s=a_s,
        b_s=b_s,
        ratio=b_s / a_s,
        ci95=(low, high),
        verdict=verdict,
        needed=_needed(centre, spread, band) if verdict == "unclear" else None,
        p_value=_p_value(centre, spread),
        log_error=spread.error,
        freedom=spread.freedom,
    )


def _spread(a: Runs, b: Runs, paired: bool, process_cv: float) -> _Spread | str:
    if paired and len(a) == len(b) > 1:
        return _of_pairs(_run_means(a), _run_means(b), "pairs of processes")
    if len(a) == len(b) == 1 and paired and len(a[0]) == len(b[0]):
        if len(a[0]) < 2:
            return "at least 2 blocks of each"
        return _of_pairs(merged_means(a[0]), merged_means(b[0]), "blocks of each", of=len(a[0]))
    if min(len(a), len(b)) >= LEAST_RUNS:
        return _of_runs(a, b)
    return _with_allowance(a, b, process_cv)


def _of_pairs(a: Floats, b: Floats, unit: str, of: int | None = None) -> _Spread:
    parts = b / b.mean() - a / a.mean()
    error = math.sqrt(float(parts.var(ddof=1)) / len(parts))
    return _Spread(error, len(parts) - 1, of or len(parts), unit)


def _of_runs(a: Runs, b: Runs) -> _Spread:
    """Welch, over the runs' means."""
    sides = [_run_means(a), _run_means(b)]
    parts = [float((side / side.mean()).var(ddof=1)) / len(side) for side in sides]
    freedom = _satterthwaite(parts, [len(side) - 1 for side in sides])
    return _Spread(math.sqrt(sum(parts)), freedom, min(len(a), len(b)), "runs of each")


def _with_allowance(a: Runs, b: Runs, process_cv: float) -> _Spread | str:
    """What blocks show within each process, and beside it what processes are taken to differ by."""
    parts, freedoms = [], []
    for runs in (a, b):
        for blocks in runs:
            if len(blocks) < 2:
                return "at least 2 blocks of each"
            means = merged_means(blocks)
            parts.append(float((means / means.mean()).var(ddof=1)) / len(means) / len(runs) ** 2)
            freedoms.append(len(means) - 1)
    within, between = sum(parts), process_cv**2 * (1 / len(a) + 1 / len(b))
    return _Spread(
        error=math.sqrt(within + between),
        freedom=_satterthwaite(parts, freedoms, known=between),
        count=min(sum(map(len, runs)) for runs in (a, b)),
        unit="blocks of each",
        floor=math.sqrt(between),
        process=process_cv,
    )


def merged_means(blocks: Sequence[Floats]) -> Floats:
    """Means of blocks, float64; from `MOST_BLOCKS` on those of neighbours put together."""
    sums = np.array([block.sum() for block in blocks])
    steps = np.array([len(block) for block in blocks])
    together = max(1, 2 * len(blocks) // MOST_BLOCKS)
    if together == 1:
        return np.asarray(sums / steps, np.float64)
    # What is left over goes with the last ones.
    first = np.arange(len(blocks) // together) * together
    return np.asarray(np.add.reduceat(sums, first) / np.add.reduceat(steps, first), np.float64)


def _needed(centre: float, spread: _Spread, band: float) -> str:
    """What makes a verdict likely (four in five) if the ratio is the one seen."""
    away = abs(centre)
    target = max(away, math.log1p(band) - away)
    reach = target / (_quantile(spread.freedom, 0.975) + _quantile(math.inf, 0.8))
    if spread.process:
        # Blocks alone can't get below what processes differ by.
        pairs = math.ceil(2 * spread.process**2 / reach**2)
        if spread.floor >= 0.9 * reach:
            return f"about {max(pairs, LEAST_RUNS + 2)} pairs of processes"
    within = spread.error**2 - spread.floor**2
    count = math.ceil(spread.count * within / (reach**2 - spread.floor**2))
    more = max(1, count - spread.count)
    return f"about {_round_up(more)} more {spread.unit}"


def _round_up(count: int) -> int:
    """To two digits: an estimate says no more."""
    scale: int = 10 ** max(0, len(str(count)) - 2)
    return math.ceil(count / scale) * scale


def _satterthwaite(parts: Sequence[float], freedoms: Sequence[int], known: float = 0.0) -> float:
    """Degrees of freedom of a sum of variances, of which one may be known exactly."""
    uncertain = sum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
    return (sum(parts) + known) ** 2 / uncertain if uncertain > 0 else math.inf


def _quantile(freedom: float, probability: float) -> float:
    from scipy.special import ndtri, stdtrit

    if math.isinf(freedom):
        return float(ndtri(probability))
    return float(stdtrit(freedom, probability))


def _p_value(centre: float, spread: _Spread) -> float:
    from scipy.special import ndtr, stdtr

    if spread.error == 0:
        return float(centre == 0)
    t = -abs(centre) / spread.error
    return 2 * float(ndtr(t) if math.isinf(spread.freedom) else stdtr(spread.freedom, t))


def _run_means(runs: Runs) -> Floats:
    return np.array([np.concatenate(list(blocks)).mean() for blocks in runs])


def _steps(runs: Runs) -> int:
    return sum(len(block) for blocks in runs for block in blocks) if runs else 0
