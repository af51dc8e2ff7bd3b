"""What a user names to compare: a run, `RUN:variant` or a trace, or a group of the same thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from alexprof.analysis.changes import GroupRecord
from alexprof.errors import UsageError
from alexprof.record.parquet import Tables
from alexprof.record.phase import Phase
from alexprof.record.run import Run


@dataclass(frozen=True)
class Selection:
    """A run on disk or a trace, and the variant of it that is meant; None means all.

    `folder` is the run's; of a trace its file, the first of several hosts. `tables` are given where
    they are held already, as of a trace; None reads them from the folder.
    """

    folder: Path
    run: Run
    variant: str | None
    tables: Tables | None = None

    @property
    def name(self) -> str:
        """As a user would name it."""
        return self.run.run if self.variant is None else f"{self.run.run}:{self.variant}"

    @property
    def variants(self) -> list[str]:
        """The variants that are meant."""
        return [self.variant] if self.variant is not None else list(self.run.variants)

    @property
    def is_trace(self) -> bool:
        """Whether it is a trace alone, imported or not."""
        return self.run.is_trace


@dataclass(frozen=True)
class Group:
    """What is compared: one run, or several that stand for the same thing."""

    runs: tuple[Selection, ...]

    @property
    def name(self) -> str:
        """What it is called in a comparison."""
        first, more = self.runs[0].name, len(self.runs) - 1
        return f"{first} and {more} more" if more else first

    @property
    def record(self) -> GroupRecord:
        """What a result says of it."""
        first = self.runs[0].run
        return GroupRecord(
            name=self.name,
            runs=tuple(selection.run.run for selection in self.runs),
            variant=self.runs[0].variant,
            started=first.started,
            software=first.machine.software if first.machine else None,
            variants={name: variant.label for name, variant in first.variants.items()},
            phases={key: phase.label for _, key, phase in first.all_phases()},
            traced=all(selection.is_trace for selection in self.runs),
        )


Pair = tuple[str, str]
"""A variant of A and one of B."""


def check_distinct(selections: Sequence[Selection]) -> None:
    """Raises a UsageError if a run or variant is named twice, or a run beside a variant of it."""
    for place, later in enumerate(selections):
        for earlier in selections[:place]:
            if earlier.folder.resolve() != later.folder.resolve():
                continue
            if earlier.variant == later.variant:
                raise UsageError(f"{later.name} is named twice: it can't be compared with itself")
            if earlier.variant is None or later.variant is None:
                run = later.run
                raise UsageError(
                    f"{earlier.name} and {later.name} are the same run: name a variant on both "
                    f"sides ({', '.join(f'{run.run}:{name}' for name in run.variants)})"
                )


def variant_pairs(a: Selection, b: Selection) -> list[Pair]:
    """Which variants stand beside each other: those named, else those of the same name.

    Raises:
        UsageError: If a variant is named of one run and the other has none to set beside it.
    """
    if len(a.variants) == len(b.variants) == 1:
        return [(a.variants[0], b.variants[0])]
    common = [(name, name) for name in a.variants if name in b.variants]
    if not common and a.variant != b.variant:
        named, other = (a, b) if a.variant else (b, a)
        choices = ", ".join(f"{other.run.run}:{name}" for name in other.variants) or "it has none"
        raise UsageError(
            f"nothing to compare with {named.name}: name a variant of the other run too ({choices})"
        )
    return common


class CommonPhase(NamedTuple):
    """A phase that a variant of A and one of B have, with its key."""

    variants: Pair
    key: str
    a: Phase
    b: Phase


def common_phases(
    a: Selection, b: Selection, pairs: Sequence[Pair] | None = None
) -> Iterator[CommonPhase]:
    """The phases that both variants of each pair have, in A's order."""
    for pair in variant_pairs(a, b) if pairs is None else pairs:
        phases_of_b = b.run.variants[pair[1]].phases
        for key, phase in a.run.variants[pair[0]].phases.items():
            if key in phases_of_b:
                yield CommonPhase(pair, key, phase, phases_of_b[key])
