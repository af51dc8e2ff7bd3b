"""How far the mean of one run lies from that of another run of the same program.

One run, or two, can't show it, so it is an assumption, from measurements: docs/statistics.md has
them. Three runs or more of each side show it themselves.
"""

from __future__ import annotations

LEAST_RUNS = 3
"""So many runs of each side show how runs differ."""
RUN_CV = 0.01
"""Standard deviation of a run's mean, as a part of it, however long the measurement lasts."""
MOMENT_CV, MOMENT_S = 0.10, 2.0
"""Standard deviation of a machine's speed from moment to moment, as a part; a measurement of so
many seconds has half of that variance averaged out."""
FREEDOM = 20
"""Degrees of freedom of the assumed variance: as if it came from about twenty runs."""
MORE_RUNS = "three runs of each"
"""What a verdict takes where the assumed variance leaves it open."""


def between_run_variance(seconds: float) -> float:
    """Variance of a run's mean between runs of the same program, relative to the mean squared.

    Args:
        seconds: How long the phase's measurement lasted.
    """
    return RUN_CV**2 + MOMENT_CV**2 / (1 + max(seconds, 0.0) / MOMENT_S)
