"""How often verdicts are wrong, and how often a real change is found, on simulated series."""

from __future__ import annotations

import numpy as np
import pytest

from alexprof.measure.between_runs import MORE_RUNS, between_run_cv
from alexprof.measure.ratios import compare_times, judge
from tests.measure.series import KINDS, Kind, blocks, interleaved, processes, share, welch_calls

pytestmark = pytest.mark.slow

EVERYTHING = KINDS["everything"]


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
    assert welch_calls(a, b).mean() > 0.7
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
