"""Writes runs in other tools' formats: one file for each, and an entry in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO

from alexprof.errors import check_name

if TYPE_CHECKING:
    from alexprof.export.selected import Selected

TENSORBOARD = "tensorboard"
"""Event files, which are written into the run's own folder."""


@dataclass(frozen=True)
class Format:
    """A format that is one file."""

    suffix: str  # Of the file's name
    media_type: str
    writer: str  # Module and function that write it

    def write(self, selected: Selected, file: BinaryIO) -> None:
        """Writes what is selected of a run.

        Raises:
            RunError: If the run has nothing for the format, or a table or trace is missing.
        """
        module, _, function = self.writer.partition(":")
        writer: Callable[[Selected, BinaryIO], None] = getattr(
            import_module(f"alexprof.export.{module}"), function
        )
        writer(selected, file)


FORMATS = {
    "csv": Format(".csv", "text/csv", "tables:write_csv"),
    "parquet": Format(".parquet", "application/octet-stream", "tables:write_parquet"),
    "chrome-trace": Format(".trace.json.gz", "application/gzip", "chrome:write_chrome"),
    "perfetto": Format(".pftrace", "application/octet-stream", "perfetto:write_perfetto"),
    "speedscope": Format(".speedscope.json", "application/json", "speedscope:write_speedscope"),
    "pprof": Format(".pb.gz", "application/gzip", "pprof:write_pprof"),
}
"""The exports that are files, by their names on the command line."""


def check_format(name: str) -> None:
    """Raises a UsageError if there is no such export."""
    check_name("format", name, (*FORMATS, TENSORBOARD))
