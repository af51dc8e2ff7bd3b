"""What a run's record leaves out and TensorBoard's charts need: every step's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Samples:
    """The timed steps of one variant and phase.

    Attributes:
        steps: Each step's number, ascending, int64 [steps].
        seconds: Its duration, float64 [steps].
        wall_time_s: Unix time of its end, float64 [steps].
    """

    steps: NDArray[np.int64]
    seconds: NDArray[np.float64]
    wall_time_s: NDArray[np.float64]


@dataclass(frozen=True)
class TracedSteps:
    """The traced steps of one variant and phase, on the device that the step is divided on.

    Attributes:
        seconds: Wall time of each, float64 [steps].
        idle_s: The part with no op running, float64 [steps].
        layers: By layer, its share of each step in seconds, float64 [steps].
        kinds: The same by kind of op.
    """

    seconds: NDArray[np.float64]
    idle_s: NDArray[np.float64]
    layers: Mapping[str, NDArray[np.float64]]
    kinds: Mapping[str, NDArray[np.float64]]
