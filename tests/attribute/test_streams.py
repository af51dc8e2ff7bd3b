from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from alexprof.attribute.on_gpu import kernel_ops, stream_events
from alexprof.attribute.symbols import Op, OpNumbers
from alexprof.attribute.xla import XlaOps
from alexprof.xplane import Trace, parse_trace
from tests.attribute.hand import Spans, draw
from tests.traces import Ref, Stats, TraceBuilder, Unsigned


def trace_of(lines: Mapping[str, Spans], ids: Sequence[int] = ()) -> Trace:
    builder = TraceBuilder()
    plane = builder.plane("/device:GPU:0")
    draw(plane, lines)
    for line, number in zip(plane.lines, ids, strict=False):
        line.id = number
    return parse_trace(builder.to_bytes())


def lines_read(*names: str, ids: Sequence[int] = ()) -> list[str]:
    (plane,) = trace_of({name: [("kernel", 0, 1)] for name in names}, ids).planes
    return [plane.lines[index].name for index in stream_events(plane).line]


DERIVED = (
    "Steps", "XLA Modules", "XLA Ops", "Async XLA Ops", "TensorFlow Ops", "TensorFlow Name Scope",
    "Framework Ops", "Framework Name Scope", "Source code", "Launch Stats", "Host Offload Ops",
    "_counters_",
)  # fmt: skip


def test_derived_lines_are_not_read():
    streams = ["Stream #15(Compute)", "Stream #16(MemcpyOther)", "Compute"]
    assert lines_read(*DERIVED, *streams) == streams
    assert lines_read(*DERIVED) == []


def test_derived_lines_are_known_by_their_id():
    names = ("odd", "Stream #1", "Stream #2", "new")
    assert lines_read(*names, ids=(0xDEADBEF2, 123, -5, 0xDEADBEEF - 2**32)) == [
        "Stream #1",
        "Stream #2",
    ]


def test_the_sum_of_all_streams_repeats_them():
    assert lines_read("/stream:all", "/stream:15", "/stream:16") == ["/stream:15", "/stream:16"]
    assert lines_read("gpu:0/stream:all", "Steps") == ["gpu:0/stream:all"]


def ops_of(*stats: Stats | None) -> list[Op | None]:
    trace = trace_of({"Stream #1": [("kernel", n, n + 1, each) for n, each in enumerate(stats)]})
    numbers = OpNumbers()
    op, _ = kernel_ops(stream_events(trace.planes[0]), numbers, XlaOps(trace, numbers))
    return [None if number < 0 else tuple(numbers)[number] for number in op]


@pytest.mark.parametrize("written", [str, Ref])
def test_the_op_of_a_kernel(written):
    full = written("lrn1/LRN:LRN#shape=(int32[3])#::#edge_name=a#")
    assert ops_of(
        {"tf_op": written("conv1:Conv2D"), "level 0": written("no:No")},
        {"annotation": full, "level 0": written("lrn1/LRN:LRN")},
        {"annotation": full},
        {"correlation_id": Unsigned(7)},
        {"tf_op": written("XlaModule:")},
        {"tf_op": written(""), "annotation": written("pool1:MaxPool")},
        {"level 0": written("MakeTensorFromProto")},
        None,
    ) == [
        ("conv1", "Conv2D"),
        ("lrn1/LRN", "LRN"),
        ("lrn1/LRN", "LRN"),
        None,
        None,
        ("pool1", "MaxPool"),
        ("MakeTensorFromProto", "MakeTensorFromProto"),
        None,
    ]


def test_the_op_of_a_kernel_of_xla():
    whole = Ref("__inference_step_1:__inference_step_1")
    assert ops_of(
        {
            "tf_op": whole,
            "name": Ref("m/c1/Conv2D_2"),
            "hlo_op": Ref("fusion.3"),
            "hlo_module": Ref("f"),
        },
        {"tf_op": Ref("XlaModule:"), "hlo_op": Ref("loop_add.12"), "hlo_module": Ref("f")},
        {"tf_op": whole, "hlo_op": "copy.1"},
        {"tf_op": Ref("conv1:Conv2D"), "name": Ref("not an op")},
    ) == [
        ("m/c1/Conv2D_2", "Conv2D"),
        ("f/loop_add.12", "loop_add"),
        ("copy.1", "copy"),
        ("conv1", "Conv2D"),
    ]
