"""Records a small trace of XLA on this machine: a net of two convolutions, forward and backward.

    python -m tests.record_xla tensorflow FOLDER
    python -m tests.record_xla jax FOLDER

Both mark three steps. JAX is no dependency of AlexProf: any Python that has it will do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEPS = 3
SHAPES = {"conv1": (5, 5, 3, 16), "conv2": (3, 3, 16, 16), "fc": (1024, 10)}


def by_tensorflow(folder: Path) -> None:
    from alexprof.capture.startup import start_tensorflow
    from alexprof.capture.trace import trace_steps

    start_tensorflow()
    import tensorflow as tf

    weights = {name: tf.Variable(tf.random.normal(shape)) for name, shape in SHAPES.items()}
    images = tf.random.normal((8, 32, 32, 3))

    def loss() -> Any:
        x = images
        for name in ("conv1", "conv2"):
            with tf.name_scope(name):
                x = tf.nn.relu(tf.nn.conv2d(x, weights[name], 2, "SAME"))
        with tf.name_scope("lrn"):
            x = tf.nn.lrn(x, 4, 1.0, 1e-3, 0.75)
        with tf.name_scope("fc"):
            return tf.reduce_sum(tf.reshape(x, (8, -1)) @ weights["fc"])

    def gradients() -> Any:
        with tf.GradientTape() as tape:
            result = loss()
        return result, tape.gradient(result, weights)

    compiled = tf.function(gradients, jit_compile=True)

    def whole() -> Any:
        with tf.name_scope("outside"):
            before = tf.linalg.matmul(weights["fc"], weights["fc"], transpose_a=True)
        result, by_weight = compiled()
        return result + tf.reduce_sum(before), by_weight

    step = tf.function(whole)

    def run() -> None:
        step()[0].numpy()

    _repeat(run)
    trace_steps(run, STEPS, folder=folder, session_name="xla", doing="recording")


def by_jax(folder: Path) -> None:
    import jax
    import jax.numpy as jnp

    key = jax.random.key(0)
    weights = {name: jax.random.normal(key, shape) for name, shape in SHAPES.items()}
    images = jax.random.normal(key, (8, 32, 32, 3))

    def loss(weights: Any) -> Any:
        x = images
        for name in ("conv1", "conv2"):
            with jax.named_scope(name):
                x = jax.lax.conv_general_dilated(
                    x, weights[name], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
                )
                x = jax.nn.relu(x)
        with jax.named_scope("fc"):
            return jnp.sum(x.reshape(8, -1) @ weights["fc"])

    def train(weights: Any) -> Any:
        result, gradients = jax.value_and_grad(loss)(weights)
        with jax.named_scope("sgd"):
            return jax.tree.map(lambda one, other: one - 1e-6 * other, weights, gradients), result

    step = jax.jit(train)

    def run() -> None:
        jax.block_until_ready(step(weights))

    _repeat(run)
    with jax.profiler.trace(str(folder)):
        for number in range(STEPS):
            with jax.profiler.StepTraceAnnotation("train", step_num=number):
                run()


def _repeat(run: Callable[[], None]) -> None:
    for _ in range(3):  # compiled by then
        run()


if __name__ == "__main__":
    {"tensorflow": by_tensorflow, "jax": by_jax}[sys.argv[1]](Path(sys.argv[2]))
