"""`alexprof.Run`: a record that shows itself."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from msgspec.structs import asdict

from alexprof.arguments import PATH, check
from alexprof.errors import AlexProfError
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

        return self._chart() + render(self, "html")

    def _chart(self) -> str:
        """The steps in the order they ran, as SVG; "" where there is nothing to draw."""
        from alexprof.record.parquet import Tables
        from alexprof.show.pages import first_figure
        from alexprof.show.pages.view import Choices, PageView, Source
        from alexprof.show.svg import figure_svg, titled

        if self.place is None:
            return ""
        source = Source(self, Tables(self, self.place))
        try:
            figure = first_figure(PageView.of(source, Choices()))
        except AlexProfError:  # the report says what is missing
            return ""
        svg = figure_svg(replace(figure, spec=titled(figure)))
        return f'<div style="background:#fff;max-width:1000px">{svg}</div>'


def load_run(folder: str | os.PathLike[str]) -> Run:
    """Reads the run in a folder.

    Raises:
        RunError: If the folder is not a run, is damaged, or has another schema.
    """
    check(folder=(folder, PATH))
    return Run(**asdict(store.load_run(folder))).placed(Path(folder))
