"""The traces of several machines that ran one program, as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from alexprof.attribute.activity import CPU
from alexprof.attribute.costs import Attribution, attribute_phases
from alexprof.attribute.predict import Known, Replayed
from alexprof.errors import DamageError, TraceError
from alexprof.record.note import Note, of_host
from alexprof.xplane import recorded_span_ns

if TYPE_CHECKING:
    import polars as pl

    from alexprof.xplane import Trace

_APART_NS = 10**10  # more than clocks of hosts differ by


def attribute_hosts(
    traces: Mapping[str, Trace],
    marker: str | None = None,
    depth: int = 1,
    *,
    cores: bool = True,
    known: Known | None = None,
) -> dict[str, Attribution]:
    """Divides the steps of each host, sort by sort, among the ops that ran there.

    Clocks of machines differ, so each host's devices are judged by that host's own step markers;
    steps are brought together by their numbers. Devices get the host's name: "vm1/GPU:0".

    Args:
        traces: The trace of each host, by name. One alone is as `attribute` has it.
        marker: As for `attribute`, like the next ones.
        depth: See there.
        cores: See there.
        known: See there; of one host alone.

    Returns:
        By sort of steps, as `attribute_phases` has them, the tables of all hosts, one below the
        other. The device is the one that was busy longest, a GPU before a CPU; `steps` are those
        of its host.

    Raises:
        TraceError: One is damaged, or nothing ran in any of them that could have a cost.
    """
    if len(traces) == 1:
        (trace,) = traces.values()
        return attribute_phases(trace, marker, depth, cores=cores, known=known)
    _check_at_once(traces)
    by_sort: dict[str, dict[str, Attribution]] = {}
    notes = [Note("several_hosts", {"hosts": len(traces)})]
    for host, trace in traces.items():
        try:
            phases = attribute_phases(trace, marker, depth, cores=cores)
        except DamageError:
            raise
        except TraceError as error:
            notes.append(Note("host_not_shown", host=host, text=str(error)))
            continue
        for sort, attribution in phases.items():
            by_sort.setdefault(sort, {})[host] = attribution
    if not by_sort:
        raise TraceError(f"{notes[1].host}: nothing of it is shown: {notes[1].text}")
    return {sort: _merged(sort, parts, notes) for sort, parts in by_sort.items()}


def _check_at_once(traces: Mapping[str, Trace]) -> None:
    """Refuses traces that were taken one after the other: they are no hosts of one program.

    Raises:
        TraceError: If there are such. Traces that don't say when they were taken are believed.
    """
    spans = {host: span for host, trace in traces.items() if (span := recorded_span_ns(trace))}
    for host, other in combinations(spans, 2):
        begin_ns = max(spans[host][0], spans[other][0])
        if begin_ns - min(spans[host][1], spans[other][1]) > _APART_NS:
            raise TraceError(
                f"{host} and {other} were taken one after the other: they are not hosts of one "
                "program; name one file"
            )


def _merged(sort: str, parts: Mapping[str, Attribution], notes: Sequence[Note]) -> Attribution:
    """The attributions of several hosts as one."""
    import polars as pl

    devices = pl.concat([_of_host(part.devices, "name", host) for host, part in parts.items()])
    device = _longest_busy(parts)
    first = next(host for host in parts if device.startswith(f"{host}/"))
    of_parts = [note for host, part in parts.items() for note in of_host(host, part.notes)]
    return Attribution(
        costs=pl.concat([_of_host(part.costs, "device", host) for host, part in parts.items()]),
        marked=all(part.marked for part in parts.values()),
        steps=parts[first].steps,
        device=device,
        outside_events=sum(part.outside_events for part in parts.values()),
        devices=devices,
        kernels=_longest_first(
            pl.concat([_of_host(part.kernels, "device", host) for host, part in parts.items()])
        ),
        replayed=Replayed(Note("replay_several_hosts")),
        notes=(*notes, *of_parts, *_apart(parts)),
        launches_per_step=parts[first].launches_per_step,
        estimated=frozenset().union(*(part.estimated for part in parts.values())),
        span_ns=parts[first].span_ns,
        outside_ns=parts[first].outside_ns,
        bound_by=parts[first].bound_by,
        marked_ns=parts[first].marked_ns,
        left_out=parts[first].left_out,
        name=sort,
    )


def _of_host(table: pl.DataFrame, column: str, host: str) -> pl.DataFrame:
    """Puts the host before the names of devices."""
    import polars as pl

    return table.with_columns(pl.format("{}/{}", pl.lit(host), pl.col(column)).alias(column))


def _longest_busy(parts: Mapping[str, Attribution]) -> str:
    """The device that was busy longest in steps: of the devices that each host is judged by."""
    import polars as pl

    ranked = []
    for host, one in parts.items():
        mine = one.costs.filter(pl.col("device") == one.device)
        ranked.append((one.device != CPU, int(mine["busy_ns"].sum()), f"{host}/{one.device}"))
    return max(ranked, key=lambda device: device[:2])[2]


def _longest_first(kernels: pl.DataFrame) -> pl.DataFrame:
    return kernels.sort("total_ns", descending=True, maintain_order=True)


def _apart(parts: Mapping[str, Attribution]) -> list[Note]:
    """Notes that hosts were traced in different steps."""
    numbers = [set(part.steps["step"]) for part in parts.values()]
    common, every = set.intersection(*numbers), set.union(*numbers)
    if common == every:
        return []
    return [Note("steps_not_on_all_hosts", {"steps": len(common), "of_steps": len(every)})]
