"""Training steps as a `tf.function`, and a loop that fetches nothing until its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.stopwatch import Laps, laps, marked, profiler

MICRO_BATCHES = 4
PRODUCTS = 8


def compiled(sizes: Sizes, folder: Path) -> Laps:
    """A training step that XLA compiles."""
    import keras
    import tensorflow as tf

    model, optimizer = _network(sizes), keras.optimizers.SGD(1e-3, name="sgd")
    optimizer.build(model.trainable_variables)
    images = tf.random.normal([sizes.batch, sizes.pixels, sizes.pixels, 3])

    def train() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(images, training=True) ** 2)
        weights = model.trainable_variables
        optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    return _traced(sizes, folder, tf.function(train, jit_compile=True))


def two_optimizers(sizes: Sizes, folder: Path) -> Laps:
    """A GAN: one function trains both networks, each with its optimizer."""
    import keras
    import tensorflow as tf

    dense, wide = keras.layers.Dense, 4 * sizes.width
    maker = keras.Sequential(
        [keras.Input((sizes.width,)), dense(wide, "relu", name="g_in"), dense(wide, name="g_out")]
    )
    judge = keras.Sequential(
        [keras.Input((wide,)), dense(wide, "relu", name="d_in"), dense(1, name="d_out")]
    )
    optimizers = [keras.optimizers.Adam(name=f"opt_{name}") for name in "gd"]
    for optimizer, model in zip(optimizers, (maker, judge), strict=True):
        optimizer.build(model.trainable_variables)
    noise, real = (tf.random.normal([sizes.batch, size]) for size in (sizes.width, wide))

    def train() -> Any:
        with tf.GradientTape(persistent=True) as tape:
            made = maker(noise, training=True)
            fooled = tf.reduce_mean(tf.nn.softplus(-judge(made, training=True)))
            caught = fooled + tf.reduce_mean(tf.nn.softplus(judge(real, training=True)))
        for optimizer, model, loss in zip(
            optimizers, (maker, judge), (fooled, caught), strict=True
        ):
            weights = model.trainable_variables
            optimizer.apply(tape.gradient(loss, weights), weights)
        return caught

    return _traced(sizes, folder, tf.function(train))


def accumulated(sizes: Sizes, folder: Path) -> Laps:
    """Four micro-batches in a loop of the graph, then one update."""
    import keras
    import tensorflow as tf

    model, optimizer = _network(sizes), keras.optimizers.Adam(name="my_adam")
    weights = model.trainable_variables
    optimizer.build(weights)
    sums = [tf.Variable(tf.zeros(weight.shape)) for weight in weights]
    images = tf.random.normal([sizes.batch, sizes.pixels, sizes.pixels, 3])

    def train() -> Any:
        loss = tf.constant(0.0)
        for _ in tf.range(MICRO_BATCHES):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(images, training=True) ** 2)
            for total, gradient in zip(sums, tape.gradient(loss, weights), strict=True):
                total.assign_add(gradient)
        optimizer.apply([total / MICRO_BATCHES for total in sums], weights)
        for total in sums:
            total.assign(tf.zeros_like(total))
        return loss

    return _traced(sizes, folder, tf.function(train))


def asynchronous(sizes: Sizes, folder: Path) -> Laps:
    """Steps that hand their result to the next; the host waits once, at the end."""
    import tensorflow as tf

    weights = tf.random.normal([sizes.matrix, sizes.matrix], stddev=sizes.matrix**-0.5)
    values = tf.Variable(tf.random.normal([sizes.matrix, sizes.matrix]))

    def step() -> None:
        result = values.value()
        for _ in range(PRODUCTS):
            result = tf.matmul(result, weights) * 0.999
        values.assign(result)

    wait, run = values.numpy, tf.function(step)
    for _ in range(sizes.burn_in):
        run()
    wait()
    steps = [("step", marked("step", number, run)) for number in range(sizes.steps)]
    with profiler(folder):
        return laps(steps, wait)


def sparse(sizes: Sizes, folder: Path) -> Laps:
    """Rows of a large table are gathered, and only those are updated."""
    import keras
    import tensorflow as tf

    table = keras.Variable(tf.random.normal([sizes.words, sizes.width]), name="table")
    optimizer = keras.optimizers.SGD(0.1, name="sgd")
    optimizer.build([table])
    words = tf.random.uniform([sizes.batch * 16], 0, sizes.words, tf.int32)

    def train() -> Any:
        with tf.GradientTape() as tape:
            rows = tf.gather(table.value, words, name="lookup")
            loss = tf.reduce_mean(tf.nn.softmax(rows) ** 2)
        optimizer.apply([tape.gradient(loss, table.value)], [table])
        return loss

    return _traced(sizes, folder, tf.function(train))


def _traced(sizes: Sizes, folder: Path, train: Callable[[], Any]) -> Laps:
    """Traces steps that fetch their loss. No marker says where one begins."""

    def step() -> None:
        train().numpy()

    for _ in range(sizes.burn_in):
        step()
    with profiler(folder):
        return laps([("", step)] * sizes.steps)


def _network(sizes: Sizes) -> Any:
    import keras

    layers, width = keras.layers, sizes.width
    return keras.Sequential(
        [
            keras.Input((sizes.pixels, sizes.pixels, 3)),
            layers.Conv2D(width, 3, padding="same", name="entry"),
            layers.BatchNormalization(name="norm"),
            layers.Conv2D(2 * width, 3, padding="same", activation="relu", name="middle"),
            layers.GlobalAveragePooling2D(name="squeeze"),
            layers.Dense(10, name="exit"),
        ]
    )
