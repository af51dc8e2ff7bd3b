"""What a step executes, from run metadata: also the ops that a trace has no time for."""

from __future__ import annotations

from dataclasses import dataclass

from alexprof.capture.failures import profiler_failures, step_failures
from alexprof.capture.target import Target

_ENDS = ("_SOURCE", "_SINK")
"""Where the executor begins and ends; no ops of the graph."""


@dataclass(frozen=True)
class ExecutedOp:
    """An op that ran: name, TensorFlow's type ("" if not known), device ("CPU", "GPU:0", …)."""

    name: str
    type: str
    device: str


@dataclass(frozen=True)
class Executed:
    """One step with full statistics.

    Attributes:
        ops: What ran, in the order of the metadata, each once.
        inputs: The executed graph: the nodes that each node takes values from or waits for.
        run_metadata: Serialized `RunMetadata` (core/protobuf/config.proto).
    """

    ops: tuple[ExecutedOp, ...]
    inputs: dict[str, tuple[str, ...]]
    run_metadata: bytes


def executed_ops(target: Target, doing: str) -> Executed:
    """Runs one step with `FULL_TRACE` and lists what it executed.

    Raises:
        CaptureError: If memory runs out, or a profiler is in the way.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    options = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE, output_partition_graphs=True)
    metadata = v1.RunMetadata()
    with profiler_failures(doing), step_failures(doing):
        target.session.run(target.fetches, target.feed_dict, options=options, run_metadata=metadata)
    nodes = [node for graph in metadata.partition_graphs for node in graph.node]
    types = {node.name: node.op for node in nodes}
    ops = {
        (node.node_name, device): ExecutedOp(node.node_name, types.get(node.node_name, ""), device)
        for stats in metadata.step_stats.dev_stats
        # Streams repeat on the device's clock what "/device:GPU:0" says of the op.
        if (device := _short(stats.device)) and "stream" not in stats.device
        for node in stats.node_stats
        if node.node_name not in _ENDS
    }
    inputs = {node.name: tuple(map(_node, node.input)) for node in nodes}
    return Executed(tuple(ops.values()), inputs, metadata.SerializeToString())


def _node(entry: str) -> str:
    """The node of an input: conv1:0, ^conv1 → conv1 (core/framework/node_def.proto)."""
    return entry.removeprefix("^").partition(":")[0]


def _short(device: str) -> str:
    """/job:localhost/replica:0/task:0/device:CPU:0 → CPU; …/device:GPU:1 → GPU:1."""
    _, found, name = device.partition("device:")
    if not found:
        return ""
    return "CPU" if name.startswith("CPU") else name
