"""Costs of ops of XLA against those that xprof prints for the same file."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest

from alexprof.attribute import attribute
from alexprof.attribute.division import UNASSIGNED_OP
from alexprof.xplane import read_trace
from tests.attribute.test_device_events import ops_by_us
from tests.attribute.xprof_devices import device_events
from tests.attribute.xprof_tables import ops_by_xprof
from tests.samples import JAX

pytestmark = pytest.mark.slow


def devices_by_us(path: Path) -> dict[str, float]:
    """Busy time by op in microseconds, over all devices."""
    costs = attribute(read_trace(path), cores=False).costs
    ran = costs.filter(pl.col("device").str.starts_with("GPU"), pl.col("kernels") > 0)
    return dict(ran.group_by("op").agg(pl.col("busy_ns").sum() / 1000).iter_rows())


@pytest.mark.parametrize("path", JAX, ids=lambda path: path.stem)
def test_each_op_has_xprof_s_time_and_what_xprof_gives_to_no_op(path, tmp_path):
    """Events that xprof lists as instructions AlexProf gives to ops: see xprof_devices.py."""
    events = device_events(path)
    theirs = {op: cost.self_us for op, cost in ops_by_xprof(path, tmp_path, "Device").items()}
    instructions = {event.row for event in events if event.row and not event.op}
    expected: dict[str, float] = defaultdict(float)
    for op, self_us in theirs.items():
        expected[op] += 0 if op in instructions else self_us
    for event, (op, _) in zip(events, ops_by_us(path, events), strict=True):
        if not event.op:
            expected[op or UNASSIGNED_OP] += event.duration_ps / 1e6
    named = {op: total_us for op, total_us in expected.items() if total_us}
    assert devices_by_us(path) == pytest.approx(named, abs=0.01)
    assert theirs.keys() - instructions <= named.keys()
