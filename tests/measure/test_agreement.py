from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from alexprof.measure.agreement import SUMS, distance, fingerprint, same, tolerance


def prints(*arrays):
    return [fingerprint("t:0", array) for array in arrays]


def test_a_fingerprint_holds_norm_shape_and_type():
    summed = fingerprint("c:0", np.array([[3.0, -4.0], [0.0, 12.0]], np.float32))
    assert (summed.dtype, summed.shape, summed.norm) == ("float32", (2, 2), 13.0)
    assert [abs(value) for value in summed.sums] == [3, 4, 0, 12] + [0] * (SUMS - 4)


def test_a_tensor_of_several_chunks_is_summed_up_whole():
    size = (3, 1 << 20)
    n = math.prod(size) - 1
    values = np.arange(n + 1).reshape(size)
    summed = fingerprint("t:0", values)
    assert summed.norm == pytest.approx(math.sqrt(n * (n + 1) * (2 * n + 1) / 6))
    values[2, -1] += 1
    assert not same(summed, fingerprint("t:0", values))


@pytest.mark.parametrize("size", [5, 1000, 3_000_000])
@pytest.mark.parametrize("part", [1e-3, 0.3])
def test_the_distance_is_that_of_the_tensors(size, part):
    random = np.random.default_rng(size)
    values, noise = random.normal(size=(2, size))
    length = np.linalg.norm(values)
    noise *= part * length / np.linalg.norm(noise)
    a, b = prints(values, values + noise)
    exact = part * length / max(length, np.linalg.norm(values + noise))
    assert distance(a, b) == distance(b, a)
    # 4 deviations of 17 % on either side.
    assert distance(a, b) == pytest.approx(exact, rel=0.7)


def test_order_and_signs_count_though_the_norm_is_the_same():
    values = np.random.default_rng(1).normal(size=1000)
    for other in (values[::-1], -values, np.roll(values, SUMS)):
        a, b = prints(values, other)
        assert a.norm == pytest.approx(b.norm)
        assert not same(a, b)


def test_infinite_values_are_counted_and_left_out_of_sums():
    nan, elsewhere = np.array([np.nan, np.inf, 2.0, 2.0]), np.array([np.nan, 2.0, np.inf, 2.0])
    a, b = prints(nan, elsewhere)
    assert (a.nonfinite, a.norm) == (2, math.sqrt(8))
    assert same(a, a)
    assert not same(a, b)
    assert distance(*prints(nan, np.ones(4))) is None


def test_norms_do_not_overflow_and_are_those_of_complex_numbers_too():
    a, b = prints(np.array([3e200, 4e200]), np.array([3e200, 3e200]))
    assert a.norm == pytest.approx(5e200)
    assert distance(a, b) == pytest.approx(0.2)
    assert distance(*prints(np.array([3 + 4j]), np.array([0j]))) == pytest.approx(1)
    largest = fingerprint("t:0", np.full(100, 1.7e308))
    assert largest.norm < math.inf
    assert np.isfinite(largest.sums).all()


def test_nothing_and_zeros_are_the_same():
    assert same(*prints(np.zeros((0, 3)), np.zeros((0, 3))))
    assert same(*prints(np.zeros(3), np.zeros(3)))
    assert distance(*prints(np.zeros(3), np.full(3, 1e-9))) == pytest.approx(1)


def test_text_is_the_same_or_not():
    a, b = prints(np.array(["a", "b"]), np.array(["a", "c"]))
    assert (a.dtype, a.norm, a.nonfinite) == ("string", None, None)
    assert same(a, a)
    assert not same(a, b)


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
    apart = distance(*prints(a, b))
    assert 0 < apart < tolerance("float32") / 3
    assert not same(*prints(a, a * np.float32(1.001)))


def test_types_without_rounding_must_be_equal():
    assert tolerance("int32") == tolerance("bool") == 0
    assert not same(*prints(np.array([-128], np.int8), np.array([127], np.int8)))
    large = np.full(100_000, 1 << 40)
    other = large.copy()
    other[5] += 1
    assert same(*prints(large, large.copy()))
    assert not same(*prints(large, other))


def test_fingerprints_of_different_lengths_mean_different_tensors():
    a, b = prints(np.ones(3), np.ones(3))
    assert distance(a, replace(b, sums=b.sums[1:])) is None
