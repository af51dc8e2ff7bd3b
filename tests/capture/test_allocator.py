"""The allocator is chosen by the environment that TensorFlow reads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from alexprof.capture.allocator import choose_cpu_allocator, chosen_cpu_allocator
from alexprof.errors import UsageError

USE, LIMIT = "TF_CPU_ALLOCATOR_USE_BFC", "TF_CPU_BFC_MEM_LIMIT_IN_MB"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in (USE, LIMIT):
        # So that what the test sets is taken back, whether it was set before or not.
        monkeypatch.setenv(name, "before")
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("name", "variable"), [("bfc", "true"), ("malloc", "false")])
def test_the_choice_reaches_the_environment(name, variable):
    assert chosen_cpu_allocator() == "malloc"
    choose_cpu_allocator(name, 16 << 30)
    assert os.environ[USE] == variable
    assert chosen_cpu_allocator() == name
    assert LIMIT not in os.environ


def test_a_machine_with_more_memory_than_the_allocator_s_bound_may_use_it(monkeypatch):
    choose_cpu_allocator("bfc", 256 << 30)
    assert os.environ[LIMIT] == str(256 << 10)
    monkeypatch.setenv(LIMIT, "1000")
    choose_cpu_allocator("bfc", 256 << 30)
    assert os.environ[LIMIT] == "1000"


def test_an_unknown_allocator_is_named():
    with pytest.raises(UsageError, match=r"'jemalloc'.*bfc, malloc"):
        choose_cpu_allocator("jemalloc", None)


TRACED = """
import sys
from alexprof.capture.allocator import choose_cpu_allocator
from alexprof.capture.startup import start_tensorflow
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
    done = subprocess.run(
        [sys.executable, "-c", TRACED, name, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [used], done.stderr
