from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from alexprof.measure.statistics import (
    deviation_interval,
    mean_difference,
    mean_interval,
    median_difference,
    median_interval,
    student_half_width,
)


def blocks_of(values, size=10):
    return np.array_split(np.asarray(values, float), len(values) // size)


def noisy(random, *, blocks=10, size=10, drift=0.02, noise=0.02):
    """Steps whose blocks differ by more than their steps do, as on a machine that drifts."""
    return [
        1 + drift * random.standard_normal() + noise * random.standard_normal(size)
        for _ in range(blocks)
    ]


def test_half_width_is_student_s():
    values = np.array([1.0, 2.0, 4.0, 7.0])
    low, high = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    half = student_half_width(values.var(ddof=1), 4)
    assert (values.mean() - half, values.mean() + half) == pytest.approx((low, high))


def test_mean_interval_is_student_s_over_block_means():
    blocks = [np.array([11.0, 13.0]), np.array([12.0, 14.0]), np.array([14.0, 18.0])]
    means = [12.0, 13.0, 16.0]
    expected = stats.t.interval(0.95, 2, loc=np.mean(means), scale=stats.sem(means))
    assert mean_interval(blocks) == pytest.approx(expected)


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
        monkeypatch.setattr("alexprof.measure.statistics.MOST_VALUES", most)
        in_parts = median_interval(blocks), median_difference(blocks, others, paired=False)
        assert in_parts == at_once


@pytest.mark.parametrize("interval", [mean_interval, median_interval])
def test_intervals_cover_the_truth_where_blocks_differ(interval):
    random = np.random.default_rng(7)
    series = 300
    covered = 0
    for _ in range(series):
        low, high = interval(noisy(random))
        covered += low <= 1 <= high
    # An interval that takes steps for independent covers about half of them.
    assert covered / series > 0.92


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
        assert mean_difference(two, two, paired=paired)[1] is None
        assert mean_difference(three, two, paired=paired)[1] is None
        assert mean_difference(three, three, paired=paired)[1] == (0, 0)


def test_blocks_of_unequal_length_are_all_used():
    blocks = [np.array([101.0, 101.0, 101.0]), np.array([105.0])]
    interval = mean_interval(blocks)
    assert interval is not None
    assert sum(interval) / 2 == pytest.approx(102.0)


def test_a_duration_s_interval_does_not_go_below_zero():
    assert mean_interval([np.array([1.0]), np.array([5.0])])[0] == 0


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
    assert deviation_interval([np.ones(5)] * 4) == (0, 0)
    assert deviation_interval([np.ones(1)] * 2 + [np.zeros(0)]) is None
    # All that varies is in one block.
    assert deviation_interval([np.ones(5), np.ones(5), rising]) is None


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
