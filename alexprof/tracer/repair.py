"""What a run leaves for TensorBoard when it closes, and for one that was killed before that."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec.structs import replace

from alexprof.capture.failures import reason
from alexprof.export.tensorboard import VariantFiles, write_events
from alexprof.files import lock, remove_parts, unlock
from alexprof.record.note import Note
from alexprof.record.run import UNFINISHED, AnyRun, Run
from alexprof.record.store import RUN_FILE, load_run, save_run

MOST_S = 10.0
"""After so long the killed runs of a logdir that are left wait for the next run."""
_HEAD_BYTES = 4096
_INCOMPLETE = b'"complete": false'


def unfinished_here() -> Note:
    """What stopped a run, until its end is known, whose folder this machine has locked."""
    return replace(UNFINISHED, names=(socket.gethostname(),))


def with_events(run: AnyRun, files: Mapping[str, VariantFiles] | None = None) -> AnyRun:
    """Writes a run's event files; the run comes back with a note where that fails."""
    try:
        write_events(run, files)
    except Exception as error:  # noqa: BLE001 (the times are what counts)
        note = Note("events_missing", names=(run.run,), text=reason(error))
        return replace(run, notes=(*run.notes, note))
    return run


@contextmanager
def killed_run(folder: Path) -> Iterator[Run | None]:
    """Gives the run in a folder if it was killed, without what it had only begun to write.

    A run that goes on holds a lock, which the system lets go of when its process ends, however.
    Where nobody can tell there is None: on another machine, or where folders can't be locked. The
    run says that it was killed; its record is still to be saved, in the `with` block.

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
    """Marks runs that were killed, and writes their event files; what fails is left as it is.

    Returns:
        The names of the runs.
    """
    end_s, names = time.monotonic() + MOST_S, []
    for folder in sorted(logdir.iterdir()):
        # What is wrong with another run is no matter of this one.
        with suppress(Exception):
            if _may_be_killed(folder) and time.monotonic() < end_s:
                with killed_run(folder) as run:
                    if run is not None:
                        save_run(folder, with_events(run))
                        names.append(folder.name)
    return names


def _may_be_killed(folder: Path) -> bool:
    """Looks at the head of a record, which is read in full only if it must be."""
    try:
        with (folder / RUN_FILE).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return _INCOMPLETE in head and f'"{UNFINISHED.code}"'.encode() in head
