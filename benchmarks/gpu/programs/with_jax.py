"""JAX: a training loop with step annotations that waits once, at its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.gpu.not_here import NotHere
from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.stopwatch import Laps, laps


def asynchronous(sizes: Sizes, folder: Path) -> Laps:
    """Three dense layers and gradient descent.

    Raises:
        NotHere: JAX isn't installed.
    """
    try:
        import jax
        import jax.numpy as jnp
    except ImportError as error:
        raise NotHere("JAX isn't installed") from error
    size = sizes.matrix // 4
    keys = jax.random.split(jax.random.key(0), 4)
    names = ("embed", "hidden", "out")
    weights = {
        name: jax.random.normal(key, (size, size)) * size**-0.5
        for name, key in zip(names, keys, strict=False)
    }
    images = jax.random.normal(keys[3], (sizes.batch * 16, size))

    def loss(weights: dict[str, Any]) -> Any:
        result = images
        for name in names:
            with jax.named_scope(name):
                result = jnp.tanh(result @ weights[name])
        return jnp.mean(result**2)

    def train(weights: dict[str, Any]) -> dict[str, Any]:
        gradients = jax.grad(loss)(weights)
        with jax.named_scope("sgd"):
            return {name: weights[name] - 0.1 * gradients[name] for name in names}

    compiled = jax.jit(train)

    def annotated(number: int) -> Callable[[], None]:
        def step() -> None:
            nonlocal weights
            with jax.profiler.StepTraceAnnotation("train", step_num=number):
                weights = compiled(weights)

        return step

    def wait() -> object:
        return jax.block_until_ready(weights)

    for number in range(sizes.burn_in):
        annotated(number)()
    wait()
    with jax.profiler.trace(str(folder)):
        return laps([("train", annotated(number)) for number in range(sizes.steps)], wait)
