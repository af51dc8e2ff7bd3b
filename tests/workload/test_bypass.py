"""Graphs without some of their ops."""

from __future__ import annotations

import pytest

from alexprof.errors import UsageError
from alexprof.workload.ablated import Ablated
from alexprof.workload.alexnet import AlexNet
from alexprof.workload.bypass import Pattern, bypassing

SMALL = AlexNet(batch_size=1, image_size=63)


def types_of(graph):
    return {op.name: op.type for op in graph.get_operations()}


def build(ablated, variant):
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        made = ablated.build(variant)
    return types_of(graph), made


def built(*patterns: str):
    ablated = Ablated(SMALL, tuple(map(Pattern.parse, patterns)))
    return {variant: build(ablated, variant) for variant in ablated.variants}


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("LRN", Pattern(kind="LRN")),
        (" lrn1", Pattern(layer="lrn1")),
        ("conv1:Relu", Pattern("Relu", "conv1")),
    ],
)
def test_patterns_are_read(text, pattern):
    assert Pattern.parse(text) == pattern
    assert str(pattern) == text.strip()


@pytest.mark.parametrize("text", ["", ":", "conv1:", ":Relu"])
def test_what_names_nothing_is_no_pattern(text):
    with pytest.raises(UsageError, match="names no ops"):
        Pattern.parse(text)


def test_a_kind_that_changes_its_input_s_shape_can_t_be_left_out():
    with pytest.raises(UsageError, match="Conv2D can't be left out automatically"):
        Pattern.parse("conv1:Conv2D")


def test_an_identity_stands_in_for_the_op_and_its_gradient_is_gone():
    graphs = built("lrn1", "conv2:Relu", "BiasAdd")
    whole, _ = graphs["whole"]
    assert whole["lrn1/LRN"] == "LRN"
    assert "LRNGrad" in whole.values()

    without_lrn1, _ = graphs["without_lrn1"]
    assert without_lrn1["lrn1/LRN"] == "Identity"
    assert without_lrn1["lrn2/LRN"] == "LRN"
    assert list(without_lrn1.values()).count("LRNGrad") == 1

    without_relu, _ = graphs["without_conv2.Relu"]
    assert (without_relu["conv2"], without_relu["conv1"]) == ("Identity", "Relu")
    assert list(without_relu.values()).count("ReluGrad") == 4

    without_bias, made = graphs["without_BiasAdd"]
    assert "BiasAdd" not in without_bias.values()
    assert len(made.fetches["forward_backward"]) == 5  # of ten: those of the weights


def test_an_identity_keeps_the_values():
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        values = tf.constant([[-1.0, 2.0]])
        with bypassing([Pattern(kind="Relu")]) as left_out, v1.name_scope("a"):
            same = tf.nn.relu(values)
            other = tf.nn.relu6(values)
        after = tf.nn.relu(values)
        with v1.Session(graph=graph) as session:
            result = session.run([same, other, after])
    assert [one.tolist() for one in result] == [[[-1, 2]], [[0, 2]], [[0, 2]]]
    assert left_out == {"Relu": 1}


def test_an_error_while_building_leaves_tensorflow_as_it_was():
    from tensorflow.python.framework import op_def_library

    before = op_def_library._apply_op_helper
    with pytest.raises(RuntimeError), bypassing([Pattern(kind="Relu")]):
        assert op_def_library._apply_op_helper is not before
        raise RuntimeError
    assert op_def_library._apply_op_helper is before


def test_what_is_not_there_and_what_comes_twice_is_told():
    ablated = Ablated(SMALL, (Pattern(layer="lrn9"),))
    with pytest.raises(UsageError, match=r"alexnet has no op lrn9 that can be left out: choose"):
        build(ablated, "without_lrn9")
    for pattern in (Pattern(layer="pool1"), Pattern("LRN", "conv1")):
        # Layers without such ops are not offered.
        with pytest.raises(UsageError, match=r"kinds BiasAdd, LRN, Relu and the layers conv1, lrn"):
            build(Ablated(SMALL, (pattern,)), Ablated(SMALL, (pattern,)).variants[1])
        with pytest.raises(UsageError, match=r"the layers (?!.*pool)"):
            build(Ablated(SMALL, (pattern,)), Ablated(SMALL, (pattern,)).variants[1])
    with pytest.raises(UsageError, match="no variant 'x': there are whole, without_lrn9"):
        ablated.build("x")
    with pytest.raises(UsageError, match="name each kind or layer once"):
        Ablated(SMALL, (Pattern(layer="a"), Pattern(layer="a")))


def test_the_workload_stays_what_it_is_otherwise():
    ablated = Ablated(SMALL, (Pattern(kind="LRN"), Pattern("Relu", "conv1")))
    assert ablated.variants == ("whole", "without_LRN", "without_conv1.Relu")
    assert ablated.variant_label("without_conv1.Relu") == "without conv1:Relu"
    assert ablated.settings["left_out"] == ["LRN", "conv1:Relu"]
    assert ablated.phases == SMALL.phases
    assert [(one.name, one.kinds, one.layers) for one in ablated.ablations] == [
        ("LRN", ("LRN",), ()),
        ("conv1:Relu", ("Relu",), ("conv1",)),
    ]
    assert Ablated(SMALL, ()).variants == ("whole",)
