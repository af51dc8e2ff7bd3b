from __future__ import annotations

import math

import numpy as np
import pytest

from alexprof.capture.results import KEPT, SPREAD, fetch_results, save_values
from alexprof.capture.target import Target
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
        return fetch_results(Target(session, fetches, feed), "running a step")


def test_a_small_tensor_is_kept_whole_and_summed_up(tf):
    values = np.array([[3.0, -4.0], [0.0, 12.0]], np.float32)
    results = fetched(tf, lambda: tf.constant(values, name="c") * 1.0)
    (one,) = results.tensors
    assert (one.dtype, one.shape, one.elements, one.kept) == ("float32", (2, 2), 4, 4)
    assert (one.norm, one.largest, one.nonfinite) == (13.0, 12.0, 0)
    assert (one.repeats, one.repeat_difference) == ("exact", 0.0)
    assert results.values[0].tolist() == values.ravel().tolist()


def test_a_large_tensor_is_kept_in_part_and_summed_up_whole(tf):
    size = (3, 1 << 20)
    results = fetched(tf, lambda: tf.reshape(tf.range(math.prod(size)), size))
    (one,) = results.tensors
    assert (one.kept, one.elements) == (SPREAD, math.prod(size))
    n = math.prod(size) - 1
    assert one.norm == pytest.approx(math.sqrt(n * (n + 1) * (2 * n + 1) / 6))
    # Of each column of a table 256 wide about as many values are kept.
    counts = np.bincount(results.values[0] % 256)
    assert counts.min() > 0.9 * SPREAD / 256
    assert SPREAD <= KEPT


def test_infinite_values_are_counted_and_left_out_of_sums(tf):
    values = np.array([np.nan, np.inf, -np.inf, 2.0], np.float64)
    (one,) = fetched(tf, lambda: tf.constant(values)).tensors
    assert (one.nonfinite, one.norm, one.largest, one.repeats) == (3, 2.0, 2.0, "exact")


def test_norms_do_not_overflow(tf):
    (one,) = fetched(tf, lambda: tf.constant([3e200, 4e200], tf.float64)).tensors
    assert one.norm == pytest.approx(5e200)


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
    by_type = {one.dtype: one for one in results.tensors}
    assert by_type["bfloat16"].norm == 1.5
    assert by_type["string"].norm is None
    assert by_type["string"].repeats == "exact"
    assert by_type["bool"].norm == 1.0
    assert [one.name for one in results.tensors].count("same:0") == 1
    assert [one.elements for one in results.tensors if one.shape == (0, 3)] == [0]


def test_results_that_change_from_step_to_step_say_so(tf):
    def build():
        count = tf.compat.v1.Variable(0.0)
        return [
            tf.compat.v1.assign_add(count, 1.0),
            tf.random.uniform([100], seed=1),
            tf.constant(1.0),
        ]

    repeats = [one.repeats for one in fetched(tf, build).tensors]
    assert repeats == ["differs", "differs", "exact"]


def test_nothing_fetched_is_nothing_recorded(tf):
    assert fetched(tf, tf.no_op).tensors == ()


def test_a_step_that_fails_is_an_error_in_words(tf):
    def build():
        data = tf.compat.v1.data.make_one_shot_iterator(tf.data.Dataset.range(1))
        return data.get_next()

    with pytest.raises(CaptureError, match=r"running a step: the step failed \(.*End of seq"):
        fetched(tf, build)


def test_values_come_back_from_the_file(tf, tmp_path):
    results = fetched(tf, lambda: [tf.constant([1, 2]), tf.constant(["a"]), tf.constant(0.5)])
    save_values(tmp_path / "r.npz", results)
    with np.load(tmp_path / "r.npz") as arrays:
        assert sorted(arrays.files) == ["0", "2"]
        assert arrays["0"].tolist() == [1, 2]
