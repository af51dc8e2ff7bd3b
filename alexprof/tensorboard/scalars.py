"""The numbers on TensorBoard's Scalars tab: which there are, what they are called and mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprof.analysis.savings import MeasuredSaving
from alexprof.analysis.summary import Summary, summarize
from alexprof.record.ablation import Ablation
from alexprof.record.run import Run
from alexprof.record.timed import Timed

Floats = NDArray[np.float64]
_POINTS = 10
_LINE = 2
_TRACED = "Steps under the profiler, on the device that the step is divided on."


@dataclass(frozen=True)
class Samples:
    """The timed steps of one variant and phase.

    Attributes:
        steps: Each step's number, ascending, int64 [steps].
        seconds: Its duration, float64 [steps].
        wall_time_s: Unix time of its end, float64 [steps].
    """

    steps: NDArray[np.int64]
    seconds: Floats
    wall_time_s: Floats


@dataclass(frozen=True)
class TracedSteps:
    """The traced steps of one variant and phase, on the device that the step is divided on.

    Attributes:
        seconds: Wall time of each, float64 [steps].
        idle_s: The part with no op running, float64 [steps].
        layers: By layer, its share of each step in seconds, float64 [steps].
        kinds: The same by kind of op.
    """

    seconds: Floats
    idle_s: Floats
    layers: Mapping[str, Floats]
    kinds: Mapping[str, Floats]


@dataclass(frozen=True)
class Series:
    """A chart's line.

    Attributes:
        tag: Its name; TensorBoard groups by what comes before the first "/".
        description: Unit and meaning, Markdown.
        steps: int64 [points].
        values: float64 [points].
        wall_time_s: Unix time, float64 [points].
    """

    tag: str
    description: str
    steps: NDArray[np.int64]
    values: Floats
    wall_time_s: Floats


def median_tag(phase: str) -> str:
    """The tag of a phase's median step time."""
    return f"{phase}/median_ms"


def mean_tag(phase: str) -> str:
    """The tag of a phase's mean step time."""
    return f"{phase}/mean_ms"


def std_tag(phase: str) -> str:
    """The tag of the standard deviation of a phase's steps."""
    return f"{phase}/std_ms"


def attributed_tag(ablation: Ablation | MeasuredSaving) -> str:
    """The tag of what the trace gives the ops that an ablation leaves out."""
    return f"{ablation.phase}/{ablation.name}_attributed_ms"


def share_tag(ablation: Ablation | MeasuredSaving) -> str:
    """The tag of the part of the step that the trace gives those ops."""
    return f"{ablation.phase}/{ablation.name}_share_percent"


def all_series(
    run: Run,
    variant: str,
    samples: Mapping[str, Samples],
    traced: Mapping[str, TracedSteps],
    started_s: float,
) -> Iterator[Series]:
    """Every line of a variant, of its timed and traced steps by phase.

    What has no time of its own has that of the last timed step, or `started_s` (Unix time).
    """
    ends_s = {phase: float(s.wall_time_s[-1]) for phase, s in samples.items() if len(s.steps)}
    for phase, timed_steps in samples.items():
        meaning = "Duration of each timed step; no profiler attached, warm-up left out."
        yield Series(
            f"{phase}/step_time_ms",
            f"Milliseconds. {meaning}",
            timed_steps.steps,
            timed_steps.seconds * 1e3,
            timed_steps.wall_time_s,
        )
    phases = run.variants[variant].phases if variant in run.variants else {}
    for phase, record in phases.items():
        end_s = ends_s.get(phase, started_s)
        if record.timed is not None:
            yield from _estimates(phase, record.timed, samples.get(phase), end_s)
        if record.traced is not None and record.traced.slowdown is not None:
            meaning = "Mean of the traced steps over mean of the timed steps: what tracing costs."
            figure = (f"{phase}/slowdown", f"A ratio. {meaning}", record.traced.slowdown)
            yield _level(*figure, record.traced.steps, end_s)
    for phase, steps in traced.items():
        yield from _traced_steps(phase, steps, ends_s.get(phase, started_s))
    summary = summarize(run)
    for saving in summary.savings:
        if saving.reference == variant:
            yield from _saving(summary, saving, ends_s.get(saving.phase, started_s))


def _estimates(phase: str, timed: Timed, samples: Samples | None, end_s: float) -> Iterator[Series]:
    """Mean, standard deviation and median of the steps up to each of ten; the last is the run's."""
    count = 0 if samples is None else len(samples.steps)
    ends = np.unique(np.linspace(0, count, _POINTS + 1).astype(np.int64))[1:]
    for tag, seconds, estimate, name in (
        (mean_tag(phase), timed.mean_s, np.mean, "Mean"),
        (std_tag(phase), timed.std_s, np.std, "Standard deviation"),
        (median_tag(phase), timed.median_s, np.median, "Median"),
    ):
        meaning = f"Milliseconds. {name} of the timed steps up to here; the last is the run's."
        if samples is None or len(ends) < _LINE:
            yield _level(tag, meaning, seconds * 1e3, timed.steps, end_s)
            continue
        values = [float(estimate(samples.seconds[:end])) for end in ends[:-1]]
        values_ms = np.array([*values, seconds]) * 1e3
        yield Series(tag, meaning, ends, values_ms, samples.wall_time_s[ends - 1])


def _traced_steps(phase: str, traced: TracedSteps, end_s: float) -> Iterator[Series]:
    steps = np.arange(len(traced.seconds), dtype=np.int64)
    lines = [
        ("traced_step_ms", "Wall time of each traced step.", traced.seconds),
        ("idle_ms", "The part of each traced step in which no op ran.", traced.idle_s),
    ]
    lines = [(f"{phase}/{tag}", meaning, seconds) for tag, meaning, seconds in lines]
    for group, parts in (("layer", traced.layers), ("kind", traced.kinds)):
        meaning = (
            f"This {group}'s share of each traced step; all shares and idle time add up to it."
        )
        # A group of their own: TensorBoard shows twelve charts of each.
        lines += [(f"{phase}_{group}s/{name}_ms", meaning, s) for name, s in parts.items()]
    for tag, meaning, seconds in lines:
        description = f"Milliseconds. {meaning} {_TRACED}"
        yield Series(tag, description, steps, seconds * 1e3, np.full(len(steps), end_s))


def _saving(summary: Summary, saving: MeasuredSaving, end_s: float) -> Iterator[Series]:
    steps = {(step.phase, step.variant): step for step in summary.steps}
    timed = steps.get((saving.phase, saving.reference))
    count = timed.steps if timed else 1
    given = f"What the trace gives to the ops of {saving.name},"
    if saving.own_s is not None:
        meaning = f"Milliseconds. {given} on the scale of timed steps."
        yield _level(attributed_tag(saving), meaning, saving.own_s * 1e3, count, end_s)
        if saving.own_fraction is not None:
            percent = 100 * saving.own_fraction
            meaning = f"Percent. {given} of the timed step."
            yield _level(share_tag(saving), meaning, percent, count, end_s)
    meaning = (
        f"Milliseconds. What leaving {saving.name} out wins: {summary.estimator} of the timed "
        f"steps, {saving.reference} less {saving.without}."
    )
    tag = f"{saving.phase}/{saving.name}_measured_ms"
    yield _level(tag, meaning, saving.saved_s * 1e3, count, end_s)


def _level(tag: str, description: str, value: float, steps: int, wall_time_s: float) -> Series:
    """A figure of the whole run: a level line from its first step to its last."""
    ends = np.array([0, max(steps, 1)])
    return Series(tag, description, ends, np.full(2, value), np.full(2, wall_time_s))
