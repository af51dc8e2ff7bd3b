"""A workload whose variants each lack some ops of its first variant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from alexprof.errors import UsageError
from alexprof.workload.base import (
    Ablation,
    BuiltVariant,
    PhaseSpec,
    Published,
    Setting,
    Workload,
)
from alexprof.workload.bypass import INPUT_OF, Pattern, bypassing

WHOLE = "whole"


@dataclass(frozen=True)
class Ablated:
    """A workload, whole and without some of its ops.

    Attributes:
        workload: What is ablated: its first variant.
        patterns: What is left out, one variant each; none measures the whole alone.

    Raises:
        UsageError: If two patterns are alike.
    """

    workload: Workload
    patterns: tuple[Pattern, ...]

    def __post_init__(self) -> None:
        if len(set(map(_variant, self.patterns))) < len(self.patterns):
            raise UsageError("name each kind or layer once")

    @property
    def name(self) -> str:
        """The workload's name."""
        return self.workload.name

    @property
    def variants(self) -> tuple[str, ...]:
        """The whole, then what lacks something."""
        return (WHOLE, *map(_variant, self.patterns))

    @property
    def phases(self) -> tuple[PhaseSpec, ...]:
        """Those of the workload."""
        return self.workload.phases

    @property
    def ablations(self) -> tuple[Ablation, ...]:
        """What each pattern's ops cost."""
        return tuple(
            Ablation(
                str(one),
                WHOLE,
                _variant(one),
                kinds=(one.kind,) if one.kind else tuple(INPUT_OF),
                layers=(one.layer,) if one.layer else (),
            )
            for one in self.patterns
        )

    @property
    def published(self) -> tuple[Published, ...]:
        """None: those of the workload are of its own variants."""
        return ()

    @property
    def settings(self) -> dict[str, Setting]:
        """Those of the workload, and what is left out."""
        return {**self.workload.settings, "left_out": [str(one) for one in self.patterns]}

    def variant_label(self, variant: str) -> str:
        """A variant's name in sentences: "whole", "without conv1:Relu"."""
        for one in self.patterns:
            if variant == _variant(one):
                return f"without {one}"
        return variant

    def build(self, variant: str) -> BuiltVariant:
        """Builds the workload's first variant, without some ops.

        Raises:
            UsageError: If there is no such variant, or nothing to leave out for it.
        """
        if variant not in self.variants:
            raise UsageError(f"no variant {variant!r}: there are {', '.join(self.variants)}")
        wanted = [one for one in self.patterns if variant == _variant(one)]
        with bypassing(wanted) as left_out:
            built = self.workload.build(self.workload.variants[0])
        if wanted and not left_out:
            raise UsageError(
                f"{self.name} has no op {wanted[0]} that can be left out: {_instead(built)}"
            )
        return built

    def least_memory_bytes(self, phase: str) -> int:
        """As the workload says."""
        return self.workload.least_memory_bytes(phase)


def _instead(built: BuiltVariant) -> str:
    """What of the graph that was just built can be left out: kinds, and the layers with some."""
    import tensorflow as tf

    ops = tf.compat.v1.get_default_graph().get_operations()
    found = {(op.type, op.name.split("/", 1)[0]) for op in ops if op.type in INPUT_OF}
    kinds = ", ".join(kind for kind in INPUT_OF if any(kind == one for one, _ in found))
    layers = ", ".join(
        layer.name for layer in built.layers if any(layer.name == one for _, one in found)
    )
    return f"choose of the kinds {kinds} and the layers {layers}" if found else "nothing of it can"


def _variant(pattern: Pattern) -> str:
    """The name of a folder: "without_conv1.Relu"."""
    return "without_" + re.sub(r"[^\w.-]+", "_", str(pattern).replace(":", "."))
