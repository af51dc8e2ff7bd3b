"""The ± of the best-known AlexNet tables: what their loop prints for steps that don't vary."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alexprof.measure.statistics import deviation_interval, mean_interval


def classic_mean_and_std(durations, burn_in=10, batches=100):
    """As that loop sums up: the first step after burn-in is left out of sums over `batches`."""
    total = squares = 0.0
    for number, duration in enumerate(durations[: burn_in + batches]):
        if number > burn_in:
            total += duration
            squares += duration * duration
    mean = total / batches
    return mean, math.sqrt(squares / batches - mean * mean)


def test_constant_steps_show_a_mean_1_percent_low_and_a_deviation_of_10_percent():
    mean, std = classic_mean_and_std([0.026] * 110)
    assert mean == pytest.approx(0.99 * 0.026)
    # 0.99 d² − (0.99 d)² = 0.0099 d².
    assert std == pytest.approx(math.sqrt(0.0099) * 0.026)
    assert std / mean == pytest.approx(0.1005, abs=0.0001)
    blocks = [np.full(10, 0.026)] * 10
    assert mean_interval(blocks) == pytest.approx((0.026, 0.026))
    assert deviation_interval(blocks) == (0, 0)


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_real_noise_hardly_shows_beside_it(noise):
    durations = 0.026 * (1 + noise * np.random.default_rng(1).standard_normal(110))
    mean, std = classic_mean_and_std(durations)
    assert std / mean == pytest.approx(math.hypot(0.1005, noise), rel=0.03)
