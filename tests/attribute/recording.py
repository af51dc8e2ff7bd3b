"""Small programs of all kinds under TensorFlow's profiler.

    python -m tests.attribute.recording FOLDER

leaves `FOLDER/<kind>/…/<host>.xplane.pb` for each kind. It runs as a process of its own, because
what TensorFlow writes depends on what ran before in its process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeAlias

from alexprof.capture.runtime import start_tensorflow
from alexprof.capture.trace import profiled
from alexprof.workload import alexnet as workloads

start_tensorflow()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

Program: TypeAlias = Callable[[], object]

v1 = tf.compat.v1
STEPS = 4
SIDE = 48
KINDS: dict[str, Callable[[], Program]] = {}
"""Each builds a program, warms it up and returns it, ready for the profiler."""


def kind(build: Callable[[], Program]) -> Callable[[], Program]:
    KINDS[build.__name__] = build
    return build


def marked(number: int, name: str = "train") -> Any:
    """Mark a step the way that Keras's and TensorFlow's own loops and JAX do."""
    return tf.profiler.experimental.Trace(name, step_num=number, _r=1)


def in_steps(step: Callable[[], object]) -> Program:
    def program() -> None:
        for number in range(STEPS):
            with marked(number):
                step()

    step()
    return program


def in_session(graph: Any, target: Any, threads: int = 0) -> Program:
    config = v1.ConfigProto(
        inter_op_parallelism_threads=threads, use_per_session_threads=bool(threads)
    )
    session = v1.Session(graph=graph, config=config)
    with graph.as_default():
        if v1.global_variables():
            session.run(v1.global_variables_initializer())
    return in_steps(lambda: session.run(target))


def noise() -> Any:
    return v1.random_normal([SIDE, SIDE])


@kind
def alexnet() -> Program:
    with tf.Graph().as_default() as graph:
        built = workloads.alexnet(batch_size=2, image_size=64).variants["with_lrn"].build()
    return in_session(graph, built.fetches["forward_backward"])


@kind
def while_frames() -> Program:
    """A loop as the first TensorFlow has it: Enter, Merge, Switch, NextIteration, Exit."""
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            x = noise()
            turned = v1.while_loop(
                lambda i, a: i < 5, lambda i, a: (i + 1, tf.tanh(tf.matmul(a, x))), [0, x]
            )
            target = tf.reduce_sum(v1.cond(turned[0] > 3, lambda: turned[1], lambda: x))
    finally:
        v1.enable_control_flow_v2()
    return in_session(graph, target)


@kind
def functions_in_a_session() -> Program:
    """Functions that the runtime may take apart before it runs them."""

    @tf.function
    def inner(x):
        return tf.matmul(x, x, name="inner_product")

    @tf.function
    def outer(x):
        turned = tf.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, inner(a)), [0, x])[1]
        return inner(turned) + tf.cond(tf.reduce_sum(x * x) > 0, lambda: inner(x), lambda: x)

    with tf.Graph().as_default() as graph:
        x = noise()
        target = tf.reduce_sum(outer(x) + outer(x * 2.0))
    return in_session(graph, target)


@kind
def functions_that_stay() -> Program:
    """Calls, loops and branches that run as ops, with what they call inside of their events."""
    stays = tf.function(experimental_attributes={"_noinline": True})
    matrix = tf.TensorSpec([SIDE, SIDE], tf.float32)
    state = [tf.TensorSpec([], tf.int32), matrix]
    inner = stays(lambda x: tf.matmul(x, x, name="inner_product"))
    outer = stays(lambda x: inner(tf.nn.relu(inner(x))))
    with tf.Graph().as_default() as graph:
        again = tf.function(lambda i, a: i < 5).get_concrete_function(*state)
        body = tf.function(lambda i, a: (i + 1, tf.tanh(inner(a)))).get_concrete_function(*state)
        branch = tf.function(inner).get_concrete_function(matrix)
        x = outer(noise())
        x = tf.raw_ops.StatelessWhile(input=[0, x], cond=again, body=body)[1]
        x = tf.raw_ops.While(input=[0, x], cond=again, body=body)[1]
        positive = tf.reduce_sum(x) > 0
        branches = {"then_branch": branch, "else_branch": branch}
        x = tf.raw_ops.If(cond=positive, input=[x], Tout=[tf.float32], **branches)[0]
        target = tf.reduce_sum(x)
    return in_session(graph, target)


@kind
def train_function() -> Program:
    """A training step as a function of TensorFlow 2, gradients and a loop in it."""
    weights = tf.Variable(tf.random.normal([SIDE, SIDE]))
    inner = tf.function(lambda x: tf.matmul(x, weights, name="inner_product"))

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            y = inner(inner(x))
            for _ in tf.range(3):
                y = tf.tanh(inner(y))
            loss = tf.reduce_sum(
                tf.cond(tf.reduce_sum(y * y) > 0, lambda: inner(y), lambda: y * 2.0)
            )
        weights.assign_sub(0.001 * tape.gradient(loss, weights))
        return loss

    x = tf.random.normal([SIDE, SIDE])
    return in_steps(lambda: step(x).numpy())


@kind
def compiled() -> Program:
    """A net of two convolutions and its gradients compiled by XLA, in a function that is not."""
    shapes = {"conv1": (5, 5, 3, 16), "conv2": (3, 3, 16, 16), "fc": (1024, 10)}
    weights = {name: tf.Variable(tf.random.normal(shape)) for name, shape in shapes.items()}
    images = tf.random.normal((8, 32, 32, 3))

    def loss():
        x = images
        for name in ("conv1", "conv2"):
            with tf.name_scope(name):
                x = tf.nn.relu(tf.nn.conv2d(x, weights[name], 2, "SAME"))
        with tf.name_scope("lrn"):
            x = tf.nn.lrn(x, 4, 1.0, 1e-3, 0.75)
        with tf.name_scope("fc"):
            return tf.reduce_sum(tf.reshape(x, (8, -1)) @ weights["fc"])

    @tf.function(jit_compile=True)
    def gradients():
        with tf.GradientTape() as tape:
            result = loss()
        return result, tape.gradient(result, weights)

    @tf.function
    def step():
        with tf.name_scope("outside"):
            before = tf.linalg.matmul(weights["fc"], weights["fc"], transpose_a=True)
        result, by_weight = gradients()
        return result + tf.reduce_sum(before), by_weight

    def run():
        return step()[0].numpy()

    return in_steps(run)


@kind
def side_by_side() -> Program:
    """Ops of one step on several threads."""
    with tf.Graph().as_default() as graph:
        products = [tf.matmul(tf.matmul(x, x), x) for x in (noise() for _ in range(8))]
        target = tf.reduce_sum(tf.add_n(products))
    return in_session(graph, target, threads=4)


@kind
def asynchronous() -> Program:
    """Ops that end on another thread than they began on: queues, Python, parallel iterations."""
    with tf.Graph().as_default() as graph:
        queue = tf.queue.FIFOQueue(100, [tf.float32])
        put = queue.enqueue(tf.matmul(noise(), noise()))
        with tf.control_dependencies([put]):
            x = tf.numpy_function(lambda a: a * 2, [queue.dequeue()], tf.float32)
        x = tf.ensure_shape(x, [SIDE, SIDE])
        rows = tf.map_fn(lambda row: tf.reduce_sum(row * row), x, parallel_iterations=8)
        target = tf.reduce_sum(rows)
    return in_session(graph, target, threads=4)


@kind
def eager() -> Program:
    weights = tf.Variable(tf.random.normal([SIDE, SIDE]))
    x = tf.random.normal([SIDE, SIDE])

    def step() -> object:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.tanh(tf.matmul(x, weights)))
        weights.assign_sub(0.01 * tape.gradient(loss, weights))
        return loss.numpy()

    return in_steps(step)


@kind
def eager_in_a_graph() -> Program:
    """An op that runs Python, which runs ops eagerly."""
    with tf.Graph().as_default() as graph:
        x = tf.py_function(lambda a: tf.matmul(a, a) + 1, [noise()], tf.float32, name="python")
        target = tf.reduce_sum(x)
    return in_session(graph, target)


@kind
def odd_names() -> Program:
    """All that TensorFlow lets through in names; colons and unicode it refuses in a graph."""
    with tf.Graph().as_default() as graph:
        x = noise()
        with v1.name_scope("x" * 300):
            for _ in range(3):
                x = tf.matmul(x, x, name="deep-est.name>x/" + "y" * 200)
        target = tf.reduce_sum(tf.tanh(x, name=".tanh"), name="9")
    session = in_session(graph, target)

    def program() -> None:
        session()
        for name in ("größe:Größe", "größe: Mul", "a:b:Mul", "a;b:Mul", "a:Mul;b:Mul", ":", "a:"):
            with tf.profiler.experimental.Trace(name):
                session()

    return program


def pipeline() -> Any:
    def multiplied(i: Any) -> Any:
        return tf.matmul(tf.fill([32, 32], tf.cast(i, tf.float32)), tf.ones([32, 32]))

    data = tf.data.Dataset.range(400).map(multiplied, num_parallel_calls=2)
    return data.filter(lambda x: tf.reduce_sum(x) >= 0).batch(4).prefetch(2)


@kind
def pipeline_in_a_session() -> Program:
    with tf.Graph().as_default() as graph:
        batch = v1.data.make_one_shot_iterator(pipeline()).get_next()
        target = tf.reduce_sum(tf.matmul(batch, tf.ones([32, 32])))
    return in_session(graph, target)


@kind
def pipeline_by_hand() -> Program:
    """The usual loop of TensorFlow 2: a batch, then a step."""
    weights = tf.Variable(tf.random.normal([32, 32]))
    batches = iter(pipeline())

    @tf.function
    def step(x):
        return weights.assign_add(tf.reduce_mean(tf.matmul(x, weights), 0) * 1e-6)

    return in_steps(lambda: step(next(batches)))


@kind
def pipeline_in_a_function() -> Program:
    """A loop over a data set, and a reduction, which run the pipeline inside of their ops."""
    data = tf.data.Dataset.range(8).map(lambda i: tf.cast(i, tf.float32) * 2.0)

    @tf.function
    def total():
        found = 0.0
        for x in data:
            found += x
        return found + data.reduce(0.0, lambda a, b: a + b)

    return in_steps(lambda: total().numpy())


def model() -> tuple[Any, Any, Any]:
    layers = tf.keras.layers
    built = tf.keras.Sequential(
        [layers.Input((16,)), layers.Dense(32, activation="relu"), layers.Dense(1)]
    )
    built.compile("adam", "mse")
    random = np.random.default_rng(0)
    return built, random.random((48, 16), np.float32), random.random((48, 1), np.float32)


@kind
def keras_fit() -> Program:
    """Marks no steps: Keras only does for its own callback."""
    built, x, y = model()
    built.fit(x, y, batch_size=8, verbose=0)
    return lambda: built.fit(x, y, batch_size=8, epochs=2, verbose=0)


@kind
def keras_train_step() -> Program:
    built, x, y = model()
    return in_steps(lambda: built.train_on_batch(x, y))


def product() -> Program:
    graph = tf.function(lambda x: tf.reduce_sum(tf.matmul(x, x)))
    x = tf.random.normal([SIDE, SIDE])
    graph(x)
    return lambda: graph(x).numpy()


@kind
def missing_steps() -> Program:
    """Only every other step is marked."""
    step = product()

    def program() -> None:
        for number in range(STEPS):
            with marked(number) if number % 2 == 0 else nullcontext():
                step()

    return program


def keras_callback(folder: Path) -> None:
    """Keras profiles by itself, so the profiler is not ours."""
    built, x, y = model()
    board = tf.keras.callbacks.TensorBoard(str(folder), profile_batch=(3, 5))
    built.fit(x, y, batch_size=8, verbose=0, callbacks=[board])


def main() -> None:
    folder = Path(sys.argv[1])
    for name, build in KINDS.items():
        program = build()
        with profiled(folder / name, "trace", f"recording {name}"):
            program()
    keras_callback(folder / "keras_callback")


if __name__ == "__main__":
    main()
