"""Which phase, layer, kind and op changed between runs, by how much, and is it more than noise?

Phases are judged by their timed steps; with one or two runs of each the interval holds the
between-run variance. Layers, kinds and ops are judged by what they cost in the traced steps, on the
scale of timed steps: their intervals hold the spread over traced steps, that of the timed steps'
center, and what a part of a step differs by between two runs. Variants of one run are judged as its
report does: by the measured ablation and the spread over traced steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from msgspec.structs import replace

from alexprof.analysis.caveats import QUIET, WHOLE_STEPS, Caveat
from alexprof.analysis.changes import Change, Level, ResultChange, RunComparison, Unmatched
from alexprof.analysis.comparable import caveats_of
from alexprof.analysis.difference import common_estimator, of_ablation, of_variants
from alexprof.analysis.results import result_caveats, result_changes, whether_same
from alexprof.analysis.samples import PhaseSample, RunSamples
from alexprof.analysis.savings import layer_change
from alexprof.analysis.selection import Group, Pair, common_phases, variant_pairs
from alexprof.analysis.timed_scale import timed_part
from alexprof.attribute import IDLE_OP
from alexprof.measure.between_runs import (
    DEGREES_OF_FREEDOM,
    between_run_cv,
    between_run_part_cv,
)
from alexprof.measure.chunks import chunks, step_interval
from alexprof.measure.equivalence_band import undecided
from alexprof.measure.intervals import mean_difference, median_difference, welch
from alexprof.measure.ratios import adjust, compare_times
from alexprof.measure.spread import Floats, block_means
from alexprof.measure.student import quantile
from alexprof.record.ablation import Ablation
from alexprof.record.note import distinct
from alexprof.record.run import Run
from alexprof.record.values import Difference, Estimator, Interval, Needed, of_duration

LEAST_SHARE = 0.001
"""Parts that are less of the step in both are left out."""
LEVELS: tuple[Level, ...] = ("phase", "layer", "kind", "op")


def compare(groups: Sequence[Group], *, paired: bool = False) -> RunComparison:
    """Compares the first of at least two groups with each of the others.

    Args:
        groups: The groups.
        paired: Whether run i of A ran beside run i of B. Then intervals come from the pairs, and
            interference does not rule out a verdict, since the spread over pairs includes it.

    Raises:
        UsageError: If variants can't be compared.
        RunError: If a table can't be read, or contradicts its record.
    """
    first, others = groups[0], groups[1:]
    changes: list[Change] = []
    unmatched: list[Unmatched] = []
    why_not: list[Caveat] = []
    notes: list[Caveat] = []
    results: list[ResultChange] = []
    for other in others:
        other_results = result_changes(first, other)
        other_caveats = [*_caveats(first, other, paired=paired), *result_caveats(other_results)]
        in_both, in_one = _compare_groups(first, other, paired=paired)
        spoiled = [change for change in in_both if _spoiling(other_caveats, change.phase)]
        # Times that are spoiled in some phases forbid no verdict on the others.
        forbid = {"work"} if len(spoiled) < len(in_both) else {"work", "times"}
        why_not += [caveat for caveat in other_caveats if caveat.effect in forbid]
        notes += [caveat for caveat in other_caveats if caveat.effect not in forbid]
        changes += [_judged(change, other_caveats) for change in in_both]
        unmatched += in_one
        results += other_results
    unmatched.sort(key=lambda part: -(part.a_s or part.b_s or 0.0))
    return RunComparison(
        a=first.record,
        others=tuple(other.record for other in others),
        comparable=not why_not,
        why_not=distinct(why_not),
        notes=distinct(notes),
        same_results=whether_same(results),
        results=tuple(results),
        differences=tuple(sorted(changes, key=lambda change: -abs(change.difference.change_s))),
        gone=tuple(part for part in unmatched if part.b_s is None),
        new=tuple(part for part in unmatched if part.a_s is None),
    )


def _spoiling(caveats: Sequence[Caveat], phase: str) -> list[Caveat]:
    """What makes the times of a phase too unreliable for a verdict."""
    return [
        caveat
        for caveat in caveats
        if caveat.effect == "times" and (not caveat.phases or phase in caveat.phases)
    ]


def _judged(change: Change, caveats: Sequence[Caveat]) -> Change:
    """The change, without a verdict where its phase's times allow none."""
    spoiling = _spoiling(caveats, change.phase)
    if not spoiling:
        return change
    if all(caveat.code == "outside_steps" for caveat in spoiling):
        difference = undecided(change.difference, "outside_steps", WHOLE_STEPS)
    else:
        difference = undecided(change.difference, "machine_busy", QUIET)
    return replace(change, difference=difference)


def _caveats(a: Group, b: Group, *, paired: bool) -> list[Caveat]:
    """What speaks against comparing two groups: their runs against A's first, or pair by pair.

    Pairs show themselves what their runs differ by.
    """
    first = a.runs[0]
    caveats: list[Caveat] = []
    for run_a, run_b in zip(a.runs if paired else [first] * len(b.runs), b.runs, strict=True):
        caveats += caveats_of(run_a, run_b, variant_pairs(run_a, run_b))
    for run in a.runs[1:]:
        within_a = caveats_of(first, run, variant_pairs(first, run))
        caveats += [caveat for caveat in within_a if not paired or caveat.effect == "work"]
    return [caveat for caveat in caveats if not paired or caveat.effect != "times"]


def _compare_groups(
    a: Group, b: Group, *, paired: bool = False
) -> tuple[list[Change], list[Unmatched]]:
    """Compares two groups; verdicts allow for how many were compared at each level.

    Phases of variants of one run are questions of their own, as in its report.
    """
    estimator = common_estimator(selection.run for selection in (*a.runs, *b.runs))
    of_a, of_b = ([RunSamples(run, estimator) for run in group.runs] for group in (a, b))
    one_run = len(a.runs) == len(b.runs) == 1 and a.runs[0].folder == b.runs[0].folder
    parts: list[Change | Unmatched] = []
    for (a_variant, b_variant), key in phases_of_all(a, b):
        phase = _PhaseOfBoth(
            where={"variant": a_variant, "b_variant": b_variant, "phase": key, "b": b.name},
            a=[run.of(a_variant, key) for run in of_a],
            b=[run.of(b_variant, key) for run in of_b],
            estimator=estimator,
            one_run=a.runs[0].run if one_run else None,
            paired=paired,
        )
        parts += phase.compared()
    judged = []
    for level in LEVELS:
        of_level = [part for part in parts if isinstance(part, Change) and part.level == level]
        differences = [change.difference for change in of_level]
        if not (one_run and level == "phase"):
            differences = adjust(differences)
        judged += [
            replace(change, difference=difference)
            for change, difference in zip(of_level, differences, strict=True)
        ]
    return judged, [part for part in parts if isinstance(part, Unmatched)]


def phases_of_all(a: Group, b: Group) -> list[tuple[Pair, str]]:
    """The variants that stand beside each other and the phases of them that every run has."""
    common = [[phase[:2] for phase in common_phases(x, y)] for y in b.runs for x in a.runs]
    return [phase for phase in common[0] if all(phase in phases for phases in common)]


@dataclass(frozen=True)
class _PhaseOfBoth:
    """A phase in A's runs and in B's.

    `where` are fields of each `Change`; `one_run` is set where A and B are variants of one.
    """

    where: dict[str, str]
    a: Sequence[PhaseSample]
    b: Sequence[PhaseSample]
    estimator: Estimator
    one_run: Run | None
    paired: bool

    def compared(self) -> Iterator[Change | Unmatched]:
        """Compares what both groups have, and lists what only one has."""
        if len({sample.traced for sample in self._all}) > 1:
            return  # traced steps are slower than timed ones
        timed, where = self._timed(), self.where
        if timed is not None:
            yield Change(
                level="phase", name=where["phase"], a_share=1, b_share=1, difference=timed, **where
            )
        for level, name in self._parts():
            a_s, b_s = (_cost_s(samples, level, name) for samples in (self.a, self.b))
            a, b = _share(self.a, level, name), _share(self.b, level, name)
            if max(a, b) < LEAST_SHARE:
                continue
            of: dict[str, Any] = {"level": level, "name": name, **where}
            if a_s and b_s:
                difference = self._part(level, name, timed)
                yield Change(a_share=a, b_share=b, difference=difference, **of)
            else:
                ci95_s = self._cost_interval(self.a if a_s else self.b, level, name)
                yield Unmatched(
                    a_s=a_s or None, b_s=b_s or None, ci95_s=ci95_s, share=max(a, b), **of
                )

    @property
    def _all(self) -> list[PhaseSample]:
        return [*self.a, *self.b]

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
        # Runs measured for different lengths of time vary differently.
        variance = math.fsum(
            between_run_cv(sample.measured_s) ** 2 / len(samples) ** 2
            for samples in (self.a, self.b)
            for sample in samples
        )
        return self._compare_times(lambda sample: sample.blocks, variance)

    def _compare_times(
        self, blocks: Callable[[PhaseSample], Sequence[Floats]], variance: float
    ) -> Difference:
        """Compares blocks of both sides; `variance` is that of the ratio between runs."""
        per_run = 1 / len(self.a) + 1 / len(self.b)
        return compare_times(
            [blocks(sample) for sample in self.a],
            [blocks(sample) for sample in self.b],
            paired=self.paired,
            run_cv=math.sqrt(variance / per_run),
            estimator=self.estimator,
        )

    def _of_variants(self, run: Run) -> Difference:
        """Two variants of one run, by its ablation; where it has none, from the timed steps."""
        degrees = min(len(block_means(sample.steps)) for sample in self._all) - 1
        if measured := self._ablation(run):
            ablation, backward = measured
            return of_ablation(run, ablation, self.estimator, backward=backward, degrees=degrees)
        (a,), (b,) = self.a, self.b
        difference = mean_difference if self.estimator == "mean" else median_difference
        change_s, ci95_s = difference(b.steps, a.steps, paired=_took_turns(a, b))
        return of_variants(a.step_s, change_s, ci95_s, self.estimator, degrees)

    def _ablation(self, run: Run) -> tuple[Ablation, bool] | None:
        """The ablation that measured the two variants, and whether the other way around."""
        pair = (self.where["variant"], self.where["b_variant"])
        for ablation in run.ablations:
            variants = (ablation.reference, ablation.without)
            if ablation.phase == self.where["phase"] and set(variants) == set(pair):
                return ablation, variants != pair
        return None

    def _part(self, level: Level, name: str, timed: Difference | None) -> Difference:
        if self.one_run is not None:
            return self._part_of_variants(self.one_run, level, name)
        cv = between_run_part_cv((_share(self.a, level, name) + _share(self.b, level, name)) / 2)
        variance = cv**2 * (1 / len(self.a) + 1 / len(self.b))
        # Costs on a CPU are scaled to the timed steps, so the uncertainty of those goes in here.
        # Kernels of a GPU stand as traced.
        of_gpus = all(sample.phase.on_gpu for sample in self._all)
        if timed is not None and timed.log_error is not None and not (of_gpus and name != IDLE_OP):
            variance += timed.log_error**2
        return self._compare_times(lambda sample: chunks(sample.costs(level, name)), variance)

    def _cost_interval(
        self, samples: Sequence[PhaseSample], level: Level, name: str
    ) -> Interval | None:
        """What one side's part costs: its mean over that side's runs."""
        between_runs = 0.0
        if self.one_run is None and not self.paired:
            cv = between_run_part_cv(_share(samples, level, name))
            between_runs = quantile(DEGREES_OF_FREEDOM, 0.975) * cv
        halves_s = []
        for sample in samples:
            costs = sample.costs(level, name)
            interval_s, mean_s = step_interval(costs), float(costs.mean())
            if interval_s is None:
                return None
            parts = (timed_part(sample.phase, self.estimator), between_runs)
            halves_s.append(math.hypot(interval_s[1] - mean_s, *(part * mean_s for part in parts)))
        cost_s, half_s = _cost_s(samples, level, name), math.hypot(*halves_s) / len(samples)
        return of_duration((cost_s - half_s, cost_s + half_s))

    def _part_of_variants(self, run: Run, level: Level, name: str) -> Difference:
        """A part of variants of one run: by the spread over traced steps, as in its report."""
        (a,), (b,) = self.a, self.b
        before_s, after_s = (_cost_s([sample], level, name) for sample in (a, b))
        change_s = after_s - before_s
        error = welch(chunks(b.costs(level, name)), chunks(a.costs(level, name)))
        if error is None:
            return of_variants(before_s, change_s, None, self.estimator, too_few_steps=True)
        degrees, ci95_s = error.degrees_of_freedom, error.interval(change_s)
        recorded = self._recorded_layer(run, name, before_s, after_s) if level == "layer" else None
        if recorded is None:
            return of_variants(before_s, change_s, ci95_s, self.estimator, degrees)
        # It has been judged among the layers of its ablation.
        significant, ci95_s = recorded
        difference = of_variants(before_s, change_s, ci95_s, self.estimator, degrees)
        if difference.significant and not significant:
            difference = undecided(difference, "chance", Needed("fewer_compared"))
        return replace(difference, p_value=None)

    def _recorded_layer(
        self, run: Run, name: str, before_s: float, after_s: float
    ) -> tuple[bool, Interval] | None:
        """Whether a layer's change is significant by the ablation, and the change's interval.

        None if there is none, or it leaves out ops of the layer that only one variant has.
        """
        ablation, backward = self._ablation(run) or (None, False)
        layers = [layer for layer in ablation.others if layer.name == name] if ablation else []
        if ablation is None or not layers:
            return None
        with_s, without_s, saved_ci95_s = layer_change(run, ablation, layers[0])
        both_s = (without_s, with_s) if backward else (with_s, without_s)
        if saved_ci95_s is None or not np.allclose(both_s, (before_s, after_s), rtol=1e-6):
            return None
        low_s, high_s = saved_ci95_s
        return layers[0].significant, (low_s, high_s) if backward else (-high_s, -low_s)


def _cost_s(samples: Sequence[PhaseSample], level: Level, name: str) -> float:
    return fmean(float(sample.costs(level, name).mean()) for sample in samples)


def _share(samples: Sequence[PhaseSample], level: Level, name: str) -> float:
    return fmean(sample.share(level, name) for sample in samples)


def _took_turns(a: PhaseSample, b: PhaseSample) -> bool:
    """Whether the blocks of two variants of one run were interleaved."""
    orders = [[x.order for x in timed.blocks] for timed in (a.phase.timed, b.phase.timed) if timed]
    if len(orders) < 2 or len(orders[0]) != len(orders[1]) or len(orders[0]) < 2:
        return False
    return max(orders[0]) > min(orders[1]) and max(orders[1]) > min(orders[0])
