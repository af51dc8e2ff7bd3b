"""A trace alone, with no run around it: found, read and put into the same record."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from alexprof.arguments import FLAG, PATH, TEXT, check, several, whole
from alexprof.capture.trace import GRAPH_BUILD, HOST_LEVEL
from alexprof.errors import TraceError, UsageError
from alexprof.record.note import Note, of_host
from alexprof.record.parquet import COSTS_FILE, STEPS_FILE
from alexprof.record.phase import Phase
from alexprof.record.run import SCHEMA_VERSION, Variant
from alexprof.record.store import LATEST, RUN_FILE
from alexprof.record.values import MOST_NAME
from alexprof.tracer.run import Run

if TYPE_CHECKING:
    import polars as pl

    from alexprof.analysis.assemble import Beside
    from alexprof.attribute import Attribution, GraphFacts
    from alexprof.xplane import Trace

TRACE = "trace"
"""The name of the only variant, and of its only phase."""
SUFFIX = ".xplane.pb"
_SHOWN = 6
# What TensorFlow and xprof write beside a trace (tensorboard_plugin_profile's tools).
_NEIGHBORS = (
    *(".trace.json.gz", ".trace.json", ".kernel_stats.pb", ".memory_profile.json.gz"),
    *(".overview_page.pb", ".input_pipeline.pb", ".tensorflow_stats.pb", ".op_stats.pb"),
)
_EXECUTORS = "tf_Compute"  # threads that run the ops of TensorFlow's graphs
# The sentences come from xla/backends/profiler/gpu/cupti_collector.cc and cupti_tracer.cc, the
# names of errors from CUPTI.
_CODES = {
    "profiler_events_dropped": "events dropped|events? reach(?:es|ed)? max|too many events",
    "profiler_no_privileges": "INSUFFICIENT_PRIVILEGES|insufficient privileges",
    "profiler_no_cupti": "CUPTI could not be loaded|libcupti",
    "profiler_in_use": "MULTIPLE_SUBSCRIBERS|ALREADY_INITIALIZED|another profile",
    "profiler_no_memory": "OUT_OF_MEMORY|out of memory|RESOURCE_EXHAUSTED",
}


def find_traces(name: str, logdir: Path | None = None) -> tuple[Path, ...]:
    """Finds the files of a trace by their own path or that of a folder with a Profile session.

    Args:
        name: A file; or a folder with a trace in it, in a folder in it, or below its
            `plugins/profile`. A session of several hosts has a file for each.
        logdir: A run of that name in it goes before a file.

    Returns:
        The files; none if there is nothing of that name, or a run, or no trace in it.

    Raises:
        UsageError: If the folder holds several sessions.
    """
    if logdir is not None and (name == LATEST or os.path.lexists(logdir / name / RUN_FILE)):
        return ()
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
    """Refuses what the profiler writes beside a trace, with the name of the trace."""
    if path.name in (COSTS_FILE, STEPS_FILE):
        raise UsageError(f"{path} is a table of a run: name the run, {path.parent}")
    if not path.name.endswith(_NEIGHBORS):
        return
    traces = sorted(path.parent.glob(f"*{SUFFIX}"))
    where = f"name {traces[0]}" if traces else f"there is no {SUFFIX} file beside it"
    raise UsageError(f"{path} was made from a trace and contains less: {where}")


def load_trace(
    *files: str | os.PathLike[str],
    marker: str | None = None,
    depth: int = 1,
    cores: bool = True,
) -> Run:
    """Reads a trace that TensorFlow or JAX wrote, and divides its steps among the ops.

    Args:
        files: The `.xplane.pb` file; for a program on several hosts, the file of each.
        marker: Name of the events that mark the steps; None takes all events with a step number.
        depth: How many name scopes make a layer.
        cores: Whether to compute core times: with them a large CPU trace takes about three times
            as long.

    Returns:
        A run without timed steps. Its one variant, "trace", has one phase, "trace", or a phase for
        each name of step markers in the trace.

    Raises:
        UsageError: If no file is given, two have the same name, or no step has the marker.
        TraceError: If one can't be read, is no trace or is damaged, or nothing ran in any.
    """
    return load_with_tables(*files, marker=marker, depth=depth, cores=cores).run


@dataclass(frozen=True)
class LoadedTrace:
    """A trace alone, as a run."""

    run: Run  # As `load_trace` has it
    files: Sequence[Path]  # Its files, one of each host
    attributions: dict[str, Attribution]  # The steps and costs of each phase

    @property
    def costs(self) -> dict[tuple[str, str], pl.DataFrame]:
        """The table of costs of each variant and phase."""
        return {(TRACE, key): phase.costs for key, phase in self.attributions.items()}


def load_with_tables(
    *files: str | os.PathLike[str],
    marker: str | None = None,
    depth: int = 1,
    cores: bool = True,
) -> LoadedTrace:
    """Reads a trace as `load_trace` does, and keeps its tables."""
    check(
        files=(files, several(PATH)),
        marker=(marker, TEXT.or_none()),
        depth=(depth, whole(1)),
        cores=(cores, FLAG),
    )
    paths = [Path(file) for file in files]
    phases, attributions, lost = read_phases(paths, marker=marker, depth=depth, cores=cores)
    check_marked(paths[0], attributions, marker)
    run = Run(
        schema_version=SCHEMA_VERSION,
        run=trace_name(paths),
        complete=not lost,
        stopped=next(iter(lost), None),
        started=written(paths[0]),
        workload=None,
        machine=None,
        variants={TRACE: Variant(label=TRACE, phases=phases)},
    )
    folders = {path.parent for path in paths}
    if len(paths) == 1 or len(folders) == 1:
        run = run.placed(paths[0] if len(paths) == 1 else folders.pop())
    return LoadedTrace(run, paths, attributions)


def read_phases(
    files: Sequence[Path],
    *,
    marker: str | None = None,
    depth: int = 1,
    cores: bool = True,
    beside: Beside | None = None,
) -> tuple[dict[str, Phase], dict[str, Attribution], tuple[Note, ...]]:
    """Reads a trace, whoever took it: the only way from traces to records and their tables.

    The arguments are those of `load_trace`, and what else is known about the steps.

    Returns:
        The record of each phase, by key; the attributions, each with its table of costs; and
        what the profiler reported about the trace.

    Raises:
        UsageError: If no file is given, or two have the same name.
        TraceError: As for `load_trace`, or if memory runs out.
    """
    try:
        return _read_phases(files, marker, depth, beside, cores=cores)
    except MemoryError as error:
        names = tuple(printable(str(path)) for path in files)
        raise TraceError(
            f"not enough memory to read {', '.join(names)}: trace fewer steps, or use a machine "
            "with more",
            code="trace_no_memory",
            names=names,
        ) from error


def _read_phases(
    files: Sequence[Path], marker: str | None, depth: int, beside: Beside | None, *, cores: bool
) -> tuple[dict[str, Phase], dict[str, Attribution], tuple[Note, ...]]:
    from alexprof.analysis.assemble import Beside, traced_phase
    from alexprof.attribute.costs import attribute_hosts
    from alexprof.xplane import host_tracer_level, read_trace

    paths = {host_of(path): path for path in files}
    if len(paths) < max(len(files), 1):
        raise UsageError("give one file for each host, each with its own name")
    traces = {host: read_trace(path) for host, path in paths.items()}
    shown = files[0].parent.name if len(files) > 1 else files[0].name
    is_alone = beside is None
    beside = beside or Beside(timed=Phase(label=TRACE), file=printable(shown))
    of_phases = attribute_hosts(traces, marker, depth, cores=cores, facts=_graph_facts(beside))
    levels = {host: host_tracer_level(trace) for host, trace in traces.items()}
    lost = {host: profiler_notes(trace) for host, trace in traces.items()}
    notes = {host: (*lost[host], *_low_level(traces[host], levels[host])) for host in traces}
    keys = [TRACE] if len(of_phases) == 1 else _keys(list(of_phases))
    attributions = dict(zip(keys, of_phases.values(), strict=True))
    phases: dict[str, Phase] = {}
    for name, (key, attribution) in zip(of_phases, attributions.items(), strict=True):
        is_named = is_alone and len(of_phases) > 1
        phases[key] = traced_phase(
            attribution,
            replace(beside, timed=Phase(label=name)) if is_named else beside,
            host_level=min((level for level in levels.values() if level is not None), default=None),
            notes=_of_hosts(notes),
        )
    return phases, attributions, _of_hosts(lost)


def profiler_notes(trace: Trace) -> tuple[Note, ...]:
    """The profiler's errors and warnings, in its own words."""
    return (
        *(_profiler_note(sentence, "profiler_error") for sentence in trace.errors),
        *(_profiler_note(sentence, "profiler_warning") for sentence in trace.warnings),
    )


def _low_level(trace: Trace, level: int | None) -> Iterator[Note]:
    """Whether the host tracer level in force, if the trace tells it, kept anything out."""
    # Of other programs, as JAX's, the level leaves nothing out.
    of_graphs = any(
        line.name.startswith(_EXECUTORS) for plane in trace.planes for line in plane.lines
    )
    if level is not None and level < HOST_LEVEL and of_graphs:
        yield Note("host_level_low", {"level": level, "full_level": HOST_LEVEL})


def _profiler_note(sentence: str, other: str) -> Note:
    text = " ".join(sentence.split()).rstrip(".")
    matching = (code for code, words in _CODES.items() if re.search(words, sentence, re.IGNORECASE))
    return Note(next(matching, other), text=text)


def check_marked(file: Path, attributions: Mapping[str, Attribution], marker: str | None) -> None:
    """Raises a UsageError unless a trace marks its steps by that name."""
    from alexprof.attribute.steps import NOT_MARKED

    attribution = next(iter(attributions.values()))
    if marker is not None and not attribution.marked:
        notes = (note for note in attribution.notes if note.code == NOT_MARKED)
        names = ", ".join(f'"{name}"' for note in notes for name in note.names)
        only = f", only {names}" if names else ""
        raise UsageError(f'{file}: no step marked "{marker}" is in the trace{only}')


def _graph_facts(beside: Beside) -> GraphFacts:
    from alexprof.attribute import GraphFacts

    timed, executed = beside.timed.timed, beside.executed
    return GraphFacts(
        inputs=executed.inputs if executed else None,
        nodes=executed.nodes if executed else None,
        ablations=beside.ablations,
        timed_s=timed.mean_s if timed else None,
    )


def _keys(names: Sequence[str]) -> list[str]:
    """Different names for the phases that a trace marks, for commands and tables."""
    keys: list[str] = []
    for marked in names:
        name = printable(marked[: MOST_NAME // 2]).strip() or TRACE
        others = (f"{name} {number}" for number in count(2))
        keys.append(next(key for key in chain([name], others) if key not in keys))
    return keys


def _of_hosts(by_host: Mapping[str, tuple[Note, ...]]) -> tuple[Note, ...]:
    """Notes on traces, of several hosts with the host's name."""
    several = len(by_host) > 1
    notes = (of_host(host, notes) if several else notes for host, notes in by_host.items())
    return tuple(chain.from_iterable(notes))


def host_of(path: Path) -> str:
    """The host, after which the profiler names its file."""
    return printable(path.name.removesuffix(SUFFIX) or path.name)


def trace_name(files: Sequence[Path]) -> str:
    """The session's name where the files lie in one, else the file's own."""
    folder = files[0].parent.resolve()
    in_session = len(files) > 1 or folder.parent.name == "profile"
    return printable(folder.name) if in_session else host_of(files[0])


def printable(name: str) -> str:
    """A file's name as text, whatever bytes it has."""
    return os.fsencode(name).decode(errors="replace")


def written(path: Path) -> str:
    """When the file was written: a trace does not say when it was taken in words of a calendar."""
    try:
        stamp = path.stat().st_mtime
    except OSError as error:
        raise TraceError(f"can't read {path}: {error.strerror}") from error
    return datetime.fromtimestamp(stamp).astimezone().isoformat(timespec="seconds")
