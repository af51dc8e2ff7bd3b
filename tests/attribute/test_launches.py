"""Kernels that name no op, by their launches."""

from __future__ import annotations

from alexprof.record.note import Note
from tests.attribute.hand import Spans, attribute, steps, trace

LINKED = {"correlation_id": 7}


def kernels(found):
    return {kernel.name: kernel.op for kernel in found.kernels}


def gpu(kernel: Spans, **host: Spans):
    return {
        "/host:CPU": {"python": steps((0, 100)), **host},
        "/device:GPU:0": {"Stream #1": kernel},
    }


def test_the_innermost_op_around_the_launch():
    ran = [("outer:While", 0, 50), ("a/b:MatMul", 10, 20), ("cuLaunchKernel", 12, 14, LINKED)]
    found = attribute(trace(gpu([("gemm", 30, 40, LINKED)], tf_1=ran)))
    assert kernels(found) == {"gemm": "a/b"}
    assert found.costs.filter(device="GPU:0", op="a/b")["kernels"].to_list() == [1]


def test_the_plane_of_the_driver_has_the_same_threads():
    planes = gpu([("gemm", 30, 40, LINKED)], tf_1=[("a:MatMul", 10, 20)], tf_2=[("b:Add", 0, 60)])
    # Lines are numbered from 1: the driver's first line is the thread "python".
    planes["/host:CUPTI"] = {"1": [], "2": [("cuLaunchKernel", 12, 14, LINKED)]}
    assert kernels(attribute(trace(planes))) == {"gemm": "a"}


def test_what_the_launch_says_goes_first():
    launch = ("cuLaunchKernel", 12, 14, {**LINKED, "tf_op": "c:Conv2D"})
    ran = [("a:MatMul", 10, 20), launch]
    assert kernels(attribute(trace(gpu([("gemm", 30, 40, LINKED)], tf_1=ran)))) == {"gemm": "c"}


def test_what_the_kernel_says_goes_before_all():
    ran = [("a:MatMul", 10, 20), ("cuLaunchKernel", 12, 14, LINKED)]
    said = {**LINKED, "tf_op": "d:Relu"}
    assert kernels(attribute(trace(gpu([("relu", 30, 40, said)], tf_1=ran)))) == {"relu": "d"}


def test_without_a_launch_or_an_op_around_it_a_kernel_has_none():
    ran = [("a:MatMul", 10, 20), ("cuLaunchKernel", 25, 26, LINKED)]
    streams = [("gemm", 30, 40, LINKED), ("lost", 40, 50, {"correlation_id": 9}), ("bare", 50, 60)]
    found = attribute(trace(gpu(streams, tf_1=ran)))
    assert set(kernels(found).values()) == {"(unassigned)"}


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


def test_number_0_is_no_launch():
    nothing = {"correlation_id": 0}
    ran = [("a:MatMul", 10, 20), ("cuLaunchKernel", 12, 14, nothing)]
    found = attribute(trace(gpu([("gemm", 30, 40, nothing)], tf_1=ran)))
    assert kernels(found) == {"gemm": "(unassigned)"}


def test_of_two_launches_of_a_number_the_one_with_an_op_counts():
    launches = [("cuLaunchKernel", at, at + 2, LINKED) for at in (2, 12)]
    found = attribute(
        trace(gpu([("gemm", 30, 40, LINKED)], tf_1=[("a:MatMul", 10, 20), *launches]))
    )
    assert kernels(found) == {"gemm": "a"}


def test_ops_of_other_threads_are_not_around_a_launch():
    ran = {"tf_1": [("a:MatMul", 10, 20), ("cuLaunchKernel", 12, 14, LINKED)]}
    ran["tf_2"] = [("b:Add", 11, 19)]
    found = attribute(trace(gpu([("gemm", 30, 40, LINKED)], **ran)))
    assert kernels(found) == {"gemm": "a"}
