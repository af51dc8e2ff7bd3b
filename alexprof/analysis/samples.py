"""The samples of a run for comparing: timed blocks, and what each part of a traced step cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alexprof.analysis.changes import Level
from alexprof.analysis.difference import center_s
from alexprof.analysis.selection import Selection
from alexprof.analysis.timed_scale import StepCosts
from alexprof.errors import RunError
from alexprof.measure.chunks import chunks
from alexprof.measure.spread import Floats
from alexprof.record.parquet import COSTS_FILE, STEPS_FILE, load_costs, load_steps
from alexprof.record.phase import Phase
from alexprof.record.run import Run
from alexprof.record.values import Estimator

if TYPE_CHECKING:
    import polars as pl

PARTS: tuple[Level, ...] = ("layer", "kind", "op")


@dataclass(frozen=True)
class PhaseSample:
    """A phase of a variant in one run."""

    phase: Phase  # Its record
    steps: Sequence[Floats]  # Timed steps, float64 seconds, a block each; none if nothing was timed
    # What is compared, float64 seconds, a block each: the steps, or where medians lead each block's
    # median, scaled so that their mean is the median of all steps. Of a trace alone the traced
    # steps.
    blocks: Sequence[Floats]
    step_s: float  # Center of the timed steps (mean of the traced ones where nothing was timed)
    # By level and name what it cost in each traced step, float64 seconds, on the scale of timed
    # steps (see `timed_scale`), so that the steps' mean is `step_s`
    parts: Mapping[Level, Mapping[str, Floats]] = field(default_factory=dict)

    @property
    def device(self) -> str | None:
        """Whose time the parts are of; None without them."""
        return self.phase.attribution.device if self.phase.attribution and self.parts else None

    @property
    def traced(self) -> bool:
        """Whether traced steps are compared."""
        return bool(self.blocks) and not self.steps

    @property
    def measured_s(self) -> float:
        """How long measuring took, seconds: warm-up and variants that took turns included."""
        if self.phase.interference is not None:
            return self.phase.interference.seconds
        steps = self.phase.timed or self.phase.traced
        return steps.steps * steps.mean_s if steps else 0.0

    def costs(self, level: Level, name: str) -> Floats:
        """A part's traced steps; a part that the trace doesn't have cost nothing."""
        values = self.parts[level].get(name)
        return np.zeros(len(next(iter(self.parts["layer"].values())))) if values is None else values

    def share(self, level: Level, name: str) -> float:
        """Its fraction of the step."""
        return float(self.costs(level, name).mean()) / self.step_s if self.step_s else 0.0


class RunSamples:
    """Reads the tables of a run, each at most once and only if needed, and splits them.

    Args:
        selection: The run.
        estimator: Whether the center of timed steps is their mean or median.
    """

    def __init__(self, selection: Selection, estimator: Estimator) -> None:
        self._selection, self._estimator = selection, estimator

    @cached_property
    def _steps(self) -> pl.DataFrame | None:
        timed = any(phase.timed is not None for _, _, phase in self._selection.run.all_phases())
        return _table(self._selection, STEPS_FILE, load_steps, "timed" if timed else None)

    @cached_property
    def _costs(self) -> pl.DataFrame | None:
        traced = any(
            phase.attribution is not None for _, _, phase in self._selection.run.all_phases()
        )
        return _table(self._selection, COSTS_FILE, load_costs, "traced" if traced else None)

    def of(self, variant: str, key: str, *, parts: bool = True) -> PhaseSample:
        """The sample of one of the run's phases; without `parts` no costs are read.

        Raises:
            RunError: If a table can't be read, or is missing though the record mentions its steps.
        """
        phase = self._selection.run.variants[variant].phases[key]
        steps = self._blocks(variant, key)
        step_s, compared = float(np.concatenate(steps).mean()) if steps else 0.0, steps
        if steps and phase.timed is not None and self._estimator == "median":
            step_s = center_s(phase.timed, "median")
            medians = np.array([np.median(block) for block in steps])
            compared = np.split(medians * (step_s / (medians.mean() or 1.0)), len(medians))
        elif not steps and phase.timed is None and phase.traced is not None:
            compared = chunks(np.array(phase.traced.steps_s))
        attribution = phase.attribution if parts else None
        if attribution is None or self._costs is None or not attribution.timeline.wall_ns:
            return PhaseSample(phase, steps, compared, step_s)
        rows = self._costs.filter(variant=variant, phase=key, device=attribution.device)
        if rows.is_empty():
            return PhaseSample(phase, steps, compared, step_s)
        costs = StepCosts(rows, step_s, on_cpu=not phase.on_gpu)
        by_level: dict[Level, dict[str, Floats]] = {}
        for level in PARTS:  # idle time is a layer, and no kind or op
            by_name = costs.by(level, idle=level == "layer")
            by_level[level] = {name: seconds for (name,), seconds in by_name.items()}
        return PhaseSample(phase, steps, compared, step_s or costs.traced_s, by_level)

    def _blocks(self, variant: str, key: str) -> list[Floats]:
        if self._steps is None:
            return []
        return timed_blocks(self._steps, variant, key)


def timed_blocks(steps: pl.DataFrame, variant: str, key: str) -> list[Floats]:
    """Timed steps of a table of steps, float64 seconds, a block each in the order they ran."""
    rows = steps.filter(steps["block"] >= 0, variant=variant, phase=key, traced=False)
    order, step, seconds = (rows[name].to_numpy() for name in ("order", "step", "seconds"))
    sorted_rows = np.lexsort((step, order))
    edges = np.flatnonzero(np.diff(order[sorted_rows])) + 1
    return np.split(seconds[sorted_rows], edges) if len(order) else []


def _table(
    selection: Selection,
    name: str,
    load: Callable[[Path, Run], pl.DataFrame],
    held: str | None,
) -> pl.DataFrame | None:
    """A table of a run; None where no phase got as far as having one."""
    path = selection.folder / name
    if selection.tables is not None:
        table = selection.tables.steps if name == STEPS_FILE else selection.tables.costs
        if table is not None or held is None:
            return table
    elif path.exists():
        return load(selection.folder, selection.run)
    elif held is None:
        return None
    raise RunError(
        f"no {path}, though the record lists {held} steps: copy it from where the run was made, "
        "or measure again",
        code="file_missing",
        names=(str(path),),
    )
