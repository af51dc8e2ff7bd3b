"""Which phase, layer, kind and op changed between runs, by how much, and can it be told from noise?

Phases are judged by their timed steps; with one or two runs of a side the interval holds the
between-run variance. Layers, kinds and ops are judged by what they cost in the traced steps, on the
scale of timed steps: their intervals hold the spread over traced steps, that of the timed mean, and
what a part of a step differs by between two runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from alexprof.analysis.changes import (
    QUIET,
    Change,
    Doubt,
    Level,
    OneSided,
    ResultChange,
    RunComparison,
)
from alexprof.analysis.comparable import doubts
from alexprof.analysis.results import result_changes, result_doubts, whether_same
from alexprof.analysis.sides import Member, Pair, Side, phases_of, variant_pairs
from alexprof.measure.between_runs import MORE_RUNS, between_run_cv, between_run_part_cv
from alexprof.record.phase import Phase, on_cpu

if TYPE_CHECKING:
    from alexprof.analysis.samples import Sample, Samples
    from alexprof.record.values import Comparison

LEAST_SHARE = 0.001
"""Parts that are less of the step on both sides are left out."""
PAIRS = "pairs of processes (alexprof ab)"
"""What a verdict on a part of two variants of one run takes."""
LEVELS: tuple[Level, ...] = ("phase", "layer", "kind", "op")


@dataclass(frozen=True)
class Row:
    """Something of both sides, before its verdict is final.

    Attributes:
        level: What it is.
        pair: Variant of A, variant of B.
        phase: The phase's key.
        name: Its name.
        shares: Its part of A's and of B's step.
        found: B against A.
    """

    level: Level
    pair: Pair
    phase: str
    name: str
    shares: tuple[float, float]
    found: Comparison


def compare(sides: Sequence[Side], *, paired: bool = False) -> RunComparison:
    """Compares the first side with each of the others.

    Args:
        sides: At least two.
        paired: As for `compare_pair`. Interference then spoils no verdict: it is in the spread
            over pairs.

    Raises:
        UsageError: If variants can't be set beside each other.
        RunError: If a table can't be read.
        ClosureError: If a table's books don't add up.
    """
    first, others = sides[0], sides[1:]
    differences: list[Change] = []
    one_sided: list[OneSided] = []
    found: list[Doubt] = []
    results: list[ResultChange] = []
    for other in others:
        computed = result_changes(first, other)
        results += computed
        doubtful = side_doubts(first, other, computed, paired=paired)
        found += doubtful
        rows, alone = compare_pair(first, other, paired=paired)
        spoiled = any(one.spoils == "times" for one in doubtful)
        differences += [_change(row, other.name, spoiled=spoiled) for row in rows]
        one_sided += alone
    why_not = tuple(dict.fromkeys(one.text for one in found if one.spoils != "nothing"))
    notes = tuple(dict.fromkeys(one.text for one in found if one.spoils == "nothing"))
    one_sided.sort(key=lambda one: -(one.a_s or one.b_s or 0.0))
    same, reason = whether_same(results)
    return RunComparison(
        a=first.record,
        others=tuple(other.record for other in others),
        comparable=not why_not,
        why_not=why_not,
        notes=notes,
        same_results=same,
        same_results_reason=reason,
        results=tuple(results),
        differences=tuple(sorted(differences, key=lambda one: -abs(one.change_s))),
        gone=tuple(one for one in one_sided if one.b_s is None),
        new=tuple(one for one in one_sided if one.a_s is None),
    )


def side_doubts(
    a: Side,
    b: Side,
    computed: Sequence[ResultChange] | None = None,
    *,
    paired: bool = False,
) -> list[Doubt]:
    """What speaks against comparing two sides: their runs against A's first, or pair by pair.

    Args:
        a: The one.
        b: The other.
        computed: What their steps fetched, if it is known already.
        paired: As for `compare_pair`: pairs show themselves what their runs differ by.
    """
    first = a.members[0]
    found = []
    partners = a.members if paired else [first] * len(b.members)
    for ours, theirs in zip(partners, b.members, strict=True):
        found += doubts(ours, theirs, variant_pairs(ours, theirs))
    for one in a.members[1:]:
        against = doubts(first, one, variant_pairs(first, one))
        found += [each for each in against if not paired or each.spoils == "cause"]
    if paired:
        found = [one for one in found if one.spoils != "times"]
    found += result_doubts(result_changes(a, b) if computed is None else computed)
    return list(dict.fromkeys(found))


def _run_cv(ours: Sequence[Phase], theirs: Sequence[Phase]) -> float:
    """Standard deviation of a run's mean between runs, as a part of it.

    The one that, the same in each run, makes the ratio as uncertain as the runs' own do.
    """
    of_ratio = 0.0
    for phases in (ours, theirs):
        variances = [between_run_cv(measured_s(phase)) ** 2 for phase in phases]
        of_ratio += math.fsum(variances) / len(phases) ** 2
    return math.sqrt(of_ratio / (1 / len(ours) + 1 / len(theirs)))


def measured_s(phase: Phase) -> float:
    """How long measuring a phase took, seconds: warm-up and variants that took turns included."""
    if phase.interference is not None:
        return phase.interference.seconds
    steps = phase.timed or phase.traced
    return steps.steps * steps.mean_s if steps else 0.0


def _phases(side: Side, variant: str, key: str) -> list[Phase]:
    return [member.run.variants[variant].phases[key] for member in side.members]


def _one_run(a: Side, b: Side) -> bool:
    return len(a.members) == len(b.members) == 1 and a.members[0].folder == b.members[0].folder


def compare_pair(a: Side, b: Side, *, paired: bool = False) -> tuple[list[Row], list[OneSided]]:
    """Compares two sides, verdicts adjusted for how many were asked at each level.

    Args:
        a: The one.
        b: The other.
        paired: Whether run i of A ran beside run i of B: intervals then come from the pairs.
    """
    from alexprof.analysis.samples import Samples
    from alexprof.measure.multiple_comparisons import adjust

    tables = {id(one): Samples(one) for one in (*a.members, *b.members)}
    rows: list[Row] = []
    alone: list[OneSided] = []
    for pair, key in common_phases(a, b):
        ours = [_sample(one, pair[0], key, tables) for one in a.members]
        theirs = [_sample(one, pair[1], key, tables) for one in b.members]
        phase = _Phase(
            pair,
            key,
            ours,
            theirs,
            run_cv=_run_cv(_phases(a, pair[0], key), _phases(b, pair[1], key)),
            same_process=_one_run(a, b),
            paired=paired,
        )
        rows += phase.rows()
        alone += phase.one_sided(b.name)
    judged = []
    for level in LEVELS:
        of_level = [row for row in rows if row.level == level]
        verdicts = adjust([row.found for row in of_level])
        judged += [replace(row, found=one) for row, one in zip(of_level, verdicts, strict=True)]
    return judged, alone


def common_phases(a: Side, b: Side) -> list[tuple[Pair, str]]:
    """The variants that stand beside each other and the phases of them that every run has."""
    found: list[tuple[Pair, str]] | None = None
    for one in b.members:
        for ours in a.members:
            mine = [(p, key) for p in variant_pairs(ours, one) for key in phases_of(ours, one, p)]
            found = mine if found is None else [each for each in found if each in mine]
    return found or []


def _sample(member: Member, variant: str, key: str, tables: dict[int, Samples]) -> Sample:
    return tables[id(member)].of(variant, key)


@dataclass(frozen=True)
class _Phase:
    """A phase on both sides."""

    pair: Pair
    key: str
    ours: Sequence[Sample]
    theirs: Sequence[Sample]
    run_cv: float
    same_process: bool
    paired: bool

    @property
    def _mixed(self) -> bool:
        """Whether timed steps stand beside traced ones, which are slower: nothing is compared."""
        return len({sample.traced for side in self._sides for sample in side}) > 1

    def rows(self) -> Iterator[Row]:
        if self._mixed:
            return
        timed = self._timed()
        if timed is not None:
            yield Row("phase", self.pair, self.key, self.key, (1.0, 1.0), timed)
        for level, name in self._parts("both"):
            yield self._part(level, name, timed)

    def one_sided(self, other: str) -> Iterator[OneSided]:
        for where in () if self._mixed else ("a", "b"):
            for level, name in self._parts(where):
                mine = self.ours if where == "a" else self.theirs
                cost_s = _mean(float(one.parts[level][name].mean()) for one in mine)
                yield OneSided(
                    level=level,
                    variant=self.pair[0],
                    phase=self.key,
                    name=name,
                    a_s=cost_s if where == "a" else None,
                    b_s=cost_s if where == "b" else None,
                    share=_mean(one.share(level, name) for one in mine),
                    b=other,
                    b_variant=self.pair[1],
                )

    def _timed(self) -> Comparison | None:
        from alexprof.analysis.samples import took_turns
        from alexprof.measure.ratios import compare_times

        if not all(one.blocks for one in (*self.ours, *self.theirs)):
            return None
        turns = self.same_process and took_turns(self.ours[0], self.theirs[0])
        return compare_times(
            [one.blocks for one in self.ours],
            [one.blocks for one in self.theirs],
            paired=self.paired or turns,
            run_cv=self.run_cv,
        )

    def _parts(self, where: Literal["both", "a", "b"]) -> Iterator[tuple[Level, str]]:
        """What both have, or A alone, or B alone, as far as it is worth it; once for each level."""
        if len({one.device for one in (*self.ours, *self.theirs)} | {None}) > 2:
            return
        if not all(one.parts for one in (*self.ours, *self.theirs)):
            return
        for level in LEVELS[1:]:
            names = dict.fromkeys(n for one in (*self.ours, *self.theirs) for n in one.parts[level])
            for name in names:
                shares = self._shares(level, name)
                has = [any(_has(one, level, name) for one in side) for side in self._sides]
                found = "both" if all(has) else "a" if has[0] else "b"
                if found == where and max(shares) >= LEAST_SHARE:
                    yield level, name

    @property
    def _sides(self) -> tuple[Sequence[Sample], Sequence[Sample]]:
        return self.ours, self.theirs

    def _shares(self, level: Level, name: str) -> tuple[float, float]:
        ours, theirs = (_mean(one.share(level, name) for one in side) for side in self._sides)
        return ours, theirs

    def _part(self, level: Level, name: str, timed: Comparison | None) -> Row:
        from alexprof.attribute import IDLE_OP
        from alexprof.measure.ratios import compare_times

        shares = self._shares(level, name)
        chunks = [[one.chunks(level, name) for one in side] for side in self._sides]
        samples = [sample for side in self._sides for sample in side]
        of_gpus = all(sample.device and not on_cpu(sample.device) for sample in samples)
        as_traced = of_gpus and name != IDLE_OP
        cv = self._part_cv(_mean(shares), None if as_traced else timed)
        found = compare_times(*chunks, paired=self.paired, run_cv=cv)
        if self.same_process and found.needed == MORE_RUNS:
            found = replace(found, needed=PAIRS)
        return Row(level, self.pair, self.key, name, shares, found)

    def _part_cv(self, share: float, timed: Comparison | None) -> float:
        """What a part is taken to vary by from run to run, as a part of itself.

        Costs on a CPU are scaled to the timed mean, so what is not known of that goes in here: as
        much for each run as makes up the ratio's variance. Kernels of a GPU stand as traced.
        """
        each = 1 / len(self.ours) + 1 / len(self.theirs)
        of_mean = timed.log_error**2 / each if timed and timed.log_error is not None else 0.0
        return math.hypot(between_run_part_cv(share), math.sqrt(of_mean))


def _has(sample: Sample, level: Level, name: str) -> bool:
    values = sample.parts[level].get(name)
    return values is not None and bool(values.any())


def _mean(values: Iterator[float] | Sequence[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)


def _change(row: Row, other: str, *, spoiled: bool) -> Change:
    found = row.found
    if spoiled:  # more steps or pairs of the same would be of no help
        found = replace(found, verdict="unclear", needed=QUIET)
    return Change(
        level=row.level,
        variant=row.pair[0],
        phase=row.phase,
        name=row.name,
        a_s=found.a_s,
        b_s=found.b_s,
        ratio=found.ratio,
        ci95=found.ci95,
        verdict=found.verdict,
        needed=found.needed,
        p_value=found.p_value,
        a_share=row.shares[0],
        b_share=row.shares[1],
        b=other,
        b_variant=row.pair[1],
    )
