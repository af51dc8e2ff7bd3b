"""How much data a difference needs, and how small a difference the data can tell.

Power of Student's t-test over pairs (of processes, or of blocks that ran side by side), by the
noncentral t distribution. A difference is found if the 95 % interval excludes none.
"""

from __future__ import annotations

import math

LEVEL = 0.05
POWER = 0.95
MOST = 1_000_000


def chance_to_find(difference: float, spread: float, pairs: int, level: float = LEVEL) -> float:
    """Chance that a difference is found.

    Args:
        difference: True one, of the logarithms (0.02 for 2 %).
        spread: Standard deviation of one pair's log-ratio.
        pairs: How many, at least two.
        level: Of the two-sided test.

    Returns:
        0 to 1, of finding it with its sign.
    """
    from scipy.special import nctdtr, ndtr, stdtrit

    if spread == 0:
        return float(difference != 0)
    limit = float(stdtrit(pairs - 1, 1 - level / 2))
    away = abs(difference) / spread * math.sqrt(pairs)
    # Beyond a hundred degrees of freedom the noncentral t is a normal one for every purpose here.
    if pairs > 100:
        return float(ndtr(away - limit))
    return 1 - float(nctdtr(pairs - 1, away, limit))


def pairs_needed(
    difference: float, spread: float, *, power: float = POWER, level: float = LEVEL
) -> int:
    """The fewest pairs, at least two, that find a difference with that chance.

    Args:
        difference: True one, of the logarithms (0.02 for 2 %), not 0.
        spread: Standard deviation of one pair's log-ratio: √2 × that of a process's mean for pairs
            of processes.
        power: The chance.
        level: Of the two-sided test.

    Raises:
        ValueError: If the difference is 0.
    """
    if difference == 0:
        raise ValueError("no number of pairs finds a difference of 0")
    low, high = 1, 2
    while high < MOST and chance_to_find(difference, spread, high, level) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = chance_to_find(difference, spread, middle, level) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def smallest_difference(
    spread: float, pairs: int, *, power: float = POWER, level: float = LEVEL
) -> float:
    """The smallest difference (of the logarithms) that so many pairs find with that chance.

    Args:
        spread: Standard deviation of one pair's log-ratio.
        pairs: How many, at least two.
        power: The chance.
        level: Of the two-sided test.
    """
    if spread == 0:
        return 0.0
    low, high = 0.0, spread
    while chance_to_find(high, spread, pairs, level) < power:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        enough = chance_to_find(middle, spread, pairs, level) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def steps_needed(
    difference: float, step_spread: float, *, alike: float = 0.0, power: float = POWER
) -> int:
    """Steps of each variant that find a difference, interleaved in one process.

    Args:
        difference: True one, as a part (0.01 for 1 %).
        step_spread: Standard deviation of a step, as a part of its mean.
        alike: Correlation of neighbouring steps, −1 to 1 (AR(1)): at 0.5, three steps tell as much
            as one that stands alone.
        power: The chance to find it.
    """
    inflated = step_spread * math.sqrt(2 * (1 + alike) / (1 - alike))
    # Ten blocks at least: fewer don't know their own spread.
    tenth = pairs_needed(difference, inflated / math.sqrt(10), power=power)
    return 10 * max(10, tenth)
