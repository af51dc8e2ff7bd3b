"""Starting TensorFlow without its chatter.

TensorFlow's C++ side logs before its log level can be set (no environment variable holds it back),
a dozen lines about a GPU that is not there. They are kept, for `alexprof doctor`, not printed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_log_lines: list[str] = []


def start_tensorflow() -> tuple[str, ...]:
    """Imports TensorFlow and lets it look for devices, quietly.

    Returns:
        What it logged meanwhile, line by line.
    """
    if "tensorflow" not in sys.modules:
        # Later information and warnings of the C++ side; errors stay.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        with _standard_error_kept():
            import tensorflow as tf

            tf.config.list_physical_devices()
    return tuple(_log_lines)


@contextmanager
def _standard_error_kept() -> Iterator[None]:
    """Keeps what the process writes to standard error, below Python too."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        original = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
            kept.seek(0)
            _log_lines.extend(kept.read().decode(errors="replace").splitlines())
