"""Timelines show the events that the costs are made of: shares and idle time add up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from alexprof.attribute.costs import attribute_phases
from alexprof.attribute.lanes import read_timelines
from alexprof.record.metrics import IDLE_OP
from alexprof.xplane import read_trace
from tests.trace_runs import write_trace

SHARED = Path(__file__).parents[3] / "shared" / "traces" / "h200"
GPU_TRACES = ("keras_nojit", "train_on_batch_and_test", "async_no_fetch", "xla_loop")


@pytest.fixture(params=["hand", *GPU_TRACES])
def trace(request, tmp_path):
    if request.param == "hand":
        return read_trace(write_trace(tmp_path / "vm.xplane.pb", steps=5, sorts=("train", "eval")))
    path = SHARED / f"{request.param}.xplane.pb"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    return read_trace(path)


def test_shares_of_events_are_those_of_the_costs(trace):
    timelines, phases = read_timelines(trace), attribute_phases(trace)
    assert list(timelines) == list(phases)
    for name, timeline in timelines.items():
        costs = phases[name].costs
        assert timeline.step_numbers.tolist() == phases[name].steps["step"].to_list()
        assert (timeline.wall_ps // 1000).tolist() == phases[name].steps["wall_ns"].to_list()
        devices = {lane.device for lane in timeline.lanes}
        for device in devices:
            on_device = np.array([lane.device == device for lane in timeline.lanes])[timeline.lane]
            by_op: dict[str, float] = {}
            for op, share_ps in zip(
                timeline.op[on_device], timeline.share_ps[on_device], strict=True
            ):
                key = timeline.ops[op].name
                by_op[key] = by_op.get(key, 0.0) + share_ps
            rows = costs.filter((pl.col("device") == device) & (pl.col("op") != IDLE_OP))
            expected = dict(rows.group_by("op").agg(pl.col("share_ns").sum()).iter_rows())
            steps = timeline.wall_ps.size
            for op, share_ns in expected.items():
                assert by_op.get(op, 0.0) / 1000 == pytest.approx(share_ns, abs=steps, rel=0.02)


def test_steps_stand_one_behind_the_other(trace):
    for timeline in read_timelines(trace).values():
        count = 0
        for place in range(timeline.wall_ps.size):
            step = timeline.of_step(place)
            assert (step.step == place).all()
            assert (np.diff(step.start_ps) >= 0).all()
            assert (step.end_ps >= step.start_ps).all()
            count += step.step.size
        assert count == timeline.step.size
        with pytest.raises(IndexError):
            timeline.of_step(timeline.wall_ps.size)


def test_a_kernel_has_a_name_and_an_op_of_the_host_has_none(trace):
    for timeline in read_timelines(trace).values():
        on_gpu = np.array([lane.device != "CPU" for lane in timeline.lanes])[timeline.lane]
        assert (timeline.kernel[on_gpu] >= 0).all()
        assert (timeline.kernel[~on_gpu] == -1).all()
