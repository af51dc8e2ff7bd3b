"""The output formats of a run: to add one, add a file next to this one and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from alexprof.errors import check_name

if TYPE_CHECKING:
    from alexprof.record.run import Run
    from alexprof.show.options import ReportOptions

FORMATS = {
    "csv": "alexprof.show.outputs.as_csv:render",
    "html": "alexprof.show.outputs.as_html:render",
    "json": "alexprof.show.outputs.as_json:render",
    "markdown": "alexprof.show.outputs.as_markdown:render",
    "text": "alexprof.show.outputs.as_text:render",
}
"""The module and function that make each format, by its name in `report --format`."""


def render(run: Run, style: str = "text", options: ReportOptions | None = None) -> str:
    """Renders a run, complete or not, in a format.

    Returns:
        The text, without a newline at its end.

    Raises:
        UsageError: If there is no such format, or the run has no such variant or phase.
    """
    from alexprof.show.options import ReportOptions

    check_name("report style", style, FORMATS)
    module, _, function = FORMATS[style].partition(":")
    output: Callable[[Run, ReportOptions], str] = getattr(import_module(module), function)
    return output(run, options or ReportOptions())
