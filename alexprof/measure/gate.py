"""Whether a change may pass: within what is allowed, slower with evidence, or can't tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from alexprof.measure.ratios import Comparison, interval_at

Outcome = Literal["within", "slower", "unclear"]
FALSE_RED = 0.01
"""Chance of a red if the slow-down is exactly what is allowed; less if it is less."""


def judge(comparisons: Sequence[Comparison], max_slowdowns: Sequence[float]) -> Outcome:
    """Judges comparisons of which each must be within its bound.

    Args:
        comparisons: B (new) against A (baseline).
        max_slowdowns: What each may be slower by, as a fraction (0.03 for 3 %).

    Returns:
        "slower": with 99 % confidence one has slowed down by more than is allowed (with several,
        99 % for all together: Bonferroni). "within": each one's 95 % interval ends below what is
        allowed. Otherwise "unclear".

    Raises:
        ValueError: If there is nothing to judge or the numbers differ.
    """
    if not comparisons or len(max_slowdowns) != len(comparisons):
        raise ValueError(f"{len(comparisons)} comparisons and {len(max_slowdowns)} bounds")
    # Both tails of an interval are outside it; only the lower one is a red.
    level = 1 - 2 * FALSE_RED / len(comparisons)
    pairs = list(zip(comparisons, max_slowdowns, strict=True))
    for comparison, bound in pairs:
        interval = interval_at(comparison, level)
        if interval is not None and interval[0] > 1 + bound:
            return "slower"
    if all(item.ci95 is not None and item.ci95[1] <= 1 + bound for item, bound in pairs):
        return "within"
    return "unclear"
