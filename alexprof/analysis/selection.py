"""What a user names to compare: a run or `RUN:variant`, or a group of runs of the same thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alexprof.analysis.changes import GroupRecord
from alexprof.errors import RunError, UsageError
from alexprof.record.run import Run
from alexprof.record.store import find_run, load_run


@dataclass(frozen=True)
class Selection:
    """A run on disk, and the variant of it that is meant; None means all."""

    folder: Path
    run: Run
    variant: str | None

    @property
    def name(self) -> str:
        """As a user would name it."""
        return self.run.run if self.variant is None else f"{self.run.run}:{self.variant}"

    @property
    def variants(self) -> list[str]:
        """The variants that are meant."""
        return [self.variant] if self.variant is not None else list(self.run.variants)


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
            phases={
                key: phase.label
                for variant in first.variants.values()
                for key, phase in variant.phases.items()
            },
        )


Pair = tuple[str, str]
"""A variant of A and one of B."""


def select(name: str, logdir: Path) -> Selection:
    """Finds a run, or a variant of one.

    Args:
        name: As for `find_run`, with `:variant` after it or without.
        logdir: Where runs are.

    Raises:
        RunError: If there is no such run.
        UsageError: If the run has no such variant.
    """
    try:
        folder = find_run(name, logdir)
        return Selection(folder, load_run(folder), None)
    except RunError:
        run_name, colon, variant = name.rpartition(":")
        if not colon or not run_name:
            raise
    folder = find_run(run_name, logdir)
    run = load_run(folder)
    if variant not in run.variants:
        variants = ", ".join(run.variants) or "none"
        raise UsageError(f"no variant {variant!r} in run {run.run}: it has {variants}")
    return Selection(folder, run, variant)


def select_each(names: Sequence[str], logdir: Path) -> list[Group]:
    """Finds what is to be compared, a group of one run each.

    Raises:
        RunError: As `select`.
        UsageError: As `select`; or if there are fewer than two, or one of them twice.
    """
    if len(names) < 2:
        raise UsageError("compare needs at least two: alexprof compare RUN RUN, or RUN:variant")
    selections = [select(name, logdir) for name in names]
    check_distinct(selections)
    return [Group((selection,)) for selection in selections]


def check_distinct(selections: Sequence[Selection]) -> None:
    """Makes sure that no run (or variant of one) is named twice, nor a run beside a variant of it.

    Raises:
        UsageError: If one is.
    """
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
            f"nothing to set beside {named.name}: name a variant of the other run too ({choices})"
        )
    return common


def common_phases(a: Selection, b: Selection, pair: Pair) -> Iterator[str]:
    """Keys of the phases that both variants have, in A's order."""
    phases_of_b = b.run.variants[pair[1]].phases
    yield from (key for key in a.run.variants[pair[0]].phases if key in phases_of_b)
