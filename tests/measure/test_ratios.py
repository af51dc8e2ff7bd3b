from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from alexprof.measure.between_runs import DEGREES_OF_FREEDOM, MORE_RUNS
from alexprof.measure.equivalence_band import difference_of
from alexprof.measure.ratios import (
    adjust,
    adjust_p_values,
    chance_to_find,
    compare_times,
    interval_at,
    judge,
    pairs_needed,
    split_distances,
)
from alexprof.measure.spread import block_means
from alexprof.record.values import Needed


def run(*means):
    """A run with blocks of two steps about these means."""
    return [np.array([mean - 0.01, mean + 0.01]) for mean in means]


def test_pairs_of_blocks_are_student_s_over_log_ratios():
    a = [1.0, 1.02, 0.98, 1.01, 1.0]
    b = [1.03, 1.04, 1.01, 1.05, 1.02]
    result = compare_times([run(*a)], [run(*b)], paired=True)
    logs = np.log(b) - np.log(a)
    expected = stats.t.interval(0.95, 4, loc=logs.mean(), scale=stats.sem(logs))
    # The ratio is that of the means, not the mean of ratios: alike to the fourth digit here.
    assert result.ratio == pytest.approx(sum(b) / sum(a), rel=1e-12)
    assert result.ratio_ci95 == pytest.approx(np.exp(expected), abs=2e-4)
    assert result.p_value == pytest.approx(stats.ttest_rel(np.log(a), np.log(b)).pvalue, rel=0.05)
    assert (result.verdict, result.needed) == ("slower", None)


def test_pairs_of_runs_are_judged_by_their_means_alone():
    a, b = [1.0, 1.1, 0.9], [1.1, 1.2, 1.0]
    result = compare_times([run(x) for x in a], [run(x, x) for x in b], paired=True)
    parts = np.array(b) / 1.1 - np.array(a) / 1.0
    half = stats.t.ppf(0.975, 2) * stats.sem(parts)
    assert result.ratio_ci95 == pytest.approx((1.1 * math.exp(-half), 1.1 * math.exp(half)))
    assert result.degrees_of_freedom == 2


def test_three_runs_each_are_welch_s_over_runs():
    a, b = [1.0, 1.01, 0.99], [1.05, 1.06, 1.03, 1.04]
    result = compare_times([run(x) for x in a], [run(x) for x in b])
    welch = stats.ttest_ind(np.array(b) / np.mean(b), np.array(a) / np.mean(a), equal_var=False)
    assert result.degrees_of_freedom == pytest.approx(welch.df)
    assert result.verdict == "slower"


def test_a_run_each_has_the_between_run_variance_in_its_interval():
    a, b = run(1, 1, 1, 1), run(1.02, 1.02, 1.02, 1.02)
    result = compare_times([a], [b])
    half = stats.t.ppf(0.975, DEGREES_OF_FREEDOM) * 0.01 * math.sqrt(2)
    assert np.log(result.ratio_ci95 or ()) == pytest.approx(
        [math.log(1.02) - half, math.log(1.02) + half]
    )
    assert result.verdict == "unclear"
    assert result.needed == MORE_RUNS
    # The same blocks side by side in one process are of one run.
    assert compare_times([a], [b], paired=True).verdict == "slower"
    assert compare_times([a], [b], run_cv=0).verdict == "slower"
    # By default it never says "same".
    assert compare_times([a], [a]).verdict == "unclear"
    assert compare_times([a], [a], paired=True).verdict == "same"
    two = [a, a]
    assert compare_times(two, two).log_error == pytest.approx(0.01)


def test_blocks_that_differ_count_once():
    """What blocks show is in the interval as their own scatter, and widens nothing else."""
    restless = run(0.7, 1.3, 0.7, 1.3)
    result = compare_times([restless], [restless])
    within = 2 * np.var([0.7, 1.3, 0.7, 1.3], ddof=1) / 4
    assert result.log_error == pytest.approx(math.sqrt(within + 2 * 0.01**2))


@pytest.mark.parametrize(
    ("ratio", "wobble", "verdict"),
    [
        *((1.05, 0.01, "slower"), (0.95, 0.01, "faster"), (1.0, 0.001, "same")),
        # It differs, but by less than counts.
        (1.004, 0.001, "same"),
        # It may be outside the band, and excludes 1.
        (1.01, 0.002, "slower"),
        (1.005, 0.02, "unclear"),
    ],
)
def test_verdicts(ratio, wobble, verdict):
    signs = np.array([1, -1] * 5)
    a = run(*np.ones(10))
    result = compare_times([a], [run(*ratio * (1 + wobble * signs))], paired=True)
    assert result.verdict == verdict
    assert (result.needed is None) == (verdict != "unclear")


def test_what_is_needed_is_enough_four_times_in_five():
    random = np.random.default_rng(2)

    def side(blocks, ratio):
        return [list(ratio * (1 + 0.05 * random.standard_normal((blocks, 10))))]

    first = None
    while first is None or first.verdict != "unclear" or abs(first.ratio - 1.02) > 0.001:
        first = compare_times(side(10, 1), side(10, 1.02), paired=True)
    number = first.needed.count
    assert first.needed.code == "more_blocks"
    sides = ((side(10 + number, 1), side(10 + number, 1.02)) for _ in range(200))
    slower = sum(compare_times(a, b, paired=True).verdict == "slower" for a, b in sides)
    assert 0.65 < slower / 200 < 0.99


@pytest.mark.parametrize(
    ("blocks", "needed"),
    [([[1.0, 2.0, 3.0]], Needed("blocks", 2)), ([[1.0], [1.1]], Needed("steps", 3))],
)
@pytest.mark.parametrize("paired", [True, False])
def test_too_little_to_tell(blocks, needed, paired):
    a, b = ([scale * np.array(block) for block in blocks] for scale in (1, 5))
    result = compare_times([a], [b], paired=paired)
    assert (result.ratio_ci95, result.p_value, result.verdict) == (None, None, "unclear")
    assert (result.reason, result.needed) == ("no_interval", needed)
    assert interval_at(result, 0.99) is None


def test_unequal_numbers_are_not_paired():
    a, b = run(1, 1, 1), run(1, 1, 1, 1)
    assert compare_times([a], [b], paired=True).log_error > 0.01
    assert compare_times([a] * 3, [b] * 4, paired=True).degrees_of_freedom != 2


def test_no_time_on_one_side_is_no_ratio_and_none_in_a_block_is():
    nothing = [np.zeros(3), np.zeros(3)]
    some = [np.zeros(3), np.ones(3), np.ones(3)]
    assert compare_times([nothing], [some]).ratio == math.inf
    assert compare_times([some], [nothing]).ratio == 0
    assert math.isnan(compare_times([nothing], [nothing]).ratio)
    assert compare_times([nothing], [some]).ratio_ci95 is None
    assert compare_times([some], [some], paired=True).ratio_ci95 == pytest.approx((1, 1))
    result = compare_times([run(1, 1.1), nothing], [run(1, 1.1), run(1, 1.2)])
    assert (result.ratio_ci95, result.verdict) == (None, "unclear")
    assert result.needed == Needed("positive_times")


@pytest.mark.parametrize("empty", [[], [[]], [[np.zeros(0)]]])
def test_no_steps_are_refused(empty):
    with pytest.raises(ValueError, match="at least one step"):
        compare_times(empty, [run(1, 1)])


def test_other_levels_nest():
    result = compare_times([run(1, 1.1, 1)], [run(1.1, 1.1, 1.2)], paired=True)
    assert interval_at(result, 0.95) == pytest.approx(result.ratio_ci95)
    wide = interval_at(result, 0.99)
    assert wide[0] < result.ratio_ci95[0] < result.ratio_ci95[1] < wide[1]
    two = compare_times([run(1, 9)], [run(9, 1)], paired=True)
    assert interval_at(two, 1 - 1e-9) == (0, math.inf)


def test_many_blocks_are_put_together_and_none_is_lost():
    few = [np.array([float(i)]) for i in range(39)]
    assert block_means(few).tolist() == list(range(39))
    forty = [np.array([float(i)]) for i in range(41)]
    expected = [(i + i + 1) / 2 for i in range(0, 38, 2)] + [39.0]
    assert block_means(forty).tolist() == expected
    uneven = [np.array([1.0, 1.0, 1.0]), np.array([5.0])] * 20
    assert block_means(uneven).tolist() == [2.0] * 20


def test_holm():
    # By hand: sorted 0.01 × 4, 0.03 × 3, 0.04 × 2 (no less than before), 0.5 × 1.
    assert adjust_p_values([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert adjust_p_values([]) == []
    assert adjust([]) == []


def test_verdicts_among_many_need_more_evidence():
    def against(ratio):
        signs = np.array([1, -1, 1, -1, 1, -1])
        return compare_times([run(*np.ones(6))], [run(*ratio + 0.02 * signs)], paired=True)

    clear, weak = against(1.3), against(1.03)
    assert (clear.verdict, weak.verdict) == ("slower", "slower")
    bare = compare_times([run(1)], [run(1)])
    adjusted = adjust([clear, *[weak] * 5, bare])
    assert [result.verdict for result in adjusted] == ["slower", *["unclear"] * 6]
    assert adjusted[1].needed is not None
    assert adjusted[1].ratio_ci95 == weak.ratio_ci95
    assert adjusted[1].p_value == pytest.approx(5 * weak.p_value)
    assert adjusted[6] == bare


def comparison(ratio, error):
    """As of countless pairs: normal quantiles."""
    interval = (ratio * math.exp(-1.96 * error), ratio * math.exp(1.96 * error))
    normal = {"log_error": error, "degrees_of_freedom": math.inf}
    return difference_of(1.0, ratio, interval, "mean", needed=None, **normal)


WEAK = comparison(1.03 * math.exp(0.025), 0.01)
QUICK, SLOW = comparison(1.0, 0.001), comparison(1.08, 0.001)
BARE = difference_of(1.0, 2.0, None, "mean", needed=Needed("blocks", 2))


@pytest.mark.parametrize(
    ("differences", "bounds", "outcome"),
    [
        ([comparison(1.0, 0.01)], [0.03], "within"),
        ([comparison(0.5, 0.01)], [0.03], "within"),
        ([comparison(1.0, 0.02)], [0.03], "unclear"),
        ([comparison(1.05, 0.005)], [0.03], "slower"),
        # A 95 % interval excludes 3 % here (1.96 errors), a 99 % bound (2.33) doesn't.
        ([comparison(1.03 * math.exp(0.021), 0.01)], [0.03], "unclear"),
        ([comparison(1.03 * math.exp(0.024), 0.01)], [0.03], "slower"),
        # Each has its bound.
        ([QUICK, SLOW], [0.03, 0.1], "within"),
        ([QUICK, SLOW], [0.03, 0.03], "slower"),
        ([QUICK, comparison(1.03, 0.001)], [0.03, 0.03], "unclear"),
        # Among many a red needs more evidence.
        ([WEAK], [0.03], "slower"),
        ([WEAK, *[QUICK] * 9], [0.03] * 10, "unclear"),
        # Without an interval nothing can be told.
        ([BARE], [0.03], "unclear"),
        ([BARE, comparison(1.2, 0.001)], [0.03, 0.03], "slower"),
    ],
)
def test_a_gate_s_outcome(differences, bounds, outcome):
    assert judge(differences, bounds) == outcome


def simulated(difference, spread, pairs, count=4000):
    values = np.random.default_rng(31).normal(difference, spread, (count, pairs))
    t = stats.ttest_1samp(values, 0, axis=1)
    return float(((t.pvalue < 0.05) & (t.statistic > 0)).mean())


@pytest.mark.parametrize("pairs", [2, 3, 7, 20, 150])
@pytest.mark.parametrize("difference", [0.0, 0.01, 0.02])
def test_chances_are_those_of_simulated_t_tests(pairs, difference):
    expected = simulated(difference, 0.0141, pairs)
    assert chance_to_find(difference, 0.0141, pairs) == pytest.approx(expected, abs=0.025)


@pytest.mark.parametrize("difference", [0.003, 0.02, 0.3])
def test_needed_is_the_fewest(difference):
    needed = pairs_needed(difference, 0.02, power=0.95)
    assert chance_to_find(difference, 0.02, needed) >= 0.95
    assert needed == 2 or chance_to_find(difference, 0.02, needed - 1) < 0.95
    # Without spread everything is found.
    assert pairs_needed(difference, 0.0, power=0.95) == 2
    assert chance_to_find(0.0, 0.0, 5) == 0


@pytest.mark.parametrize(
    "means",
    [[1.0, 1.01, 0.99, 1.2, 1.21, 1.19, 1.3], [1e-9, 3e-9, 2e-9, 1e3, 1e3, 1e3 + 1], [0] * 7],
)
def test_each_split_of_runs_is_rated_as_their_comparison_is(means):
    distances = split_distances(np.array(means, np.float64))
    for place in range(3, len(means) - 2):
        sides = [[[np.full(2, mean)] for mean in side] for side in (means[:place], means[place:])]
        compared = compare_times(*sides)
        expected = abs(math.log(compared.ratio)) / compared.log_error if compared.log_error else 0
        assert distances[place - 1] == pytest.approx(expected, rel=1e-6)
