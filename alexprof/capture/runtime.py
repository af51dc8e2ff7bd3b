"""TensorFlow in this process: started quietly, its devices, memory and versions."""

from __future__ import annotations

import os
import platform
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

import alexprof
from alexprof.errors import UsageError
from alexprof.record.environment import Device, Software

if TYPE_CHECKING:
    import tensorflow as tf

DEVICES = ("auto", "cpu", "gpu")
MOST_THREADS = 4096  # more only waste memory: 100,000 threads take 20 GB
ALLOCATORS = ("bfc", "malloc")
VARIABLE = "TF_CPU_ALLOCATOR_USE_BFC"
"""Read by TensorFlow at a process's first session (common_runtime/process_state.cc)."""
_LIMIT_VARIABLE = "TF_CPU_BFC_MEM_LIMIT_IN_MB"
_LIMIT_MB = 64 * 1024  # TensorFlow's default
_log_lines: list[str] = []


def start_tensorflow() -> tuple[str, ...]:
    """Imports TensorFlow and lets it look for devices, quietly.

    Its C++ side logs before its log level can be set (no environment variable holds it back), a
    dozen lines about a GPU that is not there. They are kept, for `alexprof doctor`, not printed.

    Returns:
        What it logged meanwhile, line by line.
    """
    if "tensorflow" not in sys.modules:
        _name_temporary_folder()
        # Later information and warnings of the C++ side; errors stay.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        with signals_held(), _standard_error_kept():
            import tensorflow as tf

            tf.config.list_physical_devices()
    return tuple(_log_lines)


@contextmanager
def signals_held() -> Iterator[None]:
    """Lets Ctrl-C and SIGTERM wait for the end of the block; the second one doesn't.

    They arrive as exceptions, which code that imports modules may take for those of a module.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers: dict[int, Callable[[int, FrameType | None], object]] = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if callable(handler := signal.getsignal(number))
    }
    held: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        held.append(number)
        signal.signal(number, handlers[number])

    for number in handlers:
        signal.signal(number, hold)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if held:
        signal.raise_signal(held[0])


def _name_temporary_folder() -> None:
    """Sets a temporary folder's name if none can be written: TensorFlow needs one to start."""
    try:
        tempfile.gettempdir()
    except OSError:
        tempfile.tempdir = os.devnull


@contextmanager
def _standard_error_kept() -> Iterator[None]:
    """Captures what the process writes to standard error, even outside Python.

    Without a temporary folder, or with standard error closed, nothing is captured.
    """
    with ExitStack() as stack:
        original: int | None = None
        with suppress(OSError):
            kept = stack.enter_context(tempfile.TemporaryFile())
            original = os.dup(2)
        if original is None:
            yield
            return
        _flush_errors()
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            _flush_errors()
            os.dup2(original, 2)
            os.close(original)
            kept.seek(0)
            _log_lines.extend(kept.read().decode(errors="replace").splitlines())


def _flush_errors() -> None:
    with suppress(OSError, ValueError, AttributeError):  # closed, full, or missing
        sys.stderr.flush()


def check_cpu_allocator(name: str) -> None:
    """Raises a `UsageError` if there is no such allocator."""
    if name not in ALLOCATORS:
        raise UsageError(f"no CPU allocator {name!r}: there are {', '.join(ALLOCATORS)}")


def choose_cpu_allocator(name: str, memory_bytes: int | None) -> None:
    """Sets the allocator of this process's CPU tensors; too late after its first session.

    The system's malloc gives large blocks back and fetches fresh ones, how often depends on what
    else is kept between them: the events of a trace suffice. Each fresh page costs a page fault,
    billed to the op that touches it first: 20,000 a step were seen in traced steps of AlexNet and a
    hundred in timed ones. TensorFlow's own (BFC, which it uses on GPUs) keeps its memory.

    Args:
        name: "bfc" or "malloc".
        memory_bytes: The machine's memory, that the allocator may use all of; None if not known.
    """
    os.environ[VARIABLE] = "true" if name == "bfc" else "false"
    if memory_bytes is not None and memory_bytes > _LIMIT_MB << 20:
        os.environ.setdefault(_LIMIT_VARIABLE, str(memory_bytes >> 20))


def accelerators(device: str = "auto") -> tuple[Device, ...]:
    """The GPUs and other accelerators that a session with that device option may use.

    Raises:
        UsageError: If it asks for a GPU and TensorFlow sees none.
    """
    if device == "cpu":
        return ()
    import tensorflow as tf

    devices = []
    for seen in tf.config.list_physical_devices():
        if seen.device_type != "CPU":
            details = tf.config.experimental.get_device_details(seen)
            name = seen.name.removeprefix("/physical_device:")
            devices.append(Device(name, str(details.get("device_name", seen.device_type))))
    if device == "gpu" and not any(seen.name.startswith("GPU") for seen in devices):
        raise UsageError(
            "no GPU that TensorFlow can use: run with --device cpu, or see what `alexprof doctor` "
            "says (a GPU needs its driver and `pip install 'alexprof[gpu]'`)"
        )
    return tuple(devices)


def check_session_options(device: str, intra_op: int = 0, inter_op: int = 0) -> None:
    """Raises a `UsageError` if an option is out of range; TensorFlow isn't started for it."""
    if device not in DEVICES:
        raise UsageError(f"no device {device!r}: there are {', '.join(DEVICES)}")
    for option, threads in (("--intra-op", intra_op), ("--inter-op", inter_op)):
        if not 0 <= threads <= MOST_THREADS:
            limits = f"from 0 (TensorFlow's choice) to {MOST_THREADS}"
            raise UsageError(f"{option} must be {limits}, not {threads}")


def session_config(
    device: str = "auto", intra_op: int = 0, inter_op: int = 0
) -> tf.compat.v1.ConfigProto:
    """Settings of a session, from the options of `Tracer`; a UsageError as the check above."""
    check_session_options(device, intra_op, inter_op)
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=intra_op, inter_op_parallelism_threads=inter_op
    )
    config.gpu_options.allocator_type = "BFC"  # as in the classic benchmark
    if device == "cpu":
        config.device_count["GPU"] = 0
    return config


def software() -> Software:
    """Versions of what runs the workload."""
    import numpy as np
    import tensorflow as tf

    uses_bfc = os.environ.get(VARIABLE, "").lower() in ("1", "true")
    return Software(
        alexprof=alexprof.__version__,
        python=platform.python_version(),
        tensorflow=str(tf.__version__),
        numpy=np.__version__,
        onednn=False if _onednn_is_off() else None,
        cpu_allocator="bfc" if uses_bfc else "malloc",
    )


def _onednn_is_off() -> bool:
    """Whether TensorFlow says that it has oneDNN turned off; False if it doesn't say."""
    try:
        from tensorflow.python.util import _pywrap_util_port
    except ImportError:
        return False
    is_enabled = getattr(_pywrap_util_port, "IsMklEnabled", None)
    return is_enabled is not None and is_enabled() is False
