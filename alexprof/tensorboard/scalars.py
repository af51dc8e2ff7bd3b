"""The numbers on TensorBoard's Scalars tab: which there are, what they are called and mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexprof.analysis.savings import MeasuredSaving
from alexprof.analysis.summary import Summary, summarize
from alexprof.plain_text import clean
from alexprof.record.ablation import Ablation
from alexprof.record.run import Run
from alexprof.record.timed import Timed
from alexprof.show.outputs.as_markdown import escape

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
_POINTS = 10
MOST_CHARTS = 100
"""Only this many layers of a phase, the largest, get their own charts; so with kinds."""
_LINE = 2
_TRACED = "Steps under the profiler, on the device that the step is divided on."


@dataclass(frozen=True)
class TimedSteps:
    """The timed steps of one variant and phase, at least one."""

    steps: NDArray[np.int64]  # Each step's number, ascending, int64 [steps]
    seconds: Floats  # Its duration, float64 [steps]
    wall_time_s: Floats  # Unix time of its end, float64 [steps]


def timed_steps(steps: pl.DataFrame, variant: str, started_s: float) -> dict[str, TimedSteps]:
    """The timed steps of a variant, by phase, from the table of steps.

    Args:
        steps: The table (docs/json.md).
        variant: The variant.
        started_s: Unix time of the run's start, the origin for steps whose own time is not known.
    """
    import polars as pl

    rows = steps.filter(pl.col("block") >= 0, variant=variant, traced=False)
    rows = rows.with_columns(pl.col("unix_s").fill_null(started_s + pl.col("start_s")))
    return {
        str(phase): TimedSteps(
            steps=of_phase["step"].to_numpy(),
            seconds=of_phase["seconds"].to_numpy(),
            wall_time_s=(of_phase["unix_s"] + of_phase["seconds"]).to_numpy(),
        )
        for (phase,), of_phase in rows.group_by("phase", maintain_order=True)
    }


@dataclass(frozen=True)
class Series:
    """A chart's line."""

    tag: str  # Its name; TensorBoard groups by what comes before the first "/"
    description: str  # Unit and meaning, Markdown
    steps: NDArray[np.int64]  # Each point's step, int64 [points]
    values: Floats  # Its value, float64 [points]
    wall_time_s: Floats  # Its Unix time, float64 [points]


def step_tag(phase: str, estimate: str) -> str:
    """The tag of a phase's "mean", "median" or "std" of timed steps."""
    return f"{phase}/{estimate}_ms"


def ablation_tag(ablation: Ablation | MeasuredSaving, figure: str) -> str:
    """The tag of an ablation's "measured_ms"; "attributed_ms", by the trace; "share_percent"."""
    return f"{ablation.phase}/{ablation.name}_{figure}"


def all_series(
    run: Run,
    variant: str,
    timed: Mapping[str, TimedSteps],
    costs: Mapping[tuple[str, str], pl.DataFrame],
    started_s: float,
) -> Iterator[Series]:
    """Every line of a variant.

    What has no time of its own has that of the last timed step, or `started_s`.

    Args:
        run: The run.
        variant: One of its variants.
        timed: Its timed steps by phase.
        costs: The tables of costs by variant and phase.
        started_s: Unix time.
    """
    ends_s = {phase: float(steps.wall_time_s[-1]) for phase, steps in timed.items()}
    for phase, steps in timed.items():
        meaning = "Duration of each timed step; no profiler attached, warm-up left out."
        yield Series(
            f"{phase}/step_time_ms",
            f"Milliseconds. {meaning}",
            steps.steps,
            steps.seconds * 1e3,
            steps.wall_time_s,
        )
    for phase, record in run.variants[variant].phases.items():
        end_s = ends_s.get(phase, started_s)
        if record.timed is not None:
            yield from _estimates(phase, record.timed, timed.get(phase), end_s)
        if record.traced is not None and record.traced.slowdown is not None:
            meaning = "Mean of the traced steps over mean of the timed steps: what tracing costs."
            figure = (f"{phase}/slowdown", f"A ratio. {meaning}", record.traced.slowdown)
            yield _level(*figure, record.traced.steps, end_s)
        if record.attribution is not None and (variant, phase) in costs:
            table = costs[variant, phase]
            of_device = table.filter(table["device"] == record.attribution.device)
            yield from _traced_steps(phase, of_device, end_s)
    summary = summarize(run)
    for saving in summary.savings:
        if saving.reference == variant:
            yield from _saving(summary, saving, ends_s.get(saving.phase, started_s))


def _estimates(
    phase: str, timed: Timed, steps: TimedSteps | None, end_s: float
) -> Iterator[Series]:
    """Mean, standard deviation and median of the steps up to each of ten; the last is the run's."""
    count = 0 if steps is None else len(steps.steps)
    ends = np.unique(np.linspace(0, count, _POINTS + 1).astype(np.int64))[1:]
    for tag, seconds, estimate, name in (
        (step_tag(phase, "mean"), timed.mean_s, np.mean, "Mean"),
        (step_tag(phase, "std"), timed.std_s, np.std, "Standard deviation"),
        (step_tag(phase, "median"), timed.median_s, np.median, "Median"),
    ):
        meaning = f"Milliseconds. {name} of the timed steps up to here; the last is the run's."
        if steps is None or len(ends) < _LINE:
            yield _level(tag, meaning, seconds * 1e3, timed.steps, end_s)
            continue
        values = [float(estimate(steps.seconds[:end])) for end in ends[:-1]]
        values_ms = np.array([*values, seconds]) * 1e3
        yield Series(tag, meaning, ends, values_ms, steps.wall_time_s[ends - 1])


def _traced_steps(phase: str, costs: pl.DataFrame, end_s: float) -> Iterator[Series]:
    """Each traced step, its idle time, and what layers and kinds have of it, on one device."""
    import polars as pl

    from alexprof.attribute import IDLE_OP

    walls = costs.group_by("step").agg(pl.col("wall_ns").first()).sort("step")

    def by_step(rows: pl.DataFrame) -> Floats:
        """Shares added up within each step; a step without rows has 0."""
        sums = rows.group_by("step").agg(pl.col("share_ns").sum())
        joined = walls.join(sums, on="step", how="left", maintain_order="left")
        return joined["share_ns"].fill_null(0).to_numpy() / 1e6

    is_idle = costs["op"] == IDLE_OP
    ops = costs.filter(~is_idle)
    walls_ms, idle_ms = walls["wall_ns"].to_numpy() / 1e6, by_step(costs.filter(is_idle))
    lines = [
        (f"{phase}/traced_step_ms", "Wall time of each traced step.", walls_ms),
        (f"{phase}/idle_ms", "The part of each traced step in which no op ran.", idle_ms),
    ]
    for group in ("layer", "kind"):
        meaning = (
            f"This {group}'s share of each traced step; all shares and idle time add up to it."
        )
        totals = ops.group_by(group, maintain_order=True).agg(pl.col("share_ns").sum())
        smaller = totals.sort("share_ns", descending=True)[group][MOST_CHARTS:].implode()
        together = pl.when(pl.col(group).is_in(smaller)).then(pl.lit("(others)"))
        named = ops.with_columns(together.otherwise(group).alias(group))
        for (name,), rows in named.group_by(group, maintain_order=True):
            # A group of their own: TensorBoard shows twelve charts of each.
            lines.append((f"{phase}_{group}s/{name}_ms", meaning, by_step(rows)))
    steps, wall_time_s = np.arange(walls.height), np.full(walls.height, end_s)
    for tag, meaning, values_ms in lines:
        yield Series(tag, f"Milliseconds. {meaning} {_TRACED}", steps, values_ms, wall_time_s)


def _saving(summary: Summary, saving: MeasuredSaving, end_s: float) -> Iterator[Series]:
    steps = {(step.phase, step.variant): step for step in summary.steps}
    timed = steps.get((saving.phase, saving.reference))
    count = timed.steps if timed else 1
    names = (saving.name, saving.reference, saving.without)
    name, reference, without = (escape(clean(name)) for name in names)
    given = f"The time that the trace assigns to the ops of {name},"
    figures = {
        "measured_ms": (
            f"Milliseconds. What leaving {name} out saves: {summary.estimator} of the timed "
            f"steps, {reference} less {without}.",
            saving.saved_s * 1e3,
        )
    }
    if saving.own_s is not None:
        meaning = f"Milliseconds. {given} on the scale of timed steps."
        figures["attributed_ms"] = meaning, saving.own_s * 1e3
        if saving.own_fraction is not None:
            percent = 100 * saving.own_fraction
            figures["share_percent"] = f"Percent. {given} of the timed step.", percent
    for figure, (meaning, value) in figures.items():
        yield _level(ablation_tag(saving, figure), meaning, value, count, end_s)


def _level(tag: str, description: str, value: float, steps: int, wall_time_s: float) -> Series:
    """A figure of the whole run: a level line from its first step to its last."""
    ends = np.array([0, max(steps, 1)])
    return Series(tag, description, ends, np.full(2, value), np.full(2, wall_time_s))
