"""The timed loop, its rule and warm-up until it is steady, on a clock that moves when told to."""

from __future__ import annotations

from functools import partial
from itertools import count

import numpy as np
import pytest

from alexprof.errors import UsageError
from alexprof.measure.loop import (
    MOST_WARM_UP_S,
    MOST_WARM_UP_STEPS,
    clock_cost_s,
    default_block_steps,
    number_warm_up,
    schedule,
    timed_blocks,
    why_stopped,
)
from alexprof.measure.statistics import deviation_interval, mean_interval
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


def test_more_precision_takes_more_steps_and_is_reached():
    counts = []
    for precision in (0.005, 0.002):
        rule = StoppingRule.of(None, precision)
        blocks, _ = ran(rule, {"A": noise(1), "B": noise(2)})
        assert why_stopped(rule, blocks) == "precision"
        sides = [[b for b in blocks if b.variant == name] for name in "AB"]
        reached = [describe(b, fetch=True, requested_precision=precision).precision for b in sides]
        assert all(part is not None and part <= precision for part in reached)
        counts.append(len(blocks))
    assert counts[0] < counts[1]


def test_the_most_steps_end_it_even_in_the_middle_of_a_block():
    rule = StoppingRule.of(25, 1e-6)
    blocks, _ = ran(rule, {"A": noise(1), "B": noise(2)}, block_steps=10)
    assert steps_of(blocks, "A") == steps_of(blocks, "B") == list(range(25))
    assert why_stopped(rule, blocks) == "steps"


def test_no_round_begins_that_would_end_after_the_longest_time():
    # Warm-up 2 × 2 × 10 ms, a round 2 × 10 × 10 ms.
    for max_time_s, rounds in ((1.0, 4), (1.04, 5), (0.01, 1)):
        rule = StoppingRule.of(None, None, max_time_s)
        blocks, clock = ran(rule, {"A": always(10), "B": always(10)}, burn_in=2)
        assert why_stopped(rule, blocks) == "max-time"
        assert len(blocks) == 2 + 2 * rounds
        assert clock.now_ns == (40 + 200 * rounds) * MS


def test_a_machine_that_swings_ends_it_by_a_plateau():
    rule = StoppingRule.of(None, 1e-4, 1e9)
    steady = noise(3)
    swinging = {"A": lambda step: steady(step) * (1 + 0.02 * np.sin(step / 300)), "B": steady}
    blocks, _ = ran(rule, swinging)
    assert why_stopped(rule, blocks) == "plateau"
    assert len(blocks) < 2 * 200


def test_blocks_that_are_not_all_say_that_more_are_to_come():
    rule = StoppingRule.of(100)
    blocks, _ = ran(rule, {"A": always(1), "B": always(1)})
    assert why_stopped(rule, blocks[:-2]) is None
    assert why_stopped(rule, blocks) == "steps"


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


def test_enough_steady_burn_in_is_not_made_longer_nor_is_it_made_shorter():
    for burn_in in (WARM_UP_WINDOW, 200):
        blocks, _ = ran(StoppingRule.of(1), {"A": always(1)}, burn_in, until_steady=True)
        assert len(steps_of(blocks, "A", warm_up=True)) == burn_in


def test_warm_up_without_any_asked_for():
    blocks, _ = ran(StoppingRule.of(5), {"A": always(1), "B": always(2)}, 0, until_steady=True)
    assert len(steps_of(blocks, "A", warm_up=True)) == WARM_UP_WINDOW
    assert [block.block for block in blocks[: 2 * WARM_UP_WINDOW // 10]] == [-1] * (
        2 * WARM_UP_WINDOW // 10
    )


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


def test_a_window_that_is_too_short_is_not_settled():
    assert not warm_up_settled(np.ones(WARM_UP_WINDOW - 1))
    assert warm_up_settled(np.ones(WARM_UP_WINDOW))
    assert warm_up_settled(np.concatenate([np.full(20, 2.0), np.ones(WARM_UP_WINDOW)]))


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
        assert (timed.stopped_by, timed.requested_precision, timed.fetch) == (
            "precision",
            0.01,
            False,
        )
        assert timed.warm_up == WarmUp(3, timed.burn_in, True)


def logged(targets, **options):
    """Runs the loop on steps that write down who ran."""
    log: list[str] = []
    steps = {name: partial(log.append, name) for name in targets}
    blocks = list(timed_blocks(steps, **options))
    return "".join(log), blocks


def test_variants_alternate_a_b_b_a_after_their_warm_up():
    log, blocks = logged("AB", steps=8, burn_in=3, block_steps=2)
    assert log == "AAABBB" + "AABB" + "BBAA" + "AABB" + "BBAA"
    assert [block.order for block in blocks] == list(range(10))


def test_every_step_runs_once_and_in_order():
    _, blocks = logged("AB", steps=25, burn_in=4, block_steps=10)
    for name in "AB":
        steps = [
            step
            for block in blocks
            if block.variant == name
            for step in range(block.first_step, block.first_step + len(block.start_ns))
        ]
        assert steps == list(range(-4, 25))


def test_one_variant_runs_straight_through():
    assert logged("A", steps=5, burn_in=2, block_steps=2)[0] == "A" * 7


def test_no_warm_up():
    _, blocks = logged("A", steps=3, burn_in=0)
    assert not any(block.warm_up for block in blocks)


def test_durations_are_what_the_clock_says_between_start_and_end():
    clock = FakeClock()
    durations = count(1_000_000, 1_000_000)
    blocks = list(
        timed_blocks({"A": clock.step(lambda: next(durations))}, steps=3, burn_in=1, clock=clock)
    )
    timed = np.concatenate([block.seconds for block in blocks if not block.warm_up])
    assert timed == pytest.approx([0.002, 0.003, 0.004])


def test_between_two_steps_there_is_nothing_but_the_clock():
    # Two readings a step, none of them elsewhere: the time between steps is one reading.
    clock = FakeClock(reading_ns=7)
    (block,) = timed_blocks({"A": clock.step(100)}, steps=5, burn_in=0, block_steps=5, clock=clock)
    assert set(block.start_ns[1:] - block.end_ns[:-1]) == {7}


def test_blocks_shrink_so_that_there_are_ten_of_them():
    assert [default_block_steps(steps) for steps in (1, 5, 20, 55, 100, 1000)] == [
        1, 1, 2, 5, 10, 10,
    ]  # fmt: skip
    assert default_block_steps(None) == 10


def test_many_variants_take_shorter_turns():
    assert [default_block_steps(100, variants) for variants in (1, 2, 3, 4, 5, 10, 11, 30)] == [
        10, 10, 6, 5, 4, 2, 1, 1,
    ]  # fmt: skip
    assert default_block_steps(None, 4) == 5
    assert default_block_steps(20, 4) == 2
    assert default_block_steps(100, 1, step_s=2.0) == 10


def test_turns_of_long_steps_are_short():
    assert [default_block_steps(100, 2, step_s) for step_s in (0, 0.01, 0.05, 0.1, 0.3, 2.0)] == [
        10, 10, 10, 5, 1, 1,
    ]  # fmt: skip
    clock = FakeClock()
    for warm_up, turn in ((2, 3), (0, 10)):
        measured = timed_blocks(
            {"A": clock.step(int(0.15e9)), "B": clock.step(int(0.15e9))},
            steps=100, burn_in=warm_up, clock=clock,
        )  # fmt: skip
        blocks = list(measured)[2 * bool(warm_up) : -2]
        assert {len(block.start_ns) for block in blocks} == {turn}


def test_the_schedule_covers_steps_that_are_no_multiple_of_the_block():
    assert [row[2:] for row in schedule(["A"], steps=7, block_steps=3)] == [
        (0, 3),
        (3, 3),
        (6, 1),
    ]


def test_description_leaves_warm_up_out_and_uses_the_classic_standard_deviation():
    clock = FakeClock()
    durations = iter([900, 900, 1, 2, 3, 4])
    blocks = timed_blocks(
        {"A": clock.step(lambda: next(durations) * 10**9)}, steps=4, burn_in=2, clock=clock
    )
    timed = describe(blocks, fetch=True)
    assert (timed.steps, timed.burn_in, timed.mean_s, timed.median_s) == (4, 2, 2.5, 2.5)
    # As the classic computes it: sqrt(total of squares / n - mean²).
    assert timed.std_s == pytest.approx(((1 + 4 + 9 + 16) / 4 - 2.5**2) ** 0.5)
    assert (timed.min_s, timed.max_s) == (1, 4)
    assert [block.block for block in timed.blocks] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"steps": 0, "burn_in": 0}, "timed steps"),
        ({"steps": 1, "burn_in": -1}, "burn-in"),
        ({"steps": 1, "burn_in": 0, "block_steps": 0}, "block"),
    ],
)
def test_numbers_out_of_range_are_named(options, named):
    with pytest.raises(UsageError, match=named):
        logged("A", **options)


def test_a_clock_reading_is_what_the_clock_moves_by():
    ticks = iter(range(0, 10**9, 70))
    assert clock_cost_s(lambda: next(ticks)) == pytest.approx(70e-9, rel=0.01)
    assert 1e-9 < clock_cost_s() < 1e-4
