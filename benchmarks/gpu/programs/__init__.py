"""Programs whose traces are read beside a stopwatch.

Each is a function of sizes and a folder that leaves one trace there and returns its laps.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.gpu.programs import functions, keras_fit, sessions, with_jax
from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.stopwatch import Laps

PROGRAMS: dict[str, Callable[[Sizes, Path], Laps]] = {
    "keras-fit": keras_fit.by_default,
    "keras-fit-without-xla": keras_fit.without_xla,
    "keras-fit-mixed": keras_fit.mixed,
    "train-and-test": keras_fit.train_and_test,
    "compiled-function": functions.compiled,
    "two-optimizers": functions.two_optimizers,
    "gradient-accumulation": functions.accumulated,
    "async-loop": functions.asynchronous,
    "sparse-embedding": functions.sparse,
    "long-session": sessions.long,
    "jax-async-loop": with_jax.asynchronous,
}
