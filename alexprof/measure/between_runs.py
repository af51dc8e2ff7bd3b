"""How far the mean of one run lies from that of another run of the same program.

One run, or two, can't show it, so it is assumed, from measurements: docs/statistics.md has them.
Three runs or more of each side show it themselves.
"""

from __future__ import annotations

import math

from alexprof.record.values import Needed

LEAST_RUNS = 3
"""So many runs of each side show how runs differ."""
RUN_CV = 0.01
"""Standard deviation of a run's mean, as a fraction of it, however long the measurement lasts."""
MOMENT_CV, MOMENT_S = 0.10, 2.0
"""Standard deviation of a machine's speed from moment to moment, as a fraction; a measurement of so
many seconds has half of that variance averaged out."""
PART_CV, PART_OF_STEP = 0.02, 0.002
"""Standard deviation between runs of what a layer, kind or op costs: a fraction of itself, and a
fraction of the step."""
DEGREES_OF_FREEDOM = 20
"""Of the assumed variances: as if they came from about twenty runs."""
MORE_RUNS = Needed("three_runs")
"""What a verdict takes where the assumed variance leaves it open."""


def between_run_cv(measured_s: float) -> float:
    """Standard deviation of a run's mean step between runs, as a fraction of the mean.

    `measured_s` is how long the phase's measurement lasted, in seconds.
    """
    return math.sqrt(RUN_CV**2 + MOMENT_CV**2 / (1 + max(measured_s, 0.0) / MOMENT_S))


def between_run_part_cv(share: float) -> float:
    """The same of a part of the step, as a fraction of its cost; `share` is its part of a step."""
    return math.hypot(PART_CV, PART_OF_STEP / share) if share > 0 else 1.0
