"""What a step executes and computes, from graphs that TensorFlow makes and runs."""

from __future__ import annotations

import numpy as np
import pytest

from alexprof.capture.executed import described, executed_ops, fetch_results
from alexprof.capture.target import SessionTarget
from alexprof.errors import CaptureError


@pytest.fixture(scope="module")
def nodes(tf):
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [2, 4, 5, 3], name="images")
        tf.transpose(images, [0, 3, 1, 2], name="there")
        tf.transpose(images, np.array([0, 2, 3, 1], np.int64), name="back")
        asked = tf.compat.v1.placeholder(tf.int32, [4], name="asked")
        tf.transpose(images, asked, name="somehow")
        tf.cast(images, tf.bfloat16, name="short")
        tf.cast(tf.cast(images, tf.bfloat16), tf.float32, name="long")
        tf.cast(images, tf.int32, name="whole")
    return described(graph.as_graph_def().node)


def test_transposes_and_casts_know_what_undoes_them(nodes):
    assert nodes["there"].converts == "order 0, 3, 1, 2"
    assert nodes["there"].undone_by == "order 0, 2, 3, 1"
    assert nodes["back"].converts == nodes["there"].undone_by
    assert nodes["back"].undone_by == nodes["there"].converts
    assert nodes["short"].converts == nodes["long"].undone_by
    assert nodes["short"].undone_by == nodes["long"].converts


def test_what_may_not_be_undone_is_no_conversion(nodes):
    assert {nodes[name].converts for name in ("somehow", "whole", "images")} == {""}
    assert nodes["images"].type == "Placeholder"


def test_what_is_fused_is_in_the_graph_that_ran(tf):
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        images = v1.random_normal([1, 8, 8, 4], seed=1)
        weights = v1.get_variable("w", [3, 3, 4, 8], use_resource=True)
        bias = v1.get_variable("b", [8], use_resource=True)
        product = tf.nn.conv2d(images, weights, 1, "SAME", name="product")
        tf.nn.relu(tf.nn.bias_add(product, bias), name="out")
        start = v1.global_variables_initializer()
    with v1.Session(graph=graph) as session:
        session.run(start)
        executed = executed_ops(SessionTarget(session, "out:0"), "a test")
    assert set(executed.nodes) == set(executed.inputs)
    fused = [node.fused for node in executed.nodes.values() if node.fused]
    assert fused == [("BiasAdd", "Relu")]
    entries = {entry for each in executed.inputs.values() for entry in each}
    assert not any(":" in entry for entry in entries)
    assert {entry.removeprefix("^") for entry in entries} <= set(executed.inputs)


@pytest.mark.parametrize("vendor", ["", "_Mkl", "_MklNative", "_ITEX", "_Zen", "_OneDnn"])
def test_a_conversion_is_one_in_any_build(vendor: str) -> None:
    from tensorboard.compat.proto.node_def_pb2 import NodeDef

    node = NodeDef(name="cast", op=f"{vendor}Cast")
    node.attr["SrcT"].type, node.attr["DstT"].type = 1, 14
    assert described([node])["cast"].converts == "1 to 14"


def fetched(build):
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        fetches = build()
        start = tf.compat.v1.global_variables_initializer()
    with tf.compat.v1.Session(graph=graph) as session:
        session.run(start)
        return fetch_results(SessionTarget(session, fetches), "running a step")


@pytest.mark.slow
def test_fetches_of_every_sort(tf):
    def build():
        sparse = tf.sparse.from_dense([[0, 5]])
        same = tf.constant(1, name="same")
        return {
            "half": tf.constant([1.5], tf.bfloat16),
            "text": tf.constant(["a", "b"]),
            "truth": tf.constant([True, False]),
            "twice": [same, "same:0"],
            "sparse": sparse,
            "op": tf.no_op(),
            "empty": tf.zeros([0, 3]),
        }

    results = fetched(build)
    by_type = {tensor.dtype: tensor for tensor in results}
    assert by_type["bfloat16"].norm == 1.5
    assert by_type["string"].norm is None
    assert by_type["string"].repeats
    assert by_type["bool"].norm == 1.0
    assert [tensor.name for tensor in results].count("same:0") == 1
    assert [tensor.norm for tensor in results if tensor.shape == (0, 3)] == [0.0]
    assert fetched(tf.no_op) == ()
    changes = fetched(lambda: [tf.random.uniform([100], seed=1), tf.constant(1.0)])
    assert [tensor.repeats for tensor in changes] == [False, True]


@pytest.mark.slow
def test_a_step_that_fails_is_an_error_in_words(tf):
    def build():
        data = tf.compat.v1.data.make_one_shot_iterator(tf.data.Dataset.range(1))
        return data.get_next()

    with pytest.raises(CaptureError, match=r"running a step: the step failed \(.*End of seq"):
        fetched(build)
