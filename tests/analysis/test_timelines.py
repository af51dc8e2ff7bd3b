"""What is worked out of a timeline, against a slow and obvious way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexprof.analysis.timelines import MOST_AT_ONCE, blocks_of_step, concurrency
from alexprof.attribute.lanes import NO_KERNEL, Lane, LaneOp, Timeline

OPS = (
    LaneOp("conv1/Conv2D", "Conv2D", "Conv2D", "conv1", "forward"),
    LaneOp("conv1/Relu", "Relu", "Relu", "conv1", "forward"),
    LaneOp("gradients/conv1", "Conv2DGrad", "Conv2D", "conv1", "backward"),
    LaneOp("lrn1", "LRN", "LRN", "lrn1", "forward"),
)
WALL_PS = 50_000


def timeline(events, device="CPU"):
    """A step of events: lane, op, begin, end in nanoseconds; the share is the length."""
    lanes = (Lane(device, "0"), Lane(device, "1"), Lane("CPU", "host"))
    events = sorted(events, key=lambda event: event[2])
    columns = np.array(events, np.int64).reshape(-1, 4)
    lane, op, start, end = columns.T
    return Timeline(
        device=device,
        step_numbers=np.array([7]),
        begin_ps=np.array([0]),
        wall_ps=np.array([WALL_PS]),
        lanes=lanes,
        ops=OPS,
        kernels=("k0", "k1"),
        step=np.zeros(len(events), np.int64),
        lane=lane,
        op=op,
        kernel=np.full(len(events), NO_KERNEL) if device == "CPU" else op % 2,
        start_ps=start * 1000,
        end_ps=end * 1000,
        share_ps=((end - start) * 1000).astype(np.float64),
    )


EVENT = st.tuples(
    st.integers(0, 1), st.integers(0, 3), st.integers(-5, 55), st.integers(0, 30)
).map(lambda event: (event[0], event[1], event[2], event[2] + event[3]))


@given(st.lists(EVENT, max_size=12))
def test_how_many_run_at_once_is_counted_every_nanosecond(events):
    found = concurrency(timeline(events), 0)
    slow = [0] * (MOST_AT_ONCE + 1)
    idle, longest, at = 0, 0, 0
    for moment in range(WALL_PS // 1000):
        running = sum(start <= moment < end for _, _, start, end in events)
        slow[min(running, MOST_AT_ONCE)] += 1
        idle = 0 if running else idle + 1
        if idle > longest:
            longest, at = idle, moment + 1 - idle
    expected = [count / 1e9 for count in slow]
    assert sum(found.running_s) == pytest.approx(WALL_PS / 1e12)
    for count, seconds in enumerate(found.running_s):
        assert seconds == pytest.approx(expected[count], abs=1e-15)
    assert found.longest_idle_s == pytest.approx(longest / 1e9, abs=1e-15)
    if longest:
        assert found.longest_idle_at_s == pytest.approx(at / 1e9, abs=1e-15)


def test_backward_begins_with_its_first_op():
    events = [(0, 0, 0, 10), (1, 2, 12, 20), (0, 2, 30, 40)]
    assert concurrency(timeline(events), 0).backward_at_s == pytest.approx(12e-9)
    assert concurrency(timeline(events[:1]), 0).backward_at_s is None


@pytest.mark.parametrize("device", ["CPU", "GPU:0"])
def test_blocks_of_a_step_are_its_shares(device):
    events = [(0, 0, 0, 10), (0, 1, 10, 14), (1, 2, 12, 20), (1, 3, 20, 26), (0, 0, 30, 31)]
    blocks = blocks_of_step(timeline(events, device), 0)
    assert [block.name for block in blocks] == ["conv1", "lrn1"]
    assert blocks[0].share_s == pytest.approx(23e-9)
    assert blocks[0].kind == ""
    assert blocks[1].kind == "LRN"
    for block in blocks:
        assert math.fsum(op.share_s for op in block.parts) == pytest.approx(block.share_s)
        for op in block.parts:
            kernels = math.fsum(kernel.share_s for kernel in op.parts)
            assert kernels == pytest.approx(op.share_s if device != "CPU" else 0.0)
