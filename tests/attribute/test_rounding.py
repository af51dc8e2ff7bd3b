from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alexprof.attribute.division import settle


def settled(parts: Sequence[float], group: Sequence[int], total: Sequence[int]) -> list[int]:
    found = settle(
        np.array(parts, np.float64), np.array(group, np.int64), np.array(total, np.int64)
    )
    return [int(value) for value in found]


def test_what_is_missing_goes_to_the_largest_remainders():
    assert settled([1.2, 1.7, 3.1], [0, 0, 0], [6]) == [1, 2, 3]
    assert settled([0.5, 0.75, 0.75], [0, 0, 0], [2]) == [0, 1, 1]


def test_whole_parts_stay_in_spite_of_rounding_errors():
    errors = [3 - 4e-9, 2 + 4e-9, 0.0, 5.0, 0.5, 0.5 - 1e-9]
    assert settled(errors, [0] * 6, [11]) == [3, 2, 0, 5, 1, 0]


def test_nothing():
    assert settled([], [], [0, 0]) == []


thirds = st.lists(st.fractions(0, 1000, max_denominator=12), min_size=1, max_size=30)


@given(st.lists(thirds, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_parts_add_up_and_each_is_within_one(groups, random):
    # A last part fills each group up to a whole number, as idle time fills a step.
    groups = [[*parts, math.ceil(sum(parts)) - sum(parts, Fraction(0))] for parts in groups]
    rows = [(part, number) for number, parts in enumerate(groups) for part in parts]
    random.shuffle(rows)
    found = settled(
        [float(part) for part, _ in rows],
        [number for _, number in rows],
        [int(sum(parts)) for parts in groups],
    )
    for number, parts in enumerate(groups):
        mine = [value for value, (_, group) in zip(found, rows, strict=True) if group == number]
        assert sum(mine) == sum(parts)
    assert all(abs(value - part) < 1 for value, (part, _) in zip(found, rows, strict=True))
    assert min(found) >= 0
