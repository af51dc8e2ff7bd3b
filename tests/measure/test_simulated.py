"""Intervals and verdicts on simulated series with known truth: how many are right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from alexprof.measure.between_runs import MORE_RUNS, between_run_cv
from alexprof.measure.intervals import (
    deviation_interval,
    mean_difference,
    mean_interval,
    median_difference,
    median_interval,
)
from alexprof.measure.ratios import compare_times, judge
from tests.measure.series import (
    COVERED,
    KINDS,
    Kind,
    blocks,
    interleaved,
    processes,
    share,
    share_covering,
    truth_of,
)

pytestmark = pytest.mark.slow

EVERYTHING = KINDS["everything"]


def covering(interval, kind, statistic, count):
    """Part of 100-step series whose interval covers the process's own value."""
    series, levels = processes(kind, np.random.default_rng(11), (count, 100))
    truth = truth_of(kind, statistic)
    low, high = np.array([interval(blocks(steps)) for steps in series]).T
    truths = truth * levels[:, 0]
    return float(((low <= truths) & (truths <= high)).mean())


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("interval", "statistic", "count"),
    [
        *((mean_interval, np.mean, 2000), (deviation_interval, np.std, 2000)),
        (median_interval, np.median, 1000),
    ],
)
def test_interval_of_one_process(name, interval, statistic, count):
    covered = covering(interval, KINDS[name], statistic, count)
    assert COVERED[0] <= covered <= COVERED[1]


def pairs_of_blocks(name, count=1000):
    a, b = interleaved(KINDS[name], np.random.default_rng(12), count, 100, ratio=1.02)
    return [(list(x), list(y)) for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize("name", KINDS)
def test_ratio_of_interleaved_blocks(name):
    intervals = [compare_times([x], [y], paired=True).ratio_ci95 for x, y in pairs_of_blocks(name)]
    assert COVERED[0] <= share_covering(intervals, 1.02) <= COVERED[1]


@pytest.mark.parametrize("name", ["autocorrelated", "everything"])
def test_difference_of_interleaved_blocks(name):
    pairs = pairs_of_blocks(name)
    means = [mean_difference(y, x, paired=True)[1] for x, y in pairs]
    # In seconds a process's level scales the difference too: 0.02 × (1 ± 1 %), far inside.
    assert COVERED[0] <= share_covering(means, 0.02) <= COVERED[1]
    shift = 0.02 * truth_of(KINDS[name], np.median)
    medians = [median_difference(y, x, paired=True)[1] for x, y in pairs]
    # Medians of blocks side by side differ by whole steps: their interval is on the wide side.
    assert share_covering(medians, shift) >= COVERED[0]


@pytest.mark.parametrize("name", ["autocorrelated", "everything"])
@pytest.mark.parametrize(("variants", "turn"), [(2, 1), (3, 6), (10, 2)])
def test_variants_in_short_turns(name, variants, turn):
    whole, _ = processes(KINDS[name], np.random.default_rng(15), (1000, 100 * variants))
    intervals = []
    for steps in whole:
        rounds = steps[: len(steps) // (variants * turn) * variants * turn]
        rounds = rounds.reshape(-1, variants, turn).copy()
        rounds[1::2] = rounds[1::2, ::-1]
        a, b = rounds[:, 0], 1.02 * rounds[:, variants // 2]
        intervals.append(compare_times([list(a)], [list(b)], paired=True).ratio_ci95)
    assert COVERED[0] <= share_covering(intervals, 1.02) <= COVERED[1]


def many_runs(name, runs, count=1000):
    random = np.random.default_rng(13)
    a, _ = processes(KINDS[name], random, (count, runs, 100))
    b, _ = processes(KINDS[name], random, (count, runs, 100))
    for x, y in zip(a, b, strict=True):
        yield [blocks(run) for run in x], [blocks(1.02 * run) for run in y]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("runs", "paired", "count"), [(7, True, 1000), (4, False, 1000), (1, False, 1200)]
)
def test_ratio_of_runs(name, runs, paired, count):
    pairs = many_runs(name, runs, count)
    intervals = [compare_times(a, b, paired=paired).ratio_ci95 for a, b in pairs]
    covered = share_covering(intervals, 1.02)
    assert covered >= COVERED[0]
    # Where processes don't differ, to allow one run each for it is more than is needed.
    if runs > 1 or KINDS[name].process:
        assert covered <= COVERED[1]


def test_longer_runs_have_longer_blocks_where_steps_are_very_autocorrelated():
    kind = Kind(autocorrelation=0.9)
    covered = {}
    for steps in (100, 1600):
        series, _ = processes(kind, np.random.default_rng(14), (1000, steps))
        covered[steps] = share_covering([mean_interval(blocks(steps)) for steps in series], 1)
    # Ten blocks of ten can't show what correlates over twenty steps; twenty of eighty can.
    assert covered[100] < 0.85
    assert covered[1600] >= COVERED[0]


def one_run_each(count, ratio=1.0, kind=EVERYTHING, seed=21):
    random = np.random.default_rng(seed)
    a, _ = processes(kind, random, (count, 100))
    b, _ = processes(kind, random, (count, 100))
    return a, ratio * b


def by_pairs(kind, pairs, count, ratio, seed=22):
    """Differences of so many pairs of processes."""
    random = np.random.default_rng(seed)
    a, _ = processes(kind, random, (count, pairs, 100))
    b, _ = processes(kind, random, (count, pairs, 100))
    for x, y in zip(a, ratio * b, strict=True):
        yield compare_times(list(map(blocks, x)), list(map(blocks, y)), paired=True)


def by_blocks(kind, count, ratio, seed=23):
    """Differences of blocks of 100 steps of each variant in one process."""
    a, b = interleaved(kind, np.random.default_rng(seed), count, 100, ratio)
    for x, y in zip(a, b, strict=True):
        yield compare_times([list(x)], [list(y)], paired=True)


def single_runs(count, seconds, ratio=1.0, noise=0.03, process=None, seed=24):
    """A run of each of 100 steps, alike by 0.5, on a machine that differs as it is taken to."""
    run_cv = between_run_cv(seconds)
    kind = Kind(noise, autocorrelation=0.5, process=process or run_cv)
    a, b = one_run_each(count, ratio, kind, seed)
    for x, y in zip(a, b, strict=True):
        yield compare_times([blocks(x)], [blocks(y)], run_cv=run_cv)


def different(differences):
    return share(difference.verdict in ("slower", "faster") for difference in differences)


def slower(differences):
    return share(difference.verdict == "slower" for difference in differences)


def reds(differences):
    """The part that a gate of 3 % calls slower."""
    return share(judge([difference], [0.03]) == "slower" for difference in differences)


def at_most(part, count):
    """Of so many, if each has that chance: 2.6 standard errors above, passed by 1 in 200."""
    return part + 2.6 * (part * (1 - part) / count) ** 0.5


def test_the_same_against_itself_where_welch_s_test_sees_a_difference():
    a, b = one_run_each(600)
    # 78 % of many more.
    welch = stats.ttest_ind(a, b, axis=1, equal_var=False)
    assert (welch.pvalue < 0.05).mean() > 0.7
    pairs = zip(a, b, strict=True)
    assert different(compare_times([blocks(x)], [blocks(y)]) for x, y in pairs) <= 0.05


@pytest.mark.parametrize("seconds", [4, 40, 160])
def test_single_runs_are_called_different_in_one_of_twenty_pairs(seconds):
    assert different(single_runs(1000, seconds)) <= at_most(0.05, 1000)


@pytest.mark.parametrize("seconds", [40, 160])
@pytest.mark.parametrize(("noise", "process"), [(0.03, None), (0.05, 0.01)])
def test_single_default_runs_find_a_slow_down_of_fifteen_percent(seconds, noise, process):
    differences = list(single_runs(1000, seconds, 1.15, noise, process))
    assert slower(differences) >= 0.95
    unclear = [difference for difference in differences if difference.verdict == "unclear"]
    assert {difference.needed for difference in unclear} <= {MORE_RUNS}


@pytest.mark.parametrize(
    "differences",
    [by_pairs(EVERYTHING, 7, 2000, 1), by_blocks(EVERYTHING, 2000, 1)],
    ids=["processes", "blocks"],
)
def test_the_same_against_itself_by_pairs(differences):
    # 95 % intervals of the spread that is there: 5 % by construction, less what is within the band.
    assert different(differences) <= at_most(0.05, 2000)


@pytest.mark.parametrize("name", KINDS)
def test_two_percent_are_found_in_one_process(name):
    assert slower(by_blocks(KINDS[name], 500, 1.02)) >= 0.95


def test_two_percent_are_found_by_pairs():
    assert slower(by_pairs(KINDS["independent"], 7, 500, 1.02)) >= 0.95
    # Where processes differ by 1 % seven can't: 85 % (`chance_to_find` says so beforehand).
    assert 0.8 < slower(by_pairs(EVERYTHING, 7, 500, 1.02)) < 0.9
    assert slower(by_pairs(EVERYTHING, 10, 500, 1.02)) >= 0.95


@pytest.mark.parametrize("true", [1.0, 1.03], ids=["no change", "all that is allowed"])
def test_false_reds_are_at_most_one_percent(true):
    assert reds(by_blocks(EVERYTHING, 2000, true)) <= at_most(0.01, 2000)
    assert reds(by_pairs(EVERYTHING, 12, 1000, true)) <= at_most(0.01, 1000)


def test_the_gate_finds_five_percent():
    assert reds(by_blocks(EVERYTHING, 600, 1.05)) >= 0.95
    assert reds(by_pairs(EVERYTHING, 13, 400, 1.05)) >= 0.95


def test_with_a_run_each_the_gate_rather_says_that_it_can_t_tell():
    a, b = one_run_each(600, 1.05)
    differences = [compare_times([blocks(x)], [blocks(y)]) for x, y in zip(a, b, strict=True)]
    assert "within" not in {judge([difference], [0.03]) for difference in differences}
    assert 0.05 < reds(differences) < 0.5
    ten = (compare_times([blocks(x)], [blocks(y * 1.1 / 1.05)]) for x, y in zip(a, b, strict=True))
    assert reds(ten) >= 0.95
