"""AlexProf's timed loop against the classic one, on the same session, taking turns."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np

TURN_STEPS = 2
"""Steps before it is the other loop's turn: few, so that a drift is in both."""


def classic_loop(step: Callable[[], object], num_batches: int) -> tuple[float, float]:
    """Mean and standard deviation as the classic benchmark computes them, in seconds."""
    total, total_squared = 0.0, 0.0
    for i in range(num_batches):
        start = time.time()
        _ = step()
        duration = time.time() - start
        if not i % 10:
            print(f"{datetime.now()}: step {i}, duration = {duration:.3f}")
        total += duration
        total_squared += duration * duration
    mean = total / num_batches
    return mean, math.sqrt(max(total_squared / num_batches - mean * mean, 0.0))


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Short turns of each loop, in pairs that change sides; the ratio of means per phase."""
    from alexprof.capture.runtime import choose_cpu_allocator, start_tensorflow
    from alexprof.measure.intervals import student_half_width
    from alexprof.measure.loop import timed_blocks
    from alexprof.workload.alexnet import alexnet

    start_tensorflow()
    choose_cpu_allocator("bfc", None)
    import tensorflow as tf

    v1 = tf.compat.v1
    rounds = max((arguments.num_batches or 100) // TURN_STEPS, 2)
    workload = alexnet(batch_size=arguments.batch_size)
    result: dict[str, Any] = {"batch_size": arguments.batch_size, "steps": rounds * TURN_STEPS}
    print(f"Timed loop / classic loop, batch {arguments.batch_size}, {rounds} × {TURN_STEPS} steps")
    with tf.Graph().as_default() as graph:
        built = workload.variants["with_lrn"].build()
        initializer = v1.global_variables_initializer()
    with v1.Session(graph=graph) as session:
        session.run(initializer)
        for phase, target in built.fetches.items():

            def step(target: Any = target) -> object:
                return session.run(target)

            def ours(step: Callable[[], object] = step) -> float:
                blocks = timed_blocks({"with_lrn": step}, TURN_STEPS, 0, TURN_STEPS)
                return float(np.concatenate([block.seconds for block in blocks]).mean())

            def theirs(step: Callable[[], object] = step) -> float:
                return classic_loop(step, TURN_STEPS)[0]

            for _ in range(10):
                step()
            pairs = np.array([_pair(ours, theirs, turn) for turn in range(rounds)])
            logs = np.log(pairs[:, 0] / pairs[:, 1])
            ratio = float(pairs[:, 0].mean() / pairs[:, 1].mean())
            half = student_half_width(float(logs.var(ddof=1)), rounds)
            result[phase] = {
                "alexprof_mean_s": float(pairs[:, 0].mean()),
                "classic_mean_s": float(pairs[:, 1].mean()),
                "ratio_of_means": ratio,
                "median_ratio_of_pairs": float(np.exp(np.median(logs))),
                "ci95_of_ratio": [float(np.exp(logs.mean() + s * half)) for s in (-1, 1)],
            }
            print(
                f"  {phase:<18}{pairs[:, 0].mean():.4f} s / {pairs[:, 1].mean():.4f} s = "
                f"{ratio:.4f}  (95 % of pairs' mean ratio: "
                "{:.4f} to {:.4f})".format(*result[phase]["ci95_of_ratio"])
            )
    return result


def _pair(ours: Callable[[], float], theirs: Callable[[], float], turn: int) -> tuple[float, float]:
    if turn % 2:
        second = theirs()
        return ours(), second
    return ours(), theirs()
