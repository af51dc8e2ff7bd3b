"""A trace to a table: what each op cost in each traced step, on each device of each host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import structs

from alexprof.attribute.activity import CPU
from alexprof.attribute.division import Division, costs_table, divide_all, outside_of
from alexprof.attribute.kernels import recorded_devices, recorded_kernels
from alexprof.attribute.names import Labels, describe_with_fusions
from alexprof.attribute.notes import notes_on_costs
from alexprof.attribute.ops import Work, read_work
from alexprof.attribute.predict import GraphFacts, replay_steps
from alexprof.attribute.rollup import bound_by, totals
from alexprof.attribute.steps import PS_PER_NS, Steps, find_steps, long_first
from alexprof.attribute.symbols import Op
from alexprof.attribute.timeline import Float, Index
from alexprof.errors import DamageError, TraceError, check_count
from alexprof.record.kernels import Kernel, RecordedDevice
from alexprof.record.note import Note, of_host
from alexprof.record.parquet import check_closure
from alexprof.record.trace import Replay
from alexprof.xplane import recorded_span_ns

if TYPE_CHECKING:
    import polars as pl

    from alexprof.xplane import Trace

MOST_OPS, MOST_STEPS, MOST_PHASES = 100_000, 1_000_000, 100
"""Limits: different ops; steps, summed over devices; phases, of which programs have only a few."""
_SHOWN = 3  # planes in a message
_APART_NS = 10**10  # more than clocks of hosts differ by


@dataclass(frozen=True)
class Attribution:
    """The costs of the traced steps."""

    # A row per step, device and op, and per reason for idle time: `step` int64; `device`, `op`,
    # `type`, `kind`, `layer`, `pass` strings; `wall_ns`, the step's duration, and the columns of
    # `metrics.METRICS`, int64, null where not known. For each step and device `share_ns`, idle time
    # included, adds up to `wall_ns` exactly. Idle time has the op and kind "(idle)", the reason as
    # its type (`IDLE_REASONS`) and the pass "idle". Kernels that name no op are "(unassigned)".
    costs: pl.DataFrame
    marked: bool  # Whether the trace says where steps begin and end, as wanted
    # A row per step of `device`: `step`, `start_ns` from the trace's origin, `wall_ns`; int64
    steps: pl.DataFrame
    # The device that the steps are judged by: the GPU that was busy longest, without kernels "CPU"
    device: str
    outside_events: int  # Events of ops and kernels that lie outside all steps
    devices: tuple[RecordedDevice, ...]  # What the whole trace records of each device
    kernels: tuple[Kernel, ...]  # What it records of each kernel, longest first
    replayed: Replay  # The steps, replayed, and what that predicts
    notes: tuple[Note, ...]  # What a reader of the numbers should know
    # How often the host launched something on `device` in a step, mean; a CUDA graph counts once.
    # None where that is not known.
    launches_per_step: float | None = None
    # From the first marked step's begin to the end of all that ran; 0 without markers
    span_ns: int = 0
    # The part of it outside of all steps in which the device ran an op of the model
    outside_ns: int = 0
    # What decides how long the steps of a GPU take without a profiler, as far as is known: see
    # `rollup.bound_by`; "" on a CPU
    bound_by: str = ""
    # Name and type of ops that stand, in part, for fusions of XLA's that go by them only because
    # most of the fusion is of them
    estimated: frozenset[Op] = frozenset()
    # How long each step lasted on the host, in order, one that is left out included
    marked_ns: tuple[int, ...] = ()
    # The first step where that took much longer than the others: a row as in `steps`, of a step
    # that is in neither table
    left_out: pl.DataFrame | None = None
    # What the steps are called in the trace; "" where they have no name of their own
    name: str = ""


def attribute(
    trace: Trace,
    marker: str | None = None,
    depth: int = 1,
    *,
    cores: bool = True,
    facts: GraphFacts | None = None,
) -> Attribution:
    """Divides each traced step among the ops that ran in it.

    Args:
        trace: What the profiler wrote.
        marker: Name of the events that mark the steps; None takes all events with a step number.
        depth: How many name scopes make a layer.
        cores: Whether to find core times: that reads most of a CPU trace.
        facts: What is known beside the trace: with the graph the steps of a CPU are replayed.

    Raises:
        TraceError: The trace is damaged, nothing ran in it that could have a cost, or it has steps
            of several phases, whose mean would say nothing.
    """
    phases = attribute_phases(trace, marker, depth, cores=cores, facts=facts)
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
    facts: GraphFacts | None = None,
) -> dict[str, Attribution]:
    """Divides the steps of each phase; see `attribute`.

    Returns:
        An attribution for each phase, by its name in the trace, in the order of their first
        steps; `""` is the only name if the whole trace is one step.

    Raises:
        TraceError: As for `attribute`, except that several phases are allowed.
    """
    work = read_work(trace, cores=cores)
    if not work.devices:
        unread = tuple(work.unread)
        code = "planes_unread" if unread else "nothing_ran"
        raise TraceError(_nothing_ran(trace, unread), code=code, names=unread[:_SHOWN])
    steps = find_steps(work.host, marker, work.span_ps)
    check_count("too_many_ops", len(work.ops), MOST_OPS, trace.source)
    check_count("too_many_steps", len(steps) * len(work.devices), MOST_STEPS, trace.source)
    check_count("too_many_phases", len(steps.shown()), MOST_PHASES, trace.source, "name a marker")
    divisions = divide_all(work, steps)
    labels, across = describe_with_fusions(work, depth, gpu_time(divisions, len(work.ops)))
    notes = notes_on_costs(divisions, work, steps, labels, across)
    busiest = {phase: busiest_device(divisions, steps.rows_of(phase)) for phase in steps.shown()}
    has_length = {
        phase: bool((division.rows.end_ps > division.rows.begin_ps)[steps.rows_of(phase)].any())
        for phase, division in busiest.items()
    }
    if any(has_length.values()) and not all(has_length.values()):
        empty = [phase for phase in busiest if not has_length[phase]]
        notes.append(Note("steps_empty", names=tuple(steps.phases[phase] for phase in empty)))
        busiest = {phase: division for phase, division in busiest.items() if has_length[phase]}
    costs = costs_table(divisions, steps, work, labels)
    divided = _Divided(work, steps, divisions, labels, costs, tuple(notes), facts or GraphFacts())
    return {
        steps.phases[phase]: _of_phase(phase, division, divided)
        for phase, division in busiest.items()
    }


class _Divided(NamedTuple):
    """The steps of all phases, divided."""

    work: Work
    steps: Steps
    divisions: Sequence[Division]
    labels: Labels
    costs: pl.DataFrame  # as made by `costs_table`
    notes: tuple[Note, ...]
    facts: GraphFacts


def _of_phase(phase: int, division: Division, divided: _Divided) -> Attribution:
    """The attribution of the steps of one phase, judged by one device."""
    import polars as pl

    work, all_steps, divisions, labels, costs, notes, facts = divided
    rows = all_steps.rows_of(phase)
    device, windows = division.device, division.windows
    begin_ns, end_ns = (time[rows] // PS_PER_NS for time in windows)
    numbers = all_steps.number[rows]
    # A step that launched nothing has no length on a GPU that is behind.
    costs = costs.filter(pl.col("at").is_in(rows) & (pl.col("wall_ns") > 0)).drop("at")
    steps = pl.DataFrame({"step": numbers, "start_ns": begin_ns, "wall_ns": end_ns - begin_ns})
    steps = steps.filter(pl.col("wall_ns") > 0)
    replayed_steps = all_steps.of_phase(phase)
    late = long_first(steps, on_cpu=device == CPU)
    if late is not None:
        number = late["step"].item()
        costs, steps = (table.filter(pl.col("step") != number) for table in (costs, steps))
        replayed_steps = replayed_steps.without(number)
    check_closure(costs)
    bound = _bound_by(costs, device, work, facts.timed_s)
    span_ns, outside_ns = outside_of(division.rows)
    launches = division.launches[rows][np.isin(numbers, steps["step"].to_numpy())]
    return Attribution(
        costs=costs,
        marked=all_steps.marked,
        steps=steps,
        device=device,
        outside_events=sum(division.outside for division in divisions),
        devices=recorded_devices(work),
        kernels=recorded_kernels(work),
        replayed=replay_steps(
            work,
            replayed_steps,
            labels,
            costs,
            device=device,
            bound_by=bound,
            facts=facts,
        ),
        notes=notes,
        launches_per_step=float(launches.mean()) if launches.any() else None,
        span_ns=span_ns,
        outside_ns=outside_ns,
        bound_by=bound,
        estimated=frozenset(work.ops[number] for number in work.estimated),
        marked_ns=tuple(all_steps.wall_ns[rows].tolist()),
        left_out=late,
        name=all_steps.phases[phase],
    )


def busiest_device(divisions: Sequence[Division], rows: Index) -> Division:
    """The GPU that was busy longest in some steps; the CPU where none was."""
    gpus = [division for division in divisions if division.device != CPU]
    busy_ps = [int(gpu.amounts["busy_ns"][np.isin(gpu.rows.step, rows)].sum()) for gpu in gpus]
    if not any(busy_ps):
        return divisions[0]  # the CPU, if it ran anything
    return gpus[int(np.argmax(busy_ps))]


def _bound_by(costs: pl.DataFrame, device: str, work: Work, timed_s: float | None) -> str:
    """What decides how long the steps take; "" on a CPU."""
    if device == CPU:
        return ""
    gpu = next(times for times in totals(costs) if times.device == device)
    bound = bound_by(gpu, costs["step"].n_unique(), timed_s)
    # Kernels that were launched one by one run as few CUDA graphs without a profiler.
    return "unknown" if bound == "launching" and work.turned_off is not None else bound


def gpu_time(divisions: Sequence[Division], ops: int) -> Float | None:
    """What each op took on GPUs, float64 [ops] picoseconds; None where no GPU ran any."""
    taken = np.zeros(ops + 1)
    for division in divisions:
        if division.device != CPU:
            np.add.at(taken, division.rows.op, division.amounts["share_ns"])
    return taken[:-1] if taken[:-1].any() else None


def _nothing_ran(trace: Trace, unread: Sequence[str]) -> str:
    if unread:
        planes = ", ".join(unread[:_SHOWN])
        return f"{trace.source}: all that ran is on {planes}: only CPUs and GPUs are read"
    return (
        f"{trace.source}: a trace without ops and kernels: was anything run while it was "
        "taken, and with host_tracer_level 2 or more?"
    )


def attribute_hosts(
    traces: Mapping[str, Trace],
    marker: str | None = None,
    depth: int = 1,
    *,
    cores: bool = True,
    facts: GraphFacts | None = None,
) -> dict[str, Attribution]:
    """Divides the steps of each host, phase by phase, among the ops that ran there.

    Clocks of machines differ, so each host's devices are judged by that host's own step markers;
    steps are matched by their numbers. Devices get the host's name: "vm1/GPU:0". For a single host
    the result is that of `attribute_phases`.

    Returns:
        The tables of all hosts, one after the other, by phase. The device is the one that was
        busy longest, with GPUs before CPUs; `steps` are those of its host.

    Raises:
        TraceError: A trace is damaged, or nothing that could have a cost ran in any of them.
    """
    if len(traces) == 1:
        (trace,) = traces.values()
        return attribute_phases(trace, marker, depth, cores=cores, facts=facts)
    _check_at_once(traces)
    by_phase: dict[str, dict[str, Attribution]] = {}
    notes = [Note("several_hosts", {"hosts": len(traces)})]
    failures: dict[str, TraceError] = {}
    for host, trace in traces.items():
        try:
            phases = attribute_phases(trace, marker, depth, cores=cores)
        except DamageError:
            raise
        except TraceError as error:
            failures[host] = error
            code = "device_not_read" if error.code == "planes_unread" else "host_not_shown"
            notes.append(Note(code, names=error.names, host=host))
            continue
        for phase, attribution in phases.items():
            by_phase.setdefault(phase, {})[host] = attribution
    if not by_phase:
        host, failure = next(iter(failures.items()))
        raise TraceError(f"{host}: nothing of it is shown: {failure}", code=failure.code)
    return {phase: _merged(by_host, notes) for phase, by_host in by_phase.items()}


def _check_at_once(traces: Mapping[str, Trace]) -> None:
    """Refuses traces that say that they were taken one after the other: no hosts of one program."""
    spans = {host: span for host, trace in traces.items() if (span := recorded_span_ns(trace))}
    for host, other in combinations(spans, 2):
        begin_ns = max(spans[host][0], spans[other][0])
        if begin_ns - min(spans[host][1], spans[other][1]) > _APART_NS:
            raise TraceError(
                f"{host} and {other} were taken one after the other: they are not hosts of one "
                "program; name one file"
            )


def _merged(by_host: Mapping[str, Attribution], notes: Sequence[Note]) -> Attribution:
    """The attributions of several hosts as one: that of the device that was busy longest."""
    import polars as pl

    host = max(by_host, key=lambda host: _busy(by_host[host]))
    costs = [
        attribution.costs.with_columns(
            pl.format("{}/{}", pl.lit(host), pl.col("device")).alias("device")
        )
        for host, attribution in by_host.items()
    ]
    kernels = [
        structs.replace(kernel, device=f"{host}/{kernel.device}")
        for host, attribution in by_host.items()
        for kernel in attribution.kernels
    ]
    of_hosts = [
        note for host, attribution in by_host.items() for note in of_host(host, attribution.notes)
    ]
    return replace(
        by_host[host],
        costs=pl.concat(costs),
        marked=all(attribution.marked for attribution in by_host.values()),
        device=f"{host}/{by_host[host].device}",
        outside_events=sum(attribution.outside_events for attribution in by_host.values()),
        devices=tuple(
            structs.replace(device, name=f"{host}/{device.name}")
            for host, attribution in by_host.items()
            for device in attribution.devices
        ),
        kernels=tuple(sorted(kernels, key=lambda kernel: -kernel.total_ns)),
        replayed=Replay(reason=Note("replay_several_hosts")),
        notes=(*notes, *of_hosts, *_apart(by_host)),
        estimated=frozenset().union(*(attribution.estimated for attribution in by_host.values())),
    )


def _busy(attribution: Attribution) -> tuple[bool, int]:
    """How long the device that a host is judged by was busy in steps; a GPU goes first."""
    rows = attribution.costs.filter(attribution.costs["device"] == attribution.device)
    return attribution.device != CPU, int(rows["busy_ns"].sum())


def _apart(by_host: Mapping[str, Attribution]) -> list[Note]:
    """Notes that hosts were traced in different steps."""
    numbers = [set(attribution.steps["step"]) for attribution in by_host.values()]
    steps, of_steps = len(set.intersection(*numbers)), len(set.union(*numbers))
    if steps == of_steps:
        return []
    return [Note("steps_not_on_all_hosts", {"steps": steps, "of_steps": of_steps})]
