"""The record itself, as `run.json` holds it."""

from __future__ import annotations

import msgspec

from alexprof.runs.record import Run
from alexprof.show.options import ReportOptions
from alexprof.show.registry import output


@output("json")
def render_json(run: Run, options: ReportOptions) -> str:
    """Renders the whole record; options that choose a part of a report leave it whole.

    Raises:
        UsageError: If they choose what the run has not.
    """
    options.check(run)
    return msgspec.json.format(msgspec.json.encode(run), indent=2).decode()
