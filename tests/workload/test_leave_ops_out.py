"""Graphs without some of their ops."""

from __future__ import annotations

from contextlib import contextmanager
from operator import attrgetter

import pytest

import alexprof
from alexprof.errors import UsageError
from alexprof.record.ablation import AblationSpec
from alexprof.workload.alexnet import alexnet
from alexprof.workload.base import matches
from alexprof.workload.leave_ops_out import ablated, bypassing
from alexprof.workload.ops_to_leave_out import Pattern

SMALL = alexnet(batch_size=1, image_size=63)
NOTHING = Pattern(layer="none of this name")


def types_of(graph):
    return {op.name: op.type for op in graph.get_operations()}


def build(workload, variant):
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        made = workload.variants[variant].build()
    return types_of(graph), made


@contextmanager
def graph_of(pattern: Pattern = NOTHING):
    """A graph that is built without what is meant: TensorFlow, the graph and what was left out."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph, bypassing(pattern) as left_out:
        yield tf, graph, left_out


def with_and_without(pattern, make):
    """The types of all ops of a graph, with what is meant and without it, and what is left out."""
    types = []
    for meant in (NOTHING, pattern):
        with graph_of(meant) as (tf, graph, left_out):
            make(tf)
        types.append(types_of(graph))
    return *types, left_out.ablation("whole", "without")


PATTERNS = {"LRN": Pattern("LRN"), " lrn1": Pattern("", "lrn1"), "a:Relu": Pattern("Relu", "a")}


@pytest.mark.parametrize("text", PATTERNS)
def test_patterns_are_read(text):
    assert Pattern.parse(text) == PATTERNS[text]
    assert str(PATTERNS[text]) == text.strip()


@pytest.mark.parametrize("text", ["", ":", ":Relu", None, 3, ["Dropout"]])
def test_what_names_nothing_is_no_pattern(text):
    with pytest.raises(UsageError):
        alexprof.leaving_out(text).__enter__()


def test_an_identity_stands_in_for_the_op_and_its_gradient_is_gone():
    workload = ablated(SMALL, ["lrn1", "conv2:Relu", "BiasAdd"])
    graphs = {variant: build(workload, variant) for variant in workload.variants}
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
    with graph_of() as (tf, graph, _):
        values = tf.constant([[-1.0, 2.0]])
        with bypassing(Pattern("Relu")) as left_out, tf.name_scope("a"):
            results = [tf.nn.relu(values), tf.nn.relu6(values)]
        results.append(tf.nn.relu(values))
        with tf.compat.v1.Session(graph=graph) as session:
            values = session.run(results)
    assert [value.tolist() for value in values] == [[[-1, 2]], [[0, 2]], [[0, 2]]]
    assert left_out.kinds == {"Relu": 1}
    assert left_out.scopes == []
    assert left_out.seen == {("Relu", "a"), ("Relu6", "a")}


def test_a_pool_is_left_out_where_it_keeps_the_shape():
    def make(tf):
        v1 = tf.compat.v1
        images = v1.placeholder(tf.float32, [1, 8, 8, 3])
        with v1.name_scope("pools"):
            same = v1.nn.max_pool(images, 3, 1, "SAME", name="same")
            v1.nn.max_pool(images, 3, 2, "SAME", name="half")
            v1.nn.max_pool(images, 3, 1, "VALID", name="valid")
        v1.gradients(same, images)

    whole, without, ablation = with_and_without(Pattern("MaxPool"), make)
    pools = [without[f"pools/{name}"] for name in ("same", "half", "valid")]
    assert pools == ["Identity", "MaxPool", "MaxPool"]
    matched = [name for name, type_ in whole.items() if matches(ablation, name, type_, "pools")]
    assert matched == ["pools/same", "gradients/pools/same_grad/MaxPoolGrad"]


def test_an_error_while_building_leaves_tensorflow_as_it_was():
    from tensorflow.python.framework import op_def_library

    before = op_def_library._apply_op_helper
    with pytest.raises(RuntimeError), bypassing(Pattern(kind="Relu")):
        assert op_def_library._apply_op_helper is not before
        raise RuntimeError
    assert op_def_library._apply_op_helper is before


def test_the_workload_stays_what_it_is_otherwise():
    workload = ablated(SMALL, ["LRN", "conv1:Relu"])
    labels = {name: variant.label for name, variant in workload.variants.items()}
    without = {"without_LRN": "without LRN", "without_conv1.Relu": "without conv1:Relu"}
    assert labels == {"whole": "whole", **without}
    assert workload.settings["left_out"] == ["LRN", "conv1:Relu"]
    assert workload.phases == SMALL.phases
    assert [(spec.name, spec.kinds, spec.layers) for spec in workload.ablations] == [
        *(("LRN", ("LRN",), ()), ("conv1:Relu", ("Relu",), ("conv1",)))
    ]
    layer, norm, dropout = ablated(SMALL, ["lrn1", "BatchNorm", "conv1:Dropout"]).ablations
    assert {"LRN", "FusedBatchNorm"} <= set(layer.kinds)
    assert (norm.kinds, norm.layers) == (("FusedBatchNorm",), ())
    # Its ops are of kinds that others have too: they are told by their scope.
    assert (dropout.kinds, dropout.layers) == (("Dropout",), ("conv1",))
    assert list(ablated(SMALL, ()).variants) == ["whole"]


# By their names in `tf.nn`, or "v1.": kind, default scope, and what they are called with.
SEEDED = {"rate": 0.5, "seed": [1, 2]}
FUNCTIONS = [
    ("dropout", "Dropout", "dropout", {"rate": 0.5}),
    ("v1.dropout", "Dropout", "dropout", {"rate": 0.5}),
    ("experimental.stateless_dropout", "Dropout", "stateless_dropout", SEEDED),
    ("gelu", "Gelu", "Gelu", {}),
    ("gelu", "Gelu", "Gelu", {"approximate": True}),
    ("batch_normalization", "BatchNorm", "batchnorm", {"offset": 1.0, "scale": 1.0}),
    ("v1.batch_normalization", "BatchNorm", "batchnorm", {"offset": None, "scale": None}),
]


@pytest.mark.parametrize(("name", "kind", "default", "given"), FUNCTIONS)
def test_what_a_function_makes_is_left_out_as_a_whole(tf, name, kind, default, given):
    if kind == "BatchNorm":
        given = {"mean": 1.0, "variance": 1.0, "variance_epsilon": 0.1, **given}
    nn = tf.compat.v1.nn if name.startswith("v1.") else tf.nn

    def call(x, **named):
        """Looked up inside the block, where functions are replaced."""
        return attrgetter(name.removeprefix("v1."))(nn)(x, **given, **named)

    graphs, left, values = {}, {}, {}
    for variant, pattern in {"whole": NOTHING, "without": Pattern(kind)}.items():
        with graph_of(pattern) as (_, graph, left[variant]):
            x = tf.compat.v1.placeholder_with_default([[-1.0, 2.0, 3.0]], [1, 3])
            with tf.name_scope("fc"):
                ys = [call(x), call(x), call(x, name="mine")]
            slopes = tf.gradients(ys, x)
            with tf.compat.v1.Session(graph=graph) as session:
                values[variant] = session.run([*ys, slopes[0]])
        graphs[variant] = [op.name for op in graph.get_operations()]
    scopes = [f"fc/{default}", f"fc/{default}_1", "fc/mine"]
    assert left["without"].scopes == scopes
    assert left["without"].kinds == {kind: 3}
    assert (left["whole"].scopes, left["whole"].kinds) == ([], {})
    assert left["whole"].seen >= {(kind, "fc")}
    for scope in scopes:
        assert any(name.startswith(f"{scope}/") for name in graphs["whole"])
        assert not any(name.startswith(f"{scope}/") for name in graphs["without"])
        assert scope in graphs["without"]
    *same, slope = values["without"]
    assert [one.tolist() for one in same] == [[[-1, 2, 3]]] * 3
    assert slope.tolist() == [[3, 3, 3]]


def test_a_scope_may_be_entered_again():
    with graph_of(Pattern("Dropout")) as (tf, graph, left_out), tf.name_scope("fc") as scope:
        x = tf.nn.dropout(tf.ones([2]), 0.5, name=scope)
        tf.nn.dropout(x, 0.5, name=scope)
    assert left_out.scopes == ["fc", "fc"]
    assert types_of(graph)["fc/Identity_1"] == "Identity"


@pytest.mark.parametrize("name", ["gelu", "batch_normalization"])
def test_a_function_that_was_imported_by_its_name_is_seen_too(tf, name):
    imported = getattr(tf.nn, name)
    gelu, norm = ("Gelu", ()), ("BatchNorm", (0.0, 1.0, None, None, 0.1))
    kind, given = gelu if name == "gelu" else norm
    for around in (Pattern("Dropout"), Pattern(kind, "other")):
        with tf.Graph().as_default(), bypassing(around), bypassing(Pattern(kind)) as left_out:
            x = tf.ones([2])
            for function in (imported, getattr(tf.nn, name)):
                assert function(x, *given).op.type == "Identity"
        assert left_out.kinds == {kind: 2}
    with tf.Graph().as_default():
        assert imported(tf.ones([2]), *given).op.type != "Identity"


def test_the_moments_that_a_norm_gets_are_left_out_with_it():
    with graph_of(Pattern("BatchNorm")) as (tf, _, left_out):
        with tf.name_scope("a"):
            x = tf.ones([2, 3])
            mean, variance = tf.nn.moments(x, [0])
            tf.nn.batch_normalization(x, mean, variance, None, None, 0.1)
        tf.nn.batch_normalization(x, tf.ones(3), tf.ones(3), None, None, 0.1)
    assert left_out.scopes == ["a/batchnorm", "a/moments", "batchnorm"]


def test_a_kind_in_other_case_is_offered(tf):
    refused = pytest.raises(UsageError, match=r"no op relu .*: did you mean Relu\? choose from")
    with refused, tf.Graph().as_default(), alexprof.leaving_out("relu"):
        tf.nn.relu(tf.ones([2]))


def test_functions_of_other_kinds_and_layers_stay(tf):
    offered = {name: getattr(tf.nn, name) for name in ("dropout", "gelu", "batch_normalization")}
    with graph_of(Pattern("Gelu", "b")) as (_, _, left):
        for layer in ("a", "b"):
            with tf.name_scope(layer):
                tf.nn.gelu(tf.ones([2]))
    assert left.scopes == ["b/Gelu"]
    assert left.seen == {("Gelu", "a"), ("Gelu", "b")}
    assert {name: getattr(tf.nn, name) for name in offered} == offered


@pytest.mark.parametrize("pattern", [Pattern("BatchNorm"), Pattern("FusedBatchNorm", "bn")])
@pytest.mark.parametrize("training", [True, False])
def test_a_batch_norm_in_one_op_hands_on_its_input_and_has_statistics(pattern, training):
    with graph_of(pattern) as (tf, graph, left_out):
        v1 = tf.compat.v1
        x = tf.reshape(tf.range(24.0), [1, 2, 4, 3])
        given = {} if training else {"mean": tf.fill([3], 5.0), "variance": tf.fill([3], 7.0)}
        y, mean, variance = v1.nn.fused_batch_norm(
            x, tf.ones(3), tf.zeros(3), is_training=training, name="bn", **given
        )
        slope = tf.gradients(y, x)[0]
        with v1.Session(graph=graph) as session:
            found = session.run([x, y, mean, variance, slope])
    assert left_out.kinds == {"FusedBatchNorm": 1}
    assert types_of(graph)["bn"] == "Identity"
    assert not any("FusedBatchNorm" in one for one in types_of(graph).values())
    assert (found[0] == found[1]).all()
    assert found[2].tolist() == [0 if training else 5] * 3
    assert found[3].tolist() == [1 if training else 7] * 3
    assert (found[4] == 1).all()


def test_a_layer_lacks_all_that_can_be_left_out():
    with graph_of(Pattern(layer="a")) as (tf, graph, left_out):
        for layer in ("a", "b"):
            with tf.name_scope(layer):
                tf.nn.softmax(tf.nn.dropout(tf.nn.relu(tf.ones([2, 2])), 0.5))
    types = types_of(graph)
    assert left_out.kinds == {"Relu": 1, "Dropout": 1, "Softmax": 1}
    assert left_out.scopes == ["a/dropout", "a/Softmax_grad"]
    left = {name for name in types if name.startswith("b/") and f"a/{name[2:]}" not in types}
    assert {types[f"a/{name}"] for name in ("Relu", "dropout", "Softmax")} == {"Identity"}
    assert left == {name for name in types if name.startswith("b/dropout/")}


def test_a_graph_of_one_s_own_lacks_what_is_named(tf):
    with tf.Graph().as_default(), alexprof.leaving_out("a:Dropout") as left_out, tf.name_scope("a"):
        tf.nn.dropout(tf.ones([2]), 0.5)
    assert left_out.ablation("whole", "without") == AblationSpec(
        "a:Dropout", "whole", "without", ("Dropout",), ("a",), ("a/dropout",), products=False
    )
    refused = pytest.raises(UsageError, match=r"has no op LRN .* the kinds Relu .* layers b$")
    with refused, tf.Graph().as_default(), alexprof.leaving_out("LRN"), tf.name_scope("b"):
        tf.nn.relu(tf.ones([2]))
    with pytest.raises(UsageError, match="none of its ops can"), alexprof.leaving_out("LRN"):
        pass
    with pytest.raises(ZeroDivisionError), alexprof.leaving_out("LRN"):
        raise ZeroDivisionError
    with bypassing(Pattern("LRN")) as left_out, pytest.raises(UsageError, match="none of its ops"):
        left_out.ablation("whole", "without")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({}, "abcdef"),
        ({"kinds": ["Mul"]}, "acf"),
        ({"layers": ["fc"]}, "abcd"),
        ({"kinds": ["Mul"], "layers": ["fc"]}, "ac"),
        ({"scopes": ["fc/dropout"]}, "abd"),
        ({"scopes": ["dropout"]}, "abdf"),
        ({"scopes": ["dropout"], "layers": ["fc"]}, "abdf"),
        ({"scopes": ["fc_1"], "products": False}, ""),
        ({"scopes": ["fc_1"]}, "e"),
        ({"kinds": ["Conv2D"], "scopes": ["fc/dropout"]}, "abde"),
    ],
)
def test_what_an_ablation_is_about(given, meant):
    ops = {
        "a": ("fc/dropout/mul", "Mul", "fc"),
        "b": ("fc/dropout/SelectV2", "SelectV2", "fc"),
        "c": ("fc/mul", "Mul", "fc"),
        "d": ("gradients/fc/dropout/SelectV2_grad/SelectV2", "SelectV2", "fc"),
        "e": ("fc_1/dropout_1/conv", "Conv2D", "fc_1"),
        "f": ("dropout/mul", "Mul", "dropout"),
    }
    ablation = AblationSpec("", "", "", **given)
    assert "".join(key for key, op in ops.items() if matches(ablation, *op)) == meant


@pytest.mark.parametrize("kind", ["BiasAdd", "LeakyRelu", "Relu", "Softmax", "BatchNorm", "Gelu"])
def test_a_tape_knows_an_identity_for_what_it_is(kind):
    names = {"BiasAdd": "bias_add", "LeakyRelu": "leaky_relu", "BatchNorm": "fused_batch_norm"}
    with graph_of(Pattern(kind)) as (tf, graph, left_out):
        v1 = tf.compat.v1
        function = tf.nn.gelu if kind == "Gelu" else getattr(v1.nn, names.get(kind, kind.lower()))
        given = {"BiasAdd": [tf.ones(3)], "BatchNorm": [tf.ones(3), tf.zeros(3)]}.get(kind, [])
        x = v1.placeholder_with_default(tf.ones([1, 2, 2, 3]), [1, 2, 2, 3])
        with tf.GradientTape() as tape:
            tape.watch(x)
            made = function(x, *given)
            y = 3 * (made[0] if kind == "BatchNorm" else made)
        slope = tape.gradient(y, x)
        with v1.Session(graph=graph) as session:
            assert (session.run(slope) == 3).all()
    assert left_out.kinds == {"FusedBatchNorm" if kind == "BatchNorm" else kind: 1}
    # Nothing of its gradient is left: the product's alone.
    types = {type_ for name, type_ in types_of(graph).items() if name.startswith("gradient_tape/")}
    assert types <= {"Mul", "Const", "Shape", "BroadcastGradientArgs", "Sum", "Reshape"}


@pytest.mark.parametrize(("kind", "name"), [("Softmax", "softmax"), ("LogSoftmax", "log_softmax")])
def test_the_gradient_of_a_softmax_is_meant_too(kind, name):
    def make(tf):
        x = tf.compat.v1.placeholder_with_default(tf.ones([2, 3]), [2, 3])
        with tf.name_scope("fc"):
            y = 3 * getattr(tf.nn, name)(x)
        tf.gradients(y, x)

    whole, without, ablation = with_and_without(Pattern(kind), make)
    gone = {name for name, type_ in whole.items() if without.get(name) != type_}
    assert len(gone) > 3
    meant = {name for name, type_ in whole.items() if matches(ablation, name, type_, "fc")}
    assert gone == meant


@pytest.mark.parametrize(
    ("version", "dtype"),
    [("", "float32"), ("V2", "float32"), ("V2", "float16"), ("V3", "float32"), ("V3", "float16")],
)
def test_each_version_of_the_batch_norm_has_its_outputs(version, dtype):
    outputs = []
    for pattern in (NOTHING, Pattern("FusedBatchNorm")):
        with graph_of(pattern) as (tf, _, _):
            op = getattr(tf.raw_ops, f"FusedBatchNorm{version}")
            given = {name: tf.ones(3) for name in ("scale", "offset", "mean", "variance")}
            made = op(x=tf.zeros([1, 2, 2, 3], dtype), **given, is_training=False)
            outputs.append([(output.dtype, output.shape[:1]) for output in made[:3]] + [len(made)])
    assert outputs[0] == outputs[1]


def test_blocks_stand_in_one_another_and_leave_nothing_behind(tf):
    nn = tf.nn
    with (
        tf.Graph().as_default() as graph,
        alexprof.leaving_out("Dropout") as outer,
        alexprof.leaving_out("Gelu") as inner,
    ):
        nn.gelu(nn.dropout(tf.ones([2]), 0.5, name="mine"), name="yours")
        kept = nn.gelu
    assert (outer.scopes, inner.scopes) == (["mine"], ["yours"])
    assert set(types_of(graph).values()) == {"Const", "Identity"}
    with tf.Graph().as_default() as graph:
        kept(tf.ones([2]))
    assert "Erfc" in types_of(graph).values()
    assert inner.scopes == ["yours"]


def test_what_runs_at_once_is_left_alone(tf):
    with bypassing(Pattern("Gelu")) as left_out:
        assert tf.nn.gelu(tf.constant([0.0, -1.0])).numpy()[1] != -1
    assert not left_out.kinds
