"""Which of two is slower, by how much, and whether the data can tell.

Pure: arrays in, values out. The ratio is that of the two means. Its interval comes from the largest
thing that varies: pairs of processes, processes, or blocks of steps within the one process of each
side, together with the between-run variance (`between_runs`). Spreads are of
linearized log-ratios: unit i adds b_i / mean(b) − a_i / mean(a), which is log(b_i / a_i) less its
mean to first order, but needs no logarithm of a block that took no time and keeps the ratio that of
the means (Cochran, "Sampling Techniques", ratio estimates).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from alexprof.measure.between_runs import DEGREES_OF_FREEDOM, LEAST_RUNS, MORE_RUNS, RUN_CV
from alexprof.measure.equivalence_band import (
    LEAST_STEPS,
    SAME_WITHIN,
    difference_of,
    undecided,
    verdict_of,
)
from alexprof.measure.spread import Floats, Runs, block_means, relative_variances, run_means
from alexprof.measure.student import quantile, satterthwaite, two_sided_p
from alexprof.record.values import Difference, Estimator, Interval, Needed, NeededCode, Outcome

LEVEL = 0.05
LIKELY = 0.8
"""What is said to be needed for a verdict gives one with this chance."""
FALSE_RED = 0.01
"""Chance of a red gate if the slow-down is exactly what is allowed; less if it is less."""
MOST_PAIRS = 1_000_000


@dataclass(frozen=True)
class _Spread:
    """Of the ratio's logarithm, and how more data would shrink it."""

    error: float  # Standard error
    degrees_of_freedom: float  # Its degrees of freedom
    count: int  # How many units it comes from
    more: NeededCode  # What it would take more of
    assumed: bool = False  # Whether the between-run variance is in the error


def compare_times(
    a: Runs, b: Runs, *, paired: bool = False, run_cv: float = RUN_CV, estimator: Estimator = "mean"
) -> Difference:
    """Compares B with A.

    Args:
        a: Runs of A, each its blocks, each float64 [steps], seconds; no block empty.
        b: Runs of B.
        paired: Whether run i of A belongs to run i of B; with one run each, whether block i ran
            beside block i in the same process, so that there is no process effect. Where the
            numbers differ, nothing is paired.
        run_cv: Standard deviation of a run's mean between runs, as a fraction of it: goes into the
            interval where there are fewer than three runs of a side, unpaired.
        estimator: What the times are.

    Raises:
        ValueError: If a side has no step.
    """
    fewest = min(sum(len(block) for blocks in runs for block in blocks) for runs in (a, b))
    if not fewest:
        raise ValueError("a comparison needs at least one step of each side")
    before_s, after_s = (float(run_means(runs).mean()) for runs in (a, b))
    spread: _Spread | Needed
    if not min(before_s, after_s) > 0:
        spread = Needed("positive_times")
    elif fewest < LEAST_STEPS and not _pairs_of_runs(a, b, paired):
        spread = Needed("steps", LEAST_STEPS)
    else:
        spread = _spread(a, b, paired, run_cv)
    if isinstance(spread, Needed):
        return difference_of(before_s, after_s, None, estimator, needed=spread)
    center, error, degrees = math.log(after_s / before_s), spread.error, spread.degrees_of_freedom
    ratio_ci95 = _interval(after_s / before_s, error, degrees, 0.95)
    verdict = verdict_of(ratio_ci95, SAME_WITHIN)
    return difference_of(
        before_s,
        after_s,
        ratio_ci95,
        estimator,
        verdict=verdict,
        needed=_needed(center, spread) if verdict == "unclear" else None,
        p_value=two_sided_p(center, error, degrees),
        log_error=error,
        degrees_of_freedom=degrees,
    )


def split_distances(means: Floats) -> Floats:
    """How far the runs after each place differ from those before it, as in `compare_times`.

    Takes time linear in the number of runs.

    Args:
        means: Means of the runs in order, float64 [n].

    Returns:
        The logarithm of the ratio in standard errors, float64 [n − 1]; 0 if a side takes no time.
        `compare_times` differs only if a side has fewer than `LEAST_RUNS` runs.
    """
    before, after = list(_first_runs(means)), list(_first_runs(means[::-1]))[::-1]
    distances = np.zeros(len(before))
    for place, ((a, error_a), (b, error_b)) in enumerate(zip(before, after, strict=True)):
        if min(a, b) > 0:
            error = math.hypot(error_a / a, error_b / b)
            distances[place] = abs(math.log(b / a)) / max(error, 1e-12)
    return distances


def _first_runs(means: Floats) -> Iterator[tuple[float, float]]:
    """Means of the first run, first two runs, … all but one, with standard errors (Welford)."""
    mean = squares = 0.0
    for count, value in enumerate(means[:-1].tolist(), 1):
        apart = value - mean
        mean += apart / count
        squares += apart * (value - mean)
        yield mean, math.sqrt(squares / max(count - 1, 1) / count)


def interval_at(difference: Difference, level: float) -> Interval | None:
    """The ratio's interval at another level than 95 %; None where its error is not known."""
    if difference.log_error is None or difference.degrees_of_freedom is None:
        return None
    return _interval(difference.ratio, difference.log_error, difference.degrees_of_freedom, level)


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """P-values of tests made together, in the same order, adjusted by Holm's method (1979).

    Twenty ops that didn't change give one "slower" on average if each is tested at 5 %; this keeps
    the chance of any false one at 5 %.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    ordered = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(ordered, 1)
    return list(map(float, adjusted))


def adjust(differences: Sequence[Difference]) -> list[Difference]:
    """Verdicts that allow for how many comparisons there are; without a p-value they don't count.

    P-values are adjusted, and "slower" and "faster" become "unclear" if that is above 5 %.
    Intervals stay those of one comparison, and "same" stays: it doesn't rest on a p-value.
    """
    p_values = [difference.p_value for difference in differences if difference.p_value is not None]
    adjusted = iter(adjust_p_values(p_values))
    return [
        difference if difference.p_value is None else _with_p_value(difference, next(adjusted))
        for difference in differences
    ]


def _with_p_value(difference: Difference, p_value: float) -> Difference:
    difference = replace(difference, p_value=p_value)
    if difference.significant and p_value > LEVEL:
        return undecided(difference, "chance", Needed("fewer_compared"))
    return difference


def judge(differences: Sequence[Difference], max_slowdowns: Sequence[float]) -> Outcome:
    """Judges for a gate whether each is within its bound.

    Args:
        differences: From the baseline to what is new, at least one.
        max_slowdowns: What each may be slower by, as a fraction (0.03 for 3 %).

    Returns:
        "slower": with 99 % confidence one has slowed down by more than is allowed (with several,
        99 % for all together: Bonferroni). "within": each one's 95 % interval ends below what is
        allowed. Otherwise "unclear".
    """
    # Both tails of an interval are outside it; only the lower one is a red.
    level = 1 - 2 * FALSE_RED / len(differences)
    all_within = True
    for difference, bound in zip(differences, max_slowdowns, strict=True):
        sure, likely = interval_at(difference, level), difference.ratio_ci95
        if sure is not None and sure[0] > 1 + bound:
            return "slower"
        all_within &= likely is not None and likely[1] <= 1 + bound
    return "within" if all_within else "unclear"


def chance_to_find(difference: float, spread: float, pairs: int) -> float:
    """Chance that the 95 % interval of so many pairs, at least two, finds a difference.

    Args:
        difference: True one, of the logarithms (0.02 for 2 %).
        spread: Standard deviation of one pair's log-ratio.
        pairs: Of processes, or of blocks that ran side by side.
    """
    from scipy.special import nctdtr, ndtr, stdtrit

    if spread == 0:
        return float(difference != 0)
    limit = float(stdtrit(pairs - 1, 1 - LEVEL / 2))
    away = abs(difference) / spread * math.sqrt(pairs)
    # Beyond a hundred degrees of freedom the noncentral t is a normal one for every purpose here.
    return float(ndtr(away - limit) if pairs > 100 else 1 - nctdtr(pairs - 1, away, limit))


def pairs_needed(difference: float, spread: float, *, power: float) -> int:
    """The fewest pairs, at least two, that find a difference (not 0) with that chance."""
    counts = range(2, MOST_PAIRS)
    place = bisect_left(counts, power, key=lambda pairs: chance_to_find(difference, spread, pairs))
    return 2 + place


def _interval(ratio: float, error: float, degrees_of_freedom: float, level: float) -> Interval:
    half = quantile(degrees_of_freedom, (1 + level) / 2) * error
    # Two units at a level near 1 reach beyond what a float holds.
    return ratio * math.exp(-half), ratio * math.exp(half) if half < 700 else math.inf


def _pairs_of_runs(a: Runs, b: Runs, paired: bool) -> bool:
    return paired and len(a) == len(b) > 1


def _spread(a: Runs, b: Runs, paired: bool, run_cv: float) -> _Spread | Needed:
    if _pairs_of_runs(a, b, paired):
        return _of_pairs(run_means(a), run_means(b), "more_pairs", len(a))
    if paired and len(a) == len(b) == 1 and len(a[0]) == len(b[0]):
        if len(a[0]) < 2:
            return Needed("blocks", 2)
        return _of_pairs(block_means(a[0]), block_means(b[0]), "more_blocks", len(a[0]))
    if min(len(a), len(b)) >= LEAST_RUNS:
        return _of_runs(a, b)
    return _of_few_runs(a, b, run_cv)


def _of_pairs(a: Floats, b: Floats, more: NeededCode, count: int) -> _Spread:
    parts = b / b.mean() - a / a.mean()
    return _Spread(float(parts.std(ddof=1)) / math.sqrt(len(parts)), len(parts) - 1, count, more)


def _of_runs(a: Runs, b: Runs) -> _Spread:
    """Welch, over the runs' means."""
    sides = [run_means(a), run_means(b)]
    parts = [float((side / side.mean()).var(ddof=1)) / len(side) for side in sides]
    degrees_of_freedom = satterthwaite(parts, [len(side) - 1 for side in sides])
    return _Spread(math.sqrt(sum(parts)), degrees_of_freedom, min(len(a), len(b)), "more_runs")


def _of_few_runs(a: Runs, b: Runs, run_cv: float) -> _Spread | Needed:
    """What blocks show within each run, and beside it the between-run variance."""
    if not min(run_means(a).min(), run_means(b).min()) > 0:
        return Needed("positive_times")
    within = [relative_variances(runs) for runs in (a, b)]
    if within[0] is None or within[1] is None:
        return Needed("blocks", 2)
    parts = within[0][0] + within[1][0]
    between = run_cv**2 * (1 / len(a) + 1 / len(b))
    degrees = [*within[0][1], *within[1][1], DEGREES_OF_FREEDOM]
    return _Spread(
        error=math.sqrt(sum(parts) + between),
        degrees_of_freedom=satterthwaite([*parts, between], degrees),
        count=min(sum(map(len, runs)) for runs in (a, b)),
        more="more_blocks",
        assumed=between > 0,
    )


def _needed(center: float, spread: _Spread) -> Needed:
    """What makes a verdict likely if the ratio is the one seen."""
    if spread.assumed:  # more blocks can't get below what runs differ by, more runs can
        return MORE_RUNS
    target = max(abs(center), math.log1p(SAME_WITHIN) - abs(center))
    of_a_unit = spread.error * math.sqrt(spread.count)
    more = max(pairs_needed(target, of_a_unit, power=LIKELY) - spread.count, 1)
    scale: int = 10 ** max(0, len(str(more)) - 2)  # to two digits: an estimate says no more
    return Needed(spread.more, math.ceil(more / scale) * scale)
