"""Run metadata whose compute times in TensorBoard's Graphs tab are those of the record.

Graphs takes a scope's compute time to be from the first start to the last end of its ops
(tensorboard/plugins/graph/tf_graph_common, `NodeStats`). A variable that is read when the step
begins makes its layer look as long as the step. So the ops are laid end to end here, scope by
scope, each as long as its share of a traced step: then every scope is as long as its ops are
together.
"""

from __future__ import annotations

from collections.abc import Iterable

from tensorboard.compat.proto.config_pb2 import RunMetadata
from tensorboard.compat.proto.step_stats_pb2 import DeviceStepStats, NodeExecStats, StepStats

from alexprof.capture.executed import short_device
from alexprof.record.phase import OpCost, Phase


def with_shares(run_metadata: bytes, phase: Phase) -> bytes:
    """Replaces the times in run metadata by the record's.

    Args:
        run_metadata: Serialized `RunMetadata` (tensorflow/core/protobuf/config.proto) of a step.
        phase: The phase of the step.

    Returns:
        The same, serialized, without streams; ops on a device that the step is not divided on have
        no time. Unchanged where no step was divided.
    """
    if phase.attribution is None:
        return run_metadata
    metadata = RunMetadata.FromString(run_metadata)
    ops = [op for op in phase.ops if op.device == phase.attribution.device]
    devices = [stats for stats in metadata.step_stats.dev_stats if "/stream:" not in stats.device]
    starts_us = [node.all_start_micros for stats in devices for node in stats.node_stats]
    begin_us = min(starts_us, default=0)
    for stats in devices:
        on_this = short_device(stats.device) == phase.attribution.device
        _replace_times(stats, ops if on_this else (), begin_us)
    metadata.step_stats.CopyFrom(StepStats(dev_stats=devices))
    return bytes(metadata.SerializeToString())


def _replace_times(stats: DeviceStepStats, ops: Iterable[OpCost], begin_us: int) -> None:
    """Leaves each node once, with what it allocates and the time that the record gives it."""
    shares_us: dict[str, float] = {}
    for op in ops:
        shares_us[op.name] = shares_us.get(op.name, 0.0) + op.share_mean_s * 1e6
    nodes = {node.node_name: node for node in reversed(stats.node_stats)}
    for name in shares_us.keys() - nodes.keys():
        nodes[name] = NodeExecStats(node_name=name)
    end_us = float(begin_us)
    # By the parts of names, not by names: "conv1_1" must not stand between "conv1" and "conv1/x".
    names = sorted(nodes, key=lambda name: name.split("/"))
    for name in names:
        node, start_us = nodes[name], end_us
        end_us += shares_us.get(name, 0.0)
        for field in ("op_start_rel", "op_end_rel", "all_end_rel", "scheduled"):
            for unit in ("micros", "nanos"):
                node.ClearField(f"{field}_{unit}")
        node.ClearField("all_start_nanos")
        node.all_start_micros = round(start_us)
        node.op_end_rel_micros = node.all_end_rel_micros = round(end_us) - round(start_us)
    del stats.node_stats[:]
    stats.node_stats.extend(nodes[name] for name in names)
