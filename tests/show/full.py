"""Reports of runs that lie in `logdir`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from alexprof.record.run import Run
from alexprof.show import ReportOptions
from alexprof.show import render as render_any


def render(run: Run, style: str = "text", options: ReportOptions | None = None) -> str:
    """Renders all of a run."""
    return render_brief(run, style, replace(options or ReportOptions(), full=True))


def render_brief(run: Run, style: str = "text", options: ReportOptions | None = None) -> str:
    """Renders one screen of a run."""
    return render_any(run if run.place else run.placed(Path("logdir", run.run)), style, options)
