"""A trace to a table: what each op cost in each traced step, on each device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.activity import CPU
from alexprof.attribute.division import IDLE_REASONS, Division, divide_all
from alexprof.attribute.fused import describe_with_fusions, xla_notes
from alexprof.attribute.names import Labels
from alexprof.attribute.ops import Work, read_work
from alexprof.attribute.outside import long_first, outside_of
from alexprof.attribute.predict import Known, Replayed, replay_steps
from alexprof.attribute.recorded import recorded_devices, recorded_kernels
from alexprof.attribute.rollup import totals
from alexprof.attribute.steps import PS_PER_NS, Steps, find_steps
from alexprof.attribute.symbols import UNASSIGNED, Op
from alexprof.attribute.table import costs_table
from alexprof.errors import TraceError
from alexprof.record.closure import check_closure
from alexprof.record.note import Note

if TYPE_CHECKING:
    import polars as pl

    from alexprof.xplane import Trace

_WORTH_SAYING, _MANY = 0.01, 0.1  # parts of a whole from which on a note is due
_SHOWN = 3


@dataclass(frozen=True)
class Attribution:
    """The costs of the traced steps.

    Attributes:
        costs: A row per step, device and op, and per reason for idle time: `step` int64; `device`,
            `op`, `type`, `kind`, `layer`, `pass` strings; `executions`, `kernels`, `busy_ns`,
            `share_ns`, `wall_ns`, `core_ns`, `at_work_ns`, `idle_before_ns`,
            `launching_ns` int64. `kernels` counts
            what was launched on a GPU (kernels, copies, fills), 0 on a CPU; `executions` are null
            for an op on a GPU that the trace doesn't number and whose launch it doesn't show.
            `busy_ns` is the sum of the op's self time, rounded; `share_ns` is its part of the step,
            and for each step and device these parts and the idle time add up to `wall_ns`, the
            step's duration, exactly. Idle time has the op and kind "(idle)", the reason as its type
            (`IDLE_REASONS`) and the pass "idle". `core_ns` is what threads worked for the op
            and `at_work_ns` the time in which any did (`cores.core_time`); null on a GPU, for idle
            time, and where the trace does not record the pools' threads. `idle_before_ns` is the
            idle time right before the op's kernels, without that at the step's begin, and
            `launching_ns` the host's time for its launches; both null on a CPU and for idle time.
            Kernels that name no op are "(unassigned)".
        marked: Whether the trace says where steps begin and end, as asked for.
        steps: A row per step of `device`: `step`, `start_ns` from the trace's origin, `wall_ns`;
            int64.
        device: The device that the steps are judged by: the GPU that was busy longest, without
            kernels "CPU".
        outside_events: Events of ops and kernels that lie outside all steps.
        devices: What the whole trace records of each device: see `recorded_devices`.
        kernels: What it records of each kernel: see `recorded_kernels`.
        replayed: The steps run again from the graph, and what that predicts.
        notes: What a reader of the numbers should know.
        launches_per_step: How often the host launched something on `device` in a step, mean; a CUDA
            graph counts once. None where that is not known.
        span_ns: From the first marked step's begin to the end of all that ran; 0 without markers.
        outside_ns: The part of it outside of all steps in which the device ran an op of the model.
        bound_by: What decides how long the steps of a GPU take without a profiler, as far as is
            known: see `rollup.Totals.bound_by`; "" on a CPU.
        estimated: Name and type of ops that stand, in part, for fusions of XLA's that go by them
            only because most of the fusion is of them.
        marked_ns: How long each step lasted on the host, in the order of time, one that is left
            out included.
        left_out: The first step where that took much longer than the others: a row as in
            `steps`, of a step that is in neither table.
        name: What the steps are called in the trace; "" where they have no name of their own.
    """

    costs: pl.DataFrame
    marked: bool
    steps: pl.DataFrame
    device: str
    outside_events: int
    devices: pl.DataFrame
    kernels: pl.DataFrame
    replayed: Replayed
    notes: tuple[Note, ...]
    launches_per_step: float | None = None
    span_ns: int = 0
    outside_ns: int = 0
    bound_by: str = ""
    estimated: frozenset[Op] = frozenset()
    marked_ns: tuple[int, ...] = ()
    left_out: pl.DataFrame | None = None
    name: str = ""


def attribute(
    trace: Trace,
    marker: str | None = None,
    depth: int = 1,
    *,
    cores: bool = True,
    known: Known | None = None,
) -> Attribution:
    """Divides each traced step among the ops that ran in it.

    Args:
        trace: What the profiler wrote.
        marker: Name of the events that mark the steps; None takes all events with a step number.
        depth: How many name scopes make a layer.
        cores: Whether to find core times: that reads most of a CPU trace.
        known: What is known beside the trace: with the graph the steps of a CPU are replayed.

    Raises:
        TraceError: The trace is damaged, nothing ran in it that could have a cost, or it has steps
            of several sorts, whose mean would say nothing.
    """
    phases = attribute_phases(trace, marker, depth, cores=cores, known=known)
    if len(phases) > 1:
        names = ", ".join(f'"{name}"' for name in phases)
        raise TraceError(f"{trace.source}: steps with several names ({names}): choose one of them")
    (attribution,) = phases.values()
    return attribution


def attribute_phases(
    trace: Trace,
    marker: str | None = None,
    depth: int = 1,
    *,
    cores: bool = True,
    known: Known | None = None,
) -> dict[str, Attribution]:
    """Divides the steps of each sort; see `attribute`.

    Returns:
        One for each sort of steps, by what it is called in the trace, in the order of the first
        steps; `""` is the only name where the whole trace is one step.

    Raises:
        TraceError: As for `attribute`, but for the several sorts.
    """
    work = read_work(trace, cores=cores)
    if not work.devices:
        raise TraceError(_nothing_ran(trace, work.unread))
    steps = find_steps(work.host, marker, work.span_ps)
    divisions = divide_all(work, steps)
    labels, across = describe_with_fusions(work, depth, _gpu_time(divisions, len(work.ops)))
    table = costs_table(divisions, steps, work, labels)
    notes = (*steps.notes, *_notes(divisions, work, labels), *xla_notes(work, steps, across))
    known = known or Known()
    shown = [sort for sort in range(len(steps.sorts)) if _any_ran(divisions, steps.rows_of(sort))]
    left_out = [name for sort, name in enumerate(steps.sorts) if sort not in shown]
    if left_out and shown:
        notes = (*notes, Note("steps_empty", names=tuple(left_out)))
    return {
        steps.sorts[sort]: _of_sort(
            _Part(sort, steps.sorts[sort], notes), (work, steps, divisions, labels), table, known
        )
        for sort in shown or range(len(steps.sorts))
    }


def _any_ran(divisions: Sequence[Division], rows: NDArray[np.intp]) -> bool:
    """Whether any of some steps has a length on the device that they would be judged by."""
    device = _busiest(divisions, rows)
    division = next(division for division in divisions if division.device == device)
    return bool((division.end_ps[rows] > division.start_ps[rows]).any())


@dataclass(frozen=True)
class _Part:
    """A sort of steps: its number, its name, and what is said of the whole trace."""

    sort: int
    name: str
    notes: tuple[Note, ...]


def _of_sort(
    part: _Part,
    read: tuple[Work, Steps, Sequence[Division], Labels],
    table: pl.DataFrame,
    known: Known,
) -> Attribution:
    """The attribution of the steps of one sort."""
    import polars as pl

    work, all_steps, divisions, labels = read
    rows = all_steps.rows_of(part.sort)
    device = _busiest(divisions, rows)
    # A step that launched nothing has no length on a GPU that is behind.
    costs = table.filter(pl.col("at").is_in(rows) & (pl.col("wall_ns") > 0)).drop("at")
    division = next(division for division in divisions if division.device == device)
    ns = [times[rows] // PS_PER_NS for times in (division.start_ps, division.end_ps)]
    steps = pl.DataFrame(
        {"step": all_steps.number[rows], "start_ns": ns[0], "wall_ns": ns[1] - ns[0]}
    ).filter(pl.col("wall_ns") > 0)
    late = long_first(steps, on_cpu=device == CPU)
    if late is not None:
        costs, steps = (
            frame.filter(pl.col("step") != late["step"].item()) for frame in (costs, steps)
        )
    check_closure(costs)
    bound_by = _bound_by(costs, device, work, known.timed_s)
    span_ns, outside_ns = outside_of(all_steps, division, work)
    numbers = all_steps.number[rows]
    launches = division.launches[rows][np.isin(numbers, steps["step"].to_numpy())]
    sort_steps = all_steps.of_sort(part.sort)
    if late is not None:
        sort_steps = sort_steps.without(late["step"].item())
    return Attribution(
        costs=costs,
        marked=all_steps.marked,
        steps=steps,
        device=device,
        outside_events=sum(division.outside for division in divisions),
        devices=recorded_devices(work),
        kernels=recorded_kernels(work),
        replayed=replay_steps(
            work, sort_steps, labels, costs, device=device, bound_by=bound_by, known=known
        ),
        span_ns=span_ns,
        outside_ns=outside_ns,
        bound_by=bound_by,
        notes=part.notes,
        launches_per_step=float(launches.mean()) if launches.any() else None,
        estimated=frozenset(work.ops[number] for number in work.estimated),
        marked_ns=tuple(all_steps.wall_ns[rows].tolist()),
        left_out=late,
        name=part.name,
    )


def _bound_by(costs: pl.DataFrame, device: str, work: Work, timed_s: float | None) -> str:
    """What decides how long the steps take; "" on a CPU."""
    if device == CPU:
        return ""
    bound_by = next(total for total in totals(costs) if total.device == device).bound_by(timed_s)
    # Kernels that were launched one by one run as few CUDA graphs without a profiler.
    return "unknown" if bound_by == "launching" and work.turned_off is not None else bound_by


def _gpu_time(divisions: Sequence[Division], ops: int) -> NDArray[np.float64] | None:
    """What each op took on GPUs, float64 [ops] picoseconds; None where no GPU ran any."""
    taken = np.zeros(ops + 1)
    for division in divisions:
        if division.device != CPU:
            np.add.at(taken, division.op, division.share_ps)
    return taken[:-1] if taken[:-1].any() else None


def _nothing_ran(trace: Trace, unread: Sequence[str]) -> str:
    if unread:
        planes = ", ".join(unread[:_SHOWN])
        return f"{trace.source}: all that ran is on {planes}: only CPUs and GPUs are read"
    return (
        f"{trace.source}: a trace without ops and kernels: was anything run while it was "
        "taken, and with host_tracer_level 2 or more?"
    )


def _busiest(divisions: Sequence[Division], rows: NDArray[np.intp]) -> str:
    """The GPU that was busy longest in some steps, "CPU" where none was."""
    busy_ps = {
        division.device: int(division.busy_ps[np.isin(division.step, rows)].sum())
        for division in divisions
        if division.device != CPU
    }
    longest = max(busy_ps, key=lambda device: busy_ps[device], default=CPU)
    return longest if busy_ps.get(longest) or divisions[0].device != CPU else CPU


def _notes(divisions: Sequence[Division], work: Work, labels: Labels) -> list[Note]:
    notes = []
    if labels.root:
        notes.append(Note("layers_below_scope", names=("/".join(labels.root),)))
    notes += [note for division in divisions for note in _device_notes(division)]
    if _ran_eagerly(divisions, work, labels):
        notes.append(Note("eager_ops"))
    unknown = IDLE_REASONS.index("unknown")
    if any(division.idle_ps[unknown].any() for division in divisions):
        notes.append(Note("idle_unknown"))
    notes += work.notes
    notes += [Note("device_not_read", names=(plane,)) for plane in work.unread]
    return notes


def _device_notes(division: Division) -> list[Note]:
    notes = []
    lost = int(division.busy_ps[division.op == UNASSIGNED].sum())
    part = lost / max(int(division.busy_ps.sum()), 1)
    if part >= _WORTH_SAYING:
        notes.append(Note("kernels_without_op", {"fraction": part}, (division.device,)))
    if division.ownerless_ps > _WORTH_SAYING * division.worked_ps:
        part = float(division.ownerless_ps / division.worked_ps)
        notes.append(Note("pool_work_without_op", {"fraction": part}))
    if division.device != CPU and division.outside > _WORTH_SAYING * division.events:
        numbers: dict[str, float] = {"events": division.outside, "of_events": division.events}
        notes.append(Note("kernels_outside_steps", numbers, (division.device,)))
    return notes


def _ran_eagerly(divisions: Sequence[Division], work: Work, labels: Labels) -> bool:
    """Whether a good part of the model's ops has no names."""
    of_model = np.isin(np.array(labels.passes, np.str_), ("forward", "backward"))
    nameless = of_model & np.isin(np.arange(of_model.size), list(work.eager))
    busy = np.zeros(of_model.size + 1, np.int64)  # the last is for UNASSIGNED
    for division in divisions:
        np.add.at(busy, division.op, division.busy_ps)
    return bool(busy[:-1][nameless].sum() > _MANY * busy[:-1][of_model].sum())
