"""The numbers on TensorBoard's Scalars tab: which there are, what they are called and mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprof.measure.values import Timed
from alexprof.runs.record import Ablation, Run, Traced
from alexprof.tensorboard.values import Samples, TracedSteps

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


def attributed_tag(ablation: Ablation) -> str:
    """The tag of what the trace gives the ops that an ablation leaves out."""
    return f"{ablation.phase}/{ablation.name}_attributed_ms"


def share_tag(ablation: Ablation) -> str:
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
            yield from _summary(phase, known.timed, end_s)
        if known.traced is not None:
            yield from _slowdown(phase, known.traced, end_s)
    for phase, steps in traced.items():
        yield from _traced_steps(phase, steps, ends_s.get(phase, started_s))
    for ablation in run.ablations:
        if ablation.reference == variant:
            yield from _ablation(run, ablation, ends_s.get(ablation.phase, started_s))


def _step_times(phase: str, samples: Samples) -> Series:
    return Series(
        f"{phase}/step_time_ms",
        "Milliseconds. Duration of each timed step; no profiler attached, warm-up left out.",
        samples.steps,
        samples.seconds * 1e3,
        samples.wall_time_s,
    )


def _summary(phase: str, timed: Timed, end_s: float) -> Iterator[Series]:
    figures = (
        (mean_tag(phase), timed.mean_s, "Mean of the timed steps."),
        (
            f"{phase}/std_ms",
            timed.std_s,
            "Population standard deviation of the timed steps: how far single steps spread, "
            "not how sure the mean is.",
        ),
        (f"{phase}/median_ms", timed.median_s, "Median of the timed steps."),
    )
    for tag, seconds, meaning in figures:
        yield _point(tag, f"Milliseconds. {meaning}", timed.steps, seconds * 1e3, end_s)


def _slowdown(phase: str, traced: Traced, end_s: float) -> Iterator[Series]:
    if traced.slowdown is not None:
        meaning = (
            "A ratio. Mean of the traced steps over mean of the timed steps: what tracing costs."
        )
        yield _point(f"{phase}/slowdown", meaning, traced.steps, traced.slowdown, end_s)


def _traced_steps(phase: str, traced: TracedSteps, end_s: float) -> Iterator[Series]:
    steps = np.arange(len(traced.seconds), dtype=np.int64)
    ends_s = np.full(len(steps), end_s)

    def line(tag: str, meaning: str, seconds: NDArray[np.float64]) -> Series:
        description = f"Milliseconds. {meaning} {_TRACED}"
        return Series(f"{phase}/{tag}", description, steps, seconds * 1e3, ends_s)

    yield line("traced_step_ms", "Wall time of each traced step.", traced.seconds)
    yield line("idle_ms", "The part of each traced step in which no op ran.", traced.idle_s)
    for group, parts in (("layer", traced.layers), ("kind", traced.kinds)):
        meaning = (
            f"This {group}'s share of each traced step; all shares and idle time add up to it."
        )
        for name, seconds in parts.items():
            yield line(f"{group}/{name}_ms", meaning, seconds)


def _ablation(run: Run, ablation: Ablation, end_s: float) -> Iterator[Series]:
    pair = f"{ablation.reference} less {ablation.without}"
    if ablation.attributed_s is not None:
        meaning = (
            f"Milliseconds. What the trace gives to the ops of {ablation.name}: "
            "their share of the traced step, on the scale of timed steps."
        )
        yield _point(attributed_tag(ablation), meaning, 0, ablation.attributed_s * 1e3, end_s)
        phase = run.variants[ablation.reference].phases.get(ablation.phase)
        if phase is not None and phase.timed is not None:
            part = 100 * ablation.attributed_s / phase.timed.mean_s
            meaning = f"Percent. What the trace gives to the ops of {ablation.name}, of the step."
            yield _point(share_tag(ablation), meaning, 0, part, end_s)
    meaning = f"Milliseconds. What leaving {ablation.name} out wins: mean timed step, {pair}."
    tag = f"{ablation.phase}/{ablation.name}_measured_ms"
    yield _point(tag, meaning, 0, ablation.measured_s * 1e3, end_s)


def _point(tag: str, description: str, step: int, value: float, wall_time_s: float) -> Series:
    return Series(
        tag, description, np.array([step]), np.array([value], float), np.array([wall_time_s])
    )
