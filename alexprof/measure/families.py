"""Many comparisons at once: verdicts that hold for a whole table of ops.

Twenty ops that didn't change give one "slower" on average if each is asked at 5 %. Holm's method
keeps the chance of any false one at 5 % (Holm 1979); Benjamini and Hochberg's keeps the share of
false ones among those called at 5 % on average (1995), and finds more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, overload

import numpy as np

from alexprof.measure.values import Comparison

Method = Literal["holm", "bh"]
LEVEL = 0.05


@overload
def adjust(family: Sequence[float], method: Method = "holm") -> list[float]: ...
@overload
def adjust(family: Sequence[Comparison], method: Method = "holm") -> list[Comparison]: ...


def adjust(
    family: Sequence[float] | Sequence[Comparison], method: Method = "holm"
) -> list[float] | list[Comparison]:
    """P-values, or verdicts, of a family.

    Args:
        family: P-values, or comparisons; those without a p-value don't count.
        method: "holm" or "bh" (Benjamini–Hochberg).

    Returns:
        Adjusted p-values in the same order; or the comparisons with them, where "slower" and
        "faster" became "unclear" if the adjusted one is above 5 %. Intervals stay those of one
        comparison, and "same" stays: it doesn't rest on a p-value.

    Raises:
        ValueError: If there is no such method.
    """
    comparisons = [one for one in family if isinstance(one, Comparison)]
    if not comparisons:
        return _adjusted([one for one in family if not isinstance(one, Comparison)], method)
    values = [one.p_value for one in comparisons if one.p_value is not None]
    adjusted = iter(_adjusted(values, method))
    return [
        one if one.p_value is None else _with_p_value(one, next(adjusted)) for one in comparisons
    ]


def _with_p_value(one: Comparison, p_value: float) -> Comparison:
    if one.verdict in ("slower", "faster") and p_value > LEVEL:
        needed = "more data: among so many comparisons one like this comes by chance"
        return replace(one, p_value=p_value, verdict="unclear", needed=needed)
    return replace(one, p_value=p_value)


def _adjusted(p_values: Sequence[float], method: Method) -> list[float]:
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    rank = np.arange(1, len(values) + 1)
    if method == "holm":
        ordered = np.maximum.accumulate(values[order] * (len(values) + 1 - rank))
    elif method == "bh":
        ordered = np.minimum.accumulate((values[order] * len(values) / rank)[::-1])[::-1]
    else:
        raise ValueError(f"no such method: {method}")
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(ordered, 1)
    return [float(value) for value in adjusted]
