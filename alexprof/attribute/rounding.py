"""Fractions of a nanosecond to whole ones, so that the parts still add up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def settle(
    parts: NDArray[np.float64], group: NDArray[np.int64], total: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Rounds the parts of each group to integers that add up to the group's total.

    Each part is rounded down, and what is missing goes, 1 each, to those that lost most (the
    method of largest remainders), so each stays within 1 of its exact value.

    Args:
        parts: float64 [r], not negative.
        group: int64 [r], index into `total`.
        total: int64 [g], the sum of each group's parts, up to rounding errors far below 1.

    Returns:
        int64 [r].
    """
    whole = np.floor(parts).astype(np.int64)
    given = np.zeros(total.size, np.int64)
    np.add.at(given, group, whole)
    order = np.lexsort((whole - parts, group))
    first = np.searchsorted(group[order], np.arange(total.size))
    place = np.empty(group.size, np.int64)
    place[order] = np.arange(group.size) - first[group[order]]
    settled: NDArray[np.int64] = whole + (place < (total - given)[group])
    return settled
