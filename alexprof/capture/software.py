"""Versions of what runs the workload."""

from __future__ import annotations

import platform
from dataclasses import dataclass

import alexprof
from alexprof.capture.allocator import chosen_cpu_allocator


@dataclass(frozen=True)
class Software:
    """What ran it.

    Attributes:
        alexprof: Version, like the next three.
        python: See there.
        tensorflow: See there.
        numpy: See there.
        onednn: True if a trace shows oneDNN's ops, False if TensorFlow has it turned off; None if
            neither is known. Where all ops run on a GPU it may be on and unused.
        cpu_allocator: The one asked for, "bfc" or "malloc"; None if not known. TensorFlow takes it
            at a process's first session.
    """

    alexprof: str
    python: str
    tensorflow: str
    numpy: str
    onednn: bool | None = None
    cpu_allocator: str | None = None


def _onednn_is_off() -> bool:
    """Whether TensorFlow says that it has oneDNN turned off; False if it doesn't say."""
    try:
        from tensorflow.python.util import _pywrap_util_port
    except ImportError:
        return False
    asked = getattr(_pywrap_util_port, "IsMklEnabled", None)
    return asked is not None and asked() is False


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
