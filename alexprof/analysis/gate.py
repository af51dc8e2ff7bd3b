"""A gate: may a run pass, measured against a baseline and what it may be slower by?"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from alexprof.analysis.changes import QUIET, SideRecord
from alexprof.analysis.compare import Row, compare_pair, side_doubts
from alexprof.analysis.sides import Side
from alexprof.errors import UsageError
from alexprof.measure.between_runs import LEAST_RUNS, MORE_RUNS
from alexprof.measure.parts import read_part
from alexprof.record.values import Interval

if TYPE_CHECKING:
    from alexprof.record.values import Comparison

GATE_VERSION = 1
Outcome = Literal["within", "slower", "unclear"]
EXIT_CODES: dict[Outcome, int] = {"within": 0, "slower": 1, "unclear": 3}
MOST_RUNS = 100
"""To ask for more would be no help."""


class Bound(Struct, frozen=True):
    """What something may be slower by: a part; None for every phase."""

    name: str | None
    most: float


class Judged(Struct, frozen=True, kw_only=True):
    """A phase, layer or kind that has a bound.

    Attributes:
        level: "phase", "layer" or "kind".
        variant: The baseline's variant.
        phase: The phase's key.
        name: Of the phase, layer or kind.
        a_s: Mean cost in a step of the baseline.
        b_s: That of the run.
        ratio: b_s / a_s.
        ci95: Its 95 % interval; None where nothing shows the spread.
        max_slowdown: The bound, as a fraction: 0.03 allows 3 %.
        outcome: "slower" and "within" take evidence.
        needed: What a decision would take; None with one.
    """

    level: str
    variant: str
    phase: str
    name: str
    a_s: float
    b_s: float
    ratio: float
    ci95: Interval | None
    max_slowdown: float
    outcome: Outcome
    needed: str | None


class GateResult(Struct, frozen=True, kw_only=True):
    """Whether a run may pass.

    Attributes:
        schema_version: Version of this object.
        baseline: What it is measured against.
        run: What asks to pass.
        outcome: Of all together.
        exit_code: 0 within, 1 slower, 3 can't tell.
        comparable: Whether the two can be compared at all; if not, the outcome is "unclear".
        why_not: Why not, one sentence each.
        notes: What else to know, one sentence each.
        judged: Everything that has a bound, the one nearest to (or farthest beyond) it first.
    """

    schema_version: int = GATE_VERSION
    baseline: SideRecord
    run: SideRecord
    outcome: Outcome
    exit_code: int
    comparable: bool
    why_not: tuple[str, ...]
    notes: tuple[str, ...]
    judged: tuple[Judged, ...]


def parse_bound(text: str) -> Bound:
    """Reads a bound: "3%", "0.03", or one for a layer, kind or phase: "LRN=10%".

    Raises:
        UsageError: If it is none.
    """
    name, equals, number = text.rpartition("=")
    most, percent = read_part(number)
    if not 0 <= most < math.inf or (equals and not name.strip()):
        raise UsageError(f"--max-slowdown is a part like 3% or LRN=10%, not {text!r}")
    if not percent and most >= 1:
        raise UsageError(f"--max-slowdown {text}: did you mean {text}%? (1 is twice as slow)")
    return Bound(name.strip() or None, most)


def gate(run: Side, baseline: Side, bounds: Sequence[Bound]) -> GateResult:
    """Judges whether a run may pass.

    Args:
        run: The run, or several of the same.
        baseline: The run, or runs, to measure it against.
        bounds: At least one; of two for the same name the later one counts.

    Raises:
        UsageError: If nothing has a bound's name.
        RunError: If a table can't be read.
    """
    from alexprof.measure.gate import judge

    doubtful = side_doubts(baseline, run)
    why_not = tuple(one.text for one in doubtful if one.spoils != "nothing")
    rows, alone = compare_pair(baseline, run)
    why_not += tuple(_missing(baseline, run, rows))
    gone = {one.name.casefold() for one in alone if one.b_s is None}
    why_not += tuple(
        f"{bound.name} is new: the baseline has nothing to measure it against"
        for bound in bounds
        if bound.name and bound.name.casefold() in {one.name.casefold() for one in alone} - gone
    )
    bounded = _bounded(rows, bounds, {one.name for one in alone})
    found = [row.found for row, _ in bounded]
    most = [bound for _, bound in bounded]
    outcome: Outcome = judge(found, most) if bounded and not why_not else "unclear"
    if not bounded and not why_not:
        why_not = ("nothing with a bound is in all of them",)
    smallest = min(len(run.members), len(baseline.members))
    judged = [_judged(row, bound, outcome, why_not, smallest) for row, bound in bounded]
    judged.sort(key=lambda one: one.max_slowdown - (one.ratio - 1))
    return GateResult(
        baseline=baseline.record,
        run=run.record,
        outcome=outcome,
        exit_code=EXIT_CODES[outcome],
        comparable=not why_not,
        why_not=why_not,
        notes=tuple(one.text for one in doubtful if one.spoils == "nothing"),
        judged=tuple(judged),
    )


def _missing(baseline: Side, run: Side, rows: Sequence[Row]) -> Iterator[str]:
    """Phases of the baseline that the run was to be measured in, and that were not timed in it."""
    found = {(row.pair[0], row.phase) for row in rows if row.level == "phase"}
    first = baseline.members[0]
    for variant, record in first.run.variants.items():
        if first.variant in (None, variant):
            for key, phase in record.phases.items():
                if phase.timed is not None and (variant, key) not in found:
                    yield f"{key} of {variant} was not timed in all of {run.name}"


def _bounded(
    rows: Sequence[Row], bounds: Sequence[Bound], alone: Collection[str]
) -> list[tuple[Row, float]]:
    """What has a bound: each phase the general one, and its own one if there is one."""
    known = {name.casefold() for name in (*alone, *(row.name for row in rows))}
    for bound in bounds:
        if bound.name is not None and bound.name.casefold() not in known:
            there_are = ", ".join(
                dict.fromkeys(row.name for row in rows if row.level in ("phase", "kind", "layer"))
            )
            raise UsageError(
                f"no phase, layer or kind {bound.name!r} in both: there are {there_are or 'none'}"
            )
    found = []
    for row in rows:
        mine = [bound.most for bound in bounds if _meant(bound, row, rows)]
        if mine:
            found.append((row, mine[-1]))
    return found


def _meant(bound: Bound, row: Row, rows: Sequence[Row]) -> bool:
    if bound.name is None:
        return row.level == "phase"
    exact = any(one.name == bound.name for one in rows)
    if row.name != bound.name and (exact or row.name.casefold() != bound.name.casefold()):
        return False
    # An op may have its layer's name: the layer is meant.
    levels = [one.level for one in rows if one.name == row.name]
    return row.level != "op" or set(levels) == {"op"}


def _judged(row: Row, bound: float, outcome: Outcome, why_not: Sequence[str], runs: int) -> Judged:
    from alexprof.measure.gate import judge

    mine: Outcome = "unclear" if why_not else judge(row.found, bound)
    if mine == "slower" and outcome != "slower":
        mine = "unclear"  # alone it would be evidence, among so many it is not
    needed = None
    if mine == "unclear":
        needed = QUIET if why_not else needed_runs(row.found, bound, runs)
    return Judged(
        level=row.level,
        variant=row.pair[1],
        phase=row.phase,
        name=row.name,
        a_s=row.found.a_s,
        b_s=row.found.b_s,
        ratio=row.found.ratio,
        ci95=row.found.ci95,
        max_slowdown=bound,
        outcome=mine,
        needed=needed,
    )


def needed_runs(found: Comparison, bound: float, runs: int) -> str:
    """How many runs of each side would tell on which side of the bound a slow-down like this is."""
    if found.log_error is None or found.ci95 is None:
        return found.needed or "more steps"
    if runs < LEAST_RUNS:
        return MORE_RUNS
    away = abs(math.log(found.ratio) - math.log1p(bound))
    # The error shrinks with the root of the number of runs; 3.2 errors leave a chance of 1 % for a
    # false alarm and find four in five.
    count = math.ceil(runs * (3.2 * found.log_error / away) ** 2) if away > 0 else MOST_RUNS + 1
    if count > MOST_RUNS:
        return "another bound: the slow-down is too near to what is allowed"
    return f"about {max(count, runs + 1)} runs of each, not {runs}"
