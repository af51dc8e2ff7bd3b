"""Two sides' block means and what their difference is worth (Welch 1947)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprof.measure.spread import block_means, satterthwaite, t_interval, two_sided_p
from alexprof.record.values import Interval


@dataclass(frozen=True)
class StandardError:
    """The standard error of a difference.

    Attributes:
        size: In the unit of the values.
        degrees_of_freedom: Degrees of freedom of that; infinite where nothing varies.
    """

    size: float
    degrees_of_freedom: float

    def interval(self, difference: float) -> Interval:
        """The 95 % interval around a difference."""
        return t_interval(difference, self.size, self.degrees_of_freedom)

    def p_value(self, difference: float) -> float:
        """Chance of a difference at least so large if there is none."""
        return two_sided_p(difference, self.size, self.degrees_of_freedom)


def welch(
    a: Sequence[NDArray[np.float64]], b: Sequence[NDArray[np.float64]]
) -> StandardError | None:
    """The error of mean(a) − mean(b): Welch's t with Satterthwaite's degrees of freedom.

    Args:
        a: Blocks of A, float64 [n_i] each; block means count as independent.
        b: Blocks of B.

    Returns:
        The error; None with fewer than two blocks on a side.
    """
    if min(len(a), len(b)) < 2:
        return None
    means = [block_means(blocks) for blocks in (a, b)]
    parts = [float(side.var(ddof=1)) / len(side) for side in means]
    return StandardError(
        math.sqrt(sum(parts)), satterthwaite(parts, [len(side) - 1 for side in means])
    )
