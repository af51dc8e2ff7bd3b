"""The numbers on TensorBoard's Scalars tab: which there are, what they are called and mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprof.analysis.summary import MeasuredSaving, Summary, summarize
from alexprof.record.ablation import Ablation
from alexprof.record.phase import Traced
from alexprof.record.run import Run
from alexprof.record.values import Timed
from alexprof.tensorboard.values import Samples, TracedSteps

Floats = NDArray[np.float64]
_POINTS = 10
_LINE = 2
_TRACED = "Steps under the profiler, on the device that the step is divided on."


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
    values: NDArray[np.float64]
    wall_time_s: NDArray[np.float64]


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
    """Every line of a variant.

    Args:
        run: The run.
        variant: Which of its variants.
        samples: The timed steps by phase.
        traced: The traced steps by phase.
        started_s: Unix time to give to what has none of its own, where no step was timed.
    """
    ends_s = {
        phase: float(some.wall_time_s[-1]) for phase, some in samples.items() if len(some.steps)
    }
    for phase, some in samples.items():
        yield _step_times(phase, some)
    record = run.variants.get(variant)
    for phase, known in ({} if record is None else record.phases).items():
        end_s = ends_s.get(phase, started_s)
        if known.timed is not None:
            yield from _summary(phase, known.timed, samples.get(phase), end_s)
        if known.traced is not None:
            yield from _slowdown(phase, known.traced, end_s)
    for phase, steps in traced.items():
        yield from _traced_steps(phase, steps, ends_s.get(phase, started_s))
    summary = summarize(run)
    for saving in summary.savings:
        if saving.reference == variant:
            yield from _saving(summary, saving, ends_s.get(saving.phase, started_s))


def _step_times(phase: str, samples: Samples) -> Series:
    return Series(
        f"{phase}/step_time_ms",
        "Milliseconds. Duration of each timed step; no profiler attached, warm-up left out.",
        samples.steps,
        samples.seconds * 1e3,
        samples.wall_time_s,
    )


def _summary(phase: str, timed: Timed, samples: Samples | None, end_s: float) -> Iterator[Series]:
    """Mean, standard deviation and median of the steps up to each of ten; the last is the run's.

    TensorBoard draws no line through a single point.
    """
    figures: tuple[tuple[str, float, Callable[[Floats], float], str], ...] = (
        (mean_tag(phase), timed.mean_s, lambda some: float(some.mean()), "Mean"),
        (std_tag(phase), timed.std_s, lambda some: float(some.std()), "Standard deviation"),
        (f"{phase}/median_ms", timed.median_s, lambda some: float(np.median(some)), "Median"),
    )
    ends = _ends(samples)
    for tag, seconds, estimate, name in figures:
        meaning = f"Milliseconds. {name} of the timed steps up to here; the last is the run's."
        if samples is None or len(ends) < _LINE:
            yield _level(tag, meaning, timed.steps, seconds * 1e3, end_s)
            continue
        values = [estimate(samples.seconds[:end]) for end in ends[:-1]]
        yield Series(
            tag,
            meaning,
            ends,
            np.array([*values, seconds]) * 1e3,
            samples.wall_time_s[ends - 1],
        )


def _ends(samples: Samples | None) -> NDArray[np.int64]:
    """How many steps there are up to the end of each of ten parts."""
    count = 0 if samples is None else len(samples.steps)
    ends: NDArray[np.int64] = np.unique(np.linspace(0, count, _POINTS + 1).astype(np.int64))[1:]
    return ends


def _slowdown(phase: str, traced: Traced, end_s: float) -> Iterator[Series]:
    if traced.slowdown is not None:
        meaning = (
            "A ratio. Mean of the traced steps over mean of the timed steps: what tracing costs."
        )
        yield _level(f"{phase}/slowdown", meaning, traced.steps, traced.slowdown, end_s)


def _traced_steps(phase: str, traced: TracedSteps, end_s: float) -> Iterator[Series]:
    steps = np.arange(len(traced.seconds), dtype=np.int64)
    ends_s = np.full(len(steps), end_s)

    def line(tag: str, meaning: str, seconds: NDArray[np.float64]) -> Series:
        description = f"Milliseconds. {meaning} {_TRACED}"
        return Series(tag, description, steps, seconds * 1e3, ends_s)

    yield line(f"{phase}/traced_step_ms", "Wall time of each traced step.", traced.seconds)
    idle = "The part of each traced step in which no op ran."
    yield line(f"{phase}/idle_ms", idle, traced.idle_s)
    for group, parts in (("layer", traced.layers), ("kind", traced.kinds)):
        meaning = (
            f"This {group}'s share of each traced step; all shares and idle time add up to it."
        )
        for name, seconds in parts.items():
            # A group of their own: TensorBoard shows twelve charts of each.
            yield line(f"{phase}_{group}s/{name}_ms", meaning, seconds)


def _saving(summary: Summary, saving: MeasuredSaving, end_s: float) -> Iterator[Series]:
    pair = f"{saving.reference} less {saving.without}"
    steps = {(step.phase, step.variant): step for step in summary.steps}
    timed = steps.get((saving.phase, saving.reference))
    count = timed.steps if timed else 1
    if saving.own_s is not None:
        meaning = (
            f"Milliseconds. What the trace gives to the ops of {saving.name}, "
            "on the scale of timed steps."
        )
        yield _level(attributed_tag(saving), meaning, count, saving.own_s * 1e3, end_s)
        if timed is not None:
            part = 100 * saving.own_s / timed.center_s
            meaning = (
                f"Percent. What the trace gives to the ops of {saving.name}, of the timed step."
            )
            yield _level(share_tag(saving), meaning, count, part, end_s)
    meaning = (
        f"Milliseconds. What leaving {saving.name} out wins: {summary.estimator} of the timed "
        f"steps, {pair}."
    )
    yield _level(
        f"{saving.phase}/{saving.name}_measured_ms", meaning, count, saving.saved_s * 1e3, end_s
    )


def _level(tag: str, description: str, steps: int, value: float, wall_time_s: float) -> Series:
    """A figure of the whole run: a level line from its first step to its last."""
    ends = np.array([0, max(steps, 1)])
    return Series(tag, description, ends, np.full(2, value), np.full(2, wall_time_s))
