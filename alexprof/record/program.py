"""What a step ran and computed."""

from __future__ import annotations

from dataclasses import dataclass

from alexprof.record.values import Count


@dataclass(frozen=True)
class TensorFingerprint:
    """What is kept of a fetched tensor."""

    name: str  # Name in the graph: "pool5:0"
    dtype: str  # For example "float32"
    shape: tuple[Count, ...]  # Empty of a scalar
    norm: float | None  # L2 norm of its finite values; None if it holds no numbers
    # Number of values that are NaN or infinite; None if it holds no numbers
    nonfinite: Count | None
    # 17 sums of finite values with pseudo-random signs (i mod 17); without numbers a hash
    sums: tuple[float, ...]
    repeats: bool = True  # Whether one more step in the same process gave the same, up to rounding


@dataclass(frozen=True)
class ExecutedOp:
    """An op that ran."""

    name: str  # Name in the graph
    type: str  # For example "Conv2D"; "" if not known
    device: str  # "CPU", "GPU:0", …
