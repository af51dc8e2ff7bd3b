"""Files written whole: a reader sees the old content or the new, never a part."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from alexprof.errors import RunError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

RUN_NEEDS_BYTES = 64_000_000
"""Free space to insist on; the traces of a default AlexNet run take 30 MB."""
PART = ".part-"
"""Prefix of files and folders that are being written. Their names don't include the final name,
because TensorBoard reads every file with "tfevents" in its name."""
_TRIES = 5
_numbers = itertools.count()
_ADVICE = {
    errno.ENOSPC: "no space left on the disk: free some, or choose another folder with --logdir",
    errno.EDQUOT: "disk quota used up: free some, or choose another folder with --logdir",
    errno.EACCES: "no permission to write there: choose another folder with --logdir",
    errno.EPERM: "no permission to write there: choose another folder with --logdir",
    errno.EROFS: "the file system is read-only: choose another folder with --logdir",
    errno.ENOTDIR: "a part of that path is a file: choose another folder with --logdir",
    errno.ENOENT: "nothing can be made there: choose another folder with --logdir",
    errno.EEXIST: "a file of that name is in the way: choose another folder with --logdir",
    errno.ENAMETOOLONG: "the name is too long for the file system: choose a shorter one",
}


def explain(error: OSError, path: Path) -> RunError:
    """Turns the operating system's error on `path` into one line that says what to do."""
    reason = _ADVICE.get(error.errno or 0, error.strerror or str(error))
    return RunError(
        f"can't write {path}: {reason}",
        code="not_written",
        names=(str(path),),
        text=error.strerror or "",
    )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an `OSError` inside the block into a `RunError` that names `path` and a way out."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def make_folder(path: Path) -> None:
    """Makes a folder and its parents.

    Raises:
        RunError: If it can't be made.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def check_writable(folder: Path) -> None:
    """Makes sure, before work begins, that files can be written in `folder`.

    Args:
        folder: Made if it is not there.

    Raises:
        RunError: If the folder can't be made or written, or has too little space.
    """
    make_folder(folder)
    with writing(folder), tempfile.TemporaryFile(dir=folder):
        free_bytes = shutil.disk_usage(folder).free
    if free_bytes < RUN_NEEDS_BYTES:
        raise RunError(
            f"{folder} has {free_bytes / 1e6:.0f} MB of free space, a run may need "
            f"{RUN_NEEDS_BYTES / 1e6:.0f} MB: free some, or choose another folder with --logdir"
        )


def check_new_folder(folder: Path) -> None:
    """Makes sure that a run, or pairs of them, can be written to a folder.

    Raises:
        RunError: If it exists, or its logdir can't be written or has too little space.
    """
    name = str(folder).encode(errors="replace").decode()
    if name != str(folder):
        raise RunError(
            f"{name} is not UTF-8, which TensorFlow needs: choose another folder",
            code="name_not_text",
        )
    with writing(folder):
        exists = folder.exists()
    if exists:
        raise _exists(folder)
    check_writable(folder.parent)


def _exists(folder: Path) -> RunError:
    return RunError(
        f"{folder} exists already: choose another name, or remove it",
        code="folder_exists",
        names=(str(folder),),
    )


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; what is written there becomes `path` at the end.

    The content reaches the disk before the name changes (fsync, rename, fsync of the folder), so
    that a machine that stops shows the old file or the new one. On an error nothing is left.

    Raises:
        RunError: If it can't be written.
    """
    make_folder(path.parent)
    temporary = path.with_name(f"{PART}{os.getpid()}-{next(_numbers)}")
    try:
        with writing(path):
            yield temporary
            fsync(temporary)
            temporary.replace(path)
            fsync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Gives a new folder of the same name to fill, which becomes `path` at the end.

    The new folder is one level deeper, where nobody looks for runs. An error leaves nothing behind;
    the next `whole_folder` in the same parent removes what a kill leaves.

    Raises:
        RunError: If the folder can't be made, or `path` is a folder that isn't empty.
    """
    remove_abandoned(path.parent)
    with writing(path), _new_part(path.parent) as outer:
        try:
            inner = outer / path.name
            inner.mkdir()
            yield inner
            try:
                inner.rename(path)
            except OSError as error:
                if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                    raise _exists(path) from error
                raise
            fsync(path.parent)
        finally:
            shutil.rmtree(outer, ignore_errors=True)


def lock(folder: Path) -> int | None:
    """Locks a folder against other processes, until the descriptor is closed or this process ends.

    Returns:
        The descriptor; None if another process has the lock, or locks are not supported.
    """
    if fcntl is None:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def unlock(descriptor: int | None) -> None:
    """Lets go of a lock, where there is one."""
    if descriptor is not None:
        os.close(descriptor)


@contextmanager
def _new_part(folder: Path) -> Iterator[Path]:
    """Makes a new folder in `folder`, locked during the `with` block if that is possible."""
    for attempt in range(1, _TRIES + 1):
        part = Path(tempfile.mkdtemp(prefix=_parts_here(), dir=folder))
        descriptor = lock(part)
        if attempt == _TRIES or (descriptor is not None and part.exists()):
            break
        # No locks here, or another process removed the folder as abandoned before the lock.
        shutil.rmtree(part, ignore_errors=True)
        unlock(descriptor)
    try:
        yield part
    finally:
        unlock(descriptor)


def _parts_here() -> str:
    """Prefix of folders that this machine makes; locks may not work across machines."""
    return f"{PART}{socket.gethostname()}-"


def remove_parts(folder: Path) -> None:
    """Removes partly written files and folders in and below a folder; nobody may be writing."""
    for path in folder.rglob(f"{PART}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def remove_abandoned(folder: Path) -> None:
    """Removes what killed processes left of a `whole_folder` in this folder."""
    for part in folder.glob(f"{PART}*"):
        descriptor = lock(part) if part.name.startswith(_parts_here()) else None
        if descriptor is not None:
            shutil.rmtree(part, ignore_errors=True)
            unlock(descriptor)


def read_whole(path: Path, most_bytes: int) -> bytes:
    """Reads a file, and doesn't wait if the path is a pipe or device.

    Raises:
        OSError: If the file can't be read.
        RunError: If the path is not a regular file, or the file is larger than `most_bytes`.
    """
    with _opened(path) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        # Not `read(most_bytes)`, which asks for that much memory whatever the file's size.
        if size_bytes <= most_bytes:
            return file.read(size_bytes)
    raise RunError(
        f"{path} is larger than {most_bytes / 1e6:.0f} MB, more than any file of a run",
        code="file_too_large",
        numbers={"bytes": most_bytes},
        names=(str(path),),
    )


def read_head(path: Path, most_bytes: int) -> bytes:
    """Reads at most so many bytes from a file's beginning; errors are as for `read_whole`."""
    with _opened(path) as file:
        return file.read(most_bytes)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise RunError(
                f"{path} is a pipe or a device, not a file", code="no_file", names=(str(path),)
            )
        yield file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def write_whole(path: Path, content: bytes) -> None:
    """Writes `content` to `path`, whole or not at all.

    Raises:
        RunError: If it can't be written.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def silence(stream: TextIO) -> None:
    """Discards a stream's buffered and later output; otherwise Python would complain later."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        stream.flush()


def fsync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on disk; an OSError if that fails."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
