"""What the Graphs tab takes for a scope's compute time, against the shares of its ops."""

from __future__ import annotations

import numpy as np
import pytest
from tensorboard.compat.proto.config_pb2 import RunMetadata

from alexprof.record.phase import Phase
from alexprof.tensorboard.compute_times import with_shares
from tests.factory import OpTimes, costs_of, traced

CPU, GPU = "/job:localhost/replica:0/task:0/device:CPU:0", "/job:localhost/device:GPU:0"
SHARES_US = {
    "conv1/read": 3.0,
    "conv1_1/Conv2D": 40.0,
    "conv1/Conv2D": 500.0,
    "conv1": 20.0,
    "gradients/conv1/grad": 700.0,
    "conv2/read": 2.0,
    "conv2/Conv2D": 1200.0,
    "gradients/conv1-a/grad": 60.0,
}


def phase(device: str) -> Phase:
    costs = costs_of(
        OpTimes(name, "Conv2D", "forward", np.array([share_us * 1e3]), device=device)
        for name, share_us in SHARES_US.items()
    )
    return traced(Phase(label="Forward"), costs, device=device)


def run_metadata(*devices: str) -> bytes:
    """Variables are read first; each node stands twice on its device, as an op that ran twice."""
    metadata = RunMetadata()
    for device in devices:
        stats = metadata.step_stats.dev_stats.add(device=device)
        for start_us, name in enumerate((*SHARES_US, *SHARES_US, "no_cost")):
            node = stats.node_stats.add(
                node_name=name, all_start_micros=1_000_000 + start_us, all_end_rel_micros=9
            )
            node.memory.add(allocator_name="cpu", total_bytes=64)
    return bytes(metadata.SerializeToString())


def spans_us(content: bytes, device: str) -> dict[str, int]:
    """Of each scope and node the time from its first start to its last end, as Graphs does it."""
    ends: dict[str, tuple[int, int]] = {}
    for stats in RunMetadata.FromString(content).step_stats.dev_stats:
        for node in stats.node_stats if stats.device == device else ():
            if node.all_end_rel_micros <= 0:
                continue
            start_us = node.all_start_micros
            end_us = start_us + node.all_end_rel_micros
            parts = node.node_name.split("/")
            for depth in range(1, len(parts) + 1):
                scope = "/".join(parts[:depth])
                low, high = ends.get(scope, (start_us, end_us))
                ends[scope] = (min(low, start_us), max(high, end_us))
    return {scope: high - low for scope, (low, high) in ends.items()}


@pytest.mark.parametrize(("device", "name"), [("CPU", CPU), ("GPU:0", GPU)])
def test_each_scope_takes_as_long_as_its_ops_together(device: str, name: str) -> None:
    content = with_shares(run_metadata(CPU, GPU), phase(device))
    spans = spans_us(content, name)
    scopes = {"/".join(op.split("/")[:depth]) for op in SHARES_US for depth in (1, 2, 3)}
    for scope in scopes:
        within = [us for op, us in SHARES_US.items() if f"{op}/".startswith(f"{scope}/")]
        assert spans[scope] == pytest.approx(sum(within), abs=1), scope
    assert "no_cost" not in spans
    other = CPU if name == GPU else GPU
    assert spans_us(content, other) == {}


def test_nodes_keep_what_they_allocate_and_streams_go() -> None:
    content = with_shares(run_metadata(CPU, f"{GPU}/stream:all"), phase("CPU"))
    (stats,) = RunMetadata.FromString(content).step_stats.dev_stats
    assert stats.device == CPU
    assert sorted(node.node_name for node in stats.node_stats) == sorted((*SHARES_US, "no_cost"))
    assert all(node.memory[0].total_bytes == 64 for node in stats.node_stats)


def test_without_a_divided_step_the_metadata_stays() -> None:
    content = run_metadata(CPU)
    assert with_shares(content, Phase(label="Forward")) == content
