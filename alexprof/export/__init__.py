"""Records in other tools' formats, a file each; adding one is adding it to the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alexprof.export.tensorboard import write_events
from alexprof.record.run import Run

Export = Callable[[Run], tuple[Path, ...]]
"""Takes a run on disk and returns the files that it has written."""
FORMATS: dict[str, Export] = {"tensorboard": write_events}
"""By name, as the command line knows them."""
