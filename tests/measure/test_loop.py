from __future__ import annotations

from functools import partial
from itertools import count

import numpy as np
import pytest

from alexprof.errors import UsageError
from alexprof.measure.loop import (
    clock_cost_s,
    default_block_steps,
    schedule,
    timed_blocks,
)
from alexprof.measure.timed import describe
from tests.clock import FakeClock


def ran(targets, **options):
    """Runs the loop on steps that write down who ran."""
    log: list[str] = []
    steps = {name: partial(log.append, name) for name in targets}
    blocks = list(timed_blocks(steps, **options))
    return "".join(log), blocks


def test_variants_alternate_a_b_b_a_after_their_warm_up():
    log, blocks = ran("AB", steps=8, burn_in=3, block_steps=2)
    assert log == "AAABBB" + "AABB" + "BBAA" + "AABB" + "BBAA"
    assert [block.order for block in blocks] == list(range(10))


def test_every_step_runs_once_and_in_order():
    _, blocks = ran("AB", steps=25, burn_in=4, block_steps=10)
    for name in "AB":
        steps = [
            step
            for block in blocks
            if block.variant == name
            for step in range(block.first_step, block.first_step + len(block.start_ns))
        ]
        assert steps == list(range(-4, 25))


def test_one_variant_runs_straight_through():
    assert ran("A", steps=5, burn_in=2, block_steps=2)[0] == "A" * 7


def test_no_warm_up():
    _, blocks = ran("A", steps=3, burn_in=0)
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
        ran("A", **options)


def test_a_clock_reading_is_what_the_clock_moves_by():
    ticks = iter(range(0, 10**9, 70))
    assert clock_cost_s(lambda: next(ticks)) == pytest.approx(70e-9, rel=0.01)
    assert 1e-9 < clock_cost_s() < 1e-4
