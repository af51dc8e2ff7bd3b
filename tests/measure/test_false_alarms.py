"""How often verdicts are wrong, and how often a real change is found, on simulated series."""

from __future__ import annotations

import numpy as np
import pytest

from alexprof.measure.between_runs import MORE_RUNS, between_run_cv
from alexprof.measure.ratios import compare_times, judge
from tests.measure.series import KINDS, Kind, blocks, interleaved, processes, share, welch_calls

pytestmark = pytest.mark.slow

DIFFERENT = ("slower", "faster")
EVERYTHING = KINDS["everything"]


def one_run_each(count, ratio=1.0, kind=EVERYTHING, seed=21):
    random = np.random.default_rng(seed)
    a, _ = processes(kind, random, (count, 100))
    b, _ = processes(kind, random, (count, 100))
    return a, ratio * b


def pairs_of_processes(kind, pairs, count, ratio, seed=22):
    random = np.random.default_rng(seed)
    a, _ = processes(kind, random, (count, pairs, 100))
    b, _ = processes(kind, random, (count, pairs, 100))
    for x, y in zip(a, ratio * b, strict=True):
        yield compare_times(
            [blocks(difference) for difference in x],
            [blocks(difference) for difference in y],
            paired=True,
        )


def in_one_process(kind, steps, count, ratio, seed=23):
    a, b = interleaved(kind, np.random.default_rng(seed), count, steps, ratio)
    for x, y in zip(a, b, strict=True):
        yield compare_times([list(x)], [list(y)], paired=True)


def test_the_same_against_itself_where_welch_s_test_sees_a_difference():
    a, b = one_run_each(600)
    # 78 % of many more.
    assert welch_calls(a, b).mean() > 0.7
    differences = [compare_times([blocks(x)], [blocks(y)]) for x, y in zip(a, b, strict=True)]
    assert share(difference.verdict in DIFFERENT for difference in differences) <= 0.05


def single_runs(count, seconds, ratio=1.0, noise=0.03, process=None, seed=24):
    """A run of each of 100 steps, alike by 0.5, on a machine that differs as it is taken to."""
    run_cv = between_run_cv(seconds)
    kind = Kind(noise, autocorrelation=0.5, process=process or run_cv)
    a, b = one_run_each(count, ratio, kind, seed)
    for x, y in zip(a, b, strict=True):
        yield compare_times([blocks(x)], [blocks(y)], run_cv=run_cv)


@pytest.mark.parametrize("seconds", [4, 40, 160])
def test_single_runs_are_called_different_in_one_of_twenty_pairs(seconds):
    differences = single_runs(1000, seconds)
    assert share(difference.verdict in DIFFERENT for difference in differences) <= at_most(
        0.05, 1000
    )


@pytest.mark.parametrize("seconds", [40, 160])
@pytest.mark.parametrize(("noise", "process"), [(0.03, None), (0.05, 0.01)])
def test_single_default_runs_find_a_slow_down_of_fifteen_percent(seconds, noise, process):
    differences = list(single_runs(1000, seconds, 1.15, noise, process))
    assert share(difference.verdict == "slower" for difference in differences) >= 0.95
    assert {difference.needed for difference in differences if difference.verdict == "unclear"} <= {
        MORE_RUNS
    }


def at_most(part, count):
    """Of so many, if each has that chance: 2.6 standard errors above, passed by 1 in 200."""
    return part + 2.6 * (part * (1 - part) / count) ** 0.5


@pytest.mark.parametrize(
    "differences",
    [pairs_of_processes(EVERYTHING, 7, 2000, 1), in_one_process(EVERYTHING, 100, 2000, 1)],
    ids=["processes", "blocks"],
)
def test_the_same_against_itself_by_pairs(differences):
    # 95 % intervals of the spread that is there: 5 % by construction, less what is within the band.
    assert share(difference.verdict in DIFFERENT for difference in differences) <= at_most(
        0.05, 2000
    )


@pytest.mark.parametrize("name", KINDS)
def test_two_percent_are_found_in_one_process(name):
    differences = in_one_process(KINDS[name], 100, 500, 1.02)
    assert share(difference.verdict == "slower" for difference in differences) >= 0.95


def test_two_percent_at_two_percent_noise_are_found_by_seven_pairs():
    differences = pairs_of_processes(KINDS["independent"], 7, 500, 1.02)
    assert share(difference.verdict == "slower" for difference in differences) >= 0.95


def test_two_percent_are_found_by_ten_pairs_where_processes_differ_by_one():
    differences = pairs_of_processes(EVERYTHING, 10, 500, 1.02)
    assert share(difference.verdict == "slower" for difference in differences) >= 0.95
    # Seven can't: 85 % (`power.chance_to_find` says so beforehand).
    differences = pairs_of_processes(EVERYTHING, 7, 500, 1.02)
    assert 0.8 < share(difference.verdict == "slower" for difference in differences) < 0.9


@pytest.mark.parametrize("true", [1.0, 1.03], ids=["no change", "all that is allowed"])
def test_false_reds_are_at_most_one_percent(true):
    by_blocks = in_one_process(EVERYTHING, 100, 2000, true)
    assert share(judge([difference], [0.03]) == "slower" for difference in by_blocks) <= at_most(
        0.01, 2000
    )
    by_pairs = pairs_of_processes(EVERYTHING, 12, 1000, true)
    assert share(judge([difference], [0.03]) == "slower" for difference in by_pairs) <= at_most(
        0.01, 1000
    )


def test_the_gate_finds_five_percent():
    by_blocks = in_one_process(EVERYTHING, 100, 600, 1.05)
    assert share(judge([difference], [0.03]) == "slower" for difference in by_blocks) >= 0.95
    by_pairs = pairs_of_processes(EVERYTHING, 13, 400, 1.05)
    assert share(judge([difference], [0.03]) == "slower" for difference in by_pairs) >= 0.95


def test_with_a_run_each_the_gate_rather_says_that_it_can_t_tell():
    a, b = one_run_each(600, 1.05)
    differences = [compare_times([blocks(x)], [blocks(y)]) for x, y in zip(a, b, strict=True)]
    judged = [judge([difference], [0.03]) for difference in differences]
    assert "within" not in judged
    assert 0.05 < judged.count("slower") / 600 < 0.5
    ten = [compare_times([blocks(x)], [blocks(y * 1.1 / 1.05)]) for x, y in zip(a, b, strict=True)]
    assert share(judge([difference], [0.03]) == "slower" for difference in ten) >= 0.95
