"""What a reader may choose of a report."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import Any

from alexprof.errors import UsageError, check_name
from alexprof.record.run import Run

LEAST_WIDTH = 40
MOST_WIDTH = 100


@dataclass(frozen=True)
class ReportOptions:
    """What to show and how wide."""

    width: int = 80  # Columns of the terminal; a report takes at least 40
    color: bool = False  # Whether to color the text; it is complete without
    variant: str | None = None  # The variant to look into; None takes the run's first
    phase: str | None = None  # The only phase to show; None shows all
    top: int = 10  # How many of the most expensive ops to list; a negative number is a UsageError
    full: bool = False  # Whether to show everything, and not one screen
    section: str | None = None  # The only part to show (`sections.report.SECTIONS`); None shows all

    def __post_init__(self) -> None:
        if self.top < 0:
            raise UsageError(f"the number of ops to list must be at least 0, not {self.top}")

    @property
    def whole(self) -> bool:
        """Whether to make the full report, or a part of it."""
        return self.full or self.section is not None

    def check(self, run: Run) -> None:
        """Makes sure that the run has that variant and phase; else raises a UsageError."""
        if self.variant is not None:
            check_name("variant", self.variant, tuple(run.variants), f" in run {run.run}")
        if self.phase is not None:
            check_name("phase", self.phase, run.phase_keys, f" in run {run.run}")


def terminal_options(**choices: Any) -> ReportOptions:
    """Options for standard output: a log file is taken for 80 columns."""
    # A program may be started without standard output (`>&-`).
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    color = on_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return ReportOptions(shutil.get_terminal_size((80, 24)).columns, color, **choices)


def text_width(options: ReportOptions) -> int:
    """Cells of a line of text: as many as asked for, but 40 at least and 100 at most."""
    return max(LEAST_WIDTH, min(options.width, MOST_WIDTH))
