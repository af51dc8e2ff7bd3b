"""A network with batch norms, dropout and GELU, measured without each of them."""

from __future__ import annotations

from typing import Any

import pytest

from alexprof.show.progress import Progress
from alexprof.tracer.options import ProfileOptions
from alexprof.tracer.profiling import profile
from alexprof.tracer.tracer import Tracer
from alexprof.workload import BuiltVariant, Layer, PhaseSpec, VariantSpec, Workload
from alexprof.workload.leave_ops_out import LeftOut, ablated
from tests.analysis.made import sum_of_accounts

pytestmark = pytest.mark.slow


def build_normed() -> BuiltVariant:
    """conv, norm in one op, ReLU; conv, norm in several ops, GELU, dropout."""
    import tensorflow as tf

    v1 = tf.compat.v1
    x = tf.random.stateless_uniform([2, 24, 24, 8], [0, 1])
    weights: list[Any] = []

    def conv(x):
        weights.append(v1.get_variable(f"w{len(weights)}", [3, 3, 8, 8]))
        return tf.nn.conv2d(x, weights[-1], 1, "SAME")

    with tf.name_scope("one"):
        x, *_ = v1.nn.fused_batch_norm(conv(x), tf.ones(8), tf.zeros(8), name="bn")
        x = tf.nn.relu(x)
    with tf.name_scope("two"):
        x = conv(x)
        mean, variance = tf.nn.moments(x, [0, 1, 2])
        x = tf.nn.batch_normalization(x, mean, variance, tf.zeros(8), tf.ones(8), 1e-3)
        x = tf.nn.gelu(x)
    with tf.name_scope("three"):
        x = tf.nn.dropout(x, 0.5)
        x = conv(x)
    fetches = {"forward": x.op, "forward_backward": tf.gradients(x, weights)}
    return BuiltVariant(fetches, (Layer("one", (2,)), Layer("two", (2,)), Layer("three", (2,))))


NORMED = Workload(
    name="normed",
    variants={"plain": VariantSpec("plain", build_normed)},
    phases=(PhaseSpec("forward", "Forward"), PhaseSpec("forward_backward", "Forward-backward")),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    patterns = ("BatchNorm", "Dropout", "Gelu", "two")
    options = ProfileOptions(num_batches=20, burn_in=2, trace_steps=4)
    folder = tmp_path_factory.mktemp("logdir") / "normed"
    workload = ablated(NORMED, patterns)
    return profile(workload, folder, options, Progress())


def own_types(answer, *, backward):
    return {op.type for op in answer.seen if (op.pass_ != "forward") == backward}


@pytest.mark.parametrize("phase", ["forward", "forward_backward"])
@pytest.mark.parametrize(
    ("name", "scopes", "layers", "types"),
    [
        ("BatchNorm", {"two/batchnorm", "two/moments"}, {"one", "two"}, {"Rsqrt", "Mean"}),
        ("Dropout", {"three/dropout"}, {"three"}, {"RandomUniform", "GreaterEqual"}),
        ("Gelu", {"two/Gelu"}, {"two"}, {"Erfc"}),
        ("two", {"two/batchnorm", "two/moments", "two/Gelu"}, {"two"}, {"Rsqrt", "Erfc"}),
    ],
)
def test_own_ops_are_those_of_the_function(run, phase, name, scopes, layers, types):
    (answer,) = (answer for answer in run.ablations if (answer.name, answer.phase) == (name, phase))
    assert set(answer.scopes) == scopes
    assert {part.layer for part in answer.parts} == layers
    assert types <= own_types(answer, backward=False)
    assert bool(own_types(answer, backward=True)) == (phase == "forward_backward")
    assert answer.predicted_s is not None
    assert sum_of_accounts(answer) == pytest.approx(answer.measured_s, abs=1e-9)


def test_what_is_left_has_no_such_ops(run):
    from alexprof.attribute import kinds

    left = {
        variant: {kinds.kind(op.type) for op in record.phases["forward"].ops}
        for variant, record in run.variants.items()
    }
    assert {"FusedBatchNorm", "Rsqrt", "Erfc", "RandomUniform"} <= left["whole"]
    assert not {"FusedBatchNorm", "Rsqrt"} & left["without_BatchNorm"]
    assert "RandomUniform" not in left["without_Dropout"]
    assert "Erfc" not in left["without_Gelu"]


def test_earlier_names_still_work():
    assert Tracer.ask is Tracer.add_ablations
    assert LeftOut.question is LeftOut.ablation
