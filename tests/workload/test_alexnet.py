from __future__ import annotations

import numpy as np
import pytest

from alexprof.errors import UsageError
from alexprof.workload import make_workload
from alexprof.workload.alexnet import alexnet

# As the classic script prints them for batch 32.
CLASSIC_SHAPES = {
    "conv1": (32, 56, 56, 64),
    "lrn1": (32, 56, 56, 64),
    "pool1": (32, 27, 27, 64),
    "conv2": (32, 27, 27, 192),
    "lrn2": (32, 27, 27, 192),
    "pool2": (32, 13, 13, 192),
    "conv3": (32, 13, 13, 384),
    "conv4": (32, 13, 13, 256),
    "conv5": (32, 13, 13, 256),
    "pool5": (32, 6, 6, 256),
}


def build(workload, variant):
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        return graph, workload.variants[variant].build()


@pytest.fixture(scope="module")
def graphs():
    workload = alexnet()
    return {variant: build(workload, variant) for variant in workload.variants}


def test_layers_have_the_classic_names_and_shapes(graphs):
    _, built = graphs["with_lrn"]
    assert {layer.name: layer.shape for layer in built.layers} == CLASSIC_SHAPES
    _, built = graphs["without_lrn"]
    assert [layer.name for layer in built.layers] == [n for n in CLASSIC_SHAPES if "lrn" not in n]


def test_variants_differ_by_the_lrn_ops_alone(graphs):
    types = {
        variant: {op.name: op.type for op in graph.get_operations() if "gradients" not in op.name}
        for variant, (graph, _) in graphs.items()
    }
    with_lrn, without = types["with_lrn"], types["without_lrn"]
    gone = {name: with_lrn[name] for name in with_lrn.keys() - without.keys()}
    assert gone == {"lrn1/LRN": "LRN", "lrn2/LRN": "LRN"}
    assert without.items() <= with_lrn.items()


def test_lrn_and_layers_have_the_classic_attributes(graphs):
    graph, _ = graphs["with_lrn"]
    lrn = graph.get_operation_by_name("lrn1/LRN")
    assert lrn.get_attr("depth_radius") == 4
    factors = [lrn.get_attr(name) for name in ("bias", "alpha", "beta")]
    assert factors == pytest.approx([1, 0.001 / 9, 0.75])
    conv1 = graph.get_operation_by_name("conv1/Conv2D")
    assert (conv1.get_attr("strides"), conv1.get_attr("padding")) == ([1, 4, 4, 1], b"SAME")
    pool = graph.get_operation_by_name("pool1")
    assert (pool.get_attr("ksize"), pool.get_attr("strides")) == ([1, 3, 3, 1], [1, 2, 2, 1])
    assert pool.get_attr("padding") == b"VALID"
    assert graph.get_operation_by_name("conv1").type == "Relu"


def test_phases_fetch_pool5_and_ten_gradients(graphs):
    _, built = graphs["with_lrn"]
    assert built.fetches["forward"].shape == (32, 6, 6, 256)
    gradients = built.fetches["forward_backward"]
    assert [tuple(gradient.shape) for gradient in gradients] == [
        *((11, 11, 3, 64), (64,), (5, 5, 64, 192), (192,), (3, 3, 192, 384), (384,)),
        *((3, 3, 384, 256), (256,), (3, 3, 256, 256), (256,)),
    ]


def test_variants_hold_the_same_numbers(tf):
    workload = alexnet(batch_size=1, seed=5, image_size=64)

    def values(variant, workload=workload):
        graph, _ = build(workload, variant)
        with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
            session.run(tf.compat.v1.global_variables_initializer())
            return session.run(tf.compat.v1.global_variables())

    images, conv1, *_ = with_lrn = values("with_lrn")
    assert all(map(np.array_equal, with_lrn, values("without_lrn")))
    assert not np.array_equal(images, values("with_lrn", alexnet(1, 6, 64))[0])
    assert images.std() == pytest.approx(0.1, rel=0.05)
    assert np.abs(conv1).max() <= 0.2  # truncated at two standard deviations


def test_bad_arguments_are_named():
    with pytest.raises(UsageError, match="batch size must be at least 1, not 0"):
        make_workload("alexnet", batch_size=0, seed=0)
    with pytest.raises(UsageError, match="seed"):
        make_workload("alexnet", batch_size=1, seed=-1)


def test_the_least_memory_is_below_what_tensors_take_and_grows_with_the_batch():
    workload = alexnet(batch_size=1)
    # Without the normalizations, which one variant lacks.
    shapes = [shape for name, shape in CLASSIC_SHAPES.items() if "lrn" not in name]
    outputs = sum(int(np.prod(shape)) // 32 for shape in shapes)
    assert workload.least_memory_bytes("forward_backward") == 4 * (224 * 224 * 3 + outputs)
    assert workload.least_memory_bytes("forward") == 4 * (224 * 224 * 3 + 56 * 56 * 64)
    assert alexnet(8).least_memory_bytes("forward") == 8 * workload.least_memory_bytes("forward")
