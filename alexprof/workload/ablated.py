"""A workload whose variants each lack some ops of its first variant."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from alexprof.errors import UsageError
from alexprof.workload.base import (
    Ablation,
    BuiltVariant,
    PhaseSpec,
    Published,
    Setting,
    Workload,
)
from alexprof.workload.bypass import bypassing
from alexprof.workload.patterns import Pattern

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
        return tuple(one.question(WHOLE, _variant(one)) for one in self.patterns)

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
        left_out.check(self.name, [layer.name for layer in built.layers])
        return replace(built, left_out=tuple(left_out.scopes))

    def least_memory_bytes(self, phase: str) -> int:
        """As the workload says."""
        return self.workload.least_memory_bytes(phase)


def _variant(pattern: Pattern) -> str:
    """The name of a folder: "without_conv1.Relu"."""
    return "without_" + re.sub(r"[^\w.-]+", "_", str(pattern).replace(":", "."))
