"""A metric over the runs of a logdir, and where it stepped.

Steps are found by binary segmentation: the place that splits the runs best is a step if the runs
before and behind it differ (Student's t over runs, or with few runs over their blocks with what
processes differ by), Bonferroni-adjusted for the places tried; then both parts are searched alike.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from alexprof.capture.software import Software
from alexprof.errors import RunError, UsageError
from alexprof.measure.values import Interval, Verdict
from alexprof.runs.allowance import allowance
from alexprof.runs.changes import Level
from alexprof.runs.comparable import disturbed, doubts, version_changes
from alexprof.runs.compare import PART_CV, PART_OF_STEP
from alexprof.runs.record import Run
from alexprof.runs.sides import Member
from alexprof.runs.store import BrokenRun, list_runs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from alexprof.measure.values import Comparison
    from alexprof.runs.samples import Sample

HISTORY_VERSION = 1
Measure = Literal["mean", "median", "share", "time"]
MEASURES: tuple[Measure, ...] = ("mean", "median", "share", "time")
FALSE_ALARM = 0.05
LEAST_NEIGHBOURS = 3
"""So many pairs of neighbouring runs tell what runs differ by."""


class Metric(Struct, frozen=True):
    """What is looked at.

    Attributes:
        name: A phase, for "mean" and "median"; a kind, layer or op for "share" and "time".
        measure: Of timed steps "mean", "median"; of the traced step "share", or "time" scaled.
    """

    name: str
    measure: Measure


class Point(Struct, frozen=True, kw_only=True):
    """The metric in one run.

    Attributes:
        run: The run's name.
        started: When it began.
        value: Seconds, or a part of the step for "share"; None if the run doesn't have it.
        ci95: Its 95 % interval; None with too few steps.
        compared: Whether it takes part in the search for steps.
        reason: Why it has no value, or is not compared.
        software: Versions that ran it.
    """

    run: str
    started: str
    value: float | None
    ci95: Interval | None
    compared: bool
    reason: str | None
    software: Software | None


class VersionChange(Struct, frozen=True):
    """What of the software is another one: its name, the version before, the version behind."""

    what: str
    before: str
    after: str


class Step(Struct, frozen=True, kw_only=True):
    """A place where the metric stepped.

    Attributes:
        run: The first run behind it.
        started: When that began.
        last_before: The last run before it.
        before: Mean over the runs since the step before.
        after: Mean over the runs until the next one.
        ratio: after / before.
        ci95: Its 95 % interval.
        verdict: "slower" (more) or "faster" (less).
        software: Versions of the first run behind it.
        changed: Which of them differ from the last run before it.
    """

    run: str
    started: str
    last_before: str
    before: float
    after: float
    ratio: float
    ci95: Interval | None
    verdict: Verdict
    software: Software | None
    changed: tuple[VersionChange, ...]


class History(Struct, frozen=True, kw_only=True):
    """A metric over runs.

    Attributes:
        schema_version: Of this object.
        metric: As asked for.
        unit: "s", or "part" of the step.
        variant: Whose.
        phase: Of which phase.
        points: Each run of the logdir, oldest first.
        steps: Where it stepped, oldest first.
        notes: What else to know, one sentence each.
    """

    schema_version: int = HISTORY_VERSION
    metric: str
    unit: Literal["s", "part"]
    variant: str
    phase: str
    points: tuple[Point, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Unit:
    """A run that takes part: its blocks of the metric, and what it may vary by anyway.

    Attributes:
        run: The run.
        blocks: float64 [steps] each, in the metric's unit.
        process_cv: Standard deviation of a process's mean, as a part of it.
        traced: Whether the steps are traced ones.
    """

    run: Run
    blocks: Sequence[NDArray[np.float64]]
    process_cv: float
    traced: bool = False


def parse_metric(text: str) -> Metric:
    """Reads a metric: "forward.mean", "lrn.share".

    Raises:
        UsageError: If it is none.
    """
    name, dot, measure = text.rpartition(".")
    for known in MEASURES:
        if dot and name and measure == known:
            return Metric(name, known)
    raise UsageError(
        f"--metric is PHASE.mean, PHASE.median, KIND.share or KIND.time (a layer or op too), "
        f"not {text!r}"
    )


def history(
    logdir: Path, metric: str | None = None, variant: str | None = None, phase: str | None = None
) -> History:
    """Follows a metric over the runs of a logdir.

    Args:
        logdir: Where the runs are.
        metric: As for `parse_metric`; None takes the mean of the newest run's first phase.
        variant: Whose; None takes the newest run's first.
        phase: Of shares, in which phase; None takes the variant's last.

    Raises:
        RunError: If there is no such folder.
        UsageError: If there is no run yet, it is no metric, or no run has it.
    """
    found = list_runs(logdir)
    runs = [one for one in found if isinstance(one, Run) and one.variants]
    broken = [f"{one.run} can't be read: {one.why}" for one in found if isinstance(one, BrokenRun)]
    if not runs:
        raise UsageError(f"no run with a timed phase in {logdir} yet: alexprof profile makes one")
    metric = metric or f"{_first_phase(runs[-1])}.mean"
    asked = parse_metric(metric)
    variant = variant or _variant(runs, asked)
    phase = asked.name if asked.measure in ("mean", "median") else phase
    phase = phase or _last_phase(runs, variant)
    points, units = _points([Member(logdir / one.run, one, variant) for one in runs], asked, phase)
    if all(one.value is None for one in points):
        reasons = "; ".join(dict.fromkeys(one.reason or "" for one in points))
        raise UsageError(f"no run in {logdir} has {metric} of {variant}: {reasons}")
    return History(
        metric=metric,
        unit="part" if asked.measure == "share" else "s",
        variant=variant,
        phase=phase,
        points=tuple(points),
        steps=tuple(_steps(units)),
        notes=tuple(broken),
    )


def _first_phase(run: Run) -> str:
    return next((key for one in run.variants.values() for key in one.phases), "forward")


def _variant(runs: Sequence[Run], metric: Metric) -> str:
    """The first variant of the newest run that has the phase, or just its first."""
    for run in reversed(runs):
        for name, one in run.variants.items():
            if metric.name in one.phases:
                return name
    return next(iter(runs[-1].variants))


def _last_phase(runs: Sequence[Run], variant: str) -> str:
    for run in reversed(runs):
        if variant in run.variants and run.variants[variant].phases:
            return list(run.variants[variant].phases)[-1]
    known = ", ".join(dict.fromkeys(name for run in runs for name in run.variants))
    raise UsageError(f"no variant {variant!r} in any run: there are {known}")


def _points(
    members: Sequence[Member], metric: Metric, phase: str
) -> tuple[list[Point], list[_Unit]]:
    """Each run's value, and the runs that can be compared with the newest that has one."""
    from alexprof.runs.samples import Samples

    points: list[Point] = []
    units: list[_Unit] = []
    newest: Member | None = None
    for member in reversed(members):
        variant = member.variant or ""
        known = member.run.variants.get(variant)
        if known is None or phase not in known.phases:
            missing = f"no variant {variant}" if known is None else f"no phase {phase}"
            points.append(_point(member.run, None, missing))
            continue
        timed_cv = allowance([known.phases[phase]], [known.phases[phase]]).cv
        try:
            samples = Samples(member)
        except RunError as error:  # one old run's files don't stand in the others' way
            points.append(_point(member.run, None, str(error)))
            continue
        unit = _unit(member.run, samples.of(variant, phase), metric, timed_cv)
        if isinstance(unit, str):
            points.append(_point(member.run, None, unit))
            continue
        against = [one.text for one in disturbed(member)]
        newest = newest or (None if against else member)
        if newest is not None and newest is not member:
            found = doubts(newest, member, [(variant, variant)])
            against += [one.text for one in found if one.spoils == "cause"]
        points.append(_point(member.run, unit, "; ".join(against) or None))
        units += [] if against else [unit]
    return points[::-1], units[::-1]


def _point(run: Run, unit: _Unit | None, reason: str | None) -> Point:
    return Point(
        run=run.run,
        started=run.started,
        value=_value(unit) if unit else None,
        ci95=_interval(unit) if unit else None,
        compared=unit is not None and reason is None,
        reason=reason,
        software=run.machine.software if run.machine else None,
    )


def _value(unit: _Unit) -> float:
    import numpy as np

    return float(np.concatenate(list(unit.blocks)).mean())


def _interval(unit: _Unit) -> Interval | None:
    """That which the report shows of the same figure."""
    import numpy as np

    from alexprof.measure.chunks import step_interval
    from alexprof.measure.statistics import mean_interval

    if unit.traced:
        return step_interval(np.concatenate(list(unit.blocks)))
    return mean_interval(unit.blocks)


def _unit(run: Run, sample: Sample, metric: Metric, timed_cv: float) -> _Unit | str:
    """The metric's blocks; or why there are none."""
    import numpy as np

    if metric.measure in ("mean", "median"):
        if not sample.blocks:
            return "not timed"
        blocks = list(sample.blocks)
        if metric.measure == "median":
            blocks = [np.array([np.median(block)]) for block in blocks]
        return _Unit(run, blocks, timed_cv)
    if not sample.parts or not sample.step_s:
        return "no trace"
    found = _find(sample, metric.name)
    if found is None:
        return f"no kind, layer or op {metric.name}"
    share = sample.share(*found)
    scale = sample.step_s if metric.measure == "share" else 1.0
    chunks = [chunk / scale for chunk in sample.chunks(*found)]
    part_cv = math.hypot(PART_CV, PART_OF_STEP / share) if share else 1.0
    return _Unit(run, chunks, part_cv, traced=True)


def _find(sample: Sample, name: str) -> tuple[Level, str] | None:
    """A kind, layer or op of that name; as it is written first, then in any case."""
    levels: tuple[Level, ...] = ("kind", "layer", "op")
    for fold in (str, str.casefold):
        for level in levels:
            for one in sample.parts[level]:
                if fold(one) == fold(name):
                    return level, one
    return None


def _steps(units: Sequence[_Unit]) -> list[Step]:
    units = _varied(units)
    cuts = sorted(_cuts(units, 0, len(units)))
    edges = [0, *cuts, len(units)]
    steps = []
    for before, cut, after in zip(edges, edges[1:], edges[2:], strict=False):
        found = _compared(units[before:cut], units[cut:after])
        last, first = units[cut - 1].run, units[cut].run
        if found.verdict in ("slower", "faster"):
            steps.append(_step(last, first, found))
    return steps


def _step(last: Run, first: Run, found: Comparison) -> Step:
    return Step(
        run=first.run,
        started=first.started,
        last_before=last.run,
        before=found.a_s,
        after=found.b_s,
        ratio=found.ratio,
        ci95=found.ci95,
        verdict=found.verdict,
        software=first.machine.software if first.machine else None,
        changed=tuple(VersionChange(*each) for each in version_changes(last, first)),
    )


def _cuts(units: Sequence[_Unit], start: int, end: int) -> list[int]:
    """Where runs `start` to `end` split, the first run behind each place."""
    places = range(start + 1, end)
    if not places:
        return []
    tried = {place: _compared(units[start:place], units[place:end]) for place in places}
    best = max(places, key=lambda place: _distance(tried[place]))
    found = tried[best]
    sure = found.p_value is not None and found.p_value * len(places) <= FALSE_ALARM
    if not sure or found.verdict not in ("slower", "faster"):
        return []
    return [best, *_cuts(units, start, best), *_cuts(units, best, end)]


def _distance(found: Comparison) -> float:
    if found.log_error is None or not 0 < found.ratio < math.inf:
        return 0.0
    away = abs(math.log(found.ratio))
    return away / found.log_error if found.log_error else math.inf if away else 0.0


def _compared(before: Sequence[_Unit], after: Sequence[_Unit]) -> Comparison:
    from alexprof.measure.ratios import compare_times

    return compare_times(
        [one.blocks for one in before],
        [one.blocks for one in after],
        process_cv=max(one.process_cv for one in (*before, *after)),
    )


def _varied(units: Sequence[_Unit]) -> list[_Unit]:
    """Lets each run vary by what neighbours differ by, half of them at least: steps are few."""
    values = [_value(one) for one in units]
    apart = [abs(b / a - 1) for a, b in pairwise(values) if a]
    if len(apart) < LEAST_NEIGHBOURS:
        return list(units)
    # The median of |a − b| is 0.6745 √2 standard deviations of a and of b; few pairs know it badly.
    between = statistics.median(apart) / (0.6745 * math.sqrt(2)) * (1 + 2 / len(apart))
    return [replace(one, process_cv=max(one.process_cv, between)) for one in units]
