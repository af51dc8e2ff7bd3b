"""Is a difference significant, by which estimator, with which interval? One answer for all outputs.

Variants of one run are judged by the measured ablation: `of_ablation`, for the report, the list and
the scalars as for compare and gate. Runs are judged by `measure.ratios.compare_times`. Both fill a
`Comparison`, and `difference_of` makes the answer of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from alexprof.analysis.caveats import QUIET
from alexprof.measure.between_runs import MORE_RUNS
from alexprof.measure.equivalence_band import verdict_of
from alexprof.record.ablation import Ablation
from alexprof.record.run import Run
from alexprof.record.timed import Timed
from alexprof.record.values import Comparison, Interval, Needed, Verdict

Estimator = Literal["mean", "median"]
Reason = Literal["machine_busy", "no_interval", "between_runs", "not_seen", "chance"]


class Difference(Struct, frozen=True, kw_only=True):
    """What something takes before and after, and whether that is a difference.

    Attributes:
        estimator: "mean" or "median": of what the times are.
        before_s: Seconds before: in A, or in the baseline.
        after_s: Seconds after.
        change_s: After minus before.
        ci95_s: Its 95 % interval; None where nothing shows the spread.
        ratio: After over before.
        ratio_ci95: Its 95 % interval.
        significant: Whether the verdict is "slower" or "faster".
        verdict: "slower", "faster", "same" (within ±1 %; not of variants of one run) or "unclear".
        reason: Why it is unclear. "machine_busy"; "no_interval": too little data; "between_runs":
            two runs may differ as much; "not_seen": the interval includes 0; "chance": among so
            many comparisons. None with a verdict.
        needed: What a verdict would take; None with one.
        p_value: Of no difference, adjusted for how many were compared; None where not known.
    """

    estimator: Estimator
    before_s: float
    after_s: float
    change_s: float
    ci95_s: Interval | None
    ratio: float
    ratio_ci95: Interval | None
    significant: bool
    verdict: Verdict
    reason: Reason | None
    needed: Needed | None
    p_value: float | None


def leading_estimator(run: Run) -> Estimator:
    """The estimator that leads in a run, for every output and all its phases.

    Means lead, because they add up. Medians lead where steps were slow in a row in any phase:
    means follow such steps, and they say more of the machine than of the graph. A median without
    an interval claims nothing; then means lead all the same.
    """
    timed = [
        phase.timed
        for variant in run.variants.values()
        for phase in variant.phases.values()
        if phase.timed is not None
    ]
    has_intervals = all(steps.median_ci95_s is not None for steps in timed)
    return "median" if run.stretches and has_intervals else "mean"


def center_s(timed: Timed, estimator: Estimator) -> float:
    """The steps' mean or median, in seconds."""
    return timed.median_s if estimator == "median" else timed.mean_s


def center_ci95_s(timed: Timed, estimator: Estimator) -> Interval | None:
    """Its 95 % interval, in seconds; None with too few blocks."""
    return timed.median_ci95_s if estimator == "median" else timed.ci95_s


def difference_s(ablation: Ablation, estimator: Estimator) -> tuple[float, Interval | None]:
    """What leaving ops out saves, reference minus without, and its 95 % interval."""
    if estimator == "median":
        return ablation.measured_median_s, ablation.median_ci95_s
    return ablation.measured_s, ablation.ci95_s


def common_estimator(runs: Iterable[Run]) -> Estimator:
    """Which estimator leads in a comparison of runs: the median where it leads in any of them."""
    runs = list(runs)
    if all(leading_estimator(run) == "mean" for run in runs):
        return "mean"
    timed = (
        phase.timed
        for run in runs
        for variant in run.variants.values()
        for phase in variant.phases.values()
    )
    has_intervals = all(steps.median_ci95_s is not None for steps in timed if steps is not None)
    return "median" if has_intervals else "mean"


def of_variants(before_s: float, change_s: float, change_ci95_s: Interval | None) -> Comparison:
    """Compares two variants of one run: center of the first, change to the second, its interval."""
    ratio_ci95 = None
    if change_ci95_s is not None and before_s > 0:
        ratio_ci95 = (1 + change_ci95_s[0] / before_s, 1 + change_ci95_s[1] / before_s)
    verdict = verdict_of(ratio_ci95)
    needed = Needed("blocks") if ratio_ci95 is None else Needed("more_blocks")
    return Comparison(
        a_s=before_s,
        b_s=before_s + change_s,
        ratio=1 + change_s / before_s if before_s > 0 else math.nan,
        ci95=ratio_ci95,
        verdict=verdict,
        needed=needed if verdict == "unclear" else None,
    )


def of_ablation(run: Run, ablation: Ablation, estimator: Estimator) -> Comparison:
    """Compares an ablation's reference with the variant without its ops."""
    record = run.variants[ablation.reference].phases.get(ablation.phase)
    timed = record.timed if record else None
    saved_s, ci95_s = difference_s(ablation, estimator)
    return of_variants(
        center_s(timed, estimator) if timed else 0.0,
        -saved_s,
        None if ci95_s is None else (-ci95_s[1], -ci95_s[0]),
    )


def reversed_comparison(comparison: Comparison) -> Comparison:
    """The same of two variants of one run with before and after exchanged."""
    ci95_s = None
    if comparison.ci95 is not None:
        low, high = comparison.ci95
        ci95_s = (1 - high) * comparison.a_s, (1 - low) * comparison.a_s
    return of_variants(comparison.b_s, comparison.a_s - comparison.b_s, ci95_s)


def difference_of(
    compared: Comparison, estimator: Estimator, *, machine_busy: bool = False
) -> Difference:
    """The answer to a comparison whose verdict is adjusted for how many there were.

    On a busy machine no verdict can rest on the times.
    """
    verdict = "unclear" if machine_busy else compared.verdict
    ci95_s = None
    if compared.ci95 is not None:
        low, high = compared.ci95
        ci95_s = (low - 1) * compared.a_s, (high - 1) * compared.a_s
    return Difference(
        estimator=estimator,
        before_s=compared.a_s,
        after_s=compared.b_s,
        change_s=compared.b_s - compared.a_s,
        ci95_s=ci95_s,
        ratio=compared.ratio,
        ratio_ci95=compared.ci95,
        significant=verdict in ("slower", "faster"),
        verdict=verdict,
        reason=_reason(compared, machine_busy) if verdict == "unclear" else None,
        needed=QUIET if machine_busy else compared.needed,
        p_value=compared.p_value,
    )


def _reason(compared: Comparison, machine_busy: bool) -> Reason:
    if machine_busy:
        return "machine_busy"
    if compared.ci95 is None:
        return "no_interval"
    if compared.needed == MORE_RUNS:
        return "between_runs"
    return "not_seen" if compared.ci95[0] <= 1 <= compared.ci95[1] else "chance"
