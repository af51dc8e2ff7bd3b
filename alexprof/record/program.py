"""What a step ran and computed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorFingerprint:
    """What is kept of a fetched tensor.

    Attributes:
        name: Name in the graph: "pool5:0".
        dtype: TensorFlow's name of its type.
        shape: Its dimensions.
        norm: L2 norm of its finite values; None if it holds no numbers.
        nonfinite: Number of values that are NaN or infinite; None if it holds no numbers.
        sums: 17 sums of finite values with pseudo-random signs (i mod 17); without numbers a hash.
        repeats: Whether one more step in the same process gave the same, up to rounding.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    norm: float | None
    nonfinite: int | None
    sums: tuple[float, ...]
    repeats: bool = True


@dataclass(frozen=True)
class ExecutedOp:
    """An op that ran.

    Attributes:
        name: In the graph.
        type: TensorFlow's; "" if not known.
        device: "CPU", "GPU:0", …
    """

    name: str
    type: str
    device: str
