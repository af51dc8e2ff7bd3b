"""From a path or from bytes to a `Trace`, with plain words for what is no trace."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

from alexprof.errors import TraceError
from alexprof.xplane.space import read_space
from alexprof.xplane.trace import Trace
from alexprof.xplane.wire import Buffer

_PRINTABLE = frozenset(b"\t\n\r" + bytes(range(0x20, 0x7F)))
_TEXT_BYTES = 64
_TAGS = b"\x0a\x12\x1a\x22"  # of XSpace's fields; text may begin with one, and so may a trace
_GZIP, _ZIP, _XZ = b"\x1f\x8b", b"PK\x03\x04", b"\xfd7zXZ"


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a `.xplane.pb` file: its planes and lines.

    The file is mapped, not loaded: it must stay as it is while the trace is in use. Events are
    decoded on demand, and can still turn out damaged.

    Raises:
        TraceError: It can't be read, is empty or no trace.
        DamageError: It is cut short or damaged.
    """
    source = os.fspath(path)
    try:
        data = _map(Path(path))
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL character
        reason = getattr(error, "strerror", None) or str(error)
        shown = source if source.isprintable() else ascii(source)
        raise TraceError(f"{shown}: byte 0: not readable ({reason}); check the path") from error
    return parse_trace(data, source)


def parse_trace(data: bytes | memoryview, source: str = "<bytes>") -> Trace:
    """Read a trace from memory, as `read_trace` does; messages name its `source`.

    Raises:
        TraceError: It is empty or no trace.
        DamageError: It is cut short or damaged.
    """
    buffer = Buffer(memoryview(data).cast("B"), source)
    if not buffer.size:
        raise TraceError(
            f"{buffer.source}: byte 0: the file is empty; "
            "a trace over 2 GB can cause this: trace fewer steps"
        )
    mistaken = _mistaken(buffer)
    if mistaken and buffer.raw[0] not in _TAGS:
        raise mistaken
    try:
        return read_space(buffer)
    except TraceError as error:
        raise mistaken or error from None


def _map(path: Path) -> memoryview:
    """Map a file into memory, or load it where the file system can't map."""
    # Looked at before it is opened: opening a pipe would wait for someone to write into it.
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(None, "not a regular file")
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return memoryview(b"")
        try:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError:
            return memoryview(file.read())


def _mistaken(buffer: Buffer) -> TraceError | None:
    """Say what the bytes seem to be, if it is something else that a user may give for a trace."""
    head = bytes(buffer.raw[:_TEXT_BYTES])
    if head.startswith((_GZIP, _ZIP, _XZ)):
        return TraceError(f"{buffer.source}: byte 0: compressed; unpack it first")
    if _PRINTABLE.issuperset(head):
        return TraceError(f"{buffer.source}: byte 0: a text file; give a .xplane.pb file")
    return None
