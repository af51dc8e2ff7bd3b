from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from alexprof.measure.intervals import deviation_interval, runs_mean_interval
from alexprof.measure.spread import PROCESS_FREEDOM


def test_deviation_is_the_jackknife_of_its_logarithm():
    random = np.random.default_rng(4)
    blocks = [random.standard_normal(size) + 9 for size in (4, 7, 5, 3)]
    whole = math.log(np.concatenate(blocks).std(ddof=1))
    without = [math.log(np.concatenate(blocks[:i] + blocks[i + 1 :]).std(ddof=1)) for i in range(4)]
    pseudo = [4 * whole - 3 * one for one in without]
    expected = stats.t.interval(0.95, 3, loc=np.mean(pseudo), scale=stats.sem(pseudo))
    assert deviation_interval(blocks) == pytest.approx(np.exp(expected))


def test_deviation_of_little_or_nothing():
    rising = np.arange(5, dtype=np.float64)
    assert deviation_interval([np.ones(5), rising]) is None
    assert deviation_interval([np.ones(5)] * 4) == (0, 0)
    assert deviation_interval([np.ones(1)] * 2 + [np.zeros(0)]) is None
    # All that varies is in one block.
    assert deviation_interval([np.ones(5), np.ones(5), rising]) is None


def test_three_runs_speak_for_themselves():
    runs = [[np.array([1.0, 3.0])], [np.array([3.0, 3.0])], [np.array([7.0])]]
    expected = stats.t.interval(0.95, 2, loc=4, scale=stats.sem([2, 3, 7]))
    assert runs_mean_interval(runs) == pytest.approx(expected)


def test_one_run_has_the_allowance():
    constant = [np.full(10, 2.0)] * 5
    half = 2 * 0.01 * stats.t.ppf(0.975, PROCESS_FREEDOM)
    assert runs_mean_interval([constant]) == pytest.approx((2 - half, 2 + half))
    assert runs_mean_interval([constant], process_cv=0) == pytest.approx((2, 2))
    assert runs_mean_interval([[np.ones(10)]]) is None
    assert runs_mean_interval([]) is None
