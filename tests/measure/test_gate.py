from __future__ import annotations

import math

import pytest

from alexprof.measure.equivalence_band import difference_of
from alexprof.measure.ratios import judge
from alexprof.record.values import Needed


def comparison(ratio, error):
    """As of countless pairs: normal quantiles."""
    half = 1.96 * error
    return difference_of(
        1.0,
        ratio,
        (ratio * math.exp(-half), ratio * math.exp(half)),
        "mean",
        needed=None,
        log_error=error,
        degrees_of_freedom=math.inf,
    )


@pytest.mark.parametrize(
    ("ratio", "error", "outcome"),
    [
        (1.0, 0.01, "within"),
        (0.5, 0.01, "within"),
        (1.0, 0.02, "unclear"),
        (1.05, 0.005, "slower"),
        # A 95 % interval excludes 3 % here (1.96 errors), a 99 % bound (2.33) doesn't.
        (1.03 * math.exp(0.021), 0.01, "unclear"),
        (1.03 * math.exp(0.024), 0.01, "slower"),
    ],
)
def test_one(ratio, error, outcome):
    assert judge([comparison(ratio, error)], [0.03]) == outcome


def test_each_has_its_bound():
    quick, slow = comparison(1.0, 0.001), comparison(1.08, 0.001)
    assert judge([quick, slow], [0.03, 0.1]) == "within"
    assert judge([quick, slow], [0.03, 0.03]) == "slower"
    assert judge([quick, comparison(1.03, 0.001)], [0.03, 0.03]) == "unclear"


def test_among_many_a_red_needs_more_evidence():
    weak = comparison(1.03 * math.exp(0.025), 0.01)
    assert judge([weak], [0.03]) == "slower"
    assert judge([weak, *[comparison(1.0, 0.001)] * 9], [0.03] * 10) == "unclear"


def test_without_an_interval_nothing_can_be_told():
    bare = difference_of(1.0, 2.0, None, "mean", needed=Needed("blocks", 2))
    assert judge([bare], [0.03]) == "unclear"
    assert judge([bare, comparison(1.2, 0.001)], [0.03, 0.03]) == "slower"
