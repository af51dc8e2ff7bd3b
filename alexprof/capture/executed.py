"""What a step executes and computes: each op, also those that a trace has no time for; results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alexprof.capture.failures import profiler_failures, step_failures
from alexprof.capture.target import Target
from alexprof.record.program import ExecutedOp, TensorFingerprint
from alexprof.workload.vendor_prefixes import without_vendor

_INTEGERS = (3, 9)
"""DT_INT32 and DT_INT64 (core/framework/types.proto)."""
_FLOATS = {1, 2, 14, 19}
"""DT_FLOAT, DT_DOUBLE, DT_BFLOAT16 and DT_HALF."""
_ENDS = ("_SOURCE", "_SINK")
"""Where the executor begins and ends; no ops of the graph."""


@dataclass(frozen=True)
class Node:
    """What the executed graph says of a node beside its inputs."""

    type: str  # TensorFlow's
    fused: tuple[str, ...] = ()  # The types of ops that it computes too
    # What it does to a tensor, if it only converts it: "order 0, 3, 1, 2", or "1 to 19" by the
    # numbers of types; "" for any other op
    converts: str = ""
    undone_by: str = ""  # What converts back


@dataclass(frozen=True)
class Executed:
    """One step with full statistics."""

    ops: tuple[ExecutedOp, ...]  # What ran, in the order of the metadata, each once
    # The executed graph: the nodes that each node takes values from, and with "^" in front those
    # that it only waits for, as in core/framework/node_def.proto
    inputs: dict[str, tuple[str, ...]]
    nodes: dict[str, Node]  # What else it says of each node
    run_metadata: bytes  # Serialized `RunMetadata` (core/protobuf/config.proto)


def executed_ops(target: Target, doing: str) -> Executed:
    """Runs one step with full statistics and lists what it executed; nothing if it has none.

    Raises:
        CaptureError: If memory runs out, or a profiler is in the way.
    """
    with profiler_failures(doing), step_failures(doing):
        metadata = target.run_metadata()
    if metadata is None:
        return Executed((), {}, {}, b"")
    nodes = [node for graph in metadata.partition_graphs for node in graph.node]
    types = {node.name: node.op for node in nodes}
    ops = {
        (node.node_name, device): ExecutedOp(node.node_name, types.get(node.node_name, ""), device)
        for stats in metadata.step_stats.dev_stats
        # Streams repeat on the device's clock what "/device:GPU:0" says of the op.
        if (device := short_device(stats.device)) and "stream" not in stats.device
        for node in stats.node_stats
        if node.node_name not in _ENDS
    }
    inputs = {node.name: tuple(map(_without_output, node.input)) for node in nodes}
    return Executed(tuple(ops.values()), inputs, described(nodes), metadata.SerializeToString())


def described(nodes: Sequence[Any]) -> dict[str, Node]:
    """Reads what `Node` holds out of `NodeDef`s, by their names.

    Which ops are fused is in the attribute `fused_ops` (core/kernels/conv_ops_fused_impl.h); what a
    conversion does in the types of `Cast` and in the constant that is the order of `Transpose`
    (core/ops/math_ops.cc, array_ops.cc).
    """
    by_name = {node.name: node for node in nodes}
    return {node.name: _described(node, by_name) for node in nodes}


def _described(node: Any, by_name: Mapping[str, Any]) -> Node:
    fused = ()
    if "fused_ops" in node.attr:
        fused = tuple(fused_type.decode() for fused_type in node.attr["fused_ops"].list.s)
    bare = without_vendor(node.op)
    if bare == "Cast":
        source, target = node.attr["SrcT"].type, node.attr["DstT"].type
        if {source, target} <= _FLOATS:  # through whole numbers it is another value
            return Node(node.op, fused, f"{source} to {target}", f"{target} to {source}")
    if bare == "Transpose" and len(node.input) > 1:
        order = _constant(by_name.get(_without_output(node.input[1])))
        if sorted(order) == list(range(len(order))) and order:
            back = sorted(range(len(order)), key=lambda axis: order[axis])
            texts = ("order " + ", ".join(map(str, axes)) for axes in (order, back))
            return Node(node.op, fused, *texts)
    return Node(node.op, fused)


def _constant(node: Any) -> list[int]:
    """The integers of a constant; none if it is something else."""
    import numpy as np
    import tensorflow as tf

    if node is None or node.op != "Const" or node.attr["dtype"].type not in _INTEGERS:
        return []
    values: list[int] = np.ravel(tf.make_ndarray(node.attr["value"].tensor)).tolist()
    return values


def _without_output(entry: str) -> str:
    """The node of an input: conv1:0 → conv1, ^conv1 stays (core/framework/node_def.proto)."""
    return entry.partition(":")[0]


def short_device(device: str) -> str:
    """/job:localhost/replica:0/task:0/device:CPU:0 → CPU; …/device:GPU:1 → GPU:1."""
    _, _, name = device.partition("device:")
    return "CPU" if name.startswith("CPU") else name


def fetch_results(target: Target, doing: str) -> tuple[TensorFingerprint, ...]:
    """Runs two more steps and sums up what they compute, in the order of the outputs.

    Returns:
        A fingerprint per tensor; none where the target doesn't know what it computes.

    Raises:
        CaptureError: If a step fails or memory runs out.
    """
    from alexprof.measure.agreement import same

    # One result at a time is in memory.
    first = list(_fingerprints(target, doing))
    again = list(_fingerprints(target, doing)) if first else []
    return tuple(replace(a, repeats=same(a, b)) for a, b in zip(first, again, strict=True))


def _fingerprints(target: Target, doing: str) -> Iterator[TensorFingerprint]:
    from alexprof.measure.agreement import fingerprint

    with step_failures(doing, of_any_kind=True):
        tensors = dict(target.outputs() or {})
    for name in list(tensors):
        yield fingerprint(name, tensors.pop(name))
