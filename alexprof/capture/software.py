"""Versions of what runs the workload."""

from __future__ import annotations

import platform

import alexprof
from alexprof.capture.allocator import chosen_cpu_allocator
from alexprof.record.environment import Software


def _onednn_is_off() -> bool:
    """Whether TensorFlow says that it has oneDNN turned off; False if it doesn't say."""
    try:
        from tensorflow.python.util import _pywrap_util_port
    except ImportError:
        return False
    is_enabled = getattr(_pywrap_util_port, "IsMklEnabled", None)
    return is_enabled is not None and is_enabled() is False


def software() -> Software:
    """Looks the versions up."""
    import numpy as np
    import tensorflow as tf

    return Software(
        alexprof=alexprof.__version__,
        python=platform.python_version(),
        tensorflow=str(tf.__version__),
        numpy=np.__version__,
        onednn=False if _onednn_is_off() else None,
        cpu_allocator=chosen_cpu_allocator(),
    )
