"""A trace alone, with no run around it: found, read and put into the same record."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from alexprof.analysis.profiler_notes import profiler_notes, trace_notes
from alexprof.capture.trace import GRAPH_BUILD
from alexprof.errors import TraceError, UsageError
from alexprof.record.note import Note, of_host
from alexprof.record.phase import Phase
from alexprof.record.run import SCHEMA_VERSION, Run, Variant
from alexprof.record.store import LATEST, RUN_FILE, find_run, load_run

if TYPE_CHECKING:
    from alexprof.analysis.assemble import TraceFacts
    from alexprof.attribute import Attribution

TRACE = "trace"
"""The name of the only variant, and of its only phase."""
SUFFIX = ".xplane.pb"
_SHOWN = 6
# What TensorFlow and xprof write beside a trace (tensorboard_plugin_profile's tools).
_NEIGHBORS = (
    *(".trace.json.gz", ".trace.json", ".kernel_stats.pb", ".memory_profile.json.gz"),
    *(".overview_page.pb", ".input_pipeline.pb", ".tensorflow_stats.pb", ".op_stats.pb"),
)


def load(
    name: str, logdir: Path, *, marker: str | None = None, depth: int = 1, cores: bool = True
) -> Run:
    """Reads what a user names: a run, or a trace alone.

    Args:
        name: A run's folder, its name in `logdir`, or "latest"; or what `find_traces` takes. A run
            of the logdir goes before a file of the same name.
        logdir: Where runs are.
        marker: As for `load_trace`, like the next ones.
        depth: See there.
        cores: See there.

    Raises:
        RunError: If there is neither.
        UsageError: If a folder holds traces of several sessions, or options for a trace are given
            with a run.
        TraceError: If the trace can't be read, or nothing ran in it.
    """
    is_run = name == LATEST or os.path.lexists(logdir / name / RUN_FILE)
    files = () if is_run else find_traces(name)
    if files:
        return load_trace(*files, marker=marker, depth=depth, cores=cores)
    folder = find_run(name, logdir)
    if marker is not None or depth != 1 or not cores:
        raise UsageError(
            f"{folder} is a run, which is recorded as it is: --marker, --depth and --no-cores are "
            "for a trace alone, name its .xplane.pb file"
        )
    return load_run(folder)


def find_traces(name: str) -> tuple[Path, ...]:
    """Finds the files of a trace by their own path or that of a folder with a Profile session.

    Args:
        name: A file; or a folder with a trace in it, in a folder in it, or below its
            `plugins/profile`. A session of several hosts has a file for each.

    Returns:
        The files; none if there is nothing of that name, or a run, or no trace in it.

    Raises:
        UsageError: If the folder holds several sessions.
    """
    if not name:
        raise UsageError("the name of a run or trace is empty")
    path = Path(name)
    try:
        if path.is_file():
            _check_neighbor(path)
            return () if path.name == RUN_FILE else (path,)
        if not path.is_dir() or (path / RUN_FILE).exists():
            return ()
        files: list[Path] = []
        for below in ("", "*/", "profile/*/", "plugins/profile/*/", "*/plugins/profile/*/"):
            files = files or sorted(path.glob(f"{below}*{SUFFIX}"))
        # Of the sessions that AlexProf makes this one holds Python calls, and no op.
        files = [file for file in files if file.parent.name != GRAPH_BUILD]
    except (OSError, ValueError):
        return ()  # what can't be looked into is reported as no run
    sessions = list(dict.fromkeys(file.parent for file in files))
    if len(sessions) > 1:
        names = ", ".join(map(str, sessions[:_SHOWN]))
        more = f" and {len(sessions) - _SHOWN} more" if len(sessions) > _SHOWN else ""
        raise UsageError(f"{path} holds {len(sessions)} traces: name one of {names}{more}")
    return tuple(files)


def _check_neighbor(path: Path) -> None:
    """Refuses what the profiler writes beside a trace, with the name of the trace.

    Raises:
        UsageError: If the file is one of those.
    """
    if not path.name.endswith(_NEIGHBORS):
        return
    traces = sorted(path.parent.glob(f"*{SUFFIX}"))
    where = f"name {traces[0]}" if traces else f"there is no {SUFFIX} file beside it"
    raise UsageError(f"{path} is made from a trace and holds less than it: {where}")


def load_trace(
    *files: str | os.PathLike[str],
    marker: str | None = None,
    depth: int = 1,
    cores: bool = True,
) -> Run:
    """Reads a trace that TensorFlow or JAX wrote, and divides its steps among the ops.

    Args:
        files: The `.xplane.pb` file; of a program on several hosts those of all of them.
        marker: Name of the events that mark the steps; None takes all events with a step number.
        depth: How many name scopes make a layer.
        cores: Whether to find core times: with them a large CPU trace takes about three times as
            long.

    Returns:
        A run with one variant, "trace", without timed steps, of one phase, "trace", or of one for
        each sort of steps that the trace marks, by its name.

    Raises:
        UsageError: If no file is given, two have the same name, or no step has the marker.
        TraceError: If one can't be read, is no trace or is damaged, or nothing ran in any.
    """
    from alexprof.analysis.assemble import traced_phase

    paths = [Path(file) for file in files]
    attributions, facts, lost = attribute_files(paths, marker=marker, depth=depth, cores=cores)
    first, several = paths[0], len(paths) > 1
    alone = len(attributions) == 1
    keys = [TRACE] if alone else _keys(list(attributions))
    phases = {
        key: traced_phase(Phase(label=TRACE if alone else sort), attribution, (), facts)
        for key, (sort, attribution) in zip(keys, attributions.items(), strict=True)
    }
    return Run(
        schema_version=SCHEMA_VERSION,
        run=_name(first, several=several),
        complete=not lost,
        stopped=next(iter(lost), None),
        started=_written(first),
        workload=None,
        machine=None,
        variants={TRACE: Variant(label=TRACE, phases=phases)},
    )


def attribute_files(
    files: Sequence[Path], *, marker: str | None = None, depth: int = 1, cores: bool = True
) -> tuple[dict[str, Attribution], TraceFacts, tuple[Note, ...]]:
    """Reads the files of a trace and divides its steps among the ops.

    Args:
        files: As for `load_trace`, like the next ones.
        marker: See there.
        depth: See there.
        cores: See there.

    Returns:
        An attribution for each sort of steps, by the sort's name; what is known of the trace
        beside; what the profiler reported of it.

    Raises:
        UsageError: As `load_trace`.
        TraceError: Likewise.
    """
    from alexprof.analysis.assemble import TraceFacts
    from alexprof.attribute.hosts import attribute_hosts
    from alexprof.attribute.steps import NOT_MARKED
    from alexprof.xplane import granted_host_level, read_trace

    paths = {_host(path): path for path in files}
    if len(paths) < max(len(files), 1):
        raise UsageError("load_trace takes the file of each host, whose name is the file's")
    if depth < 1:
        raise UsageError(f"a layer has at least 1 name scope, not {depth}")
    traces = {host: read_trace(path) for host, path in paths.items()}
    attributions = attribute_hosts(traces, marker, depth, cores=cores)
    some = next(iter(attributions.values()))
    first = next(iter(paths.values()))
    if marker is not None and not some.marked:
        names = next((note.names for note in some.notes if note.code == NOT_MARKED), ())
        only = f", only {', '.join(map(_quoted, names))}" if names else ""
        raise UsageError(f"{first}: no step marked {_quoted(marker)} is in the trace{only}")
    levels = {host: granted_host_level(trace) for host, trace in traces.items()}
    facts = TraceFacts(
        file=_printable(first.parent.name if len(paths) > 1 else first.name),
        host_level=min((level for level in levels.values() if level is not None), default=None),
        notes=_of_hosts({host: trace_notes(trace, levels[host]) for host, trace in traces.items()}),
    )
    lost = _of_hosts({host: profiler_notes(trace) for host, trace in traces.items()})
    return attributions, facts, lost


def _keys(sorts: Sequence[str]) -> list[str]:
    """What the phases that a trace marks are called by commands and tables, each otherwise."""
    keys: list[str] = []
    for sort in sorts:
        name = _printable(sort).strip() or TRACE
        others = (f"{name} {number}" for number in count(2))
        keys.append(next(key for key in chain([name], others) if key not in keys))
    return keys


def _of_hosts(by_host: Mapping[str, tuple[Note, ...]]) -> tuple[Note, ...]:
    """Notes on traces, of several hosts each with the host's name."""
    several = len(by_host) > 1
    notes = (of_host(host, notes) if several else notes for host, notes in by_host.items())
    return tuple(chain.from_iterable(notes))


def _quoted(name: str) -> str:
    return f'"{name}"'


def _host(path: Path) -> str:
    """The host, after which the profiler names its file."""
    return _printable(path.name.removesuffix(SUFFIX) or path.name)


def _name(path: Path, *, several: bool) -> str:
    """The session's name where the file lies in one, else the file's own."""
    folder = path.absolute().parent
    in_session = several or folder.parent.name == "profile"
    return _printable(folder.name) if in_session else _host(path)


def _printable(name: str) -> str:
    """A file's name as text, whatever bytes it has."""
    return os.fsencode(name).decode(errors="replace")


def _written(path: Path) -> str:
    """When the file was written: a trace does not say when it was taken in words of a calendar."""
    try:
        stamp = path.stat().st_mtime
    except OSError as error:
        raise TraceError(f"can't read {path}: {error.strerror}") from error
    return datetime.fromtimestamp(stamp).astimezone().isoformat(timespec="seconds")
