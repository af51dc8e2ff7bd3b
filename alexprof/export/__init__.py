"""Writes runs in other tools' formats: one file for each, and an entry in the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alexprof.export.tensorboard import write_events
from alexprof.record.run import Run

Export = Callable[[Run], tuple[Path, ...]]
"""Takes a run on disk, and returns the files that it wrote."""
FORMATS: dict[str, Export] = {"tensorboard": write_events}
"""The exports, by their names on the command line."""
