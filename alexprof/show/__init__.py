"""A run to text: `render` for a report, `render_list` for many runs, `progress_for` meanwhile."""

from __future__ import annotations

from alexprof.record.run import Run
from alexprof.show.listing import render_list
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import find_output

__all__ = ["ReportOptions", "render", "render_list"]


def render(run: Run, style: str = "text", options: ReportOptions | None = None) -> str:
    """Renders a run, complete or not, by the output of that name (`outputs/`).

    Returns:
        The text, without a newline at its end.

    Raises:
        UsageError: If there is no such output, or the run has no such variant or phase.
    """
    return find_output(style)(run, options or ReportOptions())
