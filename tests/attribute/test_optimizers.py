"""Optimizers under any name, and the scopes around a model by time."""

from __future__ import annotations

from itertools import compress

import pytest

from alexprof.attribute.names import COPIES, describe, root_by_time


def ops(*names: str) -> list[tuple[str, str]]:
    return [(name, name.rpartition("/")[2].rstrip("0123456789").rstrip("_")) for name in names]


TRAINED = ops(
    "net/dense/MatMul",
    "gradient_tape/net/dense/MatMul/MatMul",
    "net/norm/AssignSubVariableOp",
    "net/norm/AssignSubVariableOp_1",
    "gradient_tape/net/norm/mul/Mul",
)
UPDATES = ops(
    "my_updates/mul", "my_updates/AssignAddVariableOp", "my_updates/AssignSubVariableOp_1"
)
METRIC = ops("metric/Equal", "metric/AssignAddVariableOp", "metric/AssignAddVariableOp_1")
NORM = ops("norm/FusedBatchNormV3", "norm/AssignSubVariableOp", "norm/AssignSubVariableOp_1")
STEPS = ops("steps/AssignAddVariableOp", "steps/mul")
FUSED = 2 * ops("average/AssignAddVariableOp") + ops("average/mul")


@pytest.mark.parametrize(
    ("names", "passes"),
    [
        # A batch norm has gradients.
        pytest.param([*TRAINED[2:4], *TRAINED, *UPDATES], "fffbffbooo", id="several updates"),
        pytest.param([*TRAINED, *STEPS], "fbffbff", id="a single update"),
        pytest.param([*NORM, *UPDATES], "ffffff", id="no gradients"),
        pytest.param([*TRAINED, *UPDATES, *METRIC], "fbffbooofff", id="a metric beside one"),
        pytest.param([*TRAINED, *FUSED], "fbffbfff", id="an update that a fusion holds too"),
        pytest.param([*TRAINED, *ops("IsFinite", "All")], "fbffbff", id="checks alone"),
    ],
)
def test_what_is_an_optimizer(names, passes):
    labels = describe(names)
    assert "".join(which[0] for which in labels.passes) == passes
    of_optimizers = (which == "optimizer" for which in labels.passes)
    assert set(compress(labels.layer, of_optimizers)) <= {"my_updates"}


def test_two_optimizers_keep_their_names():
    updates = ("AssignAddVariableOp", "AssignSubVariableOp_1")
    names = ops(*(f"{scope}/{update}" for scope in ("opt_g", "opt_d") for update in updates))
    assert describe(TRAINED + names).layer[-4:] == ["opt_g", "opt_g", "opt_d", "opt_d"]


def test_loss_scaling_is_a_part_of_it():
    """The branch around the updates, and the checks whether gradients are finite."""
    call, branch = "StatefulPartitionedCall", "StatefulPartitionedCall/cond/then/_33/cond"
    update = f"{branch}/my_updates/AssignAddVariableOp"
    scaling = ops(f"{call}/IsFinite_1", f"{call}/All", f"{branch}/truediv", update, f"{update}_1")
    labels = describe([*TRAINED, (f"{call}/packed", "Pack"), *scaling])
    assert labels.passes[len(TRAINED) :] == ["optimizer"] * 6
    assert set(labels.layer[len(TRAINED) :]) == {"my_updates"}


def test_copies_are_a_layer_of_their_own_on_a_gpu():
    names = [("net/dense/MatMul", "MatMul"), ("net/dense/MatMul/_3", "_Send")]
    assert describe(names, gpu_time=[5.0, 2.0]).layer == ["dense", COPIES]
    assert describe(names).layer == ["net", "net"]


@pytest.mark.parametrize(
    ("times", "root"),
    [
        # Layers at the top; a model; one in a loop; two of equal weight; a layer that dominates,
        # with products and without; nothing has products; a layer alone.
        ({"conv1/Conv2D": 9, "conv2/Conv2D": 1}, ""),
        ({"model/conv/Conv2D": 5, "model/dense/MatMul": 4, "loss/sum": 1}, "model"),
        ({"while/model/a/MatMul": 5, "while/model/b/MatMul": 4, "while/add": 1}, "while/model"),
        ({"g/a/MatMul": 4, "g/b/MatMul": 1, "d/a/MatMul": 5}, ""),
        ({"model/big/MatMul": 90, "model/small/MatMul": 10}, "model"),
        ({"model/norm/mom/mean": 50, "model/norm/bn/mul": 40, "model/d/MatMul": 10}, "model"),
        ({"net/emb/lookup/gather": 5, "net/out/sum/add": 5}, "net"),
        ({"net/gather": 5, "net/add": 5}, ""),
    ],
)
def test_the_scopes_around_a_model(times, root):
    scopes = root_by_time([(tuple(name.split("/")), time) for name, time in times.items()])
    assert "/".join(scopes) == root
