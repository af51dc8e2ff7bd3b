"""Whether trace and clock agree on the steps, though the machine may delay some of them."""

from __future__ import annotations

import pytest

from alexprof.tracer.driver import _clocks_agree


@pytest.mark.parametrize(
    ("apart_s", "agree"),
    [
        ((0.0,), True),
        ((5e-3,), False),
        ((0.0, 5e-3), True),
        ((5e-3, 0.0), True),
        ((5e-3, 5e-3), False),
        ((0.0, 5e-3, 0.0), True),
        ((5e-3, 5e-3, 0.0), False),
        ((1e-4, 5e-5), True),
    ],
)
def test_delayed_steps_say_nothing(apart_s, agree):
    clock_s = [1e-3] * len(apart_s)
    assert _clocks_agree([1e-3 + more_s for more_s in apart_s], clock_s) == agree
