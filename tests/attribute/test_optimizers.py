"""Optimizers under any name, and the scopes around a model by time."""

from __future__ import annotations

import pytest

from alexprof.attribute.names import COPIES, describe
from alexprof.attribute.scopes import root_by_time


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
    "my_updates/mul",
    "my_updates/AssignAddVariableOp",
    "my_updates/AssignSubVariableOp_1",
)


def test_several_updates_without_gradients_are_an_optimizer():
    names = TRAINED + UPDATES
    labels = describe(names)
    assert labels.passes[-3:] == ["optimizer"] * 3
    assert labels.layer[-3:] == ["my_updates"] * 3
    assert labels.passes[2] == labels.passes[3] == "forward"  # a batch norm has gradients


def test_a_single_update_is_none():
    names = TRAINED + ops("steps/AssignAddVariableOp", "steps/mul")
    assert describe(names).passes[-2:] == ["forward", "forward"]


def test_without_gradients_nothing_is():
    norm = ops("norm/FusedBatchNormV3", "norm/AssignSubVariableOp", "norm/AssignSubVariableOp_1")
    assert describe([*norm, *UPDATES]).passes == ["forward"] * 6


def test_a_metric_beside_an_optimizer_is_none():
    metric = ops("metric/Equal", "metric/AssignAddVariableOp", "metric/AssignAddVariableOp_1")
    assert (
        describe([*TRAINED, *UPDATES, *metric]).passes[-6:] == ["optimizer"] * 3 + ["forward"] * 3
    )


def test_an_update_that_is_a_part_of_a_fusion_too_is_one():
    names = TRAINED + 2 * ops("average/AssignAddVariableOp") + ops("average/mul")
    assert describe(names).passes[-3:] == ["forward"] * 3


def test_two_optimizers_keep_their_names():
    names = TRAINED + [
        op
        for scope in ("opt_g", "opt_d")
        for op in ops(f"{scope}/AssignAddVariableOp", f"{scope}/AssignSubVariableOp_1")
    ]
    assert describe(names).layer[-4:] == ["opt_g", "opt_g", "opt_d", "opt_d"]


def test_loss_scaling_is_a_part_of_it():
    """The branch around the updates, and the checks whether gradients are finite."""
    names = [
        *TRAINED,
        *ops("StatefulPartitionedCall/IsFinite_1", "StatefulPartitionedCall/All"),
        ("StatefulPartitionedCall/packed", "Pack"),
        *ops(
            "StatefulPartitionedCall/cond/then/_33/cond/truediv",
            "StatefulPartitionedCall/cond/then/_33/cond/my_updates/AssignAddVariableOp",
            "StatefulPartitionedCall/cond/then/_33/cond/my_updates/AssignAddVariableOp_1",
        ),
    ]
    labels = describe(names)
    assert labels.passes[len(TRAINED) :] == ["optimizer"] * 6
    assert set(labels.layer[len(TRAINED) :]) == {"my_updates"}


def test_checks_without_an_optimizer_are_the_model_s():
    names = TRAINED + ops("IsFinite", "All")
    assert describe(names).passes[-2:] == ["forward", "forward"]


def test_copies_are_a_layer_of_their_own_on_a_gpu():
    names = [("net/dense/MatMul", "MatMul"), ("net/dense/MatMul/_3", "_Send")]
    assert describe(names, gpu_time=[5.0, 2.0]).layer == ["dense", COPIES]
    assert describe(names).layer == ["net", "net"]


def path(name: str) -> tuple[str, ...]:
    return tuple(name.split("/"))


@pytest.mark.parametrize(
    ("times", "root"),
    [
        pytest.param({"conv1/Conv2D": 9, "conv2/Conv2D": 1}, "", id="layers at the top"),
        pytest.param(
            {"model/conv/Conv2D": 5, "model/dense/MatMul": 4, "loss/sum": 1}, "model", id="a model"
        ),
        pytest.param(
            {"while/model/a/MatMul": 5, "while/model/b/MatMul": 4, "while/add": 1},
            "while/model",
            id="in a loop",
        ),
        pytest.param(
            {"g/a/MatMul": 4, "g/b/MatMul": 1, "d/a/MatMul": 5}, "", id="two models of equal weight"
        ),
        pytest.param(
            {"model/big/MatMul": 90, "model/small/MatMul": 10}, "model", id="a layer that dominates"
        ),
        pytest.param(
            {"model/norm/moments/mean": 50, "model/norm/batchnorm/mul": 40, "model/d/MatMul": 10},
            "model",
            id="a layer without products that dominates",
        ),
        pytest.param(
            {"net/emb/lookup/gather": 5, "net/out/sum/add": 5}, "net", id="nothing has products"
        ),
        pytest.param({"net/gather": 5, "net/add": 5}, "", id="a layer alone"),
    ],
)
def test_the_scopes_around_a_model(times, root):
    found = root_by_time([(path(name), time) for name, time in times.items()])
    assert found == (path(root) if root else ())
