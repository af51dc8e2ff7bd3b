"""The whole of a report, which tests of its parts look at."""

from __future__ import annotations

from dataclasses import replace

from alexprof.record.run import Run
from alexprof.show import ReportOptions
from alexprof.show import render as render_any


def render(run: Run, style: str = "text", options: ReportOptions | None = None) -> str:
    """Renders all of a run."""
    return render_any(run, style, replace(options or ReportOptions(), full=True))
