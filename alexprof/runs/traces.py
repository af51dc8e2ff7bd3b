"""A trace alone, with no run around it: found, read and put into the same record."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from alexprof.capture.trace import GRAPH_BUILD, HOST_LEVEL
from alexprof.errors import TraceError, UsageError
from alexprof.runs.record import SCHEMA_VERSION, Phase, Run, Variant
from alexprof.runs.store import LATEST, RUN_FILE, find_run, load_run

if TYPE_CHECKING:
    from alexprof.xplane import Trace

TRACE = "trace"
"""The name of the only variant, and of its only phase."""
SUFFIX = ".xplane.pb"
_SHOWN = 6


def load(name: str, logdir: Path) -> Run:
    """Reads what a user names: a run, or a trace alone.

    Args:
        name: A run's folder, its name in `logdir`, or "latest"; or what `find_trace` takes. A run
            of the logdir goes before a file of the same name.
        logdir: Where runs are.

    Raises:
        RunError: If there is neither.
        UsageError: If a folder holds several traces.
        TraceError: If the trace can't be read, or nothing ran in it.
    """
    is_run = name == LATEST or os.path.lexists(logdir / name / RUN_FILE)
    trace = None if is_run else find_trace(name)
    return load_run(find_run(name, logdir)) if trace is None else load_trace(trace)


def find_trace(name: str) -> Path | None:
    """Finds a trace file by its own path or that of a folder with a Profile session.

    Args:
        name: A file; or a folder with one trace in it, in a folder in it, or below its
            `plugins/profile`.

    Returns:
        The file; None if there is nothing of that name, or a run, or no trace in it.

    Raises:
        UsageError: If the folder holds several traces.
    """
    path = Path(name)
    try:
        if path.is_file():
            return None if path.name == RUN_FILE else path
        if not path.is_dir() or (path / RUN_FILE).exists():
            return None
        found: list[Path] = []
        for below in ("", "*/", "profile/*/", "plugins/profile/*/"):
            found = found or sorted(path.glob(f"{below}*{SUFFIX}"))
        # Of the sessions that AlexProf makes this one holds Python calls, and no op.
        found = [one for one in found if one.parent.name != GRAPH_BUILD]
    except (OSError, ValueError):
        return None  # what can't be looked into is reported as no run
    if len(found) > 1:
        names = ", ".join(map(str, found[:_SHOWN]))
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise UsageError(f"{path} holds {len(found)} traces: name one of {names}{more}")
    return found[0] if found else None


def load_trace(file: str | os.PathLike[str], *, marker: str | None = None) -> Run:
    """Reads a trace that TensorFlow or JAX wrote, and divides its steps among the ops.

    Args:
        file: The `.xplane.pb` file.
        marker: Name of the events that mark the steps; None takes all events with a step number.

    Returns:
        A run with one variant, "trace", of one phase, "trace", without timed steps.

    Raises:
        TraceError: If it can't be read, is no trace, nothing ran in it, or what is whole of a
            damaged one does not say where steps begin and end.
    """
    from alexprof.attribute import attribute
    from alexprof.runs.assemble import TraceFacts, traced_phase
    from alexprof.xplane import granted_host_level, read_trace

    path = Path(file)
    trace = read_trace(path)
    attribution = attribute(trace, marker)
    level = granted_host_level(trace)
    facts = TraceFacts(
        file=path.name,
        host_level=level,
        stopwatch_s=(),
        page_faults_per_step=None,
        notes=trace_notes(trace, level),
    )
    phase = traced_phase(Phase(label=TRACE), attribution, (), facts)
    return Run(
        schema_version=SCHEMA_VERSION,
        run=_name(path),
        complete=not _said(trace),
        stopped=next(iter(_said(trace)), None),
        started=_written(path),
        workload=None,
        machine=None,
        variants={TRACE: Variant(label=TRACE, phases={TRACE: phase})},
    )


def trace_notes(trace: Trace, level: int | None) -> tuple[str, ...]:
    """What is missing from a trace: damaged, lost by the profiler, or not allowed to be recorded.

    Args:
        trace: The trace, with its events read: damage in them shows only then.
        level: The host tracer level that was in force; None if the trace doesn't say.
    """
    notes = list(_said(trace))
    if level is not None and level < HOST_LEVEL:
        notes.append(
            f"host tracer level {level} was in force, not {HOST_LEVEL}: cheap ops are missing "
            "from the trace"
        )
    return tuple(notes)


def _said(trace: Trace) -> Sequence[str]:
    return [
        *(f"the trace is damaged: {one}" for one in trace.damage),
        *(f"the profiler reports an error: {one}" for one in trace.errors),
        *(f"the profiler warns: {one}" for one in trace.warnings),
    ]


def _name(path: Path) -> str:
    """The session's name where the file lies in one, else the file's own."""
    resolved = path.absolute()
    if resolved.parent.parent.name == "profile":
        return resolved.parent.name
    return path.name.removesuffix(SUFFIX) or path.name


def _written(path: Path) -> str:
    """When the file was written: a trace does not say when it was taken in words of a calendar."""
    try:
        stamp = path.stat().st_mtime
    except OSError as error:
        raise TraceError(f"can't read {path}: {error.strerror}") from error
    return datetime.fromtimestamp(stamp).astimezone().isoformat(timespec="seconds")
