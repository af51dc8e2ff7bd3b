"""What a user names on the command line: a run, a variant of one, or a trace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from alexprof.analysis.selection import Group, Selection, check_distinct
from alexprof.errors import RunError, UsageError
from alexprof.record.parquet import Tables, check_tables, costs_table
from alexprof.record.run import Run
from alexprof.record.store import find_run, load_run
from alexprof.tracer.traces import LoadedTrace, find_traces, load_trace, load_with_tables, printable

if TYPE_CHECKING:
    from alexprof.show.pages.view import Source


def load(
    name: str, logdir: Path, *, marker: str | None = None, depth: int = 1, cores: bool = True
) -> Run:
    """Reads a run, or a trace alone.

    Args:
        name: A run's folder, its name in `logdir`, or "latest"; or what `find_traces` takes. A run
            of the logdir goes before a file of the same name.
        logdir: Where runs are.
        marker: As for `load_trace`, like `depth` and `cores`.
        depth: See there.
        cores: See there.

    Raises:
        RunError: If there is neither.
        UsageError: If a folder holds traces of several sessions, or options for a trace are given
            with a run.
        TraceError: If the trace can't be read, or nothing ran in it.
    """
    if files := find_traces(name, logdir):
        return load_trace(*files, marker=marker, depth=depth, cores=cores)
    folder = find_run(name, logdir)
    if marker is not None or depth != 1 or not cores:
        raise UsageError(
            f"{folder} is a recorded run: --marker, --depth and --no-cores work only on a trace, "
            "so name its .xplane.pb file"
        )
    run = load_run(folder)
    check_tables(folder, run)
    return run


def load_source(
    name: str, logdir: Path, *, marker: str | None = None, depth: int = 1, cores: bool = True
) -> Source:
    """Reads a run, or a trace alone, with its tables; arguments and errors are those of `load`."""
    from alexprof.show.pages.view import Source

    if files := find_traces(name, logdir):
        loaded = load_with_tables(*files, marker=marker, depth=depth, cores=cores)
        return Source(loaded.run, _trace_tables(loaded, files[0]))
    run = load(name, logdir, marker=marker, depth=depth, cores=cores)
    assert run.place is not None
    return Source(run, Tables(run, run.place))


def _trace_tables(loaded: LoadedTrace, file: Path) -> Tables:
    return Tables(loaded.run, file, costs=costs_table(loaded.costs))


def select(name: str, logdir: Path) -> Selection:
    """Finds a run by a name as of `find_run`, a variant by `RUN:variant`, or a trace.

    Raises:
        RunError: If there is no such run.
        UsageError: If the run has no such variant, or a folder holds several traces.
        TraceError: If the trace can't be read.
    """
    if files := find_traces(name, logdir):
        loaded = load_with_tables(*files, cores=False)
        # By its path: files of several sessions have the same name, the host's.
        named = replace(loaded.run, run=printable(name))
        return Selection(files[0], named, None, _trace_tables(loaded, files[0]))
    run_name, _, variant = name.rpartition(":")
    try:
        folder = find_run(name, logdir)
        return Selection(folder, load_run(folder), None)
    except RunError:
        if not run_name:
            raise
    folder = find_run(run_name, logdir)
    run = load_run(folder)
    if variant not in run.variants:
        variants = ", ".join(run.variants) or "none"
        raise UsageError(f"no variant {variant!r} in run {run.run}: it has {variants}")
    return Selection(folder, run, variant)


def select_each(names: Sequence[str], logdir: Path) -> list[Group]:
    """Finds what is to be compared, groups of a run; errors as of `select` and `check_distinct`."""
    if len(names) < 2:
        raise UsageError(
            "compare needs at least two runs: alexprof compare RUN RUN, or RUN:variant"
        )
    selections = [select(name, logdir) for name in names]
    check_distinct(selections)
    return [Group((selection,)) for selection in selections]
