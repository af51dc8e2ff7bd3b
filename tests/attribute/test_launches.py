"""Kernels that name no op, by their launches."""

from __future__ import annotations

import pytest

from alexprof.record.note import Note
from tests.attribute.hand import Spans, attribute, steps, trace

LINKED = {"correlation_id": 7}
LOST = "(unassigned)"


def kernels(found):
    return {kernel.name: kernel.op for kernel in found.kernels}


def gpu(kernel: Spans, **host: Spans):
    return {
        "/host:CPU": {"python": steps((0, 100)), **host},
        "/device:GPU:0": {"Stream #1": kernel},
    }


RAN, LAUNCH = ("a:MatMul", 10, 20), ("cuLaunchKernel", 12, 14, LINKED)
NO_NUMBER, NAMED = {"correlation_id": 0}, {**LINKED, "tf_op": "c:Conv2D"}


@pytest.mark.parametrize(
    ("said", "op", "ran", "elsewhere"),
    [
        pytest.param(LINKED, "a", [("b:While", 0, 50), RAN, LAUNCH], [], id="the innermost op"),
        pytest.param(LINKED, "a", [RAN, LAUNCH], [("b:Add", 11, 19)], id="of the same thread"),
        pytest.param(LINKED, "c", [RAN, (*LAUNCH[:3], NAMED)], [], id="what the launch says"),
        pytest.param(NAMED, "c", [RAN, LAUNCH], [], id="what the kernel says"),
        pytest.param(LINKED, "a", [("x", 2, 4, LINKED), RAN, LAUNCH], [], id="a launch with an op"),
        pytest.param(LINKED, LOST, [RAN, ("x", 25, 26, LINKED)], [], id="no op around it"),
        pytest.param({"correlation_id": 9}, LOST, [RAN, LAUNCH], [], id="no launch"),
        pytest.param({}, LOST, [RAN, LAUNCH], [], id="no number"),
        pytest.param(NO_NUMBER, LOST, [RAN, (*LAUNCH[:3], NO_NUMBER)], [], id="0 is no number"),
    ],
)
def test_the_op_of_a_kernel(said, op, ran, elsewhere):
    found = attribute(trace(gpu([("gemm", 30, 40, said)], tf_1=ran, tf_2=elsewhere)))
    assert kernels(found) == {"gemm": op}
    assert found.costs.filter(device="GPU:0", op=op)["kernels"].to_list() == [1]


def test_the_plane_of_the_driver_has_the_same_threads():
    planes = gpu([("gemm", 30, 40, LINKED)], tf_1=[RAN], tf_2=[("b:Add", 0, 60)])
    # Lines are numbered from 1: the driver's first line is the thread "python".
    planes["/host:CUPTI"] = {"1": [], "2": [LAUNCH]}
    assert kernels(attribute(trace(planes))) == {"gemm": "a"}


def test_kernels_of_a_cuda_graph_count_for_the_op_that_launched_it():
    ran = [("step:PartitionedCall", 10, 20), ("cuGraphLaunch", 12, 14, LINKED)]
    nodes = [
        (f"node{n}", 30 + n, 31 + n, {**LINKED, "cuda_graph_id": 1, "cuda_graph_node_id": n})
        for n in range(5)
    ]
    found = attribute(trace(gpu(nodes, tf_1=ran)))
    assert set(kernels(found).values()) == {"step"}
    assert found.notes[-1] == Note("graphs_not_traced", {"kernels": 5, "of_kernels": 5}, ("GPU:0",))


def test_clocks_that_differ_are_told():
    ran = [("a:MatMul", 10_000, 20_000), ("cuLaunchKernel", 12_000, 14_000, LINKED)]
    early = [("gemm", 9_000, 9_500, {**LINKED, "tf_op": "a:MatMul"})]
    planes = gpu(early, tf_1=ran)
    planes["/host:CPU"]["python"] = steps((0, 100_000))
    assert attribute(trace(planes)).notes[-1] == Note("clocks_apart", {"apart_s": 3e-6}, ("GPU:0",))
    late = [("gemm", 12_500, 13_000, {**LINKED, "tf_op": "a:MatMul"})]
    planes["/device:GPU:0"] = {"Stream #1": late}
    assert "clocks_apart" not in {note.code for note in attribute(trace(planes)).notes}
