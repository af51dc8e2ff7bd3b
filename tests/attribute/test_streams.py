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


DERIVED = (
    "Steps", "XLA Modules", "XLA Ops", "Async XLA Ops", "TensorFlow Ops", "TensorFlow Name Scope",
    "Framework Ops", "Framework Name Scope", "Source code", "Launch Stats", "Host Offload Ops",
    "_counters_",
)  # fmt: skip


STREAMS = ("Stream #15(Compute)", "Stream #16(MemcpyOther)", "Compute")
ODD = (0xDEADBEF2, 123, -5, 0xDEADBEEF - 2**32)


@pytest.mark.parametrize(
    ("names", "ids", "streams"),
    [
        pytest.param([*DERIVED, *STREAMS], (), list(STREAMS), id="known by their names"),
        pytest.param(DERIVED, (), [], id="and nothing else"),
        pytest.param(["odd", "Stream #1", "Stream #2", "new"], ODD, ["Stream #1", "Stream #2"],
                     id="known by their ids"),
        pytest.param(["/stream:all", "/stream:15", "/stream:16"], (), ["/stream:15", "/stream:16"],
                     id="the sum of all streams repeats them"),
        pytest.param(["gpu:0/stream:all", "Steps"], (), ["gpu:0/stream:all"],
                     id="a sum without streams"),
    ],
)  # fmt: skip
def test_derived_lines_are_not_read(names, ids, streams):
    (plane,) = trace_of({name: [("kernel", 0, 1)] for name in names}, ids).planes
    assert [plane.lines[index].name for index in stream_events(plane).line] == streams


def ops_of(*stats: Stats | None) -> list[Op | None]:
    trace = trace_of({"Stream #1": [("kernel", n, n + 1, each) for n, each in enumerate(stats)]})
    numbers = OpNumbers()
    op, _ = kernel_ops(stream_events(trace.planes[0]), numbers, XlaOps(trace, numbers))
    return [None if number < 0 else tuple(numbers)[number] for number in op]


@pytest.mark.parametrize("written", [str, Ref])
def test_the_op_of_a_kernel(written):
    full = written("lrn1/LRN:LRN#shape=(int32[3])#::#edge_name=a#")
    lrn = ("lrn1/LRN", "LRN")
    ops: list[tuple[Stats | None, Op | None]] = [
        ({"tf_op": written("conv1:Conv2D"), "level 0": written("no:No")}, ("conv1", "Conv2D")),
        ({"annotation": full, "level 0": written("lrn1/LRN")}, lrn),
        ({"annotation": full}, lrn),
        ({"correlation_id": Unsigned(7)}, None),
        ({"tf_op": written("XlaModule:")}, None),
        ({"tf_op": written(""), "annotation": written("pool1:MaxPool")}, ("pool1", "MaxPool")),
        ({"level 0": written("MakeTensorFromProto")}, ("MakeTensorFromProto",) * 2),
        (None, None),
    ]
    assert ops_of(*(stats for stats, _ in ops)) == [op for _, op in ops]


def test_the_op_of_a_kernel_of_xla():
    whole = Ref("__inference_step_1:__inference_step_1")
    xla = {"hlo_op": Ref("fusion.3"), "hlo_module": Ref("f")}
    ops: list[tuple[Stats | None, Op | None]] = [
        ({**xla, "tf_op": whole, "name": Ref("m/c1/Conv2D_2")}, ("m/c1/Conv2D_2", "Conv2D")),
        ({**xla, "tf_op": Ref("XlaModule:")}, ("f/fusion.3", "fusion")),
        ({"tf_op": whole, "hlo_op": "copy.1"}, ("copy.1", "copy")),
        ({"tf_op": Ref("conv1:Conv2D"), "name": Ref("not an op")}, ("conv1", "Conv2D")),
    ]
    assert ops_of(*(stats for stats, _ in ops)) == [op for _, op in ops]
