"""Whether a change may pass: within what is allowed, slower with evidence, or can't tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from alexprof.measure.ratios import Comparison, interval_at

Outcome = Literal["within", "slower", "unclear"]
FALSE_RED = 0.01
"""Chance of a red if the slow-down is exactly what is allowed; less if it is less."""


def judge(
    comparisons: Comparison | Sequence[Comparison], max_slowdown: float | Sequence[float]
) -> Outcome:
    """Judges one comparison, or several of which each must be within its bound.

    Args:
        comparisons: B (new) against A (baseline).
        max_slowdown: What is allowed, as a fraction (0.03 for 3 %); one for all or one for each.

    Returns:
        "slower": with 99 % confidence one has slowed down by more than is allowed (with several,
        99 % for all together: Bonferroni). "within": each one's 95 % interval ends below what is
        allowed. Otherwise "unclear".

    Raises:
        ValueError: If there is nothing to judge or the numbers differ.
    """
    every = [comparisons] if isinstance(comparisons, Comparison) else list(comparisons)
    bounds = (
        list(max_slowdown) if isinstance(max_slowdown, Sequence) else [max_slowdown] * len(every)
    )
    if not every or len(bounds) != len(every):
        raise ValueError(f"{len(every)} comparisons and {len(bounds)} bounds")
    # Both tails of an interval are outside it; only the lower one is a red.
    level = 1 - 2 * FALSE_RED / len(every)
    sure = [interval_at(one, level) for one in every]
    pairs = list(zip(every, sure, bounds, strict=True))
    if any(low is not None and low[0] > 1 + bound for _, low, bound in pairs):
        return "slower"
    if all(one.ci95 is not None and one.ci95[1] <= 1 + bound for one, _, bound in pairs):
        return "within"
    return "unclear"
