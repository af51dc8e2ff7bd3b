"""Which estimator leads: one rule, for every output and every question about a run.

Means lead, because they add up. Medians lead in a run in which steps were slow in a row, in any of
its phases: means follow such steps, and they say more of the machine than of the graph. One
estimator holds for the whole run, so that its phases can be set beside each other. A median
without an interval claims nothing; then means lead all the same.
"""

from __future__ import annotations

from typing import Literal

from alexprof.record.ablation import Ablation
from alexprof.record.run import Run
from alexprof.record.values import Interval, Timed

Estimator = Literal["mean", "median"]


def leading_estimator(run: Run) -> Estimator:
    """Returns the estimator that leads in a run."""
    timed = [
        phase.timed
        for variant in run.variants.values()
        for phase in variant.phases.values()
        if phase.timed is not None
    ]
    has_intervals = all(steps.median_ci95_s is not None for steps in timed)
    return "median" if run.stretches and has_intervals else "mean"


def center_s(timed: Timed, estimator: Estimator) -> float:
    """Returns the steps' mean or median, in seconds."""
    return timed.median_s if estimator == "median" else timed.mean_s


def center_ci95_s(timed: Timed, estimator: Estimator) -> Interval | None:
    """Returns its 95 % interval, in seconds; None with too few blocks."""
    return timed.median_ci95_s if estimator == "median" else timed.ci95_s


def difference_s(ablation: Ablation, estimator: Estimator) -> tuple[float, Interval | None]:
    """Returns what leaving ops out saves, reference minus without, and its 95 % interval."""
    if estimator == "median":
        return ablation.measured_median_s, ablation.median_ci95_s
    return ablation.measured_s, ablation.ci95_s
