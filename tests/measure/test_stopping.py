"""When to stop: each reason by hand, and the rule on simulated series with known truth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from alexprof.errors import UsageError
from alexprof.measure.intervals import mean_interval
from alexprof.measure.stopping import (
    DEFAULT_MAX_TIME_S,
    PLATEAU_BLOCKS,
    StoppingRule,
    is_look,
    on_plateau,
    parse_precision,
    precision_of,
    widened,
)
from alexprof.record.values import Interval
from tests.measure.series import KINDS, Kind, blocks, processes, share

LOOKS = [10, 13, 17, 22, 28, 35, 44, 55, 69, 87, 109, 137, 172, 215]


def constant(number, seconds=1.0):
    return [np.full(10, seconds)] * number


def noisy(number, noise, seed=1):
    random = np.random.default_rng(seed)
    return list(1 + noise * random.standard_normal((number, 10)))


def interval_of(samples) -> Interval:
    interval = mean_interval(samples)
    assert interval is not None
    return interval


def stopped(rule, samples, elapsed_s=0.0, round_s=0.0):
    return rule.stopped_by({"a": samples}, elapsed_s, round_s)


def test_the_interval_is_looked_at_ever_more_rarely():
    assert [number for number in range(220) if is_look(number)] == LOOKS


def test_as_many_steps_as_were_asked_for():
    rule = StoppingRule.of(25)
    assert stopped(rule, constant(2)) is None
    assert stopped(rule, [*constant(2), np.ones(5)]) == "steps"
    assert stopped(StoppingRule.of(20), constant(2)) == "steps"


def test_a_precision_is_judged_at_looks_alone_and_of_every_variant():
    rule = StoppingRule.of(None, 0.01)
    assert stopped(rule, constant(9)) is None
    assert stopped(rule, constant(10)) == "precision"
    assert stopped(rule, constant(11)) is None
    wide = noisy(10, 0.2)
    assert rule.stopped_by({"a": constant(10), "b": wide}, 0, 0) is None
    assert rule.stopped_by({"a": constant(10), "b": constant(10, 2)}, 0, 0) == "precision"


def test_short_blocks_are_looked_at_after_as_many_steps():
    rule = StoppingRule.of(None, 0.01)
    for size in (1, 3, 20):
        looked = [
            number * size
            for number in range(1, 600 // size)
            if stopped(rule, [np.ones(size)] * number) == "precision"
        ]
        # The first block that has the tens of a look; of long ones there must be ten, too.
        expected = sorted({size * -(-10 * tens // size) for tens in LOOKS if tens < 59})
        assert looked == [steps for steps in expected if steps >= 10 * size]


def test_the_last_step_is_a_look():
    rule = StoppingRule.of(35, 0.01)
    assert stopped(rule, [np.ones(1)] * 34) is None
    assert stopped(rule, [np.ones(1)] * 35) == "precision"
    assert stopped(rule, [np.ones(1)] * 20 + [np.full(1, 2.0)] * 15) == "steps"


def test_the_precision_is_half_the_width_over_the_mean_a_tenth_wider():
    steps = noisy(10, 0.02)
    low, high = interval_of(steps)
    half = 1.1 * (high - low) / 2 / np.concatenate(steps).mean()
    assert precision_of(widened((low, high))) == pytest.approx(half)
    assert stopped(StoppingRule.of(None, half * 1.001), steps) == "precision"
    assert stopped(StoppingRule.of(None, half * 0.999), steps) is None
    assert precision_of(None) is None


def test_time_is_up_before_a_round_that_would_end_too_late():
    rule = StoppingRule.of(1000, None, 60)
    assert stopped(rule, constant(3), 50, 10) is None
    assert stopped(rule, constant(3), 50.1, 10) == "max-time"
    assert stopped(StoppingRule.of(30, None, 60), constant(3), 99, 10) == "steps"
    assert stopped(StoppingRule.of(None, 0.01, 60), constant(10), 99, 10) == "precision"
    # A precision alone has five minutes.
    assert StoppingRule.of(None, 0.01).max_time_s == DEFAULT_MAX_TIME_S == 300
    assert StoppingRule.of(100, 0.01).max_time_s is None


@pytest.mark.parametrize(
    "numbers",
    [
        *((None, None, None), (0, None, None), (1, 0.0, None), (1, 1.0, None)),
        *((1, math.nan, None), (1, None, 0), (1, None, math.inf)),
    ],
)
def test_rules_that_can_t_be(numbers):
    with pytest.raises(UsageError):
        StoppingRule.of(*numbers)


@pytest.mark.parametrize(
    ("text", "part"), [("0.5%", 0.005), (" 0.5 % ", 0.005), ("0.005", 0.005), ("12%", 0.12)]
)
def test_a_precision_is_a_part(text, part):
    assert parse_precision(text) == pytest.approx(part)


@pytest.mark.parametrize(
    "text", ["much", "", "%", "3%%", "3% more", "0%", "-1%", "100%", "nan", "1", "0.5"]
)
def test_what_is_no_precision(text):
    meant = f"did you mean {text}%" if text in ("1", "0.5") else repr(text)
    with pytest.raises(UsageError, match=meant):
        parse_precision(text)


def test_drifting_is_a_plateau_and_steady_noise_is_none():
    steady = noisy(200, 0.02)
    walk = np.cumsum(0.003 * np.random.default_rng(5).standard_normal(200))
    drifting = [block + level for block, level in zip(steady, walk, strict=True)]
    assert not on_plateau(steady)
    assert on_plateau(drifting)
    assert on_plateau(drifting[:PLATEAU_BLOCKS])
    assert not on_plateau(drifting[: PLATEAU_BLOCKS - 1])
    assert not on_plateau(constant(100))
    short = list(np.concatenate(drifting[:PLATEAU_BLOCKS])[:, None])
    assert on_plateau(short)
    assert not on_plateau(short[:-1])
    rule = StoppingRule.of(None, 1e-4)
    assert stopped(rule, drifting[:109]) == "plateau"
    assert stopped(rule, drifting[:108]) is None
    assert stopped(rule, steady[:109]) is None


def test_a_plateau_compares_with_a_quarter_of_the_steps_not_with_half():
    scatter = np.repeat([0.01, 0.05, 0.01, 0.01], 25)
    means = 1 + scatter * np.random.default_rng(0).standard_normal(100)
    every = [np.full(10, mean) for mean in means]
    quarter, half, whole = (
        high - low for low, high in (interval_of(every[:count]) for count in (25, 50, 100))
    )
    assert quarter < whole < half
    assert on_plateau(every)


def ended(rule, series):
    """How a series ends by the rule, checked at every look, and at how many blocks."""
    every = blocks(series)
    for number in LOOKS:
        if number <= len(every) and (why := stopped(rule, every[:number])):
            return why, every[:number]
    return None, every


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision"),
    [
        *(("independent", 0.0035), ("autocorrelated", 0.005), ("bimodal", 0.005)),
        ("everything", 0.0035),
    ],
)
def test_stopping_at_a_precision_still_covers(name, precision):
    kind = replace(KINDS[name], drift=0.0)
    series, levels = processes(kind, np.random.default_rng(31), (1500, 1000))
    rule = StoppingRule(None, precision)
    covered, plain = [], []
    for steps, (level,) in zip(series, levels, strict=True):
        why, measured = ended(rule, steps)
        if why == "precision":
            low, high = interval_of(measured)
            more = 0.05 * (high - low)
            covered.append(low - more <= level <= high + more)
            plain.append(low <= level <= high)
    assert len(covered) > 0.9 * len(series)
    assert share(covered) >= 0.93
    # What the widening is for.
    assert share(plain) < 0.945


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [KINDS["independent"], KINDS["autocorrelated"], Kind(autocorrelation=0.8)],
    ids=["0", "0.5", "0.8"],
)
def test_steady_series_have_no_plateau(kind):
    series, _ = processes(kind, np.random.default_rng(32), (300, 2150))
    rule = StoppingRule(None, 1e-5)
    assert share(ended(rule, steps)[0] == "plateau" for steps in series) < 0.05


@pytest.mark.slow
def test_machines_that_drift_have_one():
    random = np.random.default_rng(33)
    noise = 0.02 * random.standard_normal((50, 215, 10))
    walks = np.cumsum(0.003 * random.standard_normal((50, 215, 1)), axis=1)
    bursts = np.repeat(0.05 * (random.random((50, 11, 1)) < 0.2), 20, axis=1)[:, :215]
    for drift in (walks, bursts):
        series = (1 + noise + drift).reshape(50, -1)
        rule = StoppingRule(None, 1e-5)
        assert share(ended(rule, steps)[0] == "plateau" for steps in series) >= 0.85
