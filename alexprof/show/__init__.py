"""A run to text: `render` for a report, `render_list` for many runs, `progress_for` meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from alexprof.errors import check_name
from alexprof.record.run import Run
from alexprof.show import outputs
from alexprof.show.listing import render_list
from alexprof.show.options import ReportOptions

__all__ = ["ReportOptions", "render", "render_list"]


def render(run: Run, style: str = "text", options: ReportOptions | None = None) -> str:
    """Renders a run, complete or not, by the output of that name (`outputs/`).

    Returns:
        The text, without a newline at its end.

    Raises:
        UsageError: If there is no such output, or the run has no such variant or phase.
    """
    names = sorted(module.name.removeprefix("as_") for module in iter_modules(outputs.__path__))
    check_name("report style", style, names)
    output: Callable[[Run, ReportOptions], str]
    output = import_module(f"{outputs.__name__}.as_{style}").render
    return output(run, options or ReportOptions())
