"""The samples of a run for comparing: timed blocks, and what each part of a traced step cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from alexprof.analysis.changes import Level
from alexprof.analysis.difference import center_s
from alexprof.analysis.selection import Selection
from alexprof.analysis.timed_scale import StepCosts
from alexprof.errors import RunError
from alexprof.measure.chunks import chunks
from alexprof.measure.spread import Floats
from alexprof.record.phase import on_cpu
from alexprof.record.tables import COSTS_FILE, STEPS_FILE, costs_table, load_costs, load_steps
from alexprof.record.values import Estimator

if TYPE_CHECKING:
    import polars as pl

PARTS: tuple[Level, ...] = ("layer", "kind", "op")


@dataclass(frozen=True)
class PhaseSample:
    """A phase of a variant in one run.

    Attributes:
        steps: Timed steps, float64 seconds, a block each; none if nothing was timed.
        blocks: What is compared, float64 seconds, a block each: the steps, or where medians lead
            each block's median, scaled so that their mean is the median of all steps. Of a trace
            alone the traced steps.
        orders: Each block's place among all blocks of the phase.
        step_s: Center of the timed steps (mean of the traced ones where nothing was timed).
        device: Whose time the parts are of; None without a trace.
        parts: By level and name what it cost in each traced step, float64 seconds, on the scale of
            timed steps (see `timed_scale`), so that the steps' mean is `step_s`.
        traced: Whether `blocks` are traced steps.
    """

    steps: Sequence[Floats]
    blocks: Sequence[Floats]
    orders: Sequence[int]
    step_s: float
    device: str | None
    parts: Mapping[Level, Mapping[str, Floats]] = field(default_factory=dict)
    traced: bool = False

    def costs(self, level: Level, name: str) -> Floats:
        """A part's traced steps; a part that the trace doesn't have cost nothing."""
        values = self.parts[level].get(name)
        return np.zeros(len(next(iter(self.parts["layer"].values())))) if values is None else values

    def chunks(self, level: Level, name: str) -> list[Floats]:
        """A part's traced steps in blocks."""
        return chunks(self.costs(level, name))

    def share(self, level: Level, name: str) -> float:
        """Its fraction of the step."""
        return float(self.costs(level, name).mean()) / self.step_s if self.step_s else 0.0


class RunSamples:
    """Reads a run's tables once, and takes them apart.

    Args:
        selection: The run.
        estimator: What a timed step's center is.

    Raises:
        RunError: If a table can't be read, or is gone though the record tells of what it held.
    """

    def __init__(self, selection: Selection, estimator: Estimator) -> None:
        variants = selection.run.variants.values()
        phases = [phase for variant in variants for phase in variant.phases.values()]
        timed = "timed" if any(phase.timed is not None for phase in phases) else None
        traced = "traced" if any(phase.attribution is not None for phase in phases) else None
        self._folder, self._run = selection.folder, selection.run
        self._estimator: Estimator = estimator
        self._steps = self._table(STEPS_FILE, timed)
        if selection.costs is None:
            self._costs = self._table(COSTS_FILE, traced)
        else:
            self._costs = costs_table(selection.costs)

    def of(self, variant: str, key: str) -> PhaseSample:
        """The sample of a phase that the run has."""
        phase = self._run.variants[variant].phases[key]
        blocks, orders = self._blocks(variant, key)
        step_s, compared = 0.0, blocks
        if blocks:
            step_s = float(np.concatenate(blocks).mean())
        if blocks and phase.timed is not None and self._estimator == "median":
            step_s = center_s(phase.timed, "median")
            compared = _medians(blocks, step_s)
        is_traced = not blocks and phase.timed is None and phase.traced is not None
        if phase.traced is not None and is_traced:
            compared = chunks(np.array(phase.traced.steps_s))
        attribution = phase.attribution
        if attribution is None or self._costs is None or not attribution.wall_ns:
            return PhaseSample(blocks, compared, orders, step_s, None, traced=is_traced)
        device = attribution.device
        rows = self._costs.filter(variant=variant, phase=key, device=device)
        costs = StepCosts(rows, step_s, on_cpu=on_cpu(device))
        parts: dict[Level, dict[str, Floats]] = {}
        for level in PARTS:  # idle time is a layer, and no kind or op
            by_name = costs.by(level, idle=level == "layer")
            parts[level] = {name: seconds for (name,), seconds in by_name.items()}
        step_s = step_s or costs.traced_s
        return PhaseSample(blocks, compared, orders, step_s, device, parts, is_traced)

    def _table(self, name: str, was: str | None) -> pl.DataFrame | None:
        """A table of the run; None where no phase got as far as having one."""
        folder, load = self._folder, load_steps if name == STEPS_FILE else load_costs
        if (folder / name).exists():
            return load(folder)
        if was is not None:
            raise RunError(
                f"no {folder / name}, though the record tells of {was} steps: copy it from where "
                "the run was made, or measure again",
                code="file_missing",
                names=(str(folder / name),),
            )
        return None

    def _blocks(self, variant: str, key: str) -> tuple[list[Floats], list[int]]:
        if self._steps is None:
            return [], []
        is_counted = self._steps["block"] >= 0
        rows = self._steps.filter(is_counted, variant=variant, phase=key, traced=False)
        groups = rows.sort("order", "step").group_by("order", maintain_order=True).agg("seconds")
        blocks = [np.asarray(seconds, np.float64) for seconds in groups["seconds"].to_list()]
        return blocks, groups["order"].to_list()


def _medians(blocks: Sequence[Floats], median_s: float) -> list[Floats]:
    medians = np.array([np.median(block) for block in blocks])
    return list(np.split(medians * (median_s / medians.mean()), len(medians)))


def took_turns(a: PhaseSample, b: PhaseSample) -> bool:
    """Whether the blocks of two variants of one run were interleaved."""
    if len(a.orders) < 2 or len(a.orders) != len(b.orders):
        return False
    return max(a.orders) > min(b.orders) and max(b.orders) > min(a.orders)
