"""A gate: may a run pass, measured against a baseline and what it may be slower by?"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from alexprof.analysis.caveats import QUIET, SPOILED, Caveat
from alexprof.analysis.changes import Change, GroupRecord
from alexprof.analysis.compare import compare
from alexprof.analysis.selection import Group
from alexprof.errors import UsageError
from alexprof.measure.between_runs import LEAST_RUNS, MORE_RUNS
from alexprof.measure.ratios import judge
from alexprof.measure.stopping import read_part
from alexprof.record.note import distinct
from alexprof.record.values import Difference, Needed, Outcome

GATE_VERSION = 2
EXIT_CODES: dict[Outcome, int] = {"within": 0, "slower": 1, "unclear": 3}
MOST_RUNS = 100
"""To ask for more would be no help."""


class Bound(Struct, frozen=True):
    """What something may be slower by, as a fraction; None for every phase."""

    name: str | None
    most: float


class Judged(Change, frozen=True, kw_only=True):
    """A phase, layer or kind that has a bound."""

    max_slowdown: float  # The bound, as a fraction: 0.03 allows 3 %
    outcome: Outcome  # "slower" and "within" take evidence
    # What a decision would take; None with one, or where they can't be compared
    needed: Needed | None


class GateResult(Struct, frozen=True, kw_only=True):
    """Whether a run may pass."""

    schema_version: int = GATE_VERSION  # Version of this object
    baseline: GroupRecord  # What it is measured against
    run: GroupRecord  # What is to pass
    outcome: Outcome  # Of all together
    exit_code: int  # 0 within, 1 slower, 3 unclear, or can't tell
    comparable: bool  # Whether the two can be compared at all; if not, the outcome is "unclear"
    why_not: tuple[Caveat, ...]  # Why not
    notes: tuple[Caveat, ...]  # What else to know
    # Everything that has a bound, the one nearest to (or farthest beyond) it first
    judged: tuple[Judged, ...]


def parse_bound(text: str) -> Bound:
    """Reads a bound: "3%", "0.03", or one for a layer, kind or phase: "LRN=10%".

    Raises:
        UsageError: If it is none.
    """
    name, equals, number = text.rpartition("=")
    most, percent = read_part(number)
    if not 0 <= most < math.inf or (equals and not name.strip()):
        raise UsageError(f"--max-slowdown must be like 3% or LRN=10%, not {text!r}")
    if not percent and most >= 1:
        raise UsageError(f"--max-slowdown {text}: did you mean {text}%? (1 is twice as slow)")
    return Bound(name.strip() or None, most)


def gate(run: Group, baseline: Group, bounds: Sequence[Bound]) -> GateResult:
    """Judges whether a run may pass.

    Args:
        run: The run, or several of the same.
        baseline: The run, or runs, to measure it against.
        bounds: At least one; of two for the same name the later one counts.

    Raises:
        UsageError: If nothing has a bound's name.
        RunError: If a table can't be read.
    """
    compared = compare([baseline, run])
    changes = compared.differences
    gone, new = (
        {part.name.casefold() for part in parts} for parts in (compared.gone, compared.new)
    )
    bounded = _bounded(changes, bounds, gone | new)
    caveats = [*compared.why_not, *_missing(baseline, run, changes)]
    for bound in bounds:
        if bound.name and bound.name.casefold() in new - gone:
            caveats.append(Caveat(code="new_part", effect="work", what=bound.name))
    if not bounded:
        caveats.append(Caveat(code="nothing_bounded", effect="work"))
    why_not = distinct(caveats)
    # A quiet machine makes no other work the same.
    needed = QUIET if {caveat.effect for caveat in why_not} == {"times"} else None
    outcome: Outcome = "unclear"
    if not why_not:
        outcome = _outcome(bounded)
    judged = []
    for change, most in bounded:
        own: Outcome = "unclear"
        if not why_not:
            own = _outcome([(change, most)])
            if own == "slower" and outcome != "slower":
                own = "unclear"  # alone it would be evidence, among so many it is not
            runs = min(len(run.runs), len(baseline.runs))
            needed = needed_runs(change.difference, most, runs) if own == "unclear" else None
        fields = asdict(change)
        judged.append(Judged(**fields, max_slowdown=most, outcome=own, needed=needed))
    judged.sort(key=lambda subject: subject.max_slowdown - (subject.difference.ratio - 1))
    return GateResult(
        baseline=baseline.record,
        run=run.record,
        outcome=outcome,
        exit_code=EXIT_CODES[outcome],
        comparable=not why_not,
        why_not=tuple(why_not),
        notes=compared.notes,
        judged=tuple(judged),
    )


def _outcome(bounded: Sequence[tuple[Change, float]]) -> Outcome:
    """Judges all together; times that allow no verdict pass nothing and condemn nothing."""
    usable = [bound for bound in bounded if bound[0].difference.reason not in SPOILED]
    if not usable:
        return "unclear"
    outcome = judge([change.difference for change, _ in usable], [most for _, most in usable])
    return "unclear" if outcome == "within" and len(usable) < len(bounded) else outcome


def _missing(baseline: Group, run: Group, changes: Sequence[Change]) -> Iterator[Caveat]:
    """Phases of the baseline that were to be compared, and that the run lacks."""
    timed = {(change.variant, change.phase) for change in changes if change.level == "phase"}
    first, runs = baseline.runs[0], (run.name,)
    for variant in first.variants:
        for key, phase in first.run.variants[variant].phases.items():
            if (phase.timed or first.is_trace) and (variant, key) not in timed:
                phases, variants = (key,), (variant,)
                yield Caveat(
                    code="phase_missing", effect="work", runs=runs, phases=phases, variants=variants
                )


def _bounded(
    changes: Sequence[Change], bounds: Sequence[Bound], unmatched: Collection[str]
) -> list[tuple[Change, float]]:
    """What has a bound: each phase the general one, and its own one if there is one."""
    names = {change.name.casefold() for change in changes}.union(unmatched)
    for bound in bounds:
        if bound.name is not None and bound.name.casefold() not in names:
            choices = dict.fromkeys(change.name for change in changes if change.level != "op")
            raise UsageError(
                f"no phase, layer or kind {bound.name!r} in both: there are "
                f"{', '.join(choices) or 'none'}"
            )
    bounded = {}
    for bound in bounds:
        for place, change in enumerate(changes):
            if _is_meant(bound, change, changes):
                bounded[place] = bound.most
    return [(changes[place], most) for place, most in sorted(bounded.items())]


def _is_meant(bound: Bound, change: Change, changes: Sequence[Change]) -> bool:
    if bound.name is None:
        return change.level == "phase"
    exact = any(other.name == bound.name for other in changes)
    if change.name != bound.name and (exact or change.name.casefold() != bound.name.casefold()):
        return False
    # An op may have its layer's name: the layer is meant.
    levels = {other.level for other in changes if other.name == change.name}
    return change.level != "op" or levels == {"op"}


def needed_runs(difference: Difference, bound: float, runs: int) -> Needed:
    """How many runs of each would tell on which side of the bound a slow-down like this is."""
    if difference.log_error is None or difference.reason in SPOILED:
        return difference.needed or Needed("blocks", 2)
    if runs < LEAST_RUNS:
        return MORE_RUNS
    away = abs(math.log(difference.ratio) - math.log1p(bound))
    # The error shrinks with the root of the number of runs; 3.2 errors leave a chance of 1 % for a
    # false alarm and find four in five.
    count = math.ceil(runs * (3.2 * difference.log_error / away) ** 2) if away > 0 else math.inf
    if count > MOST_RUNS:
        return Needed("other_bound")
    return Needed("runs", count=max(int(count), runs + 1), now=runs)
