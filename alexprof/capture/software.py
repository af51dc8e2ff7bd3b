"""Versions of what runs the workload."""

from __future__ import annotations

import platform
from dataclasses import dataclass

import alexprof


@dataclass(frozen=True)
class Software:
    """What ran it: versions, and whether oneDNN's ops ran (None: no trace has told yet)."""

    alexprof: str
    python: str
    tensorflow: str
    numpy: str
    onednn: bool | None = None


def software() -> Software:
    """Looks the versions up."""
    import numpy as np
    import tensorflow as tf

    return Software(
        alexprof=alexprof.__version__,
        python=platform.python_version(),
        tensorflow=str(tf.__version__),
        numpy=np.__version__,
    )
