"""What a workload is: variants to build and phases to run in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from alexprof.record.ablation import AblationSpec
from alexprof.record.workload import Layer, Published, Setting


@dataclass(frozen=True)
class PhaseSpec:
    """A timed target."""

    key: str  # Its name in files and options, for example "forward_backward"
    label: str  # Its name in sentences, for example "Forward-backward"


_PRODUCTS = frozenset(
    ("BatchMatMul", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Einsum", "MatMul")
)


def matches_kind(ablation: AblationSpec, kind: str, layer: str) -> bool:
    """Tells whether ops of that kind in that layer are meant, whatever their scope."""
    any_kind = not ablation.kinds and not ablation.scopes
    return (any_kind or kind in ablation.kinds) and layer in (ablation.layers or (layer,))


def matches(ablation: AblationSpec, name: str, kind: str, layer: str) -> bool:
    """Tells whether an ablation covers an op; a gradient is covered if its op's scope is."""
    if matches_kind(ablation, kind, layer):
        return True
    if kind in _PRODUCTS and not ablation.products:
        return False
    within = f"/{name}/"
    return any(f"/{scope}/" in within for scope in ablation.scopes)


@dataclass(frozen=True)
class BuiltVariant:
    """What a variant's graph holds."""

    fetches: Mapping[str, Any]  # What each phase fetches, by phase key
    layers: tuple[Layer, ...] = ()  # Each layer's output, in network order
    # Name scopes of what was left out by its function, as in `AblationSpec.scopes`
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class VariantSpec:
    """A variant of a workload."""

    label: str  # Its name in sentences: "with LRN"
    build: Callable[[], BuiltVariant]  # Builds it into the default graph


@dataclass(frozen=True)
class Workload:
    """What can be profiled."""

    name: str  # Its name on the command line
    variants: Mapping[str, VariantSpec]  # Its variants by their names; the first is the reference
    phases: tuple[PhaseSpec, ...]  # Its phases, in the order to run
    # Names of its layers, where they are known before a graph is built
    layers: tuple[str, ...] = ()
    # A lower bound for the memory that one variant needs in a phase, by the phase's key
    least_memory_bytes: Callable[[str], int] = lambda phase: 0
    # What it was made with, for the record
    settings: Mapping[str, Setting] = field(default_factory=dict)
    ablations: tuple[AblationSpec, ...] = ()  # What its variants show by their differences
    published: tuple[Published, ...] = ()  # Figures from elsewhere

    @property
    def reference(self) -> VariantSpec:
        """The first variant."""
        return next(iter(self.variants.values()))
