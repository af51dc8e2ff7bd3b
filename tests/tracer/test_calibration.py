"""What tracing costs, on a real profiler."""

from __future__ import annotations

import pytest

from alexprof.errors import CaptureError
from alexprof.tracer import calibration

pytestmark = pytest.mark.slow


def test_an_event_is_seen_at_the_level_that_shows_every_op():
    pytest.importorskip("tensorflow")
    found = calibration.calibrate_tracing()
    assert found.reason is None
    assert found.blocks >= 6
    by_level = {one.level: one for one in found.levels}
    assert by_level[1].events_per_step < 100
    assert by_level[2].events_per_step < found.ops
    assert found.ops < by_level[3].events_per_step < 10 * found.ops
    assert by_level[1].event_s is by_level[2].event_s is None
    assert 1e-8 < found.event_s(3) < 1e-4


def test_where_it_fails_the_reason_is_kept(monkeypatch):
    def fails():
        raise CaptureError("another profiler is already running")

    monkeypatch.setattr(calibration, "calibration_steps", fails)
    found = calibration.calibrate_tracing()
    assert (found.reason, found.levels) == ("another profiler is already running", ())
