"""The record itself, as `run.json` holds it, and the answers worked out from it."""

from __future__ import annotations

from alexprof.analysis.summary import answers
from alexprof.record.json_text import json_text
from alexprof.record.run import Run
from alexprof.show.options import ReportOptions


def render(run: Run, options: ReportOptions) -> str:
    """Renders the whole record, and `answers`; options that choose a part leave it whole."""
    options.check(run)
    return json_text(run, indent=2, answers=answers(run))
