from __future__ import annotations

import os
import subprocess
import sys

import pytest

from alexprof.capture.executed import executed_ops
from alexprof.capture.target import SessionTarget
from alexprof.capture.trace import check_no_profiler, profiled, trace_steps
from alexprof.errors import CaptureError


@pytest.fixture(scope="module")
def session(tf):
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.random_normal([2, 16, 16, 4], seed=1, name="images")
        tf.nn.local_response_normalization(images, name="lrn")
    with tf.compat.v1.Session(graph=graph) as session:
        session.run("lrn:0")
        yield session


def trace(session, folder, **options):
    arguments = {"folder": folder, "session_name": "forward", "doing": "a test", **options}
    return trace_steps(lambda: session.run("lrn:0"), 3, **arguments)


def test_the_trace_lies_where_the_profile_tab_looks(session, tmp_path):
    told: list[int] = []
    captured = trace(session, tmp_path, after_step=lambda: told.append(1))
    assert len(told) == 3
    assert captured.path.parent == tmp_path / "plugins" / "profile" / "forward"
    assert captured.path.name.endswith(".xplane.pb")
    assert captured.path.stat().st_size > 0
    assert len(captured.stopwatch_ns) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["plugins"]
    # A second trace takes the place of the first.
    first = captured.path.stat().st_ino
    assert trace(session, tmp_path).path.stat().st_ino != first
    assert len(list(captured.path.parent.iterdir())) == 1


QUIETLY = """
import tensorflow as tf
from alexprof.capture.trace import profiler_options
tf.profiler.experimental.start("", profiler_options())
tf.profiler.experimental.stop(save=False)
"""


@pytest.mark.slow
def test_options_have_the_types_that_tensorflow_wants():
    done = subprocess.run(
        [sys.executable, "-c", QUIETLY],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "profiler_session" in done.stderr  # it does say what it does
    assert "expects an" not in done.stderr


@pytest.fixture
def other_profiler(tf, tmp_path):
    tf.profiler.experimental.start(str(tmp_path / "other"))
    yield
    tf.profiler.experimental.stop(save=False)


@pytest.mark.usefixtures("other_profiler")
def test_a_second_profiler_is_named_and_nothing_is_left(session, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(CaptureError, match="another profiler is already running: stop it"):
        trace(session, folder)
    assert not folder.exists()
    with pytest.raises(CaptureError, match="another profiler"):
        check_no_profiler("timing")


def test_no_profiler_is_left_running(session, tmp_path):
    check_no_profiler("timing")
    with pytest.raises(KeyboardInterrupt), profiled(tmp_path, "forward", "a test"):
        raise KeyboardInterrupt
    check_no_profiler("timing")
    assert list(tmp_path.iterdir()) == []


def test_memory_running_out_while_tracing_is_plain(tf, tmp_path):
    def step():
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nmore")

    with pytest.raises(CaptureError) as caught:
        trace_steps(step, 1, folder=tmp_path, session_name="x", doing="forward of with_lrn")
    assert (caught.value.code, caught.value.names) == ("out_of_memory", ("forward of with_lrn",))
    assert caught.value.text == "OOM when allocating"
    check_no_profiler("timing")


def test_run_metadata_names_what_ran_with_types(session):
    executed = executed_ops(SessionTarget(session, "lrn:0"), "a test")
    ops = {op.name: (op.type, op.device) for op in executed.ops}
    assert ops["lrn"] == ("LRN", "CPU")
    assert ops["images/RandomStandardNormal"] == ("RandomStandardNormal", "CPU")
    assert len(executed.run_metadata) > 100


def test_a_target_without_its_result_runs_the_same_ops(tf):
    with tf.Graph().as_default() as graph:
        fed = tf.compat.v1.placeholder(tf.float32, [2], name="fed")
        twice = tf.add(fed, fed, name="twice")
        sparse = tf.IndexedSlices(twice, tf.constant([0, 1]))
    with tf.compat.v1.Session(graph=graph) as session:
        target = SessionTarget(session, {"a": "twice:0", "b": sparse}, {fed: [2.0, 3.0]})
        assert target.run()["a"].tolist() == [4.0, 6.0]
        quiet = target.without_result()
        assert all(one is None for one in quiet.run())
        assert "twice" in {op.name for op in executed_ops(quiet, "a test").ops}
