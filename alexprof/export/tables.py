"""Tables: the costs of ops as CSV (RFC 4180), or of every traced step as Parquet."""

from __future__ import annotations

from typing import BinaryIO

from alexprof.export.selected import Selected
from alexprof.show.options import ReportOptions
from alexprof.show.outputs.as_csv import render


def write_csv(selected: Selected, file: BinaryIO) -> None:
    """Writes a row for each op, device and pass: means over traced steps, as `report` has them."""
    list(selected.places())
    options = ReportOptions(variant=selected.variant, phase=selected.key)
    file.write(render(selected.run, options).encode() + b"\n")


def write_parquet(selected: Selected, file: BinaryIO) -> None:
    """Writes a row for each traced step, device and op, idle time included, as docs/json.md says.

    The columns are those of `costs.parquet`; for each step and device `share_ns` adds up to
    `wall_ns`.
    """
    selected.costs().write_parquet(file)
