"""Student's t and what goes with it; without NumPy, and SciPy only where it is called."""

from __future__ import annotations

import math
from collections.abc import Sequence

from alexprof.record.values import Interval


def satterthwaite(variances: Sequence[float], degrees: Sequence[float]) -> float:
    """Degrees of freedom of a sum of estimated variances (Satterthwaite 1946)."""
    parts = [variance**2 / of_part for variance, of_part in zip(variances, degrees, strict=True)]
    return sum(variances) ** 2 / sum(parts) if sum(parts) > 0 else math.inf


def quantile(degrees: float, probability: float) -> float:
    """Of Student's t, or of the normal distribution where the degrees of freedom are infinite."""
    from scipy.special import ndtri, stdtrit

    if math.isinf(degrees):
        return float(ndtri(probability))
    return float(stdtrit(degrees, probability))


def t_interval(estimate: float, error: float, degrees: float) -> Interval:
    """95 % interval by Student's t of an estimate with that standard error."""
    half = quantile(degrees, 0.975) * error
    return estimate - half, estimate + half


def two_sided_p(distance: float, error: float, degrees: float) -> float:
    """Chance of an estimate at least so far away if there is no difference."""
    from scipy.special import ndtr, stdtr

    if error == 0:
        return float(distance == 0)
    t = -abs(distance) / error
    return 2 * float(ndtr(t) if math.isinf(degrees) else stdtr(degrees, t))
