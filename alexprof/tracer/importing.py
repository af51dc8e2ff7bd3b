"""A run of a trace that any program took, with the tables of a run that AlexProf traced."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

import msgspec

from alexprof.arguments import PATH, TEXT, check, several
from alexprof.errors import RunError, UsageError
from alexprof.files import check_writable, make_folder, whole_file, whole_folder
from alexprof.record.parquet import COSTS_FILE, STEPS_FILE, costs_table, save_tables
from alexprof.record.store import check_run_name, save_run
from alexprof.tensorboard.run_events import write_events
from alexprof.tracer.run import Run
from alexprof.tracer.steps import steps_table
from alexprof.tracer.traces import (
    SUFFIX,
    TRACE,
    LoadedTrace,
    find_traces,
    host_of,
    load_with_tables,
    trace_name,
    written,
)


def import_trace(
    *traces: str | os.PathLike[str],
    logdir: str | os.PathLike[str] = "logdir",
    name: str | None = None,
    marker: str | None = None,
    depth: int = 1,
    cores: bool = True,
) -> Run:
    """Makes a run from a trace that TensorFlow or JAX wrote, with tables and a copy of the trace.

    A failed or interrupted import leaves no folder behind.

    Args:
        traces: The `.xplane.pb` file, or the folder of a Profile session; for a program on several
            hosts, the folder, or the file of each.
        logdir: Where the run's folder goes.
        name: The run's name; None takes the session's (or the file's) and the time it was written.
        marker: As for `load_trace`.
        depth: As for `load_trace`.
        cores: As for `load_trace`.

    Returns:
        The run, which is `logdir/name`.

    Raises:
        UsageError: If there is no such trace, or the name can't be a folder's name.
        RunError: If the folder exists already, or can't be written.
        TraceError: If the trace can't be read, or nothing ran in it.
    """
    check(traces=(traces, several(PATH)), logdir=(logdir, PATH), name=(name, TEXT.or_none()))
    files = [file for trace in traces for file in _files(Path(trace))]
    if not files:
        raise UsageError("name a trace to import: its .xplane.pb file or its session's folder")
    if name is None:
        time = datetime.fromisoformat(written(files[0]))
        name = f"{trace_name(files)}-{time:%Y%m%d-%H%M%S}"
    folder = Path(logdir) / name
    _check_new(folder, name)
    loaded = load_with_tables(*files, marker=marker, depth=depth, cores=cores)
    check_writable(folder.parent)
    with whole_folder(folder) as part:
        run = _write(part, loaded)
        _check_new(folder, name)
    return run.placed(folder)


def _files(trace: Path) -> tuple[Path, ...]:
    files = find_traces(str(trace))
    if not files:
        raise UsageError(
            f"no trace {trace}: name a {SUFFIX} file, or the folder of a session that holds one"
        )
    return files


def _check_new(folder: Path, name: str) -> None:
    """Raises a `UsageError` if a run can't have that name, a `RunError` if it is taken."""
    check_run_name(name)
    if os.path.lexists(folder):
        raise RunError(f"{folder} exists already: choose another name with --name, or remove it")


def _write(folder: Path, loaded: LoadedTrace) -> Run:
    """Fills a run's folder."""
    run = _with_trace(folder, loaded)
    attributions = {(TRACE, key): phase for key, phase in loaded.attributions.items()}
    tables = {COSTS_FILE: costs_table(loaded.costs), STEPS_FILE: steps_table({}, attributions)}
    run = save_tables(folder, run, tables)
    save_run(folder, run)
    write_events(run.placed(folder))
    return run


def _with_trace(folder: Path, loaded: LoadedTrace) -> Run:
    """Copies the trace to where TensorBoard's Profile tab finds it, and says so in the record."""
    session = folder / TRACE / "plugins" / "profile" / trace_name(loaded.files)
    make_folder(session)
    for file in loaded.files:
        copied = session / f"{host_of(file)}{SUFFIX}"
        with whole_file(copied) as temporary:
            shutil.copy2(file, temporary)  # with its time: the run's start
    place = session if len(loaded.files) > 1 else copied
    relative = str(place.relative_to(folder))
    variant = loaded.run.variants[TRACE]
    phases = {
        key: phase
        if phase.traced is None
        else msgspec.structs.replace(
            phase, traced=msgspec.structs.replace(phase.traced, file=relative)
        )
        for key, phase in variant.phases.items()
    }
    variants = {TRACE: msgspec.structs.replace(variant, phases=phases)}
    return msgspec.structs.replace(loaded.run, run=folder.name, variants=variants)
