from __future__ import annotations

import numpy as np
import pytest

from alexprof.measure.agreement import largest_difference, tolerance


def test_a_difference_is_a_part_of_the_largest_value():
    a = np.array([1.0, -4.0, 2.0], np.float32)
    b = np.array([1.0, -4.0, 2.5], np.float32)
    assert largest_difference(a, b) == pytest.approx(0.5 / 4)
    assert largest_difference(b, a) == largest_difference(a, b)
    assert largest_difference(a, a) == 0
    assert largest_difference(a * 0, a * 0) == 0


def test_integers_far_apart_do_not_overflow():
    a, b = np.array([-128], np.int8), np.array([127], np.int8)
    assert largest_difference(a, b) == pytest.approx(255 / 128)


def test_what_has_no_size_is_none():
    nan, one = np.array([np.nan, 1.0]), np.array([1.0, 1.0])
    up, down = np.array([np.inf, 1.0]), np.array([-np.inf, 1.0])
    assert largest_difference(nan, one) is None
    assert largest_difference(up, down) is None
    assert largest_difference(nan, up) is None
    assert largest_difference(nan, nan) == largest_difference(up, up) == 0
    assert largest_difference(one, np.ones(3)) is None
    assert largest_difference(np.array(["a"]), np.array(["a"])) is None


def test_complex_numbers_differ_by_their_distance():
    assert largest_difference(np.array([3 + 4j]), np.array([0j])) == pytest.approx(1)


@pytest.mark.parametrize(("count", "layers"), [(100_000, 1), (10_000, 10)])
def test_sums_in_another_order_stay_within_the_tolerance(count, layers):
    random = np.random.default_rng(5)
    a = b = random.normal(size=(64,)).astype(np.float32)
    for _ in range(layers):
        weights = random.normal(size=(count // 64, 64)).astype(np.float32)
        back = random.normal(size=(64, count // 64)).astype(np.float32)
        order = random.permutation(count // 64)
        a = back @ (weights @ a)
        b = back[:, order] @ (weights[order] @ b)
        size = np.abs(a).max()
        a, b = a / size, b / size
    found = largest_difference(a, b)
    assert 0 < found < tolerance("float32") / 3
    assert largest_difference(a, a * np.float32(1.001)) > tolerance("float32")


def test_types_without_rounding_must_be_alike():
    assert tolerance("int32") == tolerance("bool") == 0
