"""What a workload is: variants to build and phases to run in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alexprof.record.workload import Layer, Published, Setting

if TYPE_CHECKING:
    from alexprof.record.ablation import Ablation as Answer


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
class AblationSpec:
    """The cost of some ops, as the difference between a variant with them and one without.

    Attributes:
        name: For example "lrn".
        reference: The variant with the ops.
        without: The same variant without these ops.
        kinds: The kinds of op that were left out; if empty, ops of every kind, or of none if
            `scopes` are given.
        layers: The layers whose ops were left out; if empty, those of every layer.
        scopes: Name scopes whose ops were left out too, whatever their kinds and layers.
        products: Whether convolutions and matrix products in these scopes count. If a function
            makes none, a product with its name is another op, into which TensorFlow folded what
            the function made.
    """

    name: str
    reference: str
    without: str
    kinds: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    products: bool = True


_PRODUCTS = frozenset(
    ("BatchMatMul", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Einsum", "MatMul")
)


def matches_kind(ablation: AblationSpec | Answer, kind: str, layer: str) -> bool:
    """Tells whether ops of that kind in that layer are meant, whatever their scope."""
    any_kind = not ablation.kinds and not ablation.scopes
    return (any_kind or kind in ablation.kinds) and layer in (ablation.layers or (layer,))


def matches(ablation: AblationSpec | Answer, name: str, kind: str, layer: str) -> bool:
    """Tells whether an ablation is about an op, or about the gradient of one.

    Args:
        ablation: As it was specified or as a record has it.
        name: The op's name; a gradient's has its op's scope within.
        kind: Its kind.
        layer: Its layer.
    """
    if matches_kind(ablation, kind, layer):
        return True
    if kind in _PRODUCTS and not ablation.products:
        return False
    within = f"/{name}/"
    return any(f"/{scope}/" in within for scope in ablation.scopes)


@dataclass(frozen=True)
class BuiltVariant:
    """What a variant's graph holds.

    Attributes:
        fetches: What each phase fetches, by phase key.
        layers: Each layer's output, in network order.
        left_out: Name scopes of what was left out by its function, as in `AblationSpec.scopes`.
    """

    fetches: Mapping[str, Any]
    layers: tuple[Layer, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class VariantSpec:
    """A variant of a workload.

    Attributes:
        label: Its name in sentences: "with LRN".
        build: Builds it into the default graph.
    """

    label: str
    build: Callable[[], BuiltVariant]


@dataclass(frozen=True)
class Workload:
    """What can be profiled.

    Attributes:
        name: Its name on the command line.
        variants: Its variants by their names; the first is the reference.
        phases: Its phases, in the order to run.
        layers: Names of its layers, where they are known before a graph is built.
        least_memory_bytes: A lower bound for the memory that one variant needs in a phase, by the
            phase's key.
        settings: What it was made with, for the record.
        ablations: What its variants show by their differences.
        published: Figures from elsewhere.
    """

    name: str
    variants: Mapping[str, VariantSpec]
    phases: tuple[PhaseSpec, ...]
    layers: tuple[str, ...] = ()
    least_memory_bytes: Callable[[str], int] = lambda phase: 0
    settings: Mapping[str, Setting] = field(default_factory=dict)
    ablations: tuple[AblationSpec, ...] = ()
    published: tuple[Published, ...] = ()

    @property
    def reference(self) -> VariantSpec:
        """The first variant."""
        return next(iter(self.variants.values()))
