"""JAX's names of ops to scopes and pass."""

from __future__ import annotations

import pytest

from alexprof.attribute.jax import is_scoped, parse
from alexprof.attribute.names import describe

FORWARD = [
    ("jit(step)/conv1/conv_general_dilated", "conv1/conv_general_dilated"),
    ("jit(step)/jit(main)/conv1/add", "conv1/add"),
    ("pjit(step)/jvp(conv1)/jit(relu)/max", "conv1/relu/max"),
    ("jit(step)/jvp(jit(relu))/max", "relu/max"),
    ("jit(step)/jvp()/mul", "mul"),
    ("jit(step)/vmap(jvp(a/b))/mul", "a/b/mul"),
    ("jit(step)/jvp(net)/while/body/closed_call/dense/dot_general", "net/dense/dot_general"),
    ("jit(step)/while/cond/lt", "lt"),
    ("jit(step)/while", "while"),
    ("jit(step)/cond/branch_1_fun/sin", "sin"),
    ("jit(step)/body/sin", "body/sin"),
    ("jit(step)/jvp(checkpoint)/net/custom_jvp_call/sin", "net/sin"),
    ("jit(step)/shard_map/all_reduce", "all_reduce"),
    ("jit(step)/jit(inner)", "inner"),
    ("jit(step)", "step"),
    ("pmap(step)/sgd/sub", "sgd/sub"),
    ("jit(step)/odd)/mul", "odd)/mul"),
    ("jit(step)/conv1/transpose", "conv1/transpose"),
]
BACKWARD = [
    ("jit(step)/transpose(jvp(conv1))/conv_general_dilated", "conv1/conv_general_dilated"),
    ("jit(step)/transpose(jvp(conv1))/jit(relu)/mul", "conv1/relu/mul"),
    ("jit(step)/transpose(jvp())/mul", "mul"),
    ("jit(step)/transpose(jvp(checkpoint))/rematted_computation/a/mul", "a/mul"),
    ("jit(step)/vmap(transpose(jvp(a)))/mul", "a/mul"),
]


@pytest.mark.parametrize(("name", "path"), FORWARD + BACKWARD)
def test_names(name, path):
    assert is_scoped(name)
    assert parse(name) == (tuple(path.split("/")), (name, path) in BACKWARD)


@pytest.mark.parametrize(
    "name", ["conv1/Conv2D", "jit_f(3)/copy.1", "jvp(a)/mul", "W['k']", "jit/Conv2D", ""]
)
def test_other_names(name):
    assert not is_scoped(name)


def test_forward_and_backward_meet_in_a_layer():
    names = [
        "jit(step)/jvp(conv1)/conv_general_dilated",
        "jit(step)/transpose(jvp(conv1))/conv_general_dilated",
        "jit(step)/sgd/sub",
        "jit_step/copy.1",
    ]
    labels = describe([(name, name.rpartition("/")[2]) for name in names], unplaced={3})
    assert labels.layer == ["conv1", "conv1", "sgd", "jit_step"]
    assert labels.passes == ["forward", "backward", "optimizer", "other"]


def test_layers_are_named_below_a_scope_around_all_products():
    names = [
        "jit(step)/jvp(Net)/Conv_0/conv_general_dilated",
        "jit(step)/transpose(jvp(Net))/Conv_0/conv_general_dilated",
        "jit(step)/jvp(Net)/Dense_0/dot_general",
        "jit(step)/jvp(Net)/jit(relu)/max",
        "jit(step)/jvp()/mul",
    ]
    labels = describe([(name, name.rpartition("/")[2]) for name in names])
    assert labels.root == ("Net",)
    assert labels.layer == ["Conv_0", "Conv_0", "Dense_0", "relu", "mul"]
