"""What a user names to compare: a run, `RUN:variant` or a trace; for a gate several as one side."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from alexprof.analysis.changes import SideRecord
from alexprof.analysis.traces import find_traces, load_with_tables, printable
from alexprof.errors import RunError, UsageError
from alexprof.record.run import Run
from alexprof.record.store import LATEST, RUN_FILE, find_run, load_run

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Member:
    """A run on disk or a trace, and the variant of it that is meant.

    Attributes:
        folder: The run's folder; of a trace its file, or of several hosts the first.
        run: The record.
        variant: None means all.
        costs: The costs of a trace, by variant and phase; None of a run, which has a table.
    """

    folder: Path
    run: Run
    variant: str | None
    costs: Mapping[tuple[str, str], pl.DataFrame] | None = None

    @property
    def name(self) -> str:
        """As a user would name it."""
        return self.run.run if self.variant is None else f"{self.run.run}:{self.variant}"


@dataclass(frozen=True)
class Side:
    """One side of a comparison: one run, or several that stand for the same thing."""

    members: tuple[Member, ...]

    @property
    def name(self) -> str:
        """For sentences."""
        first, more = self.members[0].name, len(self.members) - 1
        return f"{first} and {more} more" if more else first

    @property
    def record(self) -> SideRecord:
        """What a result says of it."""
        first = self.members[0]
        return SideRecord(
            name=self.name,
            runs=tuple(one.run.run for one in self.members),
            variant=first.variant,
            started=first.run.started,
            software=first.run.machine.software if first.run.machine else None,
            variants={name: one.label for name, one in first.run.variants.items()},
            phases={
                key: phase.label
                for one in first.run.variants.values()
                for key, phase in one.phases.items()
            },
            traced=all(is_trace(one.run) for one in self.members),
        )


Pair = tuple[str, str]
"""A variant of A and one of B."""


def is_trace(run: Run) -> bool:
    """Whether a run is a trace alone: its steps were traced and none was timed."""
    phases = [phase for variant in run.variants.values() for phase in variant.phases.values()]
    return bool(phases) and all(phase.timed is None for phase in phases)


def find_member(name: str, logdir: Path) -> Member:
    """Finds a run, a variant of one, or a trace.

    Args:
        name: As for `find_run`, with `:variant` after it or without; or as for `find_traces`. A run
            of the logdir goes before a file of the same name.
        logdir: Where runs are.

    Raises:
        RunError: If there is no such run.
        UsageError: If the run has no such variant, or a folder holds several traces.
        TraceError: If the trace can't be read.
    """
    is_run = name == LATEST or os.path.lexists(logdir / name / RUN_FILE)
    if not is_run and (files := find_traces(name)):
        loaded = load_with_tables(*files, cores=False)
        # By its path: files of several sessions have the same name, the host's.
        run = msgspec.structs.replace(loaded.run, run=printable(name))
        return Member(files[0], run, None, loaded.costs)
    try:
        folder = find_run(name, logdir)
    except RunError:
        run_name, colon, variant = name.rpartition(":")
        if not colon or not run_name:
            raise
        folder = find_run(run_name, logdir)
        run = load_run(folder)
        if variant not in run.variants:
            there_is = ", ".join(run.variants) or "none"
            raise UsageError(
                f"no variant {variant!r} in run {run.run}: it has {there_is}"
            ) from None
        return Member(folder, run, variant)
    return Member(folder, load_run(folder), None)


def find_sides(names: Sequence[str], logdir: Path) -> list[Side]:
    """Finds what is to be compared, a side each.

    Raises:
        RunError: As `find_member`.
        UsageError: As `find_member`; or if there are fewer than two, or one of them twice.
    """
    if len(names) < 2:
        raise UsageError("compare needs at least two: alexprof compare RUN RUN, or RUN:variant")
    sides = [Side((find_member(name, logdir),)) for name in names]
    check_distinct([side.members[0] for side in sides])
    return sides


def check_distinct(members: Sequence[Member]) -> None:
    """Makes sure that no run (or variant of one) is named twice, nor a run beside a variant of it.

    Raises:
        UsageError: If one is.
    """
    seen: dict[Path, list[Member]] = {}
    for one in members:
        for other in seen.setdefault(one.folder.resolve(), []):
            if one.variant == other.variant:
                raise UsageError(f"{one.name} is named twice: it can't be compared with itself")
            if one.variant is None or other.variant is None:
                raise UsageError(
                    f"{other.name} and {one.name} are the same run: name a variant on both sides "
                    f"({', '.join(f'{one.run.run}:{name}' for name in one.run.variants)})"
                )
        seen[one.folder.resolve()].append(one)


def variant_pairs(a: Member, b: Member) -> list[Pair]:
    """Which variants stand beside each other: those named, else those of the same name.

    Raises:
        UsageError: If a variant is named on one side and the other has none to set beside it.
    """
    ours, theirs = _variants(a), _variants(b)
    if len(ours) == len(theirs) == 1:
        return [(ours[0], theirs[0])]
    common = [(name, name) for name in ours if name in theirs]
    if not common and a.variant != b.variant:
        named, other = (a, b) if a.variant else (b, a)
        there_are = ", ".join(f"{other.run.run}:{one}" for one in _variants(other)) or "it has none"
        raise UsageError(
            f"nothing to set beside {named.name}: name a variant of the other run too ({there_are})"
        )
    return common


def phases_of(a: Member, b: Member, pair: Pair) -> Iterator[str]:
    """Keys of the phases that both variants have, in A's order."""
    theirs = b.run.variants[pair[1]].phases
    yield from (key for key in a.run.variants[pair[0]].phases if key in theirs)


def _variants(member: Member) -> list[str]:
    return [member.variant] if member.variant is not None else list(member.run.variants)
