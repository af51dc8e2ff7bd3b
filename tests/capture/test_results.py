from __future__ import annotations

import pytest

from alexprof.capture.results import fetch_results
from alexprof.capture.target import SessionTarget
from alexprof.errors import CaptureError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


def fetched(tf, build, feed=None):
    graph = tf.Graph()
    with graph.as_default():
        fetches = build()
        start = tf.compat.v1.global_variables_initializer()
    with tf.compat.v1.Session(graph=graph) as session:
        session.run(start)
        return fetch_results(SessionTarget(session, fetches, feed), "running a step")


def test_fetches_of_every_sort(tf):
    def build():
        sparse = tf.sparse.from_dense([[0, 5]])
        same = tf.constant(1, name="same")
        return {
            "half": tf.constant([1.5], tf.bfloat16),
            "text": tf.constant(["a", "b"]),
            "truth": tf.constant([True, False]),
            "twice": [same, "same:0"],
            "sparse": sparse,
            "op": tf.no_op(),
            "empty": tf.zeros([0, 3]),
        }

    results = fetched(tf, build)
    by_type = {tensor.dtype: tensor for tensor in results}
    assert by_type["bfloat16"].norm == 1.5
    assert by_type["string"].norm is None
    assert by_type["string"].repeats
    assert by_type["bool"].norm == 1.0
    assert [tensor.name for tensor in results].count("same:0") == 1
    assert [tensor.norm for tensor in results if tensor.shape == (0, 3)] == [0.0]


def test_results_that_change_from_step_to_step_say_so(tf):
    def build():
        count = tf.compat.v1.Variable(0.0)
        return [
            tf.compat.v1.assign_add(count, 1.0),
            tf.random.uniform([100], seed=1),
            tf.constant(1.0),
        ]

    repeats = [tensor.repeats for tensor in fetched(tf, build)]
    assert repeats == [False, False, True]


def test_nothing_fetched_is_nothing_recorded(tf):
    assert fetched(tf, tf.no_op) == ()


def test_a_step_that_fails_is_an_error_in_words(tf):
    def build():
        data = tf.compat.v1.data.make_one_shot_iterator(tf.data.Dataset.range(1))
        return data.get_next()

    with pytest.raises(CaptureError, match=r"running a step: the step failed \(.*End of seq"):
        fetched(tf, build)
