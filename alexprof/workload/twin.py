"""A workload with two variants that are the same: what differs between them is noise."""

from __future__ import annotations

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

TWINS = ("one", "other")


@dataclass(frozen=True)
class Twin:
    """A workload's first variant, twice.

    Attributes:
        workload: Whose.
    """

    workload: Workload

    @property
    def name(self) -> str:
        """The workload's name."""
        return self.workload.name

    @property
    def variants(self) -> tuple[str, ...]:
        """Both."""
        return TWINS

    @property
    def phases(self) -> tuple[PhaseSpec, ...]:
        """Those of the workload."""
        return self.workload.phases

    @property
    def ablations(self) -> tuple[Ablation, ...]:
        """None: there is nothing to find."""
        return ()

    @property
    def published(self) -> tuple[Published, ...]:
        """None."""
        return ()

    @property
    def settings(self) -> dict[str, Setting]:
        """Those of the workload."""
        return self.workload.settings

    def variant_label(self, variant: str) -> str:
        """A variant's name in sentences."""
        return variant

    def build(self, variant: str) -> BuiltVariant:
        """Builds the workload's first variant, whichever twin it is.

        Raises:
            UsageError: If there is no such twin.
        """
        if variant not in TWINS:
            raise UsageError(f"no variant {variant!r}: there are {', '.join(TWINS)}")
        return self.workload.build(self.workload.variants[0])

    def least_memory_bytes(self, phase: str) -> int:
        """As the workload says."""
        return self.workload.least_memory_bytes(phase)
