"""The ops of a run as CSV (RFC 4180), a row each: what spreadsheets and data frames read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import msgspec

from alexprof.record.phase import OpCost
from alexprof.record.run import Run
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import output

_FIELDS = [field.encode_name for field in msgspec.structs.fields(OpCost)]
_INTERVAL = "share_ci95_s"


@output("csv")
def render_csv(run: Run, options: ReportOptions) -> str:
    """Renders a row for each op, device and pass: the fields of `OpCost`, its variant and phase."""
    options.check(run)
    columns = [name for name in _FIELDS if name != _INTERVAL]
    columns = ["variant", "phase", *columns, f"{_INTERVAL}_low", f"{_INTERVAL}_high"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(run, options))
    return text.getvalue().rstrip("\n")


def _rows(run: Run, options: ReportOptions) -> Iterator[dict[str, object]]:
    for variant, record in run.variants.items():
        for phase, measured in record.phases.items():
            if options.variant in (None, variant) and options.phase in (None, phase):
                for op in measured.ops:
                    yield {"variant": variant, "phase": phase, **_row(op)}


def _row(op: OpCost) -> dict[str, object]:
    row: dict[str, object] = msgspec.to_builtins(op)
    row["fused"] = " ".join(op.fused)
    del row[_INTERVAL]
    low, high = op.share_ci95_s or (None, None)
    return {**row, f"{_INTERVAL}_low": low, f"{_INTERVAL}_high": high}
