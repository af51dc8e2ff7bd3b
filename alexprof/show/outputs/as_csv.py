"""The ops of a run as CSV (RFC 4180), a row each: what spreadsheets and data frames read."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec

from alexprof.plain_text import clean
from alexprof.record.phase import OpCost
from alexprof.record.run import Run
from alexprof.show.options import ReportOptions

_INTERVAL = "share_ci95_s"
_FIELDS = [name for name in OpCost.__struct_encode_fields__ if name != _INTERVAL]

_FORMULA = tuple("=+-@＝＋－＠")
"""Characters that start a formula in a spreadsheet, including their full-width forms."""


def render(run: Run, options: ReportOptions) -> str:
    """Renders a row for each op, device and pass: the fields of `OpCost`, its variant and phase."""
    options.check(run)
    ends = [f"{_INTERVAL}_low", f"{_INTERVAL}_high"]
    text = io.StringIO()
    writer = csv.DictWriter(
        text, ["variant", "phase", *_FIELDS, *ends], extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()
    for variant, key, phase in run.all_phases():
        if options.variant in (None, variant) and options.phase in (None, key):
            for op in phase.ops:
                row = {"variant": variant, "phase": key, **msgspec.to_builtins(op)}
                row |= {"fused": " ".join(op.fused)}
                row |= dict(zip(ends, op.share_ci95_s or (), strict=False))
                writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue().rstrip("\n")


def _cell(value: Any) -> Any:
    """Cleans a text, and puts an apostrophe in front if it would be a formula; keeps numbers."""
    if not isinstance(value, str):
        return value
    text = clean(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
