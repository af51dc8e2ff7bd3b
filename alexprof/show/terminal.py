"""What standard output can show."""

from __future__ import annotations

import os
import shutil
import sys


def width() -> int:
    """Columns of the terminal, or what COLUMNS says; a log file is taken for 80."""
    return shutil.get_terminal_size((80, 24)).columns


def color() -> bool:
    """Whether to color what is printed: on a terminal that can, unless NO_COLOR is set."""
    # A program may be started without standard output (`>&-`).
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    return on_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
