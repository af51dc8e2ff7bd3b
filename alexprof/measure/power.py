"""How much data a difference needs.

Power of Student's t-test over pairs (of processes, or of blocks that ran side by side), by the
noncentral t distribution. A difference is found if the 95 % interval excludes none.
"""

from __future__ import annotations

import math

LEVEL = 0.05
MOST = 1_000_000


def chance_to_find(difference: float, spread: float, pairs: int) -> float:
    """Chance that a difference is found.

    Args:
        difference: True one, of the logarithms (0.02 for 2 %).
        spread: Standard deviation of one pair's log-ratio.
        pairs: How many, at least two.

    Returns:
        0 to 1, of finding it with its sign.
    """
    from scipy.special import nctdtr, ndtr, stdtrit

    if spread == 0:
        return float(difference != 0)
    limit = float(stdtrit(pairs - 1, 1 - LEVEL / 2))
    away = abs(difference) / spread * math.sqrt(pairs)
    # Beyond a hundred degrees of freedom the noncentral t is a normal one for every purpose here.
    if pairs > 100:
        return float(ndtr(away - limit))
    return 1 - float(nctdtr(pairs - 1, away, limit))


def pairs_needed(difference: float, spread: float, *, power: float) -> int:
    """The fewest pairs, at least two, that find a difference with that chance.

    Args:
        difference: True one, of the logarithms (0.02 for 2 %), not 0.
        spread: Standard deviation of one pair's log-ratio: √2 × that of a process's mean for pairs
            of processes.
        power: The chance.

    Raises:
        ValueError: If the difference is 0.
    """
    if difference == 0:
        raise ValueError("no number of pairs finds a difference of 0")
    low, high = 1, 2
    while high < MOST and chance_to_find(difference, spread, high) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = chance_to_find(difference, spread, middle) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high
