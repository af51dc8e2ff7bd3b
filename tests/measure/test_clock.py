from __future__ import annotations

import pytest

from alexprof.measure.clock import clock_cost_s


def test_a_clock_reading_is_what_the_clock_moves_by():
    ticks = iter(range(0, 10**9, 70))
    assert clock_cost_s(lambda: next(ticks)) == pytest.approx(70e-9, rel=0.01)
    assert 1e-9 < clock_cost_s() < 1e-4
