"""The timeline of a recorded phase: its trace, read again, under the record's names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from alexprof.errors import RunError, TraceError
from alexprof.record.phase import Phase
from alexprof.record.run import Run

if TYPE_CHECKING:
    from alexprof.attribute.lanes import Timeline

SUFFIX = ".xplane.pb"
_CLOSE_NS = 1


def load_timeline(run: Run, variant: str, key: str) -> Timeline:
    """Reads the events of a phase's traced steps from the trace in the run's folder.

    Raises:
        RunError: If the phase has no trace, or the trace is not there, or is another one.
        TraceError: If the trace can't be read.
    """
    phase = run.phase(variant, key)
    if phase is None or phase.traced is None or phase.attribution is None:
        raise RunError(f"{key} of {variant} has no traced steps, so there is no timeline")
    if run.place is None:
        raise RunError("the run's folder can't be reached, so there is no timeline")
    files = _files(run.place, phase.traced.file)
    if len(files) > 1:
        raise RunError(
            f"{key} was traced on {len(files)} hosts, whose clocks differ: a timeline shows one; "
            f"name its file: alexprof report {files[0]}"
        )
    for marker in (None, phase.label):
        for timeline in _read(files[0], marker):
            if _is_of(timeline, phase):
                return _named(timeline, phase)
    raise RunError(f"{files[0]} holds other steps than the run: it was changed, or read otherwise")


def _files(folder: Path, file: str) -> list[Path]:
    """The files of a trace: below the run's folder, or the trace alone where that is the run."""
    place = folder if folder.is_file() else folder / file
    if ".." in Path(file).parts:
        raise RunError(f"{file} is not below the run's folder")
    files = sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place]
    if not files or not files[0].is_file():
        raise RunError(f"no trace {place}: it was moved or removed, so there is no timeline")
    return files


def _read(file: Path, marker: str | None) -> list[Timeline]:
    from alexprof.attribute.lanes import read_timelines
    from alexprof.xplane import read_trace

    try:
        return list(read_timelines(read_trace(file), marker).values())
    except MemoryError as error:
        raise TraceError(f"not enough memory to read {file}", code="trace_no_memory") from error


def _is_of(timeline: Timeline, phase: Phase) -> bool:
    """Whether the steps are those of the record: as many, and as long."""
    assert phase.attribution is not None
    assert phase.traced is not None
    recorded = phase.attribution.timeline
    steps = timeline.wall_ps.size
    apart_ns = abs(int(timeline.wall_ps.sum()) // 1000 - recorded.wall_ns)
    return (
        timeline.device == recorded.device
        and steps == phase.traced.steps
        and apart_ns <= _CLOSE_NS * steps
    )


def _named(timeline: Timeline, phase: Phase) -> Timeline:
    """The timeline with the layers, kinds and passes that the record has."""
    recorded = {(op.name, op.type): op for op in phase.ops}
    ops = tuple(
        replace(op, kind=cost.kind, layer=cost.layer, pass_=cost.pass_)
        if (cost := recorded.get((op.name, op.type)))
        else op
        for op in timeline.ops
    )
    return replace(timeline, ops=ops)


def critical_ops(phase: Phase) -> frozenset[str]:
    """Names of the ops that set the length of the steps; none if that is not known."""
    path = phase.replay.critical_path if phase.replay else ()
    return frozenset(op.op for op in path)
