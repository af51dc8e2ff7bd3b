"""The events of traced steps on their threads and streams, each with its share: for timelines.

    timelines = read_timelines(read_trace("vm.xplane.pb"))
    timelines["forward"].of_step(0)

The events are those that the costs of a phase are made of (`costs.attribute_phases`): the same
steps, ops and shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from alexprof.attribute.activity import CPU
from alexprof.attribute.costs import busiest_device, gpu_time
from alexprof.attribute.division import UNASSIGNED_OP, Division, divide_all
from alexprof.attribute.names import Labels, describe_with_fusions
from alexprof.attribute.ops import Work, read_work
from alexprof.attribute.steps import PS_PER_NS, Steps, find_steps, long_first
from alexprof.attribute.timeline import Float, Int, shares

if TYPE_CHECKING:
    from alexprof.xplane import Trace

NO_KERNEL = -1


@dataclass(frozen=True)
class Lane:
    """A thread of the host or a stream of a GPU."""

    device: str  # "CPU", "GPU:0", …
    name: str  # As the trace calls it


@dataclass(frozen=True)
class LaneOp:
    """What ran."""

    name: str  # As in the table of costs
    type: str
    kind: str
    layer: str
    pass_: str


@dataclass(frozen=True)
class Timeline:
    """The events of the traced steps of a phase, in columns of n events, by step and begin."""

    device: str  # The device whose steps they are; times count from their begins
    step_numbers: Int  # [steps], as in the table of costs
    begin_ps: Int  # [steps], when each begins, on the clock of the trace
    wall_ps: Int  # [steps], how long each is on `device`
    lanes: tuple[Lane, ...]
    ops: tuple[LaneOp, ...]
    kernels: tuple[str, ...]  # Names of kernels and copies
    step: Int  # [n], index of the step that the event counts in
    lane: Int  # [n], index into `lanes`
    op: Int  # [n], index into `ops`
    kernel: Int  # [n], index into `kernels`, `NO_KERNEL` on a CPU
    start_ps: Int  # [n], from the step's begin; below 0 where the host is ahead of a GPU
    end_ps: Int  # [n]
    share_ps: Float  # [n], what it has of its device's steps: where k events run at once, 1/k

    def of_step(self, place: int) -> Timeline:
        """The events of one step; an IndexError if there is none."""
        if not 0 <= place < self.wall_ps.size:
            raise IndexError(place)
        first, last = np.searchsorted(self.step, (place, place + 1))
        rows = slice(first, last)
        columns = ("step", "lane", "op", "kernel", "start_ps", "end_ps", "share_ps")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


def read_timelines(trace: Trace, marker: str | None = None, depth: int = 1) -> dict[str, Timeline]:
    """Reads the timeline of each phase; arguments and errors are those of `attribute_phases`."""
    work = read_work(trace, cores=False)
    if not work.devices:
        return {}
    steps = find_steps(work.host, marker, work.span_ps)
    divisions = divide_all(work, steps)
    labels, _ = describe_with_fusions(work, depth, gpu_time(divisions, len(work.ops)))
    return {
        steps.phases[phase]: _timeline(phase, divisions, work, steps, labels)
        for phase in steps.shown()
    }


def _timeline(
    phase: int, divisions: Sequence[Division], work: Work, steps: Steps, labels: Labels
) -> Timeline:
    rows = steps.rows_of(phase)
    judge = busiest_device(divisions, rows)
    begin_ps, end_ps = (time[rows] for time in judge.windows)
    wall_ns = end_ps // PS_PER_NS - begin_ps // PS_PER_NS
    kept = np.flatnonzero(wall_ns > 0)
    table = pl.DataFrame({"wall_ns": wall_ns[kept]})
    if long_first(table, on_cpu=judge.device == CPU) is not None:
        kept = kept[1:]
    place = np.full(len(steps) + 1, -1, np.int64)  # the last is for events of no step
    place[rows[kept]] = np.arange(kept.size)
    gathered = _Gathered(place, begin_ps[kept], len(work.ops))
    parts = [gathered.events(division) for division in divisions]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((columns["start_ps"], columns["step"]))
    texts = zip(work.ops, labels.kind, labels.layer, labels.passes, strict=True)
    ops = [LaneOp(*op, kind, layer, pass_) for op, kind, layer, pass_ in texts]
    unassigned = LaneOp(UNASSIGNED_OP, UNASSIGNED_OP, UNASSIGNED_OP, UNASSIGNED_OP, "other")
    return Timeline(
        device=judge.device,
        step_numbers=steps.number[rows][kept],
        begin_ps=begin_ps[kept],
        wall_ps=(end_ps - begin_ps)[kept],
        lanes=tuple(gathered.lanes),
        ops=(*ops, unassigned),
        kernels=tuple(gathered.kernels),
        **{name: column[order] for name, column in columns.items()},
    )


@dataclass
class _Gathered:
    """Lanes and kernels of several devices, numbered as they come."""

    place: Int  # Of each step among those of the phase, -1 for those of others
    begin_ps: Int  # Of each step of the phase
    ops: int  # How many ops there are
    lanes: list[Lane] = field(default_factory=list)
    kernels: dict[str, int] = field(default_factory=dict)

    def events(self, division: Division) -> dict[str, Int | Float]:
        """A device's events in steps, as columns."""
        rows, activity = division.rows, division.rows.activity
        event = rows.counted[self.place[rows.event_step[rows.counted]] >= 0]
        step = self.place[rows.event_step[event]]
        threads, thread = np.unique(activity.thread[event], return_inverse=True)
        lane = thread + len(self.lanes)
        self.lanes += [Lane(activity.device, activity.threads[number]) for number in threads]
        kernel = np.full(event.size, NO_KERNEL)
        if activity.device != CPU:
            names, which = np.unique(activity.name[event], return_inverse=True)
            texts = [activity.names[name] for name in names]
            numbers = [self.kernels.setdefault(text, len(self.kernels)) for text in texts]
            kernel = np.array(numbers, np.int64)[which]
        op = activity.op[event]
        return {
            "step": step,
            "lane": lane,
            "op": np.where(op < 0, self.ops, op),
            "kernel": kernel,
            "start_ps": activity.start_ps[event] - self.begin_ps[step],
            "end_ps": activity.end_ps[event] - self.begin_ps[step],
            "share_ps": _shares(division)[event],
        }


def _shares(division: Division) -> Float:
    """Each event's share of all steps, float64 [events] picoseconds."""
    rows, counting = division.rows, division.rows.counting
    owner = rows.pieces.owner[counting.owner]
    share = shares(counting.start_ps, counting.end_ps)
    total = np.bincount(owner, weights=share, minlength=rows.activity.op.size)
    return total.astype(np.float64)
