"""Writes a run's event files when it closes, or later if it was killed before that."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec.structs import replace

from alexprof.capture.failures import reason
from alexprof.errors import RunError
from alexprof.files import lock, read_head, remove_parts, unlock
from alexprof.record.note import Note
from alexprof.record.run import UNFINISHED, AnyRun, Run
from alexprof.record.store import RUN_FILE, load_run, save_run
from alexprof.tensorboard.run_events import VariantFiles, write_events

MOST_S = 10.0
"""Time limit for repairs; killed runs that remain wait for the next run."""
_HEAD_BYTES = 4096
_INCOMPLETE = b'"complete": false'


def unfinished_here() -> Note:
    """What stopped a run in a folder locked on this machine, until the run's end is known."""
    return replace(UNFINISHED, names=(socket.gethostname(),))


def with_events(run: AnyRun, files: Mapping[str, VariantFiles] | None = None) -> AnyRun:
    """Writes a run's event files; returns the run, with a note if that fails."""
    try:
        write_events(run, files)
    except Exception as error:  # noqa: BLE001 (the times matter more)
        note = Note("events_missing", names=(run.run,), text=reason(error))
        return replace(run, notes=(*run.notes, note))
    return run


@contextmanager
def killed_run(folder: Path) -> Iterator[Run | None]:
    """Gives the run in a folder if it was killed, and removes its partly written files.

    A run that is still going holds a lock, which the system releases however its process ends. The
    result is None if this can't be told: on another machine, or where folders can't be locked. The
    run is marked as killed, but the caller must save its record, inside the `with` block.

    Raises:
        RunError: If the record can't be read.
    """
    descriptor = lock(folder)
    try:
        run = None if descriptor is None else load_run(folder)
        if run is None or run.stopped != unfinished_here():
            yield None
            return
        remove_parts(folder)
        yield replace(run, stopped=Note("killed")).placed(folder)
    finally:
        unlock(descriptor)


def repair_killed(logdir: Path) -> list[str]:
    """Marks killed runs, and writes their event files; runs that fail stay as they are.

    Returns:
        The names of the repaired runs.
    """
    end_s, names = time.monotonic() + MOST_S, []
    for folder in sorted(logdir.iterdir()):
        # A fault in another run must not affect this one.
        with suppress(Exception):
            if _may_be_killed(folder) and time.monotonic() < end_s:
                with killed_run(folder) as run:
                    if run is not None:
                        save_run(folder, with_events(run))
                        names.append(folder.name)
    return names


def _may_be_killed(folder: Path) -> bool:
    """Looks at the head of a record, to avoid reading most records in full."""
    try:
        head = read_head(folder / RUN_FILE, _HEAD_BYTES)
    except (OSError, RunError):
        return False
    return _INCOMPLETE in head and f'"{UNFINISHED.code}"'.encode() in head
