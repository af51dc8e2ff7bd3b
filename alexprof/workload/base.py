"""What a workload is: variants to build and phases to run in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Setting = bool | int | float | str | list[str] | None
"""The value of an option, as a record holds it."""


@dataclass(frozen=True)
class PhaseSpec:
    """A timed target.

    Attributes:
        key: Its name in files and options, for example "forward_backward".
        label: Its name in sentences, for example "Forward-backward".
    """

    key: str
    label: str


@dataclass(frozen=True)
class Ablation:
    """A question that two variants answer: what do these ops cost?

    Attributes:
        name: For example "lrn".
        reference: The variant with the ops.
        without: The variant that is the same but for them.
        kinds: The kinds of op that were left out; none means of any kind.
        layers: The layers whose ops were left out; none means of any layer.
    """

    name: str
    reference: str
    without: str
    kinds: tuple[str, ...]
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Published:
    """A figure from elsewhere, to set beside a measured one."""

    variant: str
    phase: str
    mean_s: float
    source: str


@dataclass(frozen=True)
class Layer:
    """A layer's output: name and static shape (None where a dimension is not known)."""

    name: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class BuiltVariant:
    """What a variant's graph holds.

    Attributes:
        fetches: What each phase fetches, by phase key.
        layers: Each layer's output, in network order.
    """

    fetches: Mapping[str, Any]
    layers: tuple[Layer, ...] = ()


class Workload(Protocol):
    """What can be profiled."""

    @property
    def name(self) -> str:
        """Its name on the command line."""
        ...

    @property
    def variants(self) -> tuple[str, ...]:
        """Its variants; the first is the reference."""
        ...

    def variant_label(self, variant: str) -> str:
        """A variant's name in sentences."""
        ...

    @property
    def phases(self) -> tuple[PhaseSpec, ...]:
        """Its phases, in the order to run."""
        ...

    @property
    def ablations(self) -> tuple[Ablation, ...]:
        """The questions that its variants answer."""
        ...

    @property
    def published(self) -> tuple[Published, ...]:
        """Figures from elsewhere."""
        ...

    @property
    def settings(self) -> dict[str, Setting]:
        """What it was made with, for the record."""
        ...

    def build(self, variant: str) -> BuiltVariant:
        """Builds a variant into the default graph.

        Raises:
            UsageError: If there is no such variant.
        """
        ...

    def least_memory_bytes(self, phase: str) -> int:
        """A lower bound for the memory that one variant needs in that phase."""
        ...
