"""What a workload says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from alexprof.record.values import Count, Key, Seconds


@dataclass(frozen=True)
class Layer:
    """A layer's output."""

    name: str  # For example "conv1"
    shape: tuple[Count | None, ...]  # Static shape; None for a dimension that is not known


@dataclass(frozen=True)
class Published:
    """A figure from elsewhere, to set beside a measured one."""

    variant: Key  # A key of `variants`
    phase: Key  # A key of `phases`
    mean_s: Seconds  # Mean step time
    source: str  # Where it was published


Setting = bool | int | float | str | list[str] | None
"""The value of an option, as a record holds it."""
