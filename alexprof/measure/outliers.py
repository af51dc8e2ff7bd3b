"""Steps far outside the others: told apart and counted, never dropped.

Tukey's fences ("Exploratory Data Analysis", 1977): mild beyond 1.5 interquartile ranges from the
quartiles, severe beyond 3. Of normally spread steps one in 140 is mild and one in 400,000 severe.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alexprof.record.values import Outliers

MILD = 1.5
SEVERE = 3.0


def outlier_classes(seconds: NDArray[np.float64]) -> NDArray[np.int8]:
    """Classes of steps.

    Args:
        seconds: Durations, float64 [n].

    Returns:
        int8 [n]: 0 inside the fences, ±1 mild, ±2 severe, negative on the quick side. A step on a
        fence is inside.
    """
    if len(seconds) == 0:
        return np.zeros(0, np.int8)
    low, high = np.percentile(seconds, [25, 75])
    reach = high - low
    slow = (seconds > high + MILD * reach).astype(np.int8) + (seconds > high + SEVERE * reach)
    quick = (seconds < low - MILD * reach).astype(np.int8) + (seconds < low - SEVERE * reach)
    return np.asarray(slow - quick, np.int8)


def count_outliers(seconds: NDArray[np.float64]) -> Outliers:
    """Counts the steps of each class.

    Args:
        seconds: Durations of one variant and phase, float64 [n], at least one.
    """
    classes = outlier_classes(seconds)
    counts = np.bincount(classes + 2, minlength=5)
    return Outliers(
        steps=len(seconds),
        severe_low=int(counts[0]),
        mild_low=int(counts[1]),
        mild_high=int(counts[3]),
        severe_high=int(counts[4]),
        mean_share=float(seconds.mean() / seconds[classes <= 0].mean() - 1),
    )
