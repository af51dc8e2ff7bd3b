"""Intervals of shares over traced steps: blocks as they must be, and how many cover the truth."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from alexprof.measure.chunks import (
    LEAST_CHUNKS,
    MOST_CHUNKS,
    chunk_of_step,
    chunks,
    half_width,
    step_interval,
)
from alexprof.measure.intervals import student_half_width
from tests.measure.series import Kind, within


@pytest.mark.parametrize(
    ("steps", "sizes"),
    [
        (1, [1]), (2, [1, 1]), (5, [1] * 5), (6, [2, 2, 2]), (7, [3, 2, 2]), (10, [2] * 5),
        (20, [2] * 10), (21, [3] + [2] * 9), (50, [5] * 10),
    ],
)  # fmt: skip
def test_traced_steps_in_blocks(steps, sizes):
    values = np.arange(steps) * 1.0
    assert [len(block) for block in chunks(values)] == sizes
    assert np.bincount(chunk_of_step(steps)).tolist() == sizes
    assert np.concatenate(chunks(values)).tolist() == values.tolist()


def test_the_interval_is_students_over_block_means():
    values = np.array([11.0, 13.0, 12.0, 14.0, 19.0, 15.0])
    # t with 2 degrees of freedom, and a tenth for autocorrelation.
    half = 1.1 * 4.302653 * statistics.stdev([12.0, 13.0, 17.0]) / 3**0.5
    assert step_interval(values) == pytest.approx((14 - half, 14 + half), rel=1e-5)


def test_students_t_is_scipys():
    for blocks in range(LEAST_CHUNKS, MOST_CHUNKS + 1):
        assert half_width(blocks) == pytest.approx(1.1 * student_half_width(1.0, blocks), rel=3e-6)


def test_an_interval_takes_three_steps_and_does_not_go_below_zero():
    assert [step_interval(np.ones(steps)) for steps in (0, 1, 2)] == [None] * 3
    high = 9.1 / 3 + half_width(3) * statistics.stdev([0.0, 0.1, 9.0])
    assert step_interval(np.array([0.0, 0.1, 9.0])) == pytest.approx((0, high))


@pytest.mark.parametrize(
    ("steps", "autocorrelation", "least", "most"),
    [
        (10, 0.0, 0.95, 0.97), (10, 0.1, 0.94, 0.97), (10, 0.25, 0.93, 0.95), (10, 0.5, 0.87, 0.9),
        (50, 0.0, 0.95, 0.97), (50, 0.25, 0.94, 0.97), (50, 0.5, 0.92, 0.95),
    ],
)  # fmt: skip
def test_so_many_intervals_cover_the_truth(steps, autocorrelation, least, most):
    kind = Kind(noise=1.0, autocorrelation=autocorrelation)
    series = within(kind, np.random.default_rng(3), (4000, steps))
    bounds = np.array([step_interval(100 + values) for values in series])
    covered = ((bounds[:, 0] <= 100) & (bounds[:, 1] >= 100)).mean()
    assert least <= covered <= most
    if autocorrelation == 0.5:
        # Steps taken for independent ones cover less.
        half = 2.0 * series.std(axis=1, ddof=1) / steps**0.5
        assert (np.abs(series.mean(axis=1)) <= half).mean() < covered - 0.05
