"""The table of workloads: an entry is all that a new one takes."""

from __future__ import annotations

import pytest

import alexprof
from alexprof.workload import WORKLOADS, BuiltVariant, PhaseSpec, VariantSpec, Workload
from tests.command_line import call

pytestmark = pytest.mark.slow


def tiny(*, batch_size: int, seed: int) -> Workload:
    """One product of matrices."""

    def build():
        import tensorflow as tf

        values = tf.random.normal([batch_size, 8], seed=seed)
        return BuiltVariant({"forward": tf.matmul(values, values, transpose_b=True)})

    return Workload(
        name="tiny",
        variants={"plain": VariantSpec("plain", build)},
        phases=(PhaseSpec("forward", "Forward"),),
        settings={"batch_size": batch_size, "seed": seed},
    )


def test_a_second_workload_takes_the_options_that_all_share(tmp_path, monkeypatch):
    monkeypatch.setitem(WORKLOADS, "tiny", f"{__name__}:tiny")
    sizes = ("--batch-size", 4, "--num-batches", 12, "--burn-in", 1, "--trace-steps", 2)
    done = call("profile", "tiny", *sizes, "--logdir", tmp_path, "--name", "small")
    assert done.returncode == 0, done.stderr
    run = alexprof.load_run(tmp_path / "small")
    assert run.workload.name == "tiny"
    assert run.workload.settings["batch_size"] == 4
    phase = run.variants["plain"].phases["forward"]
    assert phase.timed.steps == 12
    assert "MatMul" in {op.kind for op in phase.ops}
