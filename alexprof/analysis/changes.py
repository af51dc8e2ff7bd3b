"""What a comparison of runs found, as plain values; without NumPy, like the record of a run.

This is also the object that `alexprof compare --json` prints; docs/json.md explains each field.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from alexprof.analysis.caveats import Caveat
from alexprof.record.environment import Software
from alexprof.record.values import Difference, Interval

COMPARISON_VERSION = 2
Level = Literal["phase", "layer", "kind", "op"]
ResultReason = Literal[
    "equal",
    "tensor_count",
    "dtype",
    "shape",
    "nonfinite",
    "norm",
    "not_recorded",
    "seeds_differ",
    "not_repeatable",
]


class GroupRecord(Struct, frozen=True, kw_only=True):
    """One of the groups compared: a run, a variant of it, or several equal runs."""

    name: str  # As in `b` below
    runs: tuple[str, ...]  # The runs' names
    variant: str | None  # The only variant compared; None: all
    started: str  # When the first of the runs began
    software: Software | None  # Versions of the first run; None if not known
    variants: dict[str, str]  # Each variant's label
    phases: dict[str, str]  # Each phase's label
    # Whether these are traces alone: what is compared of them are traced steps
    traced: bool = False


class Part(Struct, frozen=True, kw_only=True):
    """A phase, or a layer, kind or op, of a variant of A and one of the other group."""

    level: Level  # What it is
    variant: str  # The variant of A
    phase: str  # The phase's key
    name: str  # Of the phase, layer, kind or op
    b: str  # The other group's name
    b_variant: str  # Its variant


class Change(Part, frozen=True, kw_only=True):
    """Cost of a phase, layer, kind or op (shares, scaled to the timed center) in A and B."""

    a_share: float  # Fraction of A's step
    b_share: float  # Fraction of B's step
    # From A to B, per step; its verdict is corrected for the tests at this level
    difference: Difference


class Unmatched(Part, frozen=True, kw_only=True):
    """What only one of the two has."""

    a_s: float | None  # Mean cost in a step of A; None if it is new
    b_s: float | None  # That of B; None if it is gone
    # Its 95 % interval: traced steps, on a CPU the timed ones, and of different runs what such a
    # part differs by between two; None with fewer than three traced steps
    ci95_s: Interval | None = None
    share: float  # Fraction of the step of the one that has it

    @property
    def change_s(self) -> float:
        """From A to B, per step."""
        return (self.b_s or 0.0) - (self.a_s or 0.0)

    @property
    def change_ci95_s(self) -> Interval | None:
        """Its 95 % interval; None where that of the cost is not known."""
        if self.ci95_s is None or self.b_s is not None:
            return self.ci95_s
        low_s, high_s = self.ci95_s
        return -high_s, -low_s


class ResultChange(Struct, frozen=True, kw_only=True):
    """What a phase fetches in A and B, judged by the tensor that differs most."""

    variant: str  # The variant of A
    phase: str  # The phase's key
    b: str  # The other run's name
    b_variant: str  # Its variant
    on_purpose: bool  # Whether the two are variants of one run
    same: bool | None  # Whether both compute the same, up to rounding; None if not known
    # What `same` rests on. "tensor_count", "dtype", "shape", "nonfinite" (NaN or infinite values)
    # and "norm" differ; without an answer "not_recorded" (in `run`), "seeds_differ",
    # "not_repeatable" (from step to step within a run).
    reason: ResultReason
    run: str | None = None  # The run without a result
    # A's and B's count, type or shape, where that is the reason
    values: tuple[str, str] | None = None
    # The tensor that differs most; None if none was compared, like the following
    tensor: str | None = None
    # Norm of the difference / the larger norm; None if types, shapes or the number of NaN and
    # infinite values differ
    difference: float | None = None
    allowed: float | None = None  # What rounding may make of `difference`
    a_norm: float | None = None  # The tensor's L2 norm in A
    b_norm: float | None = None  # The tensor's L2 norm in B


class RunComparison(Struct, frozen=True, kw_only=True):
    """A, the first group, against each of the others."""

    schema_version: int = COMPARISON_VERSION  # Version of this object
    a: GroupRecord  # The first group
    others: tuple[GroupRecord, ...]  # The other groups, in the order given
    # Whether all did the same work on the same machine, and some phase was not busy
    comparable: bool
    why_not: tuple[Caveat, ...]  # Why not
    # What else to know; with effect "times", why its phases have no verdict
    notes: tuple[Caveat, ...]
    same_results: bool | None = None  # Whether all computed the same; None if not known
    results: tuple[ResultChange, ...] = ()  # Results of each phase, compared
    differences: tuple[Change, ...]  # What both have; the largest change in seconds per step first
    gone: tuple[Unmatched, ...]  # What only A has, the most expensive first
    new: tuple[Unmatched, ...]  # What only the other has, the most expensive first
