"""Noise of known size: whether a selftest finds it, and what it plans is enough."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alexprof.measure.noise import deviation, pairs_for, steps_for, typical, within
from alexprof.measure.ratios import compare_times
from alexprof.measure.spread import Floats
from alexprof.measure.values import Known


def blocks(random, count=10, steps=10, mean=0.05, cv=0.02, alike=0.0, drift=0.0):
    """Two names in turns: A B B A …; AR(1) steps, a machine that gets slower."""
    noise = random.normal(size=2 * count * steps)
    for i in range(1, len(noise)):
        noise[i] = alike * noise[i - 1] + math.sqrt(1 - alike**2) * noise[i]
    series = mean * (1 + cv * noise + drift * np.linspace(-0.5, 0.5, len(noise)))
    found: tuple[list[Floats], list[Floats]] = ([], [])
    for place, block in enumerate(np.split(series, 2 * count)):
        found[(place // 2 + place) % 2].append(block)
    return found


@pytest.mark.parametrize("alike", [0.0, 0.5])
def test_noise_of_known_size_is_found(alike):
    random = np.random.default_rng(3)
    found = [within(*blocks(random, alike=alike)) for _ in range(200)]
    assert np.mean([one.mean_s for one in found]) == pytest.approx(0.05, rel=0.01)
    assert np.mean([one.step_cv for one in found]) == pytest.approx(0.02, rel=0.05)
    assert np.mean([one.alike for one in found]) == pytest.approx(alike, abs=0.05)
    # Of ten steps that are alike by 0.5 the mean varies by √3 as much, less what a block cuts off.
    long = math.sqrt(1 + 2 * sum((1 - k / 10) * alike**k for k in range(1, 10)))
    turn_cv = math.sqrt(np.mean([one.turn_cv**2 for one in found]))
    # Neighbours of two blocks are alike too: some of it goes in the difference.
    assert 0.85 * long * 0.02 < turn_cv < 1.05 * long * 0.02


def test_a_drift_is_in_the_steps_and_not_in_the_turns():
    random = np.random.default_rng(4)
    found = [within(*blocks(random, cv=0.005, drift=0.1)) for _ in range(50)]
    assert np.mean([one.step_cv for one in found]) > 0.025
    # Neighbours differ by a twentieth of it, once this way and once that.
    expected = math.hypot(0.1 / 20 * math.sqrt(10 / 2), 0.005)
    assert np.mean([one.turn_cv for one in found]) == pytest.approx(expected, rel=0.1)


def test_blocks_of_one_step_have_no_neighbours():
    random = np.random.default_rng(5)
    assert math.isnan(within(*blocks(random, steps=1)).alike)
    same = [np.full(3, 0.1)] * 4
    assert math.isnan(within(same, same).alike)


def test_the_planned_steps_find_the_difference():
    """2 % at noise of 5 %: found as often as planned, in 95 %."""
    random = np.random.default_rng(6)
    steps, _ = steps_for(0.02, Known(0.05, None))
    found = 0
    for _ in range(300):
        one, other = blocks(random, steps=steps // 10, cv=0.05)
        slower = [block * 1.02 for block in other]
        found += compare_times([one], [slower], paired=True).ci95[0] > 1
    assert 0.90 <= found / 300 <= 0.99


def test_the_planned_pairs_find_the_difference():
    random = np.random.default_rng(7)
    pairs, _ = pairs_for(0.02, Known(0.01, None))
    found = 0
    for _ in range(300):
        a, b = (random.normal(mean, 0.01 * mean, pairs) for mean in (1.0, 1.02))
        sides = [[[np.array([x])] for x in side] for side in (a, b)]
        found += compare_times(*sides, paired=True).ci95[0] > 1
    assert 0.90 <= found / 300 <= 1


def test_a_deviation_s_interval_by_a_table():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    found = deviation(values)
    assert found.value == pytest.approx(3.0277 / 5.5, rel=1e-4)
    # Chi-square of 9 degrees of freedom, from a table: 2.700 and 19.023.
    low, high = (math.sqrt(9 / x) * found.value for x in (19.023, 2.700))
    assert found.ci95 == pytest.approx((low, high), rel=1e-3)


def test_a_deviation_s_interval_covers():
    random = np.random.default_rng(8)
    drawn = random.normal(1, 0.02, (1000, 10))
    intervals = np.array([deviation(row).ci95 for row in drawn])
    assert ((intervals[:, 0] < 0.02) & (intervals[:, 1] > 0.02)).sum() == pytest.approx(950, abs=22)


def test_typical_over_processes():
    found = typical(np.array([0.01, 0.02, 0.04]))
    assert found.value == pytest.approx(0.02)
    # Student's t of 2 degrees of freedom: 4.3027.
    assert found.ci95[1] == pytest.approx(
        0.02 * math.exp(4.3027 * math.log(2) / math.sqrt(3)), rel=1e-3
    )
    plain = typical(np.array([-0.1, 0.1]), log=False)
    assert plain.value == 0
    assert typical(np.array([0.0, 0.1])) == Known(0.05, None)
    assert typical(np.array([0.1])).ci95 is None


def test_what_is_known_badly_needs_a_wide_range():
    steps, ends = steps_for(0.01, Known(0.02, (0.01, 0.04)))
    assert ends[0] < steps < ends[1]
    assert steps_for(0.01, Known(0.04, None)) == (ends[1], None)
    assert pairs_for(0.01, Known(0.01, None))[1] is None
