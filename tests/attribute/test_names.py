from __future__ import annotations

import pytest

from alexprof.attribute.names import describe, layer, parse, pass_of, root_scope

# ruff: noqa: E501
# Name and type as TensorFlow writes them; layer at depth 1, pass.
NAMES = [
    # tf.gradients, Session
    ("conv1", "_FusedConv2D", "conv1", "forward"),
    ("conv1/Conv2D/ReadVariableOp", "ReadVariableOp", "conv1", "forward"),
    ("gradients/conv5/Conv2D_grad/Conv2DBackpropFilter", "Conv2DBackpropFilter", "conv5", "backward"),
    ("gradients/conv4_grad/ReluGrad", "ReluGrad", "conv4", "backward"),
    ("gradients_1/conv1/BiasAdd_grad/BiasAddGrad", "BiasAddGrad", "conv1", "backward"),
    ("gradients/Mean_grad/Tile", "Tile", "Mean", "backward"),
    ("gradients/AddN_3", "AddN", "gradients", "backward"),
    ("gradients", "NoOp", "gradients", "other"),
    ("gradients/conv1_grad", "Identity", "conv1", "backward"),
    ("_retval_gradients/conv4/Conv2D_grad/Conv2DBackpropFilter_0_7", "_Retval", "conv4", "other"),
    ("_retval_softmax_loss/value_0_0", "_Retval", "softmax_loss", "other"),
    ("_arg_images_0_0", "_Arg", "images", "other"),
    ("_send_conv1/Relu_0", "_Send", "conv1", "other"),
    ("conv2/Relu/_55", "_HostRecv", "conv2", "other"),
    ("conv1-0-TransposeNHWCToNCHW-LayoutOptimizer", "Transpose", "conv1", "forward"),
    ("x/Cast_1/ArithmeticOptimizer/ReorderCastLike_float_Cast", "Cast", "x", "forward"),
    # optimizers
    ("Adam/update_net/block2/w/ResourceApplyAdam", "ResourceApplyAdam", "Adam", "optimizer"),
    ("Adam/mul_1", "Mul", "Adam", "optimizer"),
    ("adam_w/Sqrt_9", "Sqrt", "adam_w", "optimizer"),
    ("sgd_1/Cast/ReadVariableOp", "ReadVariableOp", "sgd_1", "optimizer"),
    ("train/RMSProp/update_w/ApplyRMSProp", "ApplyRMSProp", "RMSProp", "optimizer"),
    ("GradientDescent/update_conv1/weights/ResourceApplyGradientDescent", "Mul", "GradientDescent", "optimizer"),
    ("clip_by_global_norm/mul_3", "Mul", "clip_by_global_norm", "optimizer"),
    ("update_w", "ResourceApplyMomentum", "update_w", "optimizer"),
    ("training/Adam/gradients/gradients/conv/Conv2D_grad/Conv2DBackpropFilter", "Conv2DBackpropFilter", "conv", "backward"),
    ("train/gradients/while/MatMul_grad/MatMul_1", "MatMul", "while", "backward"),
    # tf.function, GradientTape, Keras
    ("StatefulPartitionedCall/model/conv1/Relu", "_FusedConv2D", "model", "forward"),
    ("PartitionedCall/gradients/model/lrn1/LRN_grad/LRNGrad", "LRNGrad", "model", "backward"),
    ("gradient_tape/model/conv/Conv2DBackpropFilter", "Conv2DBackpropFilter", "model", "backward"),
    ("gradient_tape/dense/MatMul/MatMul_1", "MatMul", "dense", "backward"),
    ("conv2d_transpose/conv2d_transpose", "Conv2DBackpropInput", "conv2d_transpose", "forward"),
    ("ReluGrad", "ReluGrad", "ReluGrad", "backward"),
    ("Conv2DBackpropInput", "Conv2DBackpropInput", "Conv2DBackpropInput", "backward"),
    ("identity_retval_RetVal", "_Retval", "(function)", "other"),
    ("adam_w_sub_10_readvariableop_resource", "_Arg", "(function)", "other"),
    ("replica_6/bert/layer_5/dropout/RandomUniform", "RandomUniform", "bert", "forward"),
    ("gradients/tower_0/conv1/Conv2D_grad/Conv2DBackpropInput", "Conv2DBackpropInput", "conv1", "backward"),
    ("tower_0/conv1/Conv2D", "Conv2D", "conv1", "forward"),
    ("StatefulPartitionedCall", "StatefulPartitionedCall", "StatefulPartitionedCall", "forward"),
    # loops and branches
    ("while/body/_1/lp", "MaxPool", "while", "forward"),
    ("while/cond/_0/Less", "Less", "while", "forward"),
    ("gradients/while_grad/while_grad/body/_36/gradients/lp_grad/MaxPoolGrad", "MaxPoolGrad", "while", "backward"),
    ("gradients/while_grad/while_grad/merge/_49", "Merge", "while", "backward"),
    ("while/gradients/while_grad/lp_0/accumulator_switch/_20", "Switch", "while", "forward"),
    ("lstm/while/body/_1/lstm/while/cell/MatMul", "MatMul", "lstm", "forward"),
    ("gradient_tape/lstm/while/lstm/while_grad/body/_164/gradient_tape/lstm/while/add", "AddV2", "lstm", "backward"),
    ("Func/lstm/while/body/_1/input/_375", "Identity", "lstm", "forward"),
    ("cond_17/then/_256/cond_17/AdamWeightDecay/AdamWeightDecay/group_deps", "NoOp", "AdamWeightDecay", "other"),
    ("cond_17/then/_256/cond_17/AdamWeightDecay/add", "AddV2", "AdamWeightDecay", "optimizer"),
    # input
    ("IteratorGetNext", "IteratorGetNext", "IteratorGetNext", "input"),
    ("tf_data/mul", "Mul", "tf_data", "input"),
    ("tf_data/args_0", "_Arg", "tf_data", "input"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "type_", "expected_layer", "expected_pass"), NAMES)
def test_layer_and_pass(name, type_, expected_layer, expected_pass):
    place = parse(name)
    assert (layer(name, type_, place), pass_of(name, type_, place)) == (
        expected_layer,
        expected_pass,
    )


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("conv1/Conv2D/ReadVariableOp", ("conv1", "Conv2D", "ReadVariableOp")),
        ("gradients/conv5/Conv2D_grad/Conv2DBackpropFilter", ("conv5", "Conv2D")),
        ("gradients/conv4_grad/ReluGrad", ("conv4",)),
        ("gradients/AddN", ()),
        ("lstm/while/body/_1/lstm/while/cell/MatMul", ("lstm", "while", "cell", "MatMul")),
        ("while/body/_1/cell/MatMul", ("while", "cell", "MatMul")),
        ("a/_3", ("a",)),
        ("_3", ("_3",)),
        ("/", ("/",)),
        ("", ("",)),
    ],
)
def test_path(name, path):
    assert parse(name).path == path


@pytest.mark.parametrize(
    ("forward", "gradient"),
    [
        ("conv1/Conv2D", "gradients/conv1/Conv2D_grad/Conv2DBackpropFilter"),
        ("conv4", "gradients/conv4_grad/ReluGrad"),
        ("net/a/b/c/MatMul", "gradients/net/a/b/c/MatMul_grad/MatMul_1"),
        ("model/conv/convolution", "gradient_tape/model/conv/convolution/Conv2DBackpropInput"),
    ],
)
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_an_op_and_its_gradient_share_a_layer_at_any_depth(forward, gradient, depth):
    layers = {layer(name, "X", parse(name), depth) for name in (forward, gradient)}
    assert layers == {"/".join(forward.split("/")[:depth])}


@pytest.mark.parametrize(
    ("scopes", "root"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("conv1/Conv2D conv1/BiasAdd fc/MatMul", "", id="layers at the top"),
        pytest.param("dense/MatMul dense/BiasAdd", "", id="one layer"),
        pytest.param("m/a/Conv2D m/b/MatMul", "m", id="a model"),
        pytest.param("m/a/Conv2D m/a/BiasAdd", "", id="too few"),
        pytest.param("m/a/X m/b/X n/c/X", "", id="two models"),
        pytest.param("b/e/l_1/X b/e/l_2/X b/e/l_3/X b/e/l_4/X b/head/X", "b/e", id="in a model"),
        pytest.param("lstm/X lstm/cell/X", "", id="a layer in a layer"),
        pytest.param("while/a/X while/b/X", "", id="a loop is no model"),
    ],
)
def test_root_scope(scopes, root):
    names = [f"{scope}/ReadVariableOp" for scope in scopes.split()]
    others = ["m/Relu", "loss/Mean"] if names else []
    paths = [parse(name).path for name in [*names, *others]]
    assert root_scope(paths) == tuple(root.split("/") if root else ())


def test_layers_are_named_below_the_model():
    ops = [
        ("functional_1/c1/convolution/ReadVariableOp", "ReadVariableOp"),
        ("functional_1/c1/convolution", "Conv2D"),
        ("functional_1/dense/MatMul/ReadVariableOp", "ReadVariableOp"),
        ("functional_1/dense/MatMul", "MatMul"),
        ("gradient_tape/functional_1/c1/convolution/Conv2DBackpropFilter", "Conv2DBackpropFilter"),
        ("functional_1", "Identity"),
        ("compile_loss/mse/Mean", "Mean"),
        ("AddN_1", "AddN"),
        ("adam/Sqrt", "Sqrt"),
    ]
    found = describe(ops)
    assert found.root == ("functional_1",)
    assert found.layer == [
        "c1", "c1", "dense", "dense", "c1", "functional_1", "compile_loss", "AddN_1", "adam",
    ]  # fmt: skip
    assert "".join(which[0] for which in found.passes) == "ffffbffbo"
    assert found.kind[4] == "Conv2D"
    deeper = describe(ops, depth=2).layer
    assert deeper[:2] == ["c1/convolution"] * 2
    assert deeper[4] == "c1/convolution"


def test_sums_outside_all_scopes_are_gradients_only_with_a_tape():
    assert describe([("AddN", "AddN"), ("loss/Mean", "Mean")]).passes[0] == "forward"
    taped = [
        ("StatefulPartitionedCall/AddN", "AddN"),
        ("gradient_tape/m/Relu/ReluGrad", "ReluGrad"),
    ]
    assert describe(taped).passes == ["backward", "backward"]


def test_nothing_to_describe():
    assert describe([]) == ([], [], [], ())
