from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from alexprof.measure.tracing import clock_cost_s, tracing_cost

OFF_S, EVENTS, OPS = 1e-3, {1: 6.0, 2: 2000.0, 3: 3000.0}, 1000


def blocks(event_s, noise_s=2e-5, rounds=12, seed=0):
    """Blocks in which each event takes `event_s`, a drift moves all levels, and some steps wait."""
    random = np.random.default_rng(seed)
    found: dict[int, list[Any]] = {level: [] for level in (0, *EVENTS)}
    for number in range(rounds):
        for level, every in found.items():
            added_s = EVENTS.get(level, 0) * event_s + number * 1e-5
            steps = OFF_S + added_s + random.exponential(noise_s, 8)
            steps[random.random(8) < 0.1] += 5e-3
            every.append(steps)
    return found


def test_what_an_event_costs_is_found_again():
    found = tracing_cost(blocks(0.3e-6), EVENTS, OPS)
    one, two, three = found.levels
    assert three.event_s == pytest.approx(0.3e-6, rel=0.02)
    assert two.event_s == pytest.approx(0.3e-6, rel=0.03)
    assert three.event_ci95_s[0] < 0.3e-6 < three.event_ci95_s[1]
    assert three.added_s == pytest.approx(3000 * three.event_s)
    assert (one.event_s, one.event_ci95_s) == (None, None)  # fewer events than ops
    assert (found.blocks, found.block_steps, found.ops) == (12, 8, OPS)
    assert found.event_s(3) == three.event_s
    assert found.event_s(0) is None
    assert found.event_s(None) is None


def test_intervals_hold_what_an_event_costs():
    held = 0
    for seed in range(200):
        interval = tracing_cost(blocks(0.3e-6, seed=seed), EVENTS, OPS).levels[2].event_ci95_s
        held += interval[0] <= 0.3e-6 <= interval[1]
    assert 0.90 <= held / 200 <= 0.99


def test_what_is_not_seen_has_no_cost():
    three = tracing_cost(blocks(0.0), EVENTS, OPS).levels[2]
    assert (three.event_s, three.event_ci95_s) == (None, None)
    assert three.added_ci95_s[0] <= 0 <= three.added_ci95_s[1]


def test_a_clock_reading_is_what_the_clock_moves_by():
    ticks = iter(range(0, 10**9, 70))
    assert clock_cost_s(lambda: next(ticks)) == pytest.approx(70e-9, rel=0.01)
    assert 1e-9 < clock_cost_s() < 1e-4
