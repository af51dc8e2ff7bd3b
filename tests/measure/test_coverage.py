"""Intervals of simulated series with known truth: how many cover it."""

from __future__ import annotations

import numpy as np
import pytest

from alexprof.measure.intervals import (
    deviation_interval,
    mean_difference,
    mean_interval,
    median_difference,
    median_interval,
)
from alexprof.measure.ratios import compare_times
from tests.measure.series import (
    COVERED,
    KINDS,
    Kind,
    blocks,
    interleaved,
    processes,
    share_covering,
    truth_of,
)

pytestmark = pytest.mark.slow


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


def test_one_process_s_own_interval_does_not_cover_all_processes():
    intervals = [mean_interval(a[0]) for a, _ in many_runs("process", 1)]
    assert share_covering(intervals, 1) < 0.5
