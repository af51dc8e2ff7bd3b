"""How much difference counts as the same, and whether one is significant: for every output."""

from __future__ import annotations

from alexprof.record.values import Interval, Verdict

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
