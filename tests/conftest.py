"""One machine for all tests: TensorFlow sees a CPU and keeps quiet, and nobody is in a hurry.

What the tests say of real programs holds on a CPU: that ops have times of their own, that the
device is "CPU", that steps are replayed. With a GPU in sight ops run there, with kernels,
other libraries and other log lines. So GPUs are hidden here, for this process and those that tests
start, before anything imports TensorFlow. What holds on a GPU is tested on traces recorded there
(samples.py) and, on a machine with a GPU, measured by `python -m benchmarks gpu`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
# A build for CUDA complains of missing drivers and of factories that are registered twice, in lines
# that count as errors.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
# What a user may have set for programs of their own.
UNSET = (
    "ALEXPROF_LOGDIR",
    "TF_CPU_ALLOCATOR_USE_BFC",
    "TF_CPU_BFC_MEM_LIMIT_IN_MB",
    "TF_ENABLE_ONEDNN_OPTS",
    "COLUMNS",
)

os.environ.update(HIDDEN | QUIET)
for name in UNSET:
    os.environ.pop(name, None)
START = dict(os.environ)

# On a busy machine an example may take any time.
# The printed line reproduces a failure.
patient = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=False,
    print_blob=True,
)
settings.register_profile("patient", patient)
settings.register_profile("long", patient, max_examples=50_000)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def tf() -> Any:
    """TensorFlow, which only the first test that needs it imports."""
    import tensorflow

    return tensorflow


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Each test leaves the environment as all found it: a variable chooses TensorFlow's memory.

    As it was at the start, not before the test: a fixture of a whole file runs before this one, and
    what it runs may set variables too.
    """
    yield
    for name in [name for name in os.environ if not name.startswith("PYTEST_")]:
        if name not in START:
            del os.environ[name]
    os.environ.update(START)
