"""What a comparison of runs found, as plain values; without NumPy, like the record of a run.

This is also the object that `alexprof compare --json` prints; docs/json.md explains each field.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from alexprof.record.environment import Software
from alexprof.record.values import Interval, Verdict

COMPARISON_VERSION = 1
Level = Literal["phase", "layer", "kind", "op"]
Spoils = Literal["nothing", "cause", "times"]
QUIET = "runs while the machine does nothing else"
"""What a verdict takes where the times themselves are spoiled."""


class SideRecord(Struct, frozen=True, kw_only=True):
    """A side: a run, a variant of it, or several equal runs.

    Attributes:
        name: As in `b` below and in sentences.
        runs: The runs' names.
        variant: The only variant compared; None: all.
        started: When the first of the runs began.
        software: Versions of the first run; None if not known.
        variants: The variants' names in sentences.
        phases: The phases' names in sentences.
    """

    name: str
    runs: tuple[str, ...]
    variant: str | None
    started: str
    software: Software | None
    variants: dict[str, str]
    phases: dict[str, str]


class Doubt(Struct, frozen=True, kw_only=True):
    """Something that differs between two sides, or that is wrong with one of them.

    Attributes:
        text: What, and what it spoils, in one sentence.
        spoils: "times": no verdict can rest on these times. "cause": times are what they are, but
            not the same work on the same machine. "nothing": good to know.
    """

    text: str
    spoils: Spoils


class InSeconds:
    """What has `a_s`, `b_s` and their ratio's interval, as a change in seconds."""

    __slots__ = ()

    a_s: float
    b_s: float
    ci95: Interval | None

    @property
    def change_s(self) -> float:
        """B minus A."""
        return self.b_s - self.a_s

    @property
    def change_ci95_s(self) -> Interval | None:
        """The ratio's interval as a change of `a_s`."""
        if self.ci95 is None:
            return None
        return (self.ci95[0] - 1) * self.a_s, (self.ci95[1] - 1) * self.a_s


class Change(InSeconds, Struct, frozen=True, kw_only=True):
    """Cost of a phase, or of a layer, kind or op (shares, scaled to the timed mean), on two sides.

    Attributes:
        level: What it is.
        variant: The variant of A.
        phase: The phase's key.
        name: Of the phase, layer, kind or op.
        a_s: Mean cost in a step of A.
        b_s: That of B.
        ratio: b_s / a_s.
        ci95: Its 95 % interval; None where nothing shows the spread.
        verdict: Of B against A, corrected for the number of tests at this level.
        needed: What would decide it; None with a verdict.
        p_value: Of no change, corrected in the same way; None without an interval.
        a_share: Fraction of A's step.
        b_share: Fraction of B's step.
        b: The other side's name.
        b_variant: Its variant.
    """

    level: Level
    variant: str
    phase: str
    name: str
    a_s: float
    b_s: float
    ratio: float
    ci95: Interval | None
    verdict: Verdict
    needed: str | None
    p_value: float | None
    a_share: float
    b_share: float
    b: str
    b_variant: str


class OneSided(Struct, frozen=True, kw_only=True):
    """What only one side has.

    Attributes:
        level: What it is.
        variant: The variant of A.
        phase: The phase's key.
        name: Of the layer, kind or op.
        a_s: Mean cost in a step of A; None if it is new.
        b_s: That of B; None if it is gone.
        share: Fraction of the step of the side that has it.
        b: The other side's name.
        b_variant: Its variant.
    """

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
    """What a phase fetches on two sides, judged by the tensor that differs most.

    Attributes:
        variant: The variant of A.
        phase: The phase's key.
        b: The other side's name.
        b_variant: Its variant.
        on_purpose: Whether the two are variants of one run.
        same: Whether both compute the same, up to rounding; None if not known.
        text: What was found, or why it is not known.
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
    text: str
    tensor: str | None = None
    difference: float | None = None
    allowed: float | None = None
    a_norm: float | None = None
    b_norm: float | None = None


class RunComparison(Struct, frozen=True, kw_only=True):
    """A, the first side, against each of the others.

    Attributes:
        schema_version: Version of this object.
        a: The first side.
        others: The other sides, in the order given.
        comparable: Whether all did the same work on the same machine, and it was not busy.
        why_not: Why not, one sentence each.
        notes: What else to know, one sentence each.
        same_results: Whether all computed the same; None if not known.
        same_results_reason: What that rests on, or why it is not known.
        results: Results of each phase, compared.
        differences: What both sides have; the largest change in seconds per step first.
        gone: What only A has, the most expensive first.
        new: What only the other has, the most expensive first.
    """

    schema_version: int = COMPARISON_VERSION
    a: SideRecord
    others: tuple[SideRecord, ...]
    comparable: bool
    why_not: tuple[str, ...]
    notes: tuple[str, ...]
    same_results: bool | None = None
    same_results_reason: str | None = None
    results: tuple[ResultChange, ...] = ()
    differences: tuple[Change, ...]
    gone: tuple[OneSided, ...]
    new: tuple[OneSided, ...]
