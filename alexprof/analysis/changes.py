"""What a comparison of runs found, as plain values; without NumPy, like the record of a run.

This is also the object that `alexprof compare --json` prints; docs/json.md explains each field.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from alexprof.analysis.caveats import Caveat
from alexprof.analysis.difference import Difference
from alexprof.record.environment import Software

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
    """One of the things compared: a run, a variant of it, or several runs of the same.

    Attributes:
        name: As it is called in `Change.b`.
        runs: The runs' names.
        variant: The only variant looked at; None for all that both have.
        started: When the first of the runs began.
        software: Versions that ran the first of them; None if not known.
        variants: Each variant's label.
        phases: Each phase's label.
    """

    name: str
    runs: tuple[str, ...]
    variant: str | None
    started: str
    software: Software | None
    variants: dict[str, str]
    phases: dict[str, str]


class Change(Struct, frozen=True, kw_only=True):
    """What a phase, layer, kind or op costs in A and B. Layers, kinds and ops: scaled shares.

    Attributes:
        level: What it is.
        variant: The variant of A.
        phase: The phase's key.
        name: Of the phase, layer, kind or op.
        b: The other group's name.
        b_variant: Its variant.
        a_share: Fraction of A's step.
        b_share: Fraction of B's step.
        difference: From A to B, seconds a step; its verdict allows for how many were compared.
    """

    level: Level
    variant: str
    phase: str
    name: str
    b: str
    b_variant: str
    a_share: float
    b_share: float
    difference: Difference


class Unmatched(Struct, frozen=True, kw_only=True):
    """What only one has: gone without `b_s`, new without `a_s`; the rest as in `Change`."""

    level: Level
    variant: str
    phase: str
    name: str
    a_s: float | None
    b_s: float | None
    share: float
    b: str
    b_variant: str


class ResultChange(Struct, frozen=True, kw_only=True):
    """What a phase fetches in A and B, judged by the tensor that differs most.

    Attributes:
        variant: The variant of A.
        phase: The phase's key.
        b: The other run's name.
        b_variant: Its variant.
        on_purpose: Whether the two are variants of one run.
        same: Whether both compute the same, up to rounding; None if that can't be told.
        reason: What `same` rests on. "tensor_count", "dtype", "shape", "nonfinite" (NaN or
            infinite values) and "norm" differ; without an answer "not_recorded" (in `run`),
            "seeds_differ", "not_repeatable" (from step to step within a run).
        run: The run without a result.
        values: A's and B's count, type or shape, where that is the reason.
        tensor: The one that differs most; None where none was looked at, like the rest.
        difference: The norm of the difference, as a fraction of the larger norm; None if types,
            shapes or the number of NaN and infinite values differ.
        allowed: What rounding may make of it, likewise.
        a_norm: The tensor's L2 norm in A.
        b_norm: That in the other.
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
    """What groups differ in: A, the first, against each of the others.

    Attributes:
        schema_version: Of this object.
        a: The first.
        others: The others, in the order given.
        comparable: Whether all did the same work on the same machine, and it was not busy.
        why_not: Why not.
        notes: What else to know.
        same_results: Whether all computed the same; None if not known.
        results: What each phase computes in A and in another.
        differences: Largest change in seconds a step first.
        gone: What only A has, the most expensive first.
        new: What only another has, likewise.
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
