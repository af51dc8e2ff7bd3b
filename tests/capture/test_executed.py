"""What the executed graph says of its nodes, from graphs that TensorFlow makes and runs."""

from __future__ import annotations

import numpy as np
import pytest

from alexprof.capture.executed import described, executed_ops
from alexprof.capture.target import SessionTarget


@pytest.fixture(scope="module")
def nodes():
    import tensorflow as tf

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
    assert nodes["somehow"].converts == ""
    assert nodes["whole"].converts == ""
    assert nodes["images"].converts == ""
    assert nodes["images"].type == "Placeholder"


def test_what_is_fused_is_in_the_graph_that_ran():
    import tensorflow as tf

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
