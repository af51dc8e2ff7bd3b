from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from alexprof.measure import steady
from alexprof.measure.steady import (
    change_points,
    count_outliers,
    find_steady_state,
    find_stretches,
    outlier_classes,
)
from tests.measure.series import KINDS, processes


def steps(levels, noise=0.005, seed=1):
    """Steps about levels, [(how many, level), ...]."""
    means = np.concatenate([np.full(count, level) for count, level in levels])
    return means * (1 + noise * np.random.default_rng(seed).standard_normal(len(means)))


@pytest.mark.parametrize(
    ("levels", "state", "settled"),
    [
        ([(100, 1)], "steady", 1),
        ([(20, 1.2), (80, 1)], "warming", 21),
        ([(10, 1.5), (20, 1.2), (70, 1)], "warming", 31),
        ([(40, 1), (20, 1.3), (40, 1)], "warming", 61),
        ([(30, 0.9), (70, 1)], "slowing", 31),
        ([(20, 1.2), (20, 0.9), (60, 1)], "slowing", 41),
        ([(90, 1), (10, 1.2)], "no steady state", None),
        ([(80, 1), (20, 0.8)], "no steady state", None),
    ],
)
def test_states(levels, state, settled):
    steadiness = find_steady_state(steps(levels))
    assert (steadiness.state, steadiness.settled_step) == (state, settled)
    if state != "no steady state":
        assert len(steadiness.first_steps) == len(steadiness.levels_s) >= len(levels)


def test_levels_within_the_band_are_one():
    values = steps([(50, 1), (50, 1.008)], noise=0.001)
    steadiness = find_steady_state(values)
    assert steadiness.first_steps == (1, 51)
    assert (steadiness.state, steadiness.settled_step) == ("steady", 1)
    assert steadiness.levels_s == pytest.approx((1, 1.008), abs=0.001)


def test_steps_that_go_on_getting_slower_have_no_steady_state():
    rising = steps([(200, 1)]) * np.linspace(1, 1.1, 200)
    assert find_steady_state(rising).state == "no steady state"
    assert find_steady_state(rising[::-1]).state == "no steady state"
    within_the_band = steps([(200, 1)], 0.001) * np.linspace(1, 1.005, 200)
    assert find_steady_state(within_the_band).state == "steady"


def test_single_slow_steps_are_no_level():
    values = steps([(100, 1)])
    values[[3, 50, 51, 98]] = 9
    steadiness = find_steady_state(values)
    assert (steadiness.state, steadiness.first_steps) == ("steady", (1,))


def test_constant_steps_are_steady_and_one_clean_jump_is_found():
    assert find_steady_state(np.full(60, 0.25)).first_steps == (1,)
    steadiness = find_steady_state(np.repeat([2.0, 1.0], [30, 70]))
    assert (steadiness.state, steadiness.settled_step) == ("warming", 31)


def test_few_steps_are_not_judged():
    assert find_steady_state(np.ones(19)) is None
    assert find_steady_state(np.ones(20)).state == "steady"


def test_many_steps_are_put_together():
    steadiness = find_steady_state(steps([(3000, 1.3), (7123, 1)]))
    assert steadiness.state == "warming"
    assert steadiness.settled_step == pytest.approx(3001, abs=11)


def test_the_cut_is_the_cheapest_of_all():
    """Against every way to cut 26 steps into up to four pieces of five or more."""
    values = steps([(9, 1), (8, 1.1), (9, 1.02)], noise=0.02, seed=3)
    starts = steady._best_cut(values, 0.002)

    def cost(cuts):
        pieces = np.split(values, list(cuts))
        if min(map(len, pieces)) < 5:
            return np.inf
        return sum(((x - x.mean()) ** 2).sum() for x in pieces) + 0.002 * len(cuts)

    ways = [(), *[(i,) for i in range(26)], *[(i, j) for i in range(26) for j in range(i)]]
    ways = [tuple(sorted(way)) for way in ways]
    ways += [(i, j, k) for k in range(26) for j in range(k) for i in range(j)]
    assert tuple(starts[1:]) == min(ways, key=cost)
    assert len(starts) == 3
    assert change_points(values)[0] == 0


@pytest.mark.parametrize(("extra", "expected"), [(8, 0), (8.1, 1), (11, 1), (11.1, 2)])
def test_on_a_fence_is_inside(extra, expected):
    # Quartiles 3.25 and 4.75 or so don't move: many values at 2, 3, 4, 5.
    values = np.concatenate([np.full(100, 3.0), np.full(100, 5.0), [extra]])
    assert outlier_classes(values)[-1] == expected
    assert outlier_classes(8 - values)[-1] == -expected


def test_counts_and_what_slow_ones_add():
    values = np.concatenate([np.tile([3.0, 5.0], 50), [9.0], [20.0], [-1.0], [-20.0]])
    outliers = count_outliers(values)
    assert (outliers.severe_low, outliers.mild_low) == (1, 1)
    assert (outliers.mild_high, outliers.severe_high, outliers.steps) == (1, 1, 104)
    inside = np.concatenate([np.tile([3.0, 5.0], 50), [-1.0], [-20.0]])
    assert outliers.mean_share == pytest.approx(values.mean() / inside.mean() - 1)


def test_constant_steps_have_none_and_one_step_out_of_line_is_severe():
    assert outlier_classes(np.full(10, 0.25)).tolist() == [0] * 10
    assert outlier_classes(np.array([1.0] * 9 + [1.1])).tolist() == [0] * 9 + [2]
    assert count_outliers(np.ones(1)).mean_share == 0


def test_slow_stretches_allow_one_quick_step_and_name_the_variants():
    seconds = np.array([1, 2, 1, 2, 1.2, 2.4, 1, 2.5, 1.3, 2, 1, 2, 1, 2, 1, 2.0])
    variants = ["a", "b"] * 8
    (stretch,) = find_stretches("forward", seconds, variants)
    assert (stretch.first_step, stretch.last_step) == (5, 9)
    assert stretch.ratio == pytest.approx(1.3)
    assert set(stretch.variants) == {"a", "b"}


def test_two_slow_steps_are_no_stretch():
    assert find_stretches("forward", np.array([1, 1, 9, 9, 1, 1, 1.0]), ["a"] * 7) == []
    assert find_stretches("forward", np.array([1.0]), ["a"]) == []


def test_two_quick_steps_end_a_stretch():
    seconds = np.array([9, 9, 9, 1, 1, 9, 9, 9, 1, 1, 1, 1, 1, 1.0])
    stretches = find_stretches("forward", seconds, ["a"] * 14)
    assert [(stretch.first_step, stretch.last_step) for stretch in stretches] == [(1, 3), (6, 8)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["independent", "autocorrelated", "bimodal", "process"])
def test_steady_series_are_called_steady(name):
    series, _ = processes(KINDS[name], np.random.default_rng(41), (400, 100))
    states = Counter(find_steady_state(values).state for values in series)
    assert states["steady"] / 400 >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("name", ["independent", "autocorrelated"])
def test_a_warm_up_of_twenty_steps_is_found_where_it_ends(name):
    series, _ = processes(KINDS[name], np.random.default_rng(42), (200, 100))
    series[:, :20] *= 1.1
    results = [find_steady_state(values) for values in series]
    assert sum(result.state == "warming" for result in results) / 200 >= 0.95
    ends = [result.settled_step for result in results if result.settled_step is not None]
    assert sum(abs(end - 21) <= 2 for end in ends) / 200 >= 0.95
