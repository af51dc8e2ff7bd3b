from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from alexprof.measure.intervals import deviation_interval


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
