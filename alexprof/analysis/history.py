"""A metric over the runs of a logdir, and where it stepped.

Steps are found by binary segmentation: the place that splits the runs best is a step if the runs
before and after it differ (`compare_times`: Student's t over runs, or with few runs over their
blocks with the between-run variance), Bonferroni-adjusted for the places tried; then both parts are
searched in the same way. docs/validation/change_points.md compares other ways.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, repeat
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from msgspec import Struct

from alexprof.analysis.caveats import Caveat, caveat_of
from alexprof.analysis.changes import Level
from alexprof.analysis.comparable import (
    caveats_of,
    outside_steps,
    too_busy,
    version_changes,
)
from alexprof.analysis.difference import center_ci95_s, common_estimator
from alexprof.analysis.findings import Finding, findings_of
from alexprof.analysis.samples import PhaseSample, RunSamples
from alexprof.analysis.selection import Selection
from alexprof.analysis.timed_scale import scaled_interval, timed_part
from alexprof.errors import AlexProfError, RunError, UsageError, check_name
from alexprof.measure.between_runs import LEAST_RUNS, between_run_cv, between_run_part_cv
from alexprof.measure.chunks import chunks, step_interval
from alexprof.measure.ratios import compare_times, split_distances
from alexprof.measure.spread import Floats, run_means
from alexprof.record.environment import Software
from alexprof.record.note import note_of
from alexprof.record.run import Run
from alexprof.record.store import BrokenRun, list_runs, load_run
from alexprof.record.values import Difference, Estimator, Interval, Verdict

HISTORY_VERSION = 2
Measure = Literal["mean", "median", "traced", "share", "time"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
FALSE_ALARM = 0.05
CHANGED = ("slower", "faster")
LACKING = ("no_variant", "no_phase", "not_timed", "not_traced", "no_part")
"""Why a run that can be read has no value of a metric."""
LEAST_NEIGHBORS = 3
"""So many pairs of neighboring runs show what runs differ by."""


class Point(Struct, frozen=True, kw_only=True):
    """The metric in one run."""

    run: str  # The run's name
    started: str  # When it began
    value: float | None  # In the unit of the history; None if the run doesn't have it
    ci95: Interval | None  # Its 95 % interval; None with too few steps
    compared: bool  # Whether it takes part in the search for steps
    reasons: tuple[Caveat, ...]  # Why it has no value, or is not compared
    software: Software | None  # Versions that ran it


class Step(Struct, frozen=True, kw_only=True):
    """A place where the metric stepped."""

    run: str  # The first run after it
    started: str  # When that began
    last_before: str  # The last run before it
    before: float  # Mean over the runs since the previous change
    after: float  # Mean over the runs until the next change
    ratio: float  # after / before
    ci95: Interval | None  # Its 95 % interval
    verdict: Verdict  # "slower" (more) or "faster" (less)
    software: Software | None  # Versions of the first run after it
    # Versions that differ from the last run before it; None where those of one of the two are not
    # recorded
    changed: tuple[Caveat, ...] | None


class History(Struct, frozen=True, kw_only=True):
    """A metric over runs."""

    schema_version: int = HISTORY_VERSION  # Version of this object
    metric: str  # The metric
    estimator: Estimator  # Of times, and of the steps that shares are of
    unit: Literal["s", "part"]  # Seconds, or a fraction of the step
    variant: str  # Key of the variant
    phase: str  # Key of the phase
    phases: dict[str, str]  # Each phase's label
    points: tuple[Point, ...]  # Each run of the logdir, oldest first
    steps: tuple[Step, ...]  # Where it stepped, oldest first
    notes: tuple[Caveat, ...]  # What else to know


@dataclass(frozen=True)
class Observed:
    """The metric in a run that has it."""

    run: Run
    blocks: Sequence[Floats]  # float64 [steps] each, in the metric's unit; their mean is the metric
    ci95: Interval | None  # The 95 % interval of the metric, as the report shows it
    run_cv: float  # Standard deviation of its mean between runs, as a fraction of it

    @property
    def value(self) -> float:
        """The metric: mean of all steps."""
        return sum(float(block.sum()) for block in self.blocks) / sum(map(len, self.blocks))


def parse_metric(text: str) -> tuple[str, Measure]:
    """Reads a metric: "forward.mean", "lrn.share".

    Returns:
        A phase and, of timed steps, "mean" or "median", or "traced", the mean of traced ones; or a
        kind, layer or op and, of traced steps, "share" of the step or "time" on the scale of timed
        ones.

    Raises:
        UsageError: If it is none.
    """
    name, _, measure = text.rpartition(".")
    if not name or measure not in MEASURES:
        raise UsageError(
            "--metric is PHASE.mean, PHASE.median, PHASE.traced, KIND.share or KIND.time (a layer "
            f"or op too), not {text!r}"
        )
    return name, measure


def history(
    logdir: Path, metric: str | None = None, variant: str | None = None, phase: str | None = None
) -> History:
    """Follows a metric over the runs of a logdir.

    Args:
        logdir: Where the runs are.
        metric: As for `parse_metric`; None takes the first phase of the newest run that was timed,
            by the estimator that leads in all the runs; of traces alone their traced steps.
        variant: Whose; None takes the newest run's first with the phase.
        phase: Of shares, in which phase; None takes the variant's last.

    Raises:
        RunError: If there is no such folder.
        UsageError: If there is no run yet, it is no metric, or no run has it.
    """
    listed = list_runs(logdir)
    runs = [run for run in listed if isinstance(run, Run) and run.phase_keys]
    estimator = common_estimator(runs)
    if not runs:
        raise UsageError(f"no run with a timed phase in {logdir} yet: alexprof profile makes one")
    if phase is not None:
        check_name("phase", phase, {key: None for run in runs for key in run.phase_keys})
    timed = [run for run in runs if not run.is_trace]
    if metric is None:
        first = phase or (timed or runs)[-1].phase_keys[0]
        metric = f"{first}.{estimator if timed else 'traced'}"
    name, measure = parse_metric(metric)
    if measure in ("mean", "median"):
        variant, phase = _commonest(timed or runs, variant, name)
    else:
        variant, phase = _commonest(runs, variant, name if measure == "traced" else phase)
    if measure in ("mean", "median", "traced"):
        estimator = "median" if measure == "median" else "mean"
    folders = [logdir / (run.place.name if run.place else run.run) for run in runs]
    selections = list(map(Selection, folders, runs, repeat(variant)))
    points, observed, failures = _points(selections, name, measure, phase, estimator)
    if all(point.value is None for point in points):
        reasons = "; ".join(dict.fromkeys(failures))
        raise UsageError(f"no run in {logdir} has {metric} of {variant}: {reasons}")
    return History(
        metric=metric,
        estimator=estimator,
        unit="part" if measure == "share" else "s",
        variant=variant,
        phase=phase,
        phases={key: record.label for run in runs for _, key, record in run.all_phases()},
        points=tuple(points),
        steps=tuple(find_steps(observed)),
        notes=tuple(_notes(listed, measure)),
    )


def _notes(listed: Sequence[Run | BrokenRun], measure: Measure) -> Iterator[Caveat]:
    loops = [run.run for run in listed if isinstance(run, Run) and _outside(run)]
    if measure == "traced" and loops:
        yield Caveat(code="with_outside", runs=tuple(loops))
    for run in listed:
        if isinstance(run, BrokenRun):
            yield caveat_of("unreadable", note_of(run.error), run.run)


def _commonest(runs: Sequence[Run], variant: str | None, phase: str | None) -> tuple[str, str]:
    """The variant that most runs have of those that fit, and its last phase that does."""
    fitting = [
        (name, [key for key in record.phases if phase in (None, key)][-1])
        for run in reversed(runs)
        for name, record in run.variants.items()
        if variant in (None, name) and any(phase in (None, key) for key in record.phases)
    ]
    if fitting:
        count = Counter(name for name, _ in fitting)
        return max(fitting, key=lambda pair: count[pair[0]])
    pairs = dict.fromkeys((name, key) for run in runs for name, key, _ in run.all_phases())
    raise UsageError(
        f"no run has variant {variant or '(any)'} with phase {phase or '(any)'}: there are "
        + ", ".join(f"{name} with {key}" for name, key in pairs)
    )


def _points(
    selections: Sequence[Selection],
    name: str,
    measure: Measure,
    phase: str,
    estimator: Estimator,
) -> tuple[list[Point], list[Observed], list[str]]:
    """Each run's value, the runs that can be compared with the newest, and why others have none."""
    points: list[Point] = []
    failures: list[str] = []
    compared: list[Observed] = []
    newest: Selection | None = None
    for selection in reversed(selections):
        observed: Observed | None = None
        run, variant = selection.run, selection.variant or ""
        try:
            observed = _observe(selection, name, measure, phase, estimator)
            if run.workload is None:  # only its ops tell whether it is the same program
                selection = replace(selection, run=load_run(selection.folder))  # noqa: PLW2901
            caveats = caveats_of(newest or selection, selection, [(variant, variant)])
            reasons = [
                *too_busy(selection, [(variant, phase)]),
                *(caveat for caveat in caveats if caveat.effect == "work"),
            ]
            if measure == "traced":
                reasons += _other_steps(newest or selection, selection)
        except AlexProfError as error:  # a run without the value doesn't block the others
            observed, lacking = None, error.code in LACKING
            reasons = [caveat_of("no_value" if lacking else "unreadable", note_of(error))]
            failures.append(str(error))
        points.append(
            Point(
                run=run.run,
                started=run.started,
                value=observed.value if observed else None,
                ci95=observed.ci95 if observed else None,
                compared=not reasons,
                reasons=tuple(reasons),
                software=run.machine.software if run.machine else None,
            )
        )
        if observed and not reasons:
            newest = newest or selection
            compared.append(observed)
    return points[::-1], compared[::-1], failures[::-1]


def _other_steps(newest: Selection, selection: Selection) -> Iterator[Caveat]:
    """The time of a loop per step is not compared with that of marked steps."""
    outside = [side for side in (newest, selection) if _outside(side.run)]
    if len(outside) == 1 and newest is not selection:
        yield from outside_steps(outside[0])


def _observe(
    selection: Selection, name: str, measure: Measure, phase: str, estimator: Estimator
) -> Observed:
    """Reads the metric of a run; a RunError where it doesn't have it."""
    run, variant = selection.run, selection.run.variants.get(selection.variant or "")
    if variant is None:
        names = (selection.variant or "",)
        raise RunError(f"no variant {names[0]}", code="no_variant", names=names)
    if phase not in variant.phases:
        raise RunError(f"no phase {phase}", code="no_phase", names=(phase,))
    traced = variant.phases[phase].traced
    if measure == "traced" and (outside := _outside(run)):
        # What lies between the steps is in no step, so there is a time for all of them alone.
        figures = outside.numbers
        blocks_s = [np.array([figures["step_with_it_s"]])]
        return Observed(run, blocks_s, None, between_run_cv(figures["span_s"]))
    if measure == "traced" and traced is not None:  # the mean of traced steps is no timed one's
        run_cv = between_run_cv(traced.steps * traced.mean_s)
        return Observed(run, chunks(np.array(traced.steps_s)), traced.ci95_s, run_cv)
    if measure == "traced":
        raise RunError("no trace", code="not_traced")
    samples, timed = RunSamples(selection, estimator), measure in ("mean", "median")
    sample = samples.of(selection.variant or "", phase, parts=not timed)
    if timed:
        if sample.traced or not sample.blocks:
            raise RunError("not timed", code="not_timed")
        ci95 = center_ci95_s(sample.phase.timed, estimator) if sample.phase.timed else None
        return Observed(run, sample.blocks, ci95, between_run_cv(sample.measured_s))
    if not sample.parts or not sample.step_s:
        raise RunError("no trace", code="not_traced")
    part = _part(sample, name)
    if part is None:
        raise RunError(f"no kind, layer or op {name}", code="no_part", names=(name,))
    scale = sample.step_s if measure == "share" else 1.0
    blocks = [chunk / scale for chunk in chunks(sample.costs(*part))]
    run_cv = between_run_part_cv(sample.share(*part))
    values = np.concatenate(blocks)
    part_open = timed_part(variant.phases[phase], estimator) if measure == "time" else 0.0
    ci95 = scaled_interval(float(values.mean()), step_interval(values), 1.0, part_open)
    return Observed(run, blocks, ci95, run_cv)


def _outside(run: Run) -> Finding | None:
    """The finding that a trace's marked steps hold little of their loop, whose time leads then."""
    if not run.is_trace:
        return None
    findings = (finding for finding in findings_of(run) if finding.code.startswith("outside_"))
    return next(findings, None)


def _part(sample: PhaseSample, name: str) -> tuple[Level, str] | None:
    """A kind, layer or op of that name; as it is written first, then in any case."""
    levels: tuple[Level, ...] = ("kind", "layer", "op")
    parts = [(level, part) for level in levels for part in sample.parts[level]]
    in_any_case = (part for part in parts if part[1].casefold() == name.casefold())
    return next((part for part in parts if part[1] == name), next(in_any_case, None))


def find_steps(runs: Sequence[Observed]) -> list[Step]:
    """Where a metric stepped in runs of the same work on the same machine, oldest first."""
    runs = _varied(runs)
    edges = [0, *_cuts(runs), len(runs)]
    pieces = [runs[start:end] for start, end in pairwise(edges)]
    steps = [_step(before, after) for before, after in pairwise(pieces)]
    return [step for step in steps if step.verdict in CHANGED]


def _step(before: Sequence[Observed], after: Sequence[Observed]) -> Step:
    compared = _compared(before, after)
    last, first = before[-1].run, after[0].run
    return Step(
        run=first.run,
        started=first.started,
        last_before=last.run,
        before=compared.before_s,
        after=compared.after_s,
        ratio=compared.ratio,
        ci95=compared.ratio_ci95,
        verdict=compared.verdict,
        software=first.machine.software if first.machine else None,
        changed=tuple(version_changes(last, first)) if last.machine and first.machine else None,
    )


def _cuts(runs: Sequence[Observed]) -> list[int]:
    """The first run behind each place where they split."""
    if len(runs) < 2:
        return []
    distances = split_distances(run_means([run.blocks for run in runs]))
    for cut in range(1, len(runs)):
        if min(cut, len(runs) - cut) < LEAST_RUNS:
            distances[cut - 1] = _distance(_compared(runs[:cut], runs[cut:]))
    cut = int(np.argmax(distances)) + 1
    best = _compared(runs[:cut], runs[cut:])
    if best.verdict not in CHANGED or (best.p_value or 0.0) * len(distances) > FALSE_ALARM:
        return []
    return [*_cuts(runs[:cut]), cut, *(cut + later for later in _cuts(runs[cut:]))]


def _distance(compared: Difference) -> float:
    """In standard errors: p-values of many runs are all 0."""
    if compared.log_error is None:
        return 0.0
    return abs(math.log(compared.ratio)) / max(compared.log_error, 1e-12)


def _compared(before: Sequence[Observed], after: Sequence[Observed]) -> Difference:
    return compare_times(
        [run.blocks for run in before],
        [run.blocks for run in after],
        run_cv=max(run.run_cv for run in (*before, *after)),
    )


def _varied(runs: Sequence[Observed]) -> Sequence[Observed]:
    """Lets each run vary by what neighbors differ by, half of them at least: steps are few."""
    apart = [abs(b.value / a.value - 1) for a, b in pairwise(runs) if a.value]
    if len(apart) < LEAST_NEIGHBORS:
        return runs
    # The median of |a − b| is 0.6745 √2 standard deviations of a and of b; few pairs know it badly.
    between = statistics.median(apart) / (0.6745 * math.sqrt(2)) * (1 + 2 / len(apart))
    return [replace(run, run_cv=max(run.run_cv, between)) for run in runs]
