from __future__ import annotations

import numpy as np
import pytest

from alexprof.measure.outliers import count_outliers, outlier_classes


def test_fences_by_hand():
    # Quartiles 3 and 7 of 1 to 9: mild beyond −3 and 13, severe beyond −9 and 19.
    values = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9.0])
    assert outlier_classes(values).tolist() == [0] * 9
    # With these four quartiles stay: they are the 4th and 10th of 13.
    wide = np.array([-10, -4, *values[1:8], 14, 20.0])
    low, high = np.percentile(wide, [25, 75])
    assert (low, high) == (2.5, 7.5)
    assert outlier_classes(wide).tolist() == [-1, 0, *[0] * 7, 0, 1]


@pytest.mark.parametrize(("extra", "expected"), [(8, 0), (8.1, 1), (11, 1), (11.1, 2)])
def test_on_a_fence_is_inside(extra, expected):
    # Quartiles 3.25 and 4.75 or so don't move: many values at 2, 3, 4, 5.
    values = np.concatenate([np.full(100, 3.0), np.full(100, 5.0), [extra]])
    assert outlier_classes(values)[-1] == expected
    assert outlier_classes(8 - values)[-1] == -expected


def test_counts_and_what_slow_ones_add():
    values = np.concatenate([np.tile([3.0, 5.0], 50), [9.0], [20.0], [-1.0], [-20.0]])
    found = count_outliers(values)
    assert (found.severe_low, found.mild_low, found.mild_high, found.severe_high) == (1, 1, 1, 1)
    assert found.steps == 104
    inside = np.concatenate([np.tile([3.0, 5.0], 50), [-1.0], [-20.0]])
    assert found.mean_share == pytest.approx(values.mean() / inside.mean() - 1)


def test_few_of_normal_steps_are_outliers():
    found = count_outliers(np.random.default_rng(1).standard_normal(100_000) + 50)
    assert (found.mild_low + found.mild_high) / 100_000 == pytest.approx(1 / 143, rel=0.1)
    assert found.severe_low + found.severe_high <= 2


def test_constant_steps_have_none_and_one_step_out_of_line_is_severe():
    assert outlier_classes(np.full(10, 0.25)).tolist() == [0] * 10
    assert outlier_classes(np.array([1.0] * 9 + [1.1])).tolist() == [0] * 9 + [2]
    assert outlier_classes(np.zeros(0)).tolist() == []
    assert count_outliers(np.ones(1)).mean_share == 0
