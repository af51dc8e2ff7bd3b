"""Which phase, layer, kind and op changed between runs, by how much, and is it more than noise?

Phases are judged by their timed steps; with one or two runs of each the interval holds the
between-run variance. Layers, kinds and ops are judged by what they cost in the traced steps, on the
scale of timed steps: their intervals hold the spread over traced steps, that of the timed steps'
center, and what a part of a step differs by between two runs. Variants of one run are judged as its
report does: by the measured ablation and the spread over traced steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from msgspec.structs import replace

from alexprof.analysis.caveats import QUIET, Caveat
from alexprof.analysis.changes import Change, Level, ResultChange, RunComparison, Unmatched
from alexprof.analysis.comparable import caveats_of
from alexprof.analysis.difference import common_estimator, of_ablation, of_variants
from alexprof.analysis.results import result_caveats, result_changes, whether_same
from alexprof.analysis.samples import PhaseSample, RunSamples, took_turns
from alexprof.analysis.selection import Group, Pair, common_phases, variant_pairs
from alexprof.attribute import IDLE_OP
from alexprof.measure.between_runs import between_run_cv, between_run_part_cv
from alexprof.measure.equivalence_band import undecided
from alexprof.measure.ratios import adjust, compare_times
from alexprof.measure.spread import block_means
from alexprof.measure.statistics import mean_difference, median_difference, welch
from alexprof.record.ablation import Ablation
from alexprof.record.note import distinct
from alexprof.record.phase import Phase, on_cpu
from alexprof.record.run import Run
from alexprof.record.trace import LayerChange
from alexprof.record.values import Difference, Estimator, Needed

LEAST_SHARE = 0.001
"""Parts that are less of the step in both are left out."""
LEVELS: tuple[Level, ...] = ("phase", "layer", "kind", "op")


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
        in_both, in_one = compare_groups(first, other, paired=paired)
        if any(caveat.effect == "times" for caveat in other_caveats):
            in_both = [without_verdict(change) for change in in_both]
        changes += in_both
        unmatched += in_one
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


def without_verdict(change: Change) -> Change:
    """On a busy machine no verdict can rest on the times."""
    return replace(change, difference=undecided(change.difference, "machine_busy", QUIET))


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
) -> tuple[list[Change], list[Unmatched]]:
    """Compares two groups; verdicts allow for how many were compared at each level.

    Phases of variants of one run are questions of their own, as in its report. Where run i of A ran
    beside run i of B (`paired`) intervals come from the pairs.
    """
    estimator = common_estimator(selection.run for selection in (*a.runs, *b.runs))
    of_a, of_b = ([RunSamples(run, estimator) for run in group.runs] for group in (a, b))
    one_run = len(a.runs) == len(b.runs) == 1 and a.runs[0].folder == b.runs[0].folder
    changes: list[Change] = []
    unmatched: list[Unmatched] = []
    for pair, key in phases_of_all(a, b):
        phase = _PhaseOfBoth(
            pair,
            key,
            b.name,
            ([run.of(pair[0], key) for run in of_a], [run.of(pair[1], key) for run in of_b]),
            estimator,
            run_cv=_run_cv(_phases(a, pair[0], key), _phases(b, pair[1], key)),
            one_run=a.runs[0].run if one_run else None,
            paired=paired,
        )
        phase.compare(changes, unmatched)
    judged = []
    for level in LEVELS:
        of_level = [change for change in changes if change.level == level]
        differences = [change.difference for change in of_level]
        if not (one_run and level == "phase"):
            differences = adjust(differences)
        judged += [
            replace(change, difference=difference)
            for change, difference in zip(of_level, differences, strict=True)
        ]
    return judged, unmatched


def phases_of_all(a: Group, b: Group) -> list[tuple[Pair, str]]:
    """The variants that stand beside each other and the phases of them that every run has."""
    common = [[phase[:2] for phase in common_phases(x, y)] for y in b.runs for x in a.runs]
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
    """A phase in A's runs and in B's; `one_run` is set where these are variants of one."""

    pair: Pair
    key: str
    b: str
    samples: tuple[Sequence[PhaseSample], Sequence[PhaseSample]]
    estimator: Estimator
    run_cv: float
    one_run: Run | None
    paired: bool

    def compare(self, changes: list[Change], unmatched: list[Unmatched]) -> None:
        """Appends what both have, compared, and what only one has."""
        if len({sample.traced for sample in self._all}) > 1:
            return  # traced steps are slower than timed ones
        where = {
            "variant": self.pair[0],
            "b_variant": self.pair[1],
            "phase": self.key,
            "b": self.b,
        }
        timed = self._timed()
        if timed is not None:
            changes.append(
                Change(
                    level="phase", name=self.key, a_share=1, b_share=1, difference=timed, **where
                )
            )
        for level, name in self._parts():
            a_s, b_s = self._costs(level, name)
            a_share, b_share = self._shares(level, name)
            if max(a_share, b_share) < LEAST_SHARE or not (a_s or b_s):
                continue
            if a_s and b_s:
                difference = self._part(level, name, timed)
                changes.append(
                    Change(
                        level=level,
                        name=name,
                        a_share=a_share,
                        b_share=b_share,
                        difference=difference,
                        **where,
                    )
                )
            else:
                unmatched.append(
                    Unmatched(
                        level=level,
                        name=name,
                        a_s=a_s or None,
                        b_s=b_s or None,
                        share=a_share or b_share,
                        **where,
                    )
                )

    @property
    def _all(self) -> list[PhaseSample]:
        return [*self.samples[0], *self.samples[1]]

    def _costs(self, level: Level, name: str) -> tuple[float, float]:
        """Seconds of a part in a step of A and of B."""
        a, b = (
            fmean(float(sample.costs(level, name).mean()) for sample in samples)
            for samples in self.samples
        )
        return a, b

    def _shares(self, level: Level, name: str) -> tuple[float, float]:
        """Its fraction of a step of A and of B."""
        a, b = (fmean(sample.share(level, name) for sample in samples) for samples in self.samples)
        return a, b

    def _parts(self) -> list[tuple[Level, str]]:
        devices = {sample.device for sample in self._all} - {None}
        if len(devices) > 1 or not all(sample.parts for sample in self._all):
            return []
        parts = [
            (level, name)
            for level in LEVELS[1:]
            for sample in self._all
            for name in sample.parts[level]
        ]
        return list(dict.fromkeys(parts))

    def _timed(self) -> Difference | None:
        if not all(sample.blocks for sample in self._all):
            return None
        if self.one_run is not None and all(sample.steps for sample in self._all):
            return self._of_variants(self.one_run)
        a, b = ([sample.blocks for sample in samples] for samples in self.samples)
        return compare_times(a, b, paired=self.paired, run_cv=self.run_cv, estimator=self.estimator)

    def _of_variants(self, run: Run) -> Difference:
        """Two variants of one run, by its ablation; where it has none, from the timed steps."""
        degrees = min(len(block_means(sample.steps)) for sample in self._all) - 1
        if found := self._ablation(run):
            ablation, backward = found
            return of_ablation(run, ablation, self.estimator, backward=backward, degrees=degrees)
        (a,), (b,) = self.samples
        difference = mean_difference if self.estimator == "mean" else median_difference
        change_s, ci95_s = difference(b.steps, a.steps, paired=took_turns(a, b))
        return of_variants(a.step_s, change_s, ci95_s, self.estimator, degrees)

    def _ablation(self, run: Run) -> tuple[Ablation, bool] | None:
        """The ablation that measured the two variants, and whether the other way around."""
        for ablation in run.ablations:
            variants = (ablation.reference, ablation.without)
            if ablation.phase == self.key and set(variants) == set(self.pair):
                return ablation, variants != self.pair
        return None

    def _part(self, level: Level, name: str, timed: Difference | None) -> Difference:
        if self.one_run is not None:
            return self._part_of_variants(self.one_run, level, name)
        a, b = ([sample.chunks(level, name) for sample in samples] for samples in self.samples)
        of_gpus = all(sample.device and not on_cpu(sample.device) for sample in self._all)
        # Costs on a CPU are scaled to the timed steps, so the uncertainty of those goes in here: as
        # much for each run as makes up the ratio's variance. Kernels of a GPU stand as traced.
        as_traced = of_gpus and name != IDLE_OP
        variance = 0.0
        if timed is not None and timed.log_error is not None and not as_traced:
            variance = timed.log_error**2 / (1 / len(self.samples[0]) + 1 / len(self.samples[1]))
        share = fmean(self._shares(level, name))
        return compare_times(
            a,
            b,
            paired=self.paired,
            run_cv=math.hypot(between_run_part_cv(share), math.sqrt(variance)),
            estimator=self.estimator,
        )

    def _part_of_variants(self, run: Run, level: Level, name: str) -> Difference:
        """A part of variants of one run, as its report has it: by the spread over traced steps."""
        before_s, after_s = self._costs(level, name)
        (a,), (b,) = self.samples
        error = welch(b.chunks(level, name), a.chunks(level, name))
        ci95_s = degrees = None
        if error is not None:
            ci95_s = error.interval(after_s - before_s)
            degrees = error.degrees_of_freedom
        difference = of_variants(before_s, after_s - before_s, ci95_s, self.estimator, degrees)
        recorded = self._recorded_layer(run, name) if level == "layer" else None
        if recorded is None or not math.isclose(
            abs(recorded.change_s), abs(difference.change_s), rel_tol=1e-6, abs_tol=1e-12
        ):
            return difference
        # It has been judged among the layers of its ablation.
        if difference.significant and not recorded.significant:
            difference = undecided(difference, "chance", Needed("fewer_compared"))
        return replace(difference, p_value=None)

    def _recorded_layer(self, run: Run, name: str) -> LayerChange | None:
        found = self._ablation(run)
        layers = found[0].others if found else ()
        return next((layer for layer in layers if layer.name == name), None)
