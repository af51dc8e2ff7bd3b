"""What a workload says of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A layer's output.

    Attributes:
        name: The layer.
        shape: Static shape; None for a dimension that is not known.
    """

    name: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Published:
    """A figure from elsewhere, to set beside a measured one.

    Attributes:
        variant: Key of the variant that it is about.
        phase: Key of the phase.
        mean_s: Mean step time.
        source: Where it was published.
    """

    variant: str
    phase: str
    mean_s: float
    source: str


Setting = bool | int | float | str | list[str] | None
"""The value of an option, as a record holds it."""
