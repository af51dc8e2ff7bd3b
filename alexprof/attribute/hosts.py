"""The traces of several machines that ran one program, as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from msgspec import structs

from alexprof.attribute.activity import CPU
from alexprof.attribute.costs import Attribution, attribute_phases
from alexprof.attribute.predict import GraphFacts
from alexprof.errors import DamageError, TraceError
from alexprof.record.note import Note, of_host
from alexprof.record.trace import Replay
from alexprof.xplane import recorded_span_ns

if TYPE_CHECKING:
    from alexprof.xplane import Trace

_APART_NS = 10**10  # more than clocks of hosts differ by


def attribute_hosts(
    traces: Mapping[str, Trace],
    marker: str | None = None,
    depth: int = 1,
    *,
    cores: bool = True,
    facts: GraphFacts | None = None,
) -> dict[str, Attribution]:
    """Divides the steps of each host, sort by sort, among the ops that ran there.

    Clocks of machines differ, so each host's devices are judged by that host's own step markers;
    steps are brought together by their numbers. Devices get the host's name: "vm1/GPU:0". One host
    alone is as `attribute_phases` has it.

    Returns:
        By sort of steps the tables of all hosts, one below the other. The device is the one that
        was busy longest, a GPU before a CPU; `steps` are those of its host.

    Raises:
        TraceError: One is damaged, or nothing ran in any of them that could have a cost.
    """
    if len(traces) == 1:
        (trace,) = traces.values()
        return attribute_phases(trace, marker, depth, cores=cores, facts=facts)
    _check_at_once(traces)
    by_sort: dict[str, dict[str, Attribution]] = {}
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
        for sort, attribution in phases.items():
            by_sort.setdefault(sort, {})[host] = attribution
    if not by_sort:
        host, failure = next(iter(failures.items()))
        raise TraceError(f"{host}: nothing of it is shown: {failure}", code=failure.code)
    return {sort: _merged(parts, notes) for sort, parts in by_sort.items()}


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


def _merged(parts: Mapping[str, Attribution], notes: Sequence[Note]) -> Attribution:
    """The attributions of several hosts as one: that of the device that was busy longest."""
    import polars as pl

    host = max(parts, key=lambda host: _busy(parts[host]))
    costs = [
        part.costs.with_columns(pl.format("{}/{}", pl.lit(host), pl.col("device")).alias("device"))
        for host, part in parts.items()
    ]
    kernels = [
        structs.replace(kernel, device=f"{host}/{kernel.device}")
        for host, part in parts.items()
        for kernel in part.kernels
    ]
    of_parts = [note for host, part in parts.items() for note in of_host(host, part.notes)]
    return replace(
        parts[host],
        costs=pl.concat(costs),
        marked=all(part.marked for part in parts.values()),
        device=f"{host}/{parts[host].device}",
        outside_events=sum(part.outside_events for part in parts.values()),
        devices=tuple(
            structs.replace(device, name=f"{host}/{device.name}")
            for host, part in parts.items()
            for device in part.devices
        ),
        kernels=tuple(sorted(kernels, key=lambda kernel: -kernel.total_ns)),
        replayed=Replay(reason=Note("replay_several_hosts")),
        notes=(*notes, *of_parts, *_apart(parts)),
        estimated=frozenset().union(*(part.estimated for part in parts.values())),
    )


def _busy(part: Attribution) -> tuple[bool, int]:
    """How long the device that a host is judged by was busy in steps; a GPU goes first."""
    rows = part.costs.filter(part.costs["device"] == part.device)
    return part.device != CPU, int(rows["busy_ns"].sum())


def _apart(parts: Mapping[str, Attribution]) -> list[Note]:
    """Notes that hosts were traced in different steps."""
    numbers = [set(part.steps["step"]) for part in parts.values()]
    steps, of_steps = len(set.intersection(*numbers)), len(set.union(*numbers))
    if steps == of_steps:
        return []
    return [Note("steps_not_on_all_hosts", {"steps": steps, "of_steps": of_steps})]
