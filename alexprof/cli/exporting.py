"""The command that writes runs in other tools' formats: export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alexprof.cli import option
from alexprof.cli.app import app
from alexprof.cli.terminal import no_collector, print_lines


@app.command()
def export(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's folder, name in the logdir, or latest.")
    ],
    *,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="chrome-trace, perfetto: timelines. speedscope, pprof: shares as flame graphs. "
            "csv, parquet: costs. tensorboard: event files, even of a run that was killed.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write it; default: RUN with a suffix, here."),
    ] = None,
    variant: Annotated[str | None, typer.Option(help="Only this variant.")] = None,
    phase: Annotated[str | None, typer.Option(help="Only this phase.")] = None,
    logdir: option.Logdir = Path("logdir"),
) -> None:
    """Write a run for another tool, such as Perfetto, speedscope, pprof or a spreadsheet."""
    from alexprof.errors import UsageError
    from alexprof.export import TENSORBOARD, check_format
    from alexprof.record.store import find_run

    check_format(format_)
    folder = find_run(run, logdir)
    if format_ != TENSORBOARD:
        with no_collector():
            path = _write_file(folder, format_, output, variant, phase)
        print_lines(f"Wrote {path}")
        return
    if output or variant or phase:
        raise UsageError(
            "event files are written into the run's folder, whole: without --output, --variant "
            "and --phase"
        )
    _write_events(folder)


def _write_file(
    folder: Path, name: str, output: Path | None, variant: str | None, phase: str | None
) -> Path:
    from alexprof.export import FORMATS
    from alexprof.export.selected import Selected
    from alexprof.files import whole_file
    from alexprof.record.parquet import Tables
    from alexprof.record.store import load_run

    record = load_run(folder)
    selected = Selected(record, Tables(record, folder), variant, phase)
    path = output or Path(f"{record.run}{FORMATS[name].suffix}")
    with whole_file(path) as temporary, temporary.open("wb") as file:
        FORMATS[name].write(selected, file)
    return path


def _write_events(folder: Path) -> None:
    from msgspec.structs import replace

    from alexprof.record.store import load_run, save_run
    from alexprof.tensorboard.run_events import write_events
    from alexprof.tracer.repair import killed_run

    with no_collector(), killed_run(folder) as killed:
        record = killed or load_run(folder)
        paths = write_events(record)
        notes = tuple(note for note in record.notes if note.code != "events_missing")
        if killed or notes != record.notes:
            save_run(folder, replace(record, notes=notes))
    print_lines(*[f"Wrote {path}" for path in paths] or ["Nothing to write"])
