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
        onednn: Whether oneDNN's ops ran; None: no trace has told yet.
        cpu_allocator: The one asked for, "bfc" or "malloc"; None if not known. TensorFlow takes it
            at a process's first session.
    """

    alexprof: str
    python: str
    tensorflow: str
    numpy: str
    onednn: bool | None = None
    cpu_allocator: str | None = None


def software() -> Software:
    """Looks the versions up."""
    import numpy as np
    import tensorflow as tf

    return Software(
        alexprof=alexprof.__version__,
        python=platform.python_version(),
        tensorflow=str(tf.__version__),
        numpy=np.__version__,
        cpu_allocator=chosen_cpu_allocator(),
    )
