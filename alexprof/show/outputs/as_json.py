"""The record itself, as `run.json` holds it, and the answers worked out from it."""

from __future__ import annotations

import msgspec

from alexprof.analysis.summary import answers
from alexprof.record.run import Run
from alexprof.show.options import ReportOptions


def render(run: Run, options: ReportOptions) -> str:
    """Renders the whole record, and `answers`; options that choose a part leave it whole."""
    options.check(run)
    record, worked_out = msgspec.json.encode(run), msgspec.json.encode(answers(run))
    return msgspec.json.format(record[:-1] + b',"answers":' + worked_out + b"}", indent=2).decode()
