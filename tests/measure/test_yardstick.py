from __future__ import annotations

import threading
from itertools import count

import pytest

from alexprof.measure import yardstick
from alexprof.measure.disturbances import Disturbances, Yardstick, slowed


def test_the_median_of_repetitions_stands_and_the_first_is_left_out(monkeypatch):
    monkeypatch.setattr(yardstick, "usable_cores", lambda: 2)
    # Each repetition reads the clock twice; these are what they take, the first of each kind cold.
    taken = [90, 1, 2, 3, 4, 5, 6, 70, 95, 10, 20, 30, 40, 50, 60, 700]
    readings = (value for seconds in taken for value in (0.0, float(seconds)))
    found = yardstick.read_yardstick(lambda: next(readings))
    assert (found.arithmetic_s, found.memory_s) == (4, 40)


def test_every_usable_core_has_a_thread(monkeypatch):
    monkeypatch.setattr(yardstick, "usable_cores", lambda: 3)
    monkeypatch.setattr(yardstick, "REPETITIONS", 1)
    together = threading.Barrier(3, timeout=10)
    monkeypatch.setattr(yardstick, "_hash", together.wait)
    ticks = count()
    assert yardstick.read_yardstick(lambda: next(ticks)).arithmetic_s == 1


def test_both_figures_are_of_real_work():
    found = yardstick.read_yardstick()
    assert found.arithmetic_s > 1e-4
    assert found.memory_s > 1e-4


def test_a_change_is_a_logarithm_and_the_yardstick_a_geometric_mean():
    before, after = Yardstick(0.004, 0.010), Yardstick(0.009, 0.010)
    assert slowed(before, after) == pytest.approx((0.81093, 0))
    both = Disturbances(1.0, 2, yardstick_before=before, yardstick_after=after).yardstick
    assert both is not None
    assert (both.arithmetic_s, both.memory_s) == pytest.approx((0.006, 0.010))
    assert Disturbances(1.0, 2, yardstick_before=before).yardstick is None
