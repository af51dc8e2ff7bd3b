"""Reports of runs that lie in `logdir`, and whole outputs compared with files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from alexprof.record.run import Run
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import render as render_any


def render(run: Run, style: str = "text", options: ReportOptions | None = None) -> str:
    """Renders all of a run."""
    return render_brief(run, style, replace(options or ReportOptions(), full=True))


def render_brief(run: Run, style: str = "text", options: ReportOptions | None = None) -> str:
    """Renders one screen of a run."""
    return render_any(run if run.place else run.placed(Path("logdir", run.run)), style, options)


def check_golden(path: Path, text: str) -> None:
    """Compares a whole output with a file; ALEXPROF_UPDATE_GOLDEN=1 writes it anew."""
    if os.environ.get("ALEXPROF_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")
