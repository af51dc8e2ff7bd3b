"""Event files: the records that TensorBoard reads, one file for each of its runs.

A record is its length, the length's masked CRC-32C, the bytes and their masked CRC-32C
(tensorflow/core/lib/io/record_writer.h); the bytes are an `Event`
(tensorflow/core/util/event.proto).
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter, masked_crc32c

from alexprof.files import whole_file, writing

_OURS = re.compile(r"events\.out\.tfevents\.(\d{10})\..*\.alexprof\.(\d{9})", re.DOTALL)
_GRAPHS = ("graph_def", "tagged_run_metadata")


def write_event_file(folder: Path, events: Iterable[Event]) -> Path:
    """Writes an event file, whole, in the place of the one that AlexProf wrote there before.

    The new file has a later name and begins with a session's start, because a TensorBoard that is
    open meanwhile reads a file that appears, and forgets what came before such a start; of a file
    that is replaced under its name it sees nothing.

    Args:
        folder: TensorBoard's run.
        events: What the file holds after its head.

    Returns:
        The file's path; a RunError if it can't be written.
    """
    with writing(folder):
        earlier = _written_before(folder)
    now_ns = max([time.time_ns(), *(stamp_ns + 1 for stamp_ns in earlier.values())])
    # TensorBoard takes files with "tfevents" in their name, sorted by it.
    seconds, rest_ns = divmod(now_ns, 1_000_000_000)
    name = f"events.out.tfevents.{seconds:010d}.{socket.gethostname()}.alexprof.{rest_ns:09d}"
    path, now_s = folder / name, now_ns / 1e9
    head = (
        Event(wall_time=now_s, file_version="brain.Event:2"),
        Event(wall_time=now_s, step=0, session_log=SessionLog(status=SessionLog.START)),
    )
    with whole_file(path) as temporary, temporary.open("wb") as file:
        records = RecordWriter(file)
        for event in (*head, *events):
            records.write(event.SerializeToString())
    for old in earlier:
        with writing(old):
            old.unlink(missing_ok=True)
    return path


def graphs_before(folder: Path) -> tuple[Event, ...]:
    """The graph and run metadata in earlier files by AlexProf; none if a file is damaged."""
    try:
        return tuple(chain.from_iterable(_graphs(path) for path in sorted(_written_before(folder))))
    except Exception:  # noqa: BLE001 (it can't be opened, or is damaged in some way)
        return ()


def _graphs(path: Path) -> list[Event]:
    """Reads the events before a file's first summary; a ValueError if a record is damaged."""
    events: list[Event] = []
    with path.open("rb") as file:
        left_bytes = os.fstat(file.fileno()).st_size
        while left_bytes > 0:
            length = int.from_bytes(file.read(12)[:8], "little")
            left_bytes -= 16 + length
            if left_bytes < 0:
                raise ValueError("a record is cut short")
            body, check = file.read(length), file.read(4)
            if masked_crc32c(body) != int.from_bytes(check, "little"):
                raise ValueError("a record is damaged")
            event = Event.FromString(body)
            if event.HasField("summary"):
                break
            events += [event] if event.WhichOneof("what") in _GRAPHS else []
    return events


def _written_before(folder: Path) -> dict[Path, int]:
    """AlexProf's event files in a folder and the Unix times in their names, in nanoseconds."""
    if not folder.is_dir():
        return {}
    names = ((path, _OURS.fullmatch(path.name)) for path in folder.iterdir())
    return {path: int(name[1]) * 1_000_000_000 + int(name[2]) for path, name in names if name}
