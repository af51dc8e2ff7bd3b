from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from alexprof.measure.intervals import (
    deviation_interval,
    mean_difference,
    mean_interval,
    median_difference,
    median_interval,
)


def blocks_of(values, size=10):
    return np.array_split(np.asarray(values, float), len(values) // size)


def noisy(random, *, blocks=10, size=10, drift=0.02, noise=0.02):
    """Steps whose blocks differ by more than their steps do, as on a machine that drifts."""
    return [
        1 + drift * random.standard_normal() + noise * random.standard_normal(size)
        for _ in range(blocks)
    ]


def test_mean_interval_is_student_s_over_block_means():
    blocks = [np.array([11.0, 13.0]), np.array([12.0, 14.0]), np.array([14.0, 18.0])]
    means = [12.0, 13.0, 16.0]
    expected = stats.t.interval(0.95, 2, loc=np.mean(means), scale=stats.sem(means))
    assert mean_interval(blocks) == pytest.approx(expected)
    # Blocks of unequal length are all used, and a duration is not below zero.
    uneven = mean_interval([np.array([101.0, 101.0, 101.0]), np.array([105.0])])
    assert sum(uneven or ()) / 2 == pytest.approx(102.0)
    assert mean_interval([np.array([1.0]), np.array([5.0])])[0] == 0


def test_one_block_has_no_interval():
    assert mean_interval([np.ones(5)]) is None
    assert median_interval([np.ones(5)]) is None
    assert mean_difference([np.ones(5)], [np.ones(5)], paired=True) == (0, None)


def test_constant_steps_have_an_interval_of_no_width():
    blocks = blocks_of(np.full(100, 0.25))
    assert mean_interval(blocks) == pytest.approx((0.25, 0.25))
    assert median_interval(blocks) == pytest.approx((0.25, 0.25))
    assert mean_difference(blocks, blocks, paired=False) == (0, (0, 0))


def test_many_steps_are_resampled_in_parts_to_the_same_intervals(monkeypatch):
    blocks = list(np.random.default_rng(7).standard_normal((12, 10)))
    others = list(np.random.default_rng(8).standard_normal((9, 10)))
    at_once = median_interval(blocks), median_difference(blocks, others, paired=False)
    for most in (5000, 121, 1):
        monkeypatch.setattr("alexprof.measure.intervals.MOST_VALUES", most)
        in_parts = median_interval(blocks), median_difference(blocks, others, paired=False)
        assert in_parts == at_once


def test_pairs_cancel_a_drift_that_moves_both():
    random = np.random.default_rng(3)
    drift = np.linspace(1, 2, 10)
    a = [1.1 * d + 0.001 * random.standard_normal(10) for d in drift]
    b = [1.0 * d + 0.001 * random.standard_normal(10) for d in drift]
    for difference in (mean_difference, median_difference):
        paired, apart = difference(a, b, paired=True), difference(a, b, paired=False)
        assert paired[0] == apart[0] == pytest.approx(0.15, abs=0.01)
        assert paired[1][0] > 0 > apart[1][0]


def test_unpaired_difference_is_welch_s_over_block_means():
    random = np.random.default_rng(5)
    a, b = noisy(random, blocks=6), noisy(random, blocks=9)
    a_means, b_means = [x.mean() for x in a], [x.mean() for x in b]
    interval = stats.ttest_ind(a_means, b_means, equal_var=False).confidence_interval(0.95)
    assert mean_difference(a, b, paired=True)[1] == pytest.approx(tuple(interval))


def test_two_steps_of_a_side_are_no_verdict():
    two, three = [np.ones(1)] * 2, [np.ones(1)] * 3
    for paired in (True, False):
        for side, interval in ((two, None), (three, (0, 0))):
            assert mean_difference(side, side, paired=paired)[1] == interval
        assert mean_difference(three, two, paired=paired)[1] is None


def test_deviation_is_the_jackknife_of_its_logarithm():
    random = np.random.default_rng(4)
    blocks = [random.standard_normal(size) + 9 for size in (4, 7, 5, 3)]
    whole = math.log(np.concatenate(blocks).std(ddof=1))
    without = [math.log(np.concatenate(blocks[:i] + blocks[i + 1 :]).std(ddof=1)) for i in range(4)]
    pseudo = [4 * whole - 3 * rest for rest in without]
    expected = stats.t.interval(0.95, 3, loc=np.mean(pseudo), scale=stats.sem(pseudo))
    assert deviation_interval(blocks) == pytest.approx(np.exp(expected))


def test_deviation_of_little_or_nothing():
    rising = np.arange(5, dtype=np.float64)
    assert deviation_interval([np.ones(5), rising]) is None
    alike = [np.array([1.0, 1.0001]), np.array([0.9999, 1.0]), np.array([1.0, 50.0])]
    assert deviation_interval(alike) is None  # it would reach 10**20
    assert deviation_interval([np.ones(5)] * 4) == (0, 0)
    assert deviation_interval([np.ones(1)] * 2 + [np.zeros(0)]) is None
    # All that varies is in one block.
    assert deviation_interval([np.ones(5), np.ones(5), rising]) is None
