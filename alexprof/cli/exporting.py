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
    format_: Annotated[str, typer.Option("--format", help="tensorboard: event files.")],
    logdir: option.Logdir = Path("logdir"),
) -> None:
    """Write a run for another tool: TensorBoard's event files, even if the run was killed."""
    from msgspec.structs import replace

    from alexprof.errors import check_name
    from alexprof.export import FORMATS
    from alexprof.record.store import find_run, load_run, save_run
    from alexprof.tracer.repair import killed_run

    check_name("format", format_, FORMATS)
    folder = find_run(run, logdir)
    with no_collector(), killed_run(folder) as killed:
        record = killed or load_run(folder)
        paths = FORMATS[format_](record)
        notes = tuple(note for note in record.notes if note.code != "events_missing")
        if killed or notes != record.notes:
            save_run(folder, replace(record, notes=notes))
    print_lines(*[f"Wrote {path}" for path in paths] or ["Nothing to write"])
