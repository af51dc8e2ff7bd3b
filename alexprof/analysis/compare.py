"""Which phase, layer, kind and op changed between runs, by how much, and is it more than noise?

Phases are judged by their timed steps; with one or two runs of each the interval holds the
between-run variance. Layers, kinds and ops are judged by what they cost in the traced steps, on the
scale of timed steps: their intervals hold the spread over traced steps, that of the timed steps'
center, and what a part of a step differs by between two runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from alexprof.analysis.caveats import Caveat
from alexprof.analysis.changes import Change, Level, ResultChange, RunComparison, Unmatched
from alexprof.analysis.comparable import caveats_of
from alexprof.analysis.difference import (
    Estimator,
    common_estimator,
    difference_of,
    of_ablation,
    of_variants,
    reversed_comparison,
)
from alexprof.analysis.results import result_caveats, result_changes, whether_same
from alexprof.analysis.samples import PhaseSample, RunSamples, took_turns
from alexprof.analysis.selection import Group, Pair, common_phases, variant_pairs
from alexprof.attribute import IDLE_OP
from alexprof.measure.between_runs import MORE_RUNS, between_run_cv, between_run_part_cv
from alexprof.measure.multiple_comparisons import adjust
from alexprof.measure.ratios import compare_times
from alexprof.measure.spread import block_means, quantile, two_sided_p
from alexprof.measure.statistics import difference
from alexprof.record.note import distinct
from alexprof.record.phase import Phase, on_cpu
from alexprof.record.run import Run
from alexprof.record.values import Comparison, Needed

LEAST_SHARE = 0.001
"""Parts that are less of the step in both are left out."""
LEVELS: tuple[Level, ...] = ("phase", "layer", "kind", "op")


@dataclass(frozen=True)
class Compared:
    """Something that both groups have: its place, as in `Change`, and B against A."""

    level: Level
    pair: Pair
    phase: str
    name: str
    shares: tuple[float, float]
    estimator: Estimator
    comparison: Comparison

    def change(self, b: str, *, machine_busy: bool) -> Change:
        """The answer, against the group of that name."""
        return Change(
            level=self.level,
            variant=self.pair[0],
            phase=self.phase,
            name=self.name,
            b=b,
            b_variant=self.pair[1],
            a_share=self.shares[0],
            b_share=self.shares[1],
            difference=difference_of(self.comparison, self.estimator, machine_busy=machine_busy),
        )


def compare(groups: Sequence[Group], *, paired: bool = False) -> RunComparison:
    """Compares the first of at least two groups with each of the others.

    Args:
        groups: The groups.
        paired: As for `compare_groups`. Interference then spoils no verdict: it is in the spread
            over pairs.

    Raises:
        UsageError: If variants can't be set beside each other.
        RunError: If a table can't be read.
        ClosureError: If a table does not add up.
    """
    first, others = groups[0], groups[1:]
    changes: list[Change] = []
    unmatched: list[Unmatched] = []
    caveats: list[Caveat] = []
    results: list[ResultChange] = []
    for other in others:
        other_caveats = group_caveats(first, other, paired=paired)
        both, of_one_group = compare_groups(first, other, paired=paired)
        machine_busy = any(caveat.effect == "times" for caveat in other_caveats)
        changes += [compared.change(other.name, machine_busy=machine_busy) for compared in both]
        unmatched += of_one_group
        caveats += other_caveats
        results += result_changes(first, other)
    why_not, notes = split(caveats)
    unmatched.sort(key=lambda part: -(part.a_s or part.b_s or 0.0))
    return RunComparison(
        a=first.record,
        others=tuple(other.record for other in others),
        comparable=not why_not,
        why_not=why_not,
        notes=notes,
        same_results=whether_same(results),
        results=tuple(results),
        differences=tuple(sorted(changes, key=lambda change: -abs(change.difference.change_s))),
        gone=tuple(part for part in unmatched if part.b_s is None),
        new=tuple(part for part in unmatched if part.a_s is None),
    )


def split(caveats: Sequence[Caveat]) -> tuple[tuple[Caveat, ...], tuple[Caveat, ...]]:
    """Those that forbid a comparison, and the others."""
    caveats = distinct(caveats)
    return (
        tuple(caveat for caveat in caveats if caveat.effect != "none"),
        tuple(caveat for caveat in caveats if caveat.effect == "none"),
    )


def group_caveats(a: Group, b: Group, *, paired: bool = False) -> list[Caveat]:
    """What speaks against comparing two groups: their runs against A's first, or pair by pair.

    Pairs show themselves what their runs differ by.
    """
    first = a.runs[0]
    partners = a.runs if paired else [first] * len(b.runs)
    caveats: list[Caveat] = []
    for run_a, run_b in zip(partners, b.runs, strict=True):
        caveats += caveats_of(run_a, run_b, variant_pairs(run_a, run_b))
    for run in a.runs[1:]:
        within_a = caveats_of(first, run, variant_pairs(first, run))
        caveats += [caveat for caveat in within_a if not paired or caveat.effect == "work"]
    if paired:
        caveats = [caveat for caveat in caveats if caveat.effect != "times"]
    return list(distinct([*caveats, *result_caveats(result_changes(a, b))]))


def measured_s(phase: Phase) -> float:
    """How long measuring a phase took, seconds: warm-up and variants that took turns included."""
    if phase.interference is not None:
        return phase.interference.seconds
    steps = phase.timed or phase.traced
    return steps.steps * steps.mean_s if steps else 0.0


def compare_groups(
    a: Group, b: Group, *, paired: bool = False
) -> tuple[list[Compared], list[Unmatched]]:
    """Compares two groups; verdicts allow for how many were compared at each level.

    Phases of variants of one run are questions of their own, as in its report. Where run i of A ran
    beside run i of B (`paired`) intervals come from the pairs.
    """
    estimator = common_estimator(selection.run for selection in (*a.runs, *b.runs))
    of_a, of_b = ([RunSamples(run, estimator) for run in group.runs] for group in (a, b))
    one_run = len(a.runs) == len(b.runs) == 1 and a.runs[0].folder == b.runs[0].folder
    parts: list[Compared] = []
    unmatched: list[Unmatched] = []
    for pair, key in phases_of_all(a, b):
        phase = _PhaseOfBoth(
            pair,
            key,
            ([run.of(pair[0], key) for run in of_a], [run.of(pair[1], key) for run in of_b]),
            estimator,
            run_cv=_run_cv(_phases(a, pair[0], key), _phases(b, pair[1], key)),
            one_run=a.runs[0].run if one_run else None,
            paired=paired,
        )
        parts += phase.compared()
        unmatched += phase.unmatched(b.name)
    judged = []
    for level in LEVELS:
        of_level = [compared for compared in parts if compared.level == level]
        comparisons = [compared.comparison for compared in of_level]
        if not (one_run and level == "phase"):
            comparisons = adjust(comparisons)
        judged += [
            replace(compared, comparison=comparison)
            for compared, comparison in zip(of_level, comparisons, strict=True)
        ]
    return judged, unmatched


def phases_of_all(a: Group, b: Group) -> list[tuple[Pair, str]]:
    """The variants that stand beside each other and the phases of them that every run has."""
    common = [
        [(pair, key) for pair in variant_pairs(x, y) for key in common_phases(x, y, pair)]
        for y in b.runs
        for x in a.runs
    ]
    return [phase for phase in common[0] if all(phase in phases for phases in common)]


def _phases(group: Group, variant: str, key: str) -> list[Phase]:
    return [selection.run.variants[variant].phases[key] for selection in group.runs]


def _run_cv(phases_a: Sequence[Phase], phases_b: Sequence[Phase]) -> float:
    """Coefficient of variation that, the same in each run, gives the ratio its variance."""
    of_ratio = 0.0  # runs measured for different lengths of time vary differently
    for phases in (phases_a, phases_b):
        variances = [between_run_cv(measured_s(phase)) ** 2 for phase in phases]
        of_ratio += math.fsum(variances) / len(phases) ** 2
    return math.sqrt(of_ratio / (1 / len(phases_a) + 1 / len(phases_b)))


@dataclass(frozen=True)
class _PhaseOfBoth:
    """A phase in A's runs and in B's."""

    pair: Pair
    key: str
    samples: tuple[Sequence[PhaseSample], Sequence[PhaseSample]]
    estimator: Estimator
    run_cv: float
    one_run: Run | None
    paired: bool

    @property
    def _mixed(self) -> bool:
        """Whether timed steps stand beside traced ones, which are slower: nothing is compared."""
        return len({sample.traced for sample in self._all}) > 1

    def compared(self) -> Iterator[Compared]:
        if self._mixed:
            return
        timed = self._timed()
        if timed is not None:
            yield self._compared("phase", self.key, (1.0, 1.0), timed)
        for level, name, in_a, in_b in self._parts():
            if in_a and in_b:
                shares = self._shares(level, name)
                yield self._compared(level, name, shares, self._part(level, name, timed))

    def unmatched(self, b: str) -> Iterator[Unmatched]:
        for level, name, in_a, in_b in self._parts():
            if (in_a and in_b) or self._mixed:
                continue
            samples = self.samples[0] if in_a else self.samples[1]
            cost_s = _mean(float(sample.parts[level][name].mean()) for sample in samples)
            yield Unmatched(
                level=level,
                variant=self.pair[0],
                phase=self.key,
                name=name,
                a_s=cost_s if in_a else None,
                b_s=None if in_a else cost_s,
                share=_mean(sample.share(level, name) for sample in samples),
                b=b,
                b_variant=self.pair[1],
            )

    def _compared(
        self, level: Level, name: str, shares: tuple[float, float], comparison: Comparison
    ) -> Compared:
        return Compared(level, self.pair, self.key, name, shares, self.estimator, comparison)

    @property
    def _all(self) -> list[PhaseSample]:
        return [*self.samples[0], *self.samples[1]]

    def _timed(self) -> Comparison | None:
        if not all(sample.blocks for sample in self._all):
            return None
        if self.one_run is not None and all(sample.steps for sample in self._all):
            return self._of_variants(self.one_run)
        blocks_a, blocks_b = ([sample.blocks for sample in samples] for samples in self.samples)
        return compare_times(blocks_a, blocks_b, paired=self.paired, run_cv=self.run_cv)

    def _of_variants(self, run: Run) -> Comparison:
        """Two variants of one run, by its ablation; where it has none, from the timed steps."""
        comparison = self._ablation(run) or self._measured()
        if comparison.ci95 is None:
            return comparison
        # A gate asks for other intervals than of 95 %.
        low, high = comparison.ci95
        degrees = min(len(block_means(sample.steps)) for sample in self._all) - 1
        log_error = (high - low) / 2 / quantile(degrees, 0.975) / comparison.ratio
        p_value = two_sided_p(math.log(comparison.ratio), log_error, degrees)
        return replace(comparison, log_error=log_error, degrees_of_freedom=degrees, p_value=p_value)

    def _ablation(self, run: Run) -> Comparison | None:
        for ablation in run.ablations:
            variants = (ablation.reference, ablation.without)
            if ablation.phase == self.key and set(variants) == set(self.pair):
                comparison = of_ablation(run, ablation, self.estimator)
                return comparison if variants == self.pair else reversed_comparison(comparison)
        return None

    def _measured(self) -> Comparison:
        a, b = (samples[0] for samples in self.samples)
        measured = difference(b.steps, a.steps, paired=took_turns(a, b))
        by_mean = self.estimator == "mean"
        change_ci95_s = measured.ci95_s if by_mean else measured.median_ci95_s
        return of_variants(a.step_s, b.step_s - a.step_s, change_ci95_s)

    def _parts(self) -> Iterator[tuple[Level, str, bool, bool]]:
        """Parts worth comparing: level, name, whether A has it and whether B has it."""
        devices = {sample.device for sample in self._all} - {None}
        if len(devices) > 1 or not all(sample.parts for sample in self._all):
            return
        for level in LEVELS[1:]:
            names = (name for sample in self._all for name in sample.parts[level])
            for name in dict.fromkeys(names):
                in_a, in_b = (
                    any(sample.has(level, name) for sample in samples) for samples in self.samples
                )
                if (in_a or in_b) and max(self._shares(level, name)) >= LEAST_SHARE:
                    yield level, name, in_a, in_b

    def _shares(self, level: Level, name: str) -> tuple[float, float]:
        a, b = (_mean(sample.share(level, name) for sample in samples) for samples in self.samples)
        return a, b

    def _part(self, level: Level, name: str, timed: Comparison | None) -> Comparison:
        chunks_a, chunks_b = (
            [sample.chunks(level, name) for sample in samples] for samples in self.samples
        )
        of_gpus = all(sample.device and not on_cpu(sample.device) for sample in self._all)
        as_traced = of_gpus and name != IDLE_OP
        cv = self._part_cv(_mean(self._shares(level, name)), None if as_traced else timed)
        comparison = compare_times(chunks_a, chunks_b, paired=self.paired, run_cv=cv)
        if self.one_run is not None and comparison.needed == MORE_RUNS:
            return replace(comparison, needed=Needed("pairs"))
        return comparison

    def _part_cv(self, share: float, timed: Comparison | None) -> float:
        """Coefficient of variation of a part between runs."""
        # Costs on a CPU are scaled to the timed steps, so the uncertainty of those goes in here: as
        # much for each run as makes up the ratio's variance. Kernels of a GPU stand as traced.
        per_run = 1 / len(self.samples[0]) + 1 / len(self.samples[1])
        variance = timed.log_error**2 / per_run if timed and timed.log_error is not None else 0.0
        return math.hypot(between_run_part_cv(share), math.sqrt(variance))


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return math.fsum(numbers) / len(numbers)
