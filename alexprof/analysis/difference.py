"""Which estimator leads, and the answer to an ablation: one for all outputs.

Variants of one run are judged by the measured ablation, for the report, the list and the scalars as
for compare and gate. Runs are judged by `measure.ratios.compare_times`.
"""

from __future__ import annotations

from collections.abc import Iterable

from alexprof.measure.equivalence_band import LEAST_STEPS, difference_of, verdict_of
from alexprof.measure.student import quantile, two_sided_p
from alexprof.record.ablation import Ablation
from alexprof.record.run import Run
from alexprof.record.timed import Timed
from alexprof.record.values import Difference, Estimator, Interval, Needed


def leading_estimator(run: Run) -> Estimator:
    """The estimator that leads in a run, for every output and all its phases.

    Means lead, because they add up. Medians lead where steps were slow in a row in any phase:
    means follow such steps, and they say more of the machine than of the graph. A median without
    an interval claims nothing; then means lead all the same.
    """
    return common_estimator([run])


def common_estimator(runs: Iterable[Run]) -> Estimator:
    """Which estimator leads in a comparison of runs: the median where it leads in any of them."""
    all_have_intervals, one_leads = True, False
    for run in runs:
        has_intervals = all(
            phase.timed is None or phase.timed.median_ci95_s is not None
            for _, _, phase in run.all_phases()
        )
        all_have_intervals &= has_intervals
        one_leads |= bool(run.stretches)
    return "median" if one_leads and all_have_intervals else "mean"


def center_s(timed: Timed, estimator: Estimator) -> float:
    """The steps' mean or median, in seconds."""
    return timed.median_s if estimator == "median" else timed.mean_s


def center_over_mean(timed: Timed, estimator: Estimator) -> float:
    """The steps' center as a multiple of their mean; 1 where they took no time."""
    return center_s(timed, estimator) / timed.mean_s if timed.mean_s else 1.0


def center_ci95_s(timed: Timed, estimator: Estimator) -> Interval | None:
    """Its 95 % interval, in seconds; None with too few blocks."""
    return timed.median_ci95_s if estimator == "median" else timed.ci95_s


def difference_s(ablation: Ablation, estimator: Estimator) -> tuple[float, Interval | None]:
    """What leaving ops out saves, reference minus without, and its 95 % interval."""
    if estimator == "median":
        return ablation.measured_median_s, ablation.median_ci95_s
    return ablation.measured_s, ablation.ci95_s


def of_variants(
    before_s: float,
    change_s: float,
    change_ci95_s: Interval | None,
    estimator: Estimator,
    degrees: float | None = None,
    *,
    too_few_steps: bool = False,
) -> Difference:
    """Compares two variants of one run: center of the first, change to the second, its interval.

    `degrees` are the interval's degrees of freedom, where it is to be had at other levels too;
    `too_few_steps` says why there is none.
    """
    ratio_ci95 = log_error = p_value = None
    if change_ci95_s is not None and before_s > 0:
        ratio_ci95 = (1 + change_ci95_s[0] / before_s, 1 + change_ci95_s[1] / before_s)
    after_s, verdict = before_s + change_s, verdict_of(ratio_ci95)
    if ratio_ci95 is not None and degrees and after_s > 0:
        error_s = (ratio_ci95[1] - ratio_ci95[0]) * before_s / 2 / quantile(degrees, 0.975)
        log_error, p_value = error_s / after_s, two_sided_p(change_s, error_s, degrees)
    needed = Needed("steps", LEAST_STEPS) if too_few_steps else Needed("blocks", 2)
    needed = Needed("more_blocks") if ratio_ci95 else needed
    return difference_of(
        before_s,
        after_s,
        ratio_ci95,
        estimator,
        verdict=verdict,
        needed=needed if verdict == "unclear" else None,
        p_value=p_value,
        log_error=log_error,
        degrees_of_freedom=degrees if log_error is not None else None,
    )


def of_ablation(
    run: Run,
    ablation: Ablation,
    estimator: Estimator,
    *,
    backward: bool = False,
    degrees: int | None = None,
) -> Difference:
    """Compares an ablation's reference with the variant without its ops; or `backward`."""
    record = run.variants[ablation.reference].phases.get(ablation.phase)
    timed = record.timed if record else None
    before_s = center_s(timed, estimator) if timed else 0.0
    change_s, ci95_s = difference_s(ablation, estimator)
    few = timed is not None and timed.steps < LEAST_STEPS
    if backward:
        before_s -= change_s
    else:
        change_s, ci95_s = -change_s, ci95_s and (-ci95_s[1], -ci95_s[0])
    ci95_s = None if few else ci95_s
    return of_variants(before_s, change_s, ci95_s, estimator, degrees, too_few_steps=few)
