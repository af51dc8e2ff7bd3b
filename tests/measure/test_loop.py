"""The timed loop, its rule and warm-up until it is steady, on a clock that moves when told to."""

from __future__ import annotations

from functools import partial
from itertools import count

import numpy as np
import pytest

from alexprof.errors import UsageError
from alexprof.measure.intervals import deviation_interval, mean_interval
from alexprof.measure.loop import (
    MOST_WARM_UP_S,
    MOST_WARM_UP_STEPS,
    clock_cost_s,
    default_block_steps,
    number_warm_up,
    timed_blocks,
    why_stopped,
)
from alexprof.measure.steady import (
    WARM_UP_WINDOW,
    count_outliers,
    find_steady_state,
    warm_up_settled,
)
from alexprof.measure.stopping import StoppingRule
from alexprof.measure.timed import describe, describe_phase
from alexprof.record.timed import WarmUp
from tests.clock import FakeClock

MS = 10**6


def ran(rule, durations_ns, burn_in=0, **options):
    """Blocks of variants whose steps take what their functions of the step's number say."""
    clock = FakeClock()

    def target(of):
        steps = count()
        return clock.step(lambda: int(of(next(steps))))

    targets = {name: target(of) for name, of in durations_ns.items()}
    blocks = list(timed_blocks(targets, rule, burn_in, clock=clock, **options))
    return number_warm_up(blocks), clock


def always(milliseconds):
    return lambda step: milliseconds * MS


def steps_of(blocks, variant, *, warm_up=False):
    return [
        block.first_step + step
        for block in blocks
        if block.variant == variant and block.warm_up == warm_up
        for step in range(len(block.start_ns))
    ]


def noise(seed):
    values = 1 + 0.02 * np.random.default_rng(seed).standard_normal(100_000)
    return lambda step: 10 * MS * values[step]


def test_it_stops_at_the_first_look_at_which_all_are_precise():
    rule = StoppingRule.of(None, 0.01)
    blocks, _ = ran(rule, {"A": always(5), "B": always(7)}, burn_in=3)
    assert why_stopped(rule, blocks) == "precision"
    assert steps_of(blocks, "A") == steps_of(blocks, "B") == list(range(100))
    assert [block.variant for block in blocks[2:6]] == ["A", "B", "B", "A"]


def test_the_most_steps_end_it_even_in_the_middle_of_a_block():
    rule = StoppingRule.of(25, 1e-6)
    blocks, _ = ran(rule, {"A": noise(1), "B": noise(2)}, block_steps=10)
    assert steps_of(blocks, "A") == steps_of(blocks, "B") == list(range(25))
    assert why_stopped(rule, blocks) == "steps"
    assert why_stopped(rule, blocks[:-2]) is None  # more are to come


def test_no_round_begins_that_would_end_after_the_longest_time():
    # Warm-up 2 × 2 × 10 ms, a round 2 × 10 × 10 ms.
    for max_time_s, rounds in ((1.0, 4), (1.04, 5), (0.01, 1)):
        rule = StoppingRule.of(None, None, max_time_s)
        blocks, clock = ran(rule, {"A": always(10), "B": always(10)}, burn_in=2)
        assert why_stopped(rule, blocks) == "max-time"
        assert len(blocks) == 2 + 2 * rounds
        assert clock.now_ns == (40 + 200 * rounds) * MS


def warming(step):
    """Twenty slow steps, then noise of 1 %."""
    return 10 * MS * (1.5 if step < 20 else 1) * (1 + 0.01 * ((step * 7) % 11 - 5) / 5)


def test_warm_up_goes_on_until_the_last_steps_of_all_are_steady():
    blocks, _ = ran(StoppingRule.of(20), {"A": warming, "B": always(3)}, 10, until_steady=True)
    ran_steps = len(steps_of(blocks, "A", warm_up=True))
    assert steps_of(blocks, "A", warm_up=True) == list(range(-ran_steps, 0))
    assert steps_of(blocks, "B", warm_up=True) == list(range(-ran_steps, 0))
    assert 20 + WARM_UP_WINDOW <= ran_steps <= 20 + WARM_UP_WINDOW + 10
    assert steps_of(blocks, "A") == list(range(20))
    assert [block.order for block in blocks] == list(range(len(blocks)))
    timed = describe_phase(blocks, StoppingRule.of(20), 10, until_steady=True, fetch=True)["A"]
    assert timed.warm_up == WarmUp(10, ran_steps, True)


def test_without_being_asked_warm_up_is_what_was_asked():
    blocks, _ = ran(StoppingRule.of(20), {"A": warming}, burn_in=10)
    assert steps_of(blocks, "A", warm_up=True) == list(range(-10, 0))
    timed = describe_phase(blocks, StoppingRule.of(20), 10, until_steady=False, fetch=True)["A"]
    assert timed.warm_up == WarmUp(10, 10, None)


@pytest.mark.parametrize("burn_in", [0, WARM_UP_WINDOW, 200])
def test_enough_steady_burn_in_is_not_made_longer_nor_is_it_made_shorter(burn_in):
    targets = {"A": always(1), "B": always(2)}
    blocks, _ = ran(StoppingRule.of(5), targets, burn_in, until_steady=True)
    for variant in targets:
        assert len(steps_of(blocks, variant, warm_up=True)) == max(burn_in, WARM_UP_WINDOW)
    assert not warm_up_settled(np.ones(WARM_UP_WINDOW - 1))
    assert warm_up_settled(np.concatenate([np.full(20, 2.0), np.ones(WARM_UP_WINDOW)]))


@pytest.mark.parametrize(
    ("step_ms", "max_time_s", "bound_s"),
    [(1, None, MOST_WARM_UP_S), (1000, None, MOST_WARM_UP_S), (100, 30, 15)],
)
def test_warm_up_that_never_settles_ends_at_its_bound(step_ms, max_time_s, bound_s):
    rule = StoppingRule.of(10, None, max_time_s)

    def rising(step):
        return step_ms * MS * (1 + 0.02 * step)

    blocks, _ = ran(rule, {"A": rising}, burn_in=5, until_steady=True)
    warm_up = [block for block in blocks if block.warm_up]
    lasted_s = (warm_up[-1].end_ns[-1] - warm_up[0].start_ns[0]) / 1e9
    timed = describe_phase(blocks, rule, 5, until_steady=True, fetch=True)["A"]
    assert not timed.warm_up.settled
    assert lasted_s <= bound_s
    if timed.warm_up.steps < MOST_WARM_UP_STEPS:
        assert lasted_s > 0.6 * bound_s
    assert steps_of(blocks, "A") == list(range(10))


def test_what_is_known_of_the_steps_is_computed_from_them_in_order():
    blocks, _ = ran(StoppingRule.of(100), {"A": warming}, burn_in=3)
    timed = describe(blocks, fetch=True, stopped_by="steps")
    parts = [block.seconds for block in blocks if not block.warm_up]
    seconds = np.concatenate(parts)
    assert timed.steadiness == find_steady_state(seconds)
    assert (timed.steadiness.state, timed.steadiness.settled_step) == ("warming", 18)
    assert timed.outliers == count_outliers(seconds)
    assert timed.std_ci95_s == deviation_interval(parts)
    assert (timed.stopped_by, timed.requested_precision, timed.warm_up) == ("steps", None, None)
    assert timed.ci95_s is not None
    low, high = timed.ci95_s
    assert (low, high) == mean_interval(parts)
    assert timed.precision == pytest.approx((high - low) / 2 / timed.mean_s)
    judged = describe(blocks, fetch=True, requested_precision=0.01)
    assert judged.precision == pytest.approx(1.1 * timed.precision)
    assert judged.ci95_s == pytest.approx((low - 0.05 * (high - low), high + 0.05 * (high - low)))


def test_a_phase_is_summed_up_by_variant():
    rule = StoppingRule.of(None, 0.01)
    blocks, _ = ran(rule, {"B": always(5), "A": always(7)}, 3, until_steady=True)
    phase = describe_phase(blocks, rule, 3, until_steady=True, fetch=False)
    assert list(phase) == ["B", "A"]
    assert [round(timed.mean_s, 9) for timed in phase.values()] == [0.005, 0.007]
    for timed in phase.values():
        assert (timed.stopped_by, timed.requested_precision) == ("precision", 0.01)
        assert not timed.fetch
        assert timed.warm_up == WarmUp(3, timed.burn_in, True)


def test_variants_alternate_a_b_b_a_after_their_warm_up():
    log: list[str] = []
    steps = {name: partial(log.append, name) for name in "AB"}
    blocks = list(timed_blocks(steps, steps=8, burn_in=3, block_steps=2))
    assert "".join(log) == "AAABBB" + "AABB" + "BBAA" + "AABB" + "BBAA"
    assert [block.order for block in blocks] == list(range(10))


def test_between_two_steps_there_is_nothing_but_the_clock():
    # Two readings a step, none of them elsewhere: the time between steps is one reading.
    clock = FakeClock(reading_ns=7)
    (block,) = timed_blocks({"A": clock.step(100)}, steps=5, burn_in=0, block_steps=5, clock=clock)
    assert set(block.start_ns[1:] - block.end_ns[:-1]) == {7}


@pytest.mark.parametrize(
    ("steps", "variants", "step_s", "turn"),
    [
        # So that there are ten of them,
        *((1, 1, 0, 1), (5, 1, 0, 1), (20, 1, 0, 2), (55, 1, 0, 5), (100, 1, 0, 10)),
        *((1000, 1, 0, 10), (None, 1, 0, 10)),
        # shorter for many variants
        *((100, 2, 0, 10), (100, 3, 0, 6), (100, 4, 0, 5), (100, 5, 0, 4), (100, 10, 0, 2)),
        *((100, 11, 0, 1), (100, 30, 0, 1), (None, 4, 0, 5), (20, 4, 0, 2)),
        # and for long steps, if there are others.
        *((100, 2, 0.01, 10), (100, 2, 0.05, 10), (100, 2, 0.1, 5), (100, 2, 0.3, 1)),
        *((100, 2, 2.0, 1), (100, 1, 2.0, 10)),
    ],
)
def test_steps_of_a_turn(steps, variants, step_s, turn):
    assert default_block_steps(steps, variants, step_s) == turn


def test_only_warm_up_tells_that_steps_are_long():
    for warm_up, turn in ((2, 3), (0, 10)):
        blocks, _ = ran(StoppingRule.of(100), {"A": always(150), "B": always(150)}, warm_up)
        timed = [block for block in blocks if not block.warm_up][:-2]
        assert {len(block.start_ns) for block in timed} == {turn}


def test_description_leaves_warm_up_out_and_uses_the_classic_standard_deviation():
    clock = FakeClock()
    durations_s = iter([900, 900, 1, 2, 3, 4])
    step = clock.step(lambda: next(durations_s) * 10**9)
    blocks = timed_blocks({"A": step}, steps=4, burn_in=2, clock=clock)
    timed = describe(blocks, fetch=True)
    assert (timed.steps, timed.burn_in, timed.mean_s, timed.median_s) == (4, 2, 2.5, 2.5)
    # As the classic computes it: sqrt(total of squares / n - mean²).
    assert timed.std_s == pytest.approx(((1 + 4 + 9 + 16) / 4 - 2.5**2) ** 0.5)
    assert (timed.min_s, timed.max_s) == (1, 4)
    assert [block.block for block in timed.blocks] == [0, 1, 2, 3]


@pytest.mark.parametrize("numbers", [(0, 0), (1, -1), (1, 0, 0)])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(UsageError):
        list(timed_blocks({"A": lambda: None}, *numbers))


def test_a_clock_reading_is_what_the_clock_moves_by():
    ticks = iter(range(0, 10**9, 70))
    assert clock_cost_s(lambda: next(ticks)) == pytest.approx(70e-9, rel=0.01)
    assert 1e-9 < clock_cost_s() < 1e-4
