"""Keras: `fit` as it runs by default, without XLA and in mixed precision; batches in turn."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.stopwatch import Laps, laps, lengths, marked, profiler

CLASSES = 10


def by_default(sizes: Sizes, folder: Path) -> Laps:
    """`fit` with Adam; on a GPU Keras compiles it with XLA."""
    import keras

    return _fit(sizes, folder, optimizer=keras.optimizers.Adam())


def without_xla(sizes: Sizes, folder: Path) -> Laps:
    """The same, op by op."""
    import keras

    return _fit(sizes, folder, optimizer=keras.optimizers.Adam(), jit_compile=False)


def mixed(sizes: Sizes, folder: Path) -> Laps:
    """In half precision with loss scaling, and an optimizer with a name of its own."""
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    optimizer = keras.optimizers.SGD(1e-4, name="my_updates")
    return _fit(sizes, folder, optimizer=optimizer, jit_compile=False)


def train_and_test(sizes: Sizes, folder: Path) -> Laps:
    """`train_on_batch` and `test_on_batch` in turn, each with a marker."""
    import keras

    model = _model(sizes)
    model.compile(optimizer=keras.optimizers.Adam(), loss=_loss(), jit_compile=False)
    images, labels = _data(sizes)
    sorts = {"train": model.train_on_batch, "eval": model.test_on_batch}
    for run in sorts.values():
        for _ in range(sizes.burn_in):
            run(images, labels)
    steps = [
        (sort, marked(sort, number, partial(run, images, labels)))
        for number in range(sizes.steps)
        for sort, run in sorts.items()
    ]
    with profiler(folder):
        return laps(steps)


def _fit(sizes: Sizes, folder: Path, **options: Any) -> Laps:
    import tensorflow as tf

    model = _model(sizes)
    model.compile(loss=_loss(), **options)
    data = tf.data.Dataset.from_tensors(_data(sizes)).repeat()
    traced = _traced(folder, range(sizes.burn_in, sizes.burn_in + sizes.steps))
    steps = sizes.burn_in + sizes.steps + 1
    model.fit(data, steps_per_epoch=steps, epochs=1, verbose=0, callbacks=[traced])
    return lengths([""] * sizes.steps, traced.times_s)


def _traced(folder: Path, batches: range) -> Any:
    """A callback that traces some batches of `fit` and notes when each begins."""
    import keras
    import tensorflow as tf

    class Traced(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.times_s: list[float] = []

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == batches[0]:
                self._wait()  # for the first time it takes longer
                tf.profiler.experimental.start(str(folder))
            if batch in batches:
                self.times_s.append(time.perf_counter())

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == batches[-1]:
                self._wait()
                self.times_s.append(time.perf_counter())
                tf.profiler.experimental.stop()

        def _wait(self) -> None:
            """Until the step's updates are done: then a weight is known."""
            self.model.get_layer("head").bias.numpy()

    return Traced()


def _model(sizes: Sizes) -> Any:
    import keras

    layers, width = keras.layers, sizes.width
    return keras.Sequential(
        [
            keras.Input((sizes.pixels, sizes.pixels, 3)),
            layers.Conv2D(width, 3, padding="same", activation="relu", name="stem"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling2D(name="shrink"),
            layers.Conv2D(2 * width, 3, padding="same", activation="relu", name="body"),
            layers.Flatten(name="flat"),
            layers.Dense(4 * width, activation="relu", name="wide"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(CLASSES, name="head", dtype="float32"),
        ]
    )


def _loss() -> Any:
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _data(sizes: Sizes) -> tuple[Any, Any]:
    import numpy as np

    chance = np.random.default_rng(0)
    shape = (sizes.batch, sizes.pixels, sizes.pixels, 3)
    return chance.random(shape, np.float32), chance.integers(0, CLASSES, sizes.batch)
