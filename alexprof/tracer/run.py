"""`alexprof.Run`: a record that shows itself."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import asdict

from alexprof.arguments import PATH, check
from alexprof.record import run as record
from alexprof.record import store


class Run(record.Run, frozen=True, kw_only=True):
    """A run's record; docs/json.md explains its fields."""

    def report(self, style: str = "text") -> None:
        """Prints the report as "text", "markdown" or "json"."""
        from alexprof.show.outputs import render

        print(render(self, style))

    def _repr_html_(self) -> str:
        from alexprof.show.outputs import render

        return render(self, "html")


def load_run(folder: str | os.PathLike[str]) -> Run:
    """Reads the run in a folder.

    Raises:
        RunError: If the folder is not a run, is damaged, or has another schema.
    """
    check(folder=(folder, PATH))
    return Run(**asdict(store.load_run(folder))).placed(Path(folder))
