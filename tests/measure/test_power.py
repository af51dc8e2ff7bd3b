from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from alexprof.measure.ratios import chance_to_find, pairs_needed


def simulated(difference, spread, pairs, count=4000):
    values = np.random.default_rng(31).normal(difference, spread, (count, pairs))
    t = stats.ttest_1samp(values, 0, axis=1)
    return float(((t.pvalue < 0.05) & (t.statistic > 0)).mean())


@pytest.mark.parametrize("pairs", [2, 3, 7, 20, 150])
@pytest.mark.parametrize("difference", [0.0, 0.01, 0.02])
def test_chances_are_those_of_simulated_t_tests(pairs, difference):
    expected = simulated(difference, 0.0141, pairs)
    assert chance_to_find(difference, 0.0141, pairs) == pytest.approx(expected, abs=0.025)


def test_the_pairs_of_the_documentation():
    of_a_pair = 0.01 * math.sqrt(2)
    assert chance_to_find(0.02, of_a_pair, 7) == pytest.approx(0.87, abs=0.01)
    assert pairs_needed(0.02, of_a_pair, power=0.95) == 9
    assert pairs_needed(0.01, of_a_pair, power=0.95) == 28
    assert pairs_needed(0.05, of_a_pair, power=0.95) == 4
    # Seven suffice for 2 % where processes differ by less.
    assert pairs_needed(0.02, 0.0085 * math.sqrt(2), power=0.95) <= 7


@pytest.mark.parametrize("difference", [0.003, 0.02, 0.3])
def test_needed_is_the_fewest(difference):
    needed = pairs_needed(difference, 0.02, power=0.95)
    assert chance_to_find(difference, 0.02, needed) >= 0.95
    assert needed == 2 or chance_to_find(difference, 0.02, needed - 1) < 0.95


def test_without_spread_everything_is_found():
    assert pairs_needed(0.01, 0.0, power=0.95) == 2
    assert chance_to_find(0.0, 0.0, 5) == 0
