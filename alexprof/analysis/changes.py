"""What a comparison of runs found, as plain values; without NumPy, like the record of a run.

This is also the object that `alexprof compare --json` prints; docs/json.md explains each field.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from alexprof.analysis.caveats import Caveat
from alexprof.record.environment import Software
from alexprof.record.values import Difference

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
    """One of the groups compared: a run, a variant of it, or several equal runs.

    Attributes:
        name: As in `b` below.
        runs: The runs' names.
        variant: The only variant compared; None: all.
        started: When the first of the runs began.
        software: Versions of the first run; None if not known.
        variants: Each variant's label.
        phases: Each phase's label.
        traced: Whether these are traces alone: what is compared of them are traced steps.
    """

    name: str
    runs: tuple[str, ...]
    variant: str | None
    started: str
    software: Software | None
    variants: dict[str, str]
    phases: dict[str, str]
    traced: bool = False


class Part(Struct, frozen=True, kw_only=True):
    """A phase, or a layer, kind or op, of a variant of A and one of the other group.

    Attributes:
        level: What it is.
        variant: The variant of A.
        phase: The phase's key.
        name: Of the phase, layer, kind or op.
        b: The other group's name.
        b_variant: Its variant.
    """

    level: Level
    variant: str
    phase: str
    name: str
    b: str
    b_variant: str


class Change(Part, frozen=True, kw_only=True):
    """Cost of a phase, or of a layer, kind or op (shares, scaled to the timed center), in A and B.

    Attributes:
        a_share: Fraction of A's step.
        b_share: Fraction of B's step.
        difference: From A to B, per step; its verdict is corrected for the tests at this level.
    """

    a_share: float
    b_share: float
    difference: Difference


class Unmatched(Part, frozen=True, kw_only=True):
    """What only one of the two has.

    Attributes:
        a_s: Mean cost in a step of A; None if it is new.
        b_s: That of B; None if it is gone.
        share: Fraction of the step of the one that has it.
    """

    a_s: float | None
    b_s: float | None
    share: float


class ResultChange(Struct, frozen=True, kw_only=True):
    """What a phase fetches in A and B, judged by the tensor that differs most.

    Attributes:
        variant: The variant of A.
        phase: The phase's key.
        b: The other run's name.
        b_variant: Its variant.
        on_purpose: Whether the two are variants of one run.
        same: Whether both compute the same, up to rounding; None if not known.
        reason: What `same` rests on. "tensor_count", "dtype", "shape", "nonfinite" (NaN or
            infinite values) and "norm" differ; without an answer "not_recorded" (in `run`),
            "seeds_differ", "not_repeatable" (from step to step within a run).
        run: The run without a result.
        values: A's and B's count, type or shape, where that is the reason.
        tensor: The tensor that differs most; None if none was compared, like the following.
        difference: Norm of the difference / the larger norm; None if types, shapes or the number of
            NaN and infinite values differ.
        allowed: What rounding may make of `difference`.
        a_norm: The tensor's L2 norm in A.
        b_norm: The tensor's L2 norm in B.
    """

    variant: str
    phase: str
    b: str
    b_variant: str
    on_purpose: bool
    same: bool | None
    reason: ResultReason
    run: str | None = None
    values: tuple[str, str] | None = None
    tensor: str | None = None
    difference: float | None = None
    allowed: float | None = None
    a_norm: float | None = None
    b_norm: float | None = None


class RunComparison(Struct, frozen=True, kw_only=True):
    """A, the first group, against each of the others.

    Attributes:
        schema_version: Version of this object.
        a: The first group.
        others: The other groups, in the order given.
        comparable: Whether all did the same work on the same machine, and it was not busy.
        why_not: Why not.
        notes: What else to know.
        same_results: Whether all computed the same; None if not known.
        results: Results of each phase, compared.
        differences: What both have; the largest change in seconds per step first.
        gone: What only A has, the most expensive first.
        new: What only the other has, the most expensive first.
    """

    schema_version: int = COMPARISON_VERSION
    a: GroupRecord
    others: tuple[GroupRecord, ...]
    comparable: bool
    why_not: tuple[Caveat, ...]
    notes: tuple[Caveat, ...]
    same_results: bool | None = None
    results: tuple[ResultChange, ...] = ()
    differences: tuple[Change, ...]
    gone: tuple[Unmatched, ...]
    new: tuple[Unmatched, ...]
