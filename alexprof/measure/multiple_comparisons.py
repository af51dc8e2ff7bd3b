"""Many comparisons at once: verdicts that hold for a whole table of ops.

Twenty ops that didn't change give one "slower" on average if each is tested at 5 %. Holm's method
keeps the chance of any false one at 5 % (Holm 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from alexprof.record.values import Comparison, Needed

LEVEL = 0.05


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted by Holm's method, in the same order."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    ordered = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(ordered, 1)
    return [float(value) for value in adjusted]


def adjust(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Verdicts that allow for how many comparisons there are.

    Args:
        comparisons: Those without a p-value don't count.

    Returns:
        The comparisons with adjusted p-values, in the same order, where "slower" and "faster"
        became "unclear" if the adjusted one is above 5 %. Intervals stay those of one comparison,
        and "same" stays: it doesn't rest on a p-value.
    """
    p_values = [comparison.p_value for comparison in comparisons if comparison.p_value is not None]
    adjusted = iter(adjust_p_values(p_values))
    return [
        comparison if comparison.p_value is None else _with_p_value(comparison, next(adjusted))
        for comparison in comparisons
    ]


def _with_p_value(comparison: Comparison, p_value: float) -> Comparison:
    if comparison.verdict in ("slower", "faster") and p_value > LEVEL:
        needed = Needed("fewer_compared")
        return replace(comparison, p_value=p_value, verdict="unclear", needed=needed)
    return replace(comparison, p_value=p_value)
