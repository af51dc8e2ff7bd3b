"""How much difference counts as the same, and the answer to a comparison by it, for every output.

Without NumPy, so that reading a run is quick.
"""

from __future__ import annotations

import math

from msgspec.structs import replace

from alexprof.measure.between_runs import MORE_RUNS
from alexprof.record.values import Difference, Estimator, Interval, Needed, Reason, Verdict

LEAST_STEPS = 3
"""Of each side: fewer show too little of how steps vary for any verdict."""
SAME_WITHIN = 0.01
"""Changes of at most this fraction count as the same, between runs."""


def verdict_of(ratio_ci95: Interval | None, band: float = 0.0) -> Verdict:
    """Judges by the 95 % interval of after / before.

    Args:
        ratio_ci95: The interval; None where nothing shows the spread.
        band: Changes of at most this fraction count as the same; 0 for variants of one run, which
            differ on purpose.
    """
    if ratio_ci95 is None:
        return "unclear"
    low, high = ratio_ci95
    if band and low >= 1 - band and high <= 1 + band:
        return "same"
    if low > 1:
        return "slower"
    return "faster" if high < 1 else "unclear"


def difference_of(
    before_s: float,
    after_s: float,
    ratio_ci95: Interval | None,
    estimator: Estimator,
    *,
    verdict: Verdict = "unclear",
    needed: Needed | None,
    p_value: float | None = None,
    log_error: float | None = None,
    degrees_of_freedom: float | None = None,
) -> Difference:
    """The answer to a comparison; the arguments are fields of it."""
    reason: Reason | None = None
    ci95_s = None
    if ratio_ci95 is None:
        reason = "no_interval"
    else:
        low, high = ratio_ci95
        ci95_s = (low - 1) * before_s, (high - 1) * before_s
        if verdict == "unclear":
            reason = "between_runs" if needed == MORE_RUNS else "not_seen"
    of_nothing = math.inf if after_s > 0 else math.nan
    return Difference(
        estimator=estimator,
        before_s=before_s,
        after_s=after_s,
        change_s=after_s - before_s,
        ci95_s=ci95_s,
        ratio=after_s / before_s if before_s > 0 else of_nothing,
        ratio_ci95=ratio_ci95,
        significant=verdict in ("slower", "faster"),
        verdict=verdict,
        reason=reason,
        needed=needed,
        p_value=p_value,
        log_error=log_error,
        degrees_of_freedom=degrees_of_freedom,
    )


def undecided(difference: Difference, reason: Reason, needed: Needed) -> Difference:
    """The same figures without a verdict."""
    return replace(difference, significant=False, verdict="unclear", reason=reason, needed=needed)
