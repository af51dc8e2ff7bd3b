"""TensorFlow in a process: its allocator, devices, sessions and versions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from alexprof.capture.runtime import (
    accelerators,
    choose_cpu_allocator,
    session_config,
    signals_held,
    software,
)
from alexprof.errors import UsageError

USE, LIMIT = "TF_CPU_ALLOCATOR_USE_BFC", "TF_CPU_BFC_MEM_LIMIT_IN_MB"


@pytest.fixture
def environment(monkeypatch):
    for name in (USE, LIMIT):
        # So that what the test sets is taken back, whether it was set before or not.
        monkeypatch.setenv(name, "before")
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(("name", "variable"), [("bfc", "true"), ("malloc", "false")])
def test_the_choice_reaches_the_environment_and_the_record(name, variable):
    assert software().cpu_allocator == "malloc"
    choose_cpu_allocator(name, 16 << 30)
    assert os.environ[USE] == variable
    assert software().cpu_allocator == name
    assert LIMIT not in os.environ


@pytest.mark.usefixtures("environment")
def test_a_machine_with_more_memory_than_the_allocator_s_bound_may_use_it(monkeypatch):
    choose_cpu_allocator("bfc", 256 << 30)
    assert os.environ[LIMIT] == str(256 << 10)
    monkeypatch.setenv(LIMIT, "1000")
    choose_cpu_allocator("bfc", 256 << 30)
    assert os.environ[LIMIT] == "1000"


def output_of(script: str, *arguments: object, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


TRACED = """
import sys
from alexprof.capture.runtime import choose_cpu_allocator, start_tensorflow
from alexprof.capture.trace import trace_steps
from pathlib import Path

start_tensorflow()
choose_cpu_allocator(sys.argv[1], None)
import tensorflow as tf

v1 = tf.compat.v1
with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
    product = tf.matmul(tf.random.normal([64, 64]), tf.random.normal([64, 64]))
    captured = trace_steps(
        lambda: session.run(product), 2, folder=Path(sys.argv[2]), session_name="step", doing="test"
    )
print(b"bfc_cpu_allocator" in captured.path.read_bytes())
"""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "used"), [("bfc", "True"), ("malloc", "False")])
def test_tensorflow_takes_the_allocator(name, used, tmp_path):
    assert output_of(TRACED, name, tmp_path) == used


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "onednn"), [("0", "False"), ("1", "None")])
def test_onednn_is_known_to_be_off_where_tensorflow_says_so(setting, onednn):
    script = "from alexprof.capture.runtime import software; print(software().onednn)"
    assert output_of(script, TF_ENABLE_ONEDNN_OPTS=setting) == onednn


def test_a_gpu_that_is_not_there(tf, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda: [])
    with pytest.raises(UsageError, match=r"no GPU.*--device cpu.*alexprof doctor"):
        accelerators("gpu")
    assert accelerators("auto") == ()


def test_session_settings():
    config = session_config("cpu", intra_op=3, inter_op=2)
    assert (config.intra_op_parallelism_threads, config.inter_op_parallelism_threads) == (3, 2)
    assert config.gpu_options.allocator_type == "BFC"
    assert config.device_count["GPU"] == 0
    assert "GPU" not in session_config("auto").device_count
    with pytest.raises(UsageError, match="--inter-op"):
        session_config("cpu", inter_op=-1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_an_import(number):
    came = []
    before = signal.signal(number, lambda number, frame: came.append(number))
    try:
        with signals_held():
            os.kill(os.getpid(), number)
            assert came == []
            os.kill(os.getpid(), number)  # whoever asks again does not want to wait
            assert came == [number]
        assert came == [number, number]
    finally:
        signal.signal(number, before)
