"""A graph and a session with many traced steps, as AlexProf traces them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.stopwatch import Laps


def long(sizes: Sizes, folder: Path) -> Laps:
    """Blocks of convolution, ReLU and LRN, and many steps of them in one trace."""
    import tensorflow as tf

    from alexprof.capture.trace import trace_steps

    v1, width = tf.compat.v1, sizes.width
    with tf.Graph().as_default() as graph:
        images = v1.random_normal([sizes.batch, sizes.pixels // 4, sizes.pixels // 4, width])
        for block in range(sizes.session_blocks):
            with v1.name_scope(f"block{block}"):
                weights = v1.get_variable(f"weights{block}", [3, 3, width, width])
                images = tf.nn.relu(v1.nn.conv2d(images, weights, 1, "SAME"))
                images = tf.nn.local_response_normalization(images)
        target = tf.reduce_sum(images)
        start = v1.global_variables_initializer()
    with v1.Session(graph=graph) as session:
        session.run(start)
        for _ in range(sizes.burn_in):
            session.run(target)
        captured = trace_steps(
            lambda: session.run(target),
            sizes.session_steps,
            folder=folder,
            session_name="long",
            doing="a long session",
        )
    return {captured.marker: [length_ns / 1e9 for length_ns in captured.stopwatch_ns]}
