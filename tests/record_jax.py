"""Records a small trace of JAX: a net of two convolutions, forward and backward.

    python -m tests.record_jax FOLDER

JAX is no dependency of AlexProf: any Python that has it will do.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

STEPS = 4
SHAPES = {"conv1": (5, 5, 3, 16), "conv2": (3, 3, 16, 16), "fc": (1024, 10)}


def main(folder: Path) -> None:
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
            return jax.tree.map(lambda w, g: w - 1e-6 * g, weights, gradients), result

    step = jax.jit(train)
    jax.block_until_ready(step(weights))  # compiled by then
    with jax.profiler.trace(str(folder)):
        for number in range(STEPS):
            with jax.profiler.StepTraceAnnotation("train", step_num=number):
                jax.block_until_ready(step(weights))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
