"""Which of two is slower, by how much, and whether the data can tell.

Pure: arrays in, values out. The ratio is that of the two means. Its interval comes from the largest
thing that varies: pairs of processes, processes, or blocks of steps within the one process of each
side, together with the between-run variance (`between_runs`). Spreads are of
linearised log-ratios: unit i adds b_i / mean(b) − a_i / mean(a), which is log(b_i / a_i) less its
mean to first order, but needs no logarithm of a block that took no time and keeps the ratio that of
the means (Cochran, "Sampling Techniques", ratio estimates).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from alexprof.measure.between_runs import DEGREES_OF_FREEDOM, LEAST_RUNS, MORE_RUNS, RUN_CV
from alexprof.measure.equivalence_band import SAME_WITHIN, verdict_of
from alexprof.measure.power import pairs_needed
from alexprof.measure.spread import (
    Floats,
    Runs,
    block_means,
    quantile,
    relative_variances,
    run_means,
    satterthwaite,
    two_sided_p,
)
from alexprof.record.values import Comparison, Interval, Needed, NeededCode, Verdict

__all__ = ["Comparison", "Runs", "Verdict", "compare_times", "interval_at"]

LIKELY = 0.8
"""What is said to be needed for a verdict gives one with this chance."""


@dataclass(frozen=True)
class _Spread:
    """Of the ratio's logarithm, and how more data would shrink it.

    Attributes:
        error: Standard error.
        degrees_of_freedom: Its degrees of freedom.
        count: How many units it comes from.
        more: What it would take more of.
        assumed: Whether the between-run variance is in the error.
    """

    error: float
    degrees_of_freedom: float
    count: int
    more: NeededCode
    assumed: bool = False


def compare_times(
    a: Runs,
    b: Runs,
    *,
    paired: bool = False,
    band: float = SAME_WITHIN,
    run_cv: float = RUN_CV,
) -> Comparison:
    """Compares B with A.

    Args:
        a: Runs of A, each its blocks, each float64 [steps], seconds; no block empty.
        b: Runs of B.
        paired: Whether run i of A belongs to run i of B; with one run each, whether block i ran
            beside block i in the same process, so that there is no process effect. Where the
            numbers differ, nothing is paired.
        band: What counts as the same, as a part.
        run_cv: Standard deviation of a run's mean between runs, as a part of it: goes into the
            interval where there are fewer than three runs of a side, unpaired.

    Raises:
        ValueError: If a side has no step.
    """
    if not _steps(a) or not _steps(b):
        raise ValueError("a comparison needs at least one step of each side")
    a_means, b_means = run_means(a), run_means(b)
    a_s, b_s = float(a_means.mean()), float(b_means.mean())
    if not (a_s > 0 and b_s > 0):
        ratio = b_s / a_s if a_s > 0 else math.inf if b_s > 0 else math.nan
        return Comparison(a_s, b_s, ratio, None, "unclear", Needed("positive_times"))
    spread = _spread(a, b, paired, run_cv)
    if isinstance(spread, Needed):
        return Comparison(a_s, b_s, b_s / a_s, None, "unclear", spread)
    return _judged(a_s, b_s, spread, band)


def interval_at(comparison: Comparison, level: float) -> Interval | None:
    """The ratio's interval at another level than 95 %; None where `ci95` is None."""
    if comparison.log_error is None or comparison.degrees_of_freedom is None:
        return None
    return _interval(comparison.ratio, comparison.log_error, comparison.degrees_of_freedom, level)


def _interval(ratio: float, error: float, degrees_of_freedom: float, level: float) -> Interval:
    half = quantile(degrees_of_freedom, (1 + level) / 2) * error
    # Two units at a level near 1 reach beyond what a float holds.
    return ratio * math.exp(-half), ratio * math.exp(half) if half < 700 else math.inf


def _judged(a_s: float, b_s: float, spread: _Spread, band: float) -> Comparison:
    center = math.log(b_s / a_s)
    low, high = _interval(b_s / a_s, spread.error, spread.degrees_of_freedom, 0.95)
    verdict = verdict_of((low, high), band)
    return Comparison(
        a_s=a_s,
        b_s=b_s,
        ratio=b_s / a_s,
        ci95=(low, high),
        verdict=verdict,
        needed=_needed(center, spread, band) if verdict == "unclear" else None,
        p_value=two_sided_p(center, spread.error, spread.degrees_of_freedom),
        log_error=spread.error,
        degrees_of_freedom=spread.degrees_of_freedom,
    )


def _spread(a: Runs, b: Runs, paired: bool, run_cv: float) -> _Spread | Needed:
    if paired and len(a) == len(b) > 1:
        return _of_pairs(run_means(a), run_means(b), "more_pairs")
    if len(a) == len(b) == 1 and paired and len(a[0]) == len(b[0]):
        if len(a[0]) < 2:
            return Needed("blocks")
        return _of_pairs(block_means(a[0]), block_means(b[0]), "more_blocks", of=len(a[0]))
    if min(len(a), len(b)) >= LEAST_RUNS:
        return _of_runs(a, b)
    return _of_few_runs(a, b, run_cv)


def _of_pairs(a: Floats, b: Floats, more: NeededCode, of: int | None = None) -> _Spread:
    parts = b / b.mean() - a / a.mean()
    error = math.sqrt(float(parts.var(ddof=1)) / len(parts))
    return _Spread(error, len(parts) - 1, of or len(parts), more)


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
        return Needed("blocks")
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


def _needed(center: float, spread: _Spread, band: float) -> Needed:
    """What makes a verdict likely if the ratio is the one seen."""
    if spread.assumed:  # more blocks can't get below what runs differ by, more runs can
        return MORE_RUNS
    target = max(abs(center), math.log1p(band) - abs(center))
    of_a_unit = spread.error * math.sqrt(spread.count)
    more = pairs_needed(target, of_a_unit, power=LIKELY) - spread.count
    return Needed(spread.more, _round_up(max(more, 1)))


def _round_up(count: int) -> int:
    """To two digits: an estimate says no more."""
    scale: int = 10 ** max(0, len(str(count)) - 2)
    return math.ceil(count / scale) * scale


def _steps(runs: Runs) -> int:
    return sum(len(block) for blocks in runs for block in blocks) if runs else 0
