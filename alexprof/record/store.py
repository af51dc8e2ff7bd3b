"""Runs on disk: save, load, find and list them.

A run is a folder in a logdir with a `run.json`. Reading one imports neither TensorFlow nor NumPy.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import msgspec

from alexprof.errors import AlexProfError, RunError, UsageError
from alexprof.files import read_whole, write_whole
from alexprof.record.consistency import check_run
from alexprof.record.run import SCHEMA_VERSION, Run

RUN_FILE = "run.json"
PAIRS_FILE = "ab.json"
"""What a folder of `alexprof ab` has instead (`analysis.pairs`)."""
LATEST = "latest"
LARGEST_BYTES = 200_000_000
"""The largest record that is read."""
_NO_RECORD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


Record = TypeVar("Record", bound=msgspec.Struct)


class _Version(msgspec.Struct):
    schema_version: int


@dataclass(frozen=True)
class BrokenRun:
    """A folder that looks like a run and can't be read."""

    run: str  # The folder's name
    error: AlexProfError  # What is wrong


def save_run(folder: Path, run: Run) -> None:
    """Writes `run.json`, whole; a RunError if it can't be written."""
    save_json(folder / RUN_FILE, run)


def save_json(path: Path, record: msgspec.Struct) -> None:
    """Writes a record as JSON, whole; a RunError if it can't be written."""
    content = msgspec.json.format(msgspec.json.encode(record), indent=1)
    write_whole(path, content + b"\n")


def load_run(folder: str | os.PathLike[str]) -> Run:
    """Reads the run in a folder.

    Raises:
        RunError: If it is no run, is damaged, contradicts itself, or is of another schema.
    """
    path = Path(folder) / RUN_FILE
    try:
        run = load_json(path, Run, SCHEMA_VERSION)
        check_run(run)
    except FileNotFoundError:
        raise _no_run(Path(folder)) from None
    except ValueError as error:
        raise damaged(path, error) from error
    # A folder that was copied or renamed goes by its own name.
    return msgspec.structs.replace(run, run=path.parent.resolve().name).placed(path.parent)


def load_json(path: Path, record_type: type[Record], schema_version: int) -> Record:
    """Reads a record.

    Raises:
        FileNotFoundError: If there is no such file.
        RunError: If it can't be read, is damaged, or is of another schema.
    """
    try:
        content = read_whole(path, LARGEST_BYTES)
        version = msgspec.json.decode(content, type=_Version).schema_version
    except NotADirectoryError:
        raise FileNotFoundError(path) from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise not_readable(path, error) from error
    except _NO_RECORD as error:
        raise damaged(path, error) from error
    schemas = {"schema": float(version), "known_schema": float(schema_version)}
    if version > schema_version:
        raise RunError(
            f"{path} has schema {version}, newer than this AlexProf reads ({schema_version}): "
            "update it (pip install --upgrade alexprof)",
            code="schema_newer",
            numbers=schemas,
            names=(str(path),),
        )
    if version < schema_version:
        raise RunError(
            f"{path} has schema {version}, which is no longer read: measure again; its traces "
            f"can still be read: alexprof report {path.parent}/VARIANT/plugins/profile/PHASE",
            code="schema_older",
            numbers=schemas,
            names=(str(path),),
        )
    try:
        return msgspec.json.decode(content, type=record_type)
    except _NO_RECORD as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> RunError:
    """The error for a file of a run that holds something else."""
    message = f"{path} is damaged, or no record: {error}"
    return RunError(message, code="file_damaged", names=(str(path),), text=str(error))


def not_readable(path: Path, error: OSError) -> RunError:
    """The error for a file that the operating system doesn't give."""
    text = error.strerror or ""
    return RunError(
        f"can't read {path}: {text}", code="not_readable", names=(str(path),), text=text
    )


def check_run_name(name: str) -> None:
    """Raises a `UsageError` if a run can't have that name."""
    if name == LATEST:
        raise UsageError(f"{LATEST} means the newest run: choose another name with --name")
    if not name or name in (".", "..") or Path(name).name != name or "\0" in name:
        raise UsageError(f"--name is one folder's name, not a path: {name!r}")


def find_run(name: str, logdir: Path) -> Path:
    """Finds a run by its folder, its name in `logdir`, or "latest"; a RunError if there is none."""
    if name == LATEST:
        return _latest(logdir)
    given = Path(name)
    candidates = [given.parent if given.name == RUN_FILE else given, logdir / name]
    for folder in candidates:
        if _is_run(folder):
            return folder
    for folder in candidates:
        if os.path.lexists(folder):
            raise _no_run(folder)
    runs = _run_folders(logdir) if logdir.is_dir() else iter(())
    names = [LATEST, *(folder.name for folder in runs)]
    run, _, variant = name.rpartition(":")
    if run in names:
        raise RunError(
            f"{name!r} is a variant: show it by `alexprof report {run} --variant {variant}`"
        )
    similar = get_close_matches(Path(name).name, names, n=3)
    hint = f"did you mean {' or '.join(similar)}?" if similar else "see `alexprof list`"
    raise RunError(f"no run {name!r} here or in {logdir}: {hint}")


def list_runs(logdir: Path) -> list[Run | BrokenRun]:
    """Reads all runs of a logdir, oldest first, the broken last; a RunError without it."""
    runs: list[Run] = []
    broken: list[BrokenRun] = []
    for folder in _run_folders(logdir):
        try:
            runs.append(load_run(folder))
        except AlexProfError as error:
            broken.append(BrokenRun(folder.name, error))
    return [*sorted(runs, key=_started), *broken]


def _is_run(folder: Path) -> bool:
    """Whether a folder has a record; one that may not be looked into is taken for a run."""
    try:
        return (folder / RUN_FILE).is_file()
    except PermissionError:
        return True
    except OSError:
        return False


def _no_run(folder: Path) -> RunError:
    if os.path.lexists(folder / PAIRS_FILE):
        shown = f"alexprof ab --show {shlex.quote(str(folder))}"
        return RunError(f"{folder} holds pairs of processes, not a run: see them by `{shown}`")
    if folder.is_dir() and any(_is_run(entry) for entry in folder.iterdir()):
        shown = f"--logdir {shlex.quote(str(folder))}"
        return RunError(f"{folder} is not a run, but a folder of runs: look into it by `{shown}`")
    return RunError(f"{folder} is not a run: it has no {RUN_FILE}; see `alexprof list`")


def _latest(logdir: Path) -> Path:
    """The run that started last among those that can be read."""
    started: list[tuple[datetime, Path]] = []
    failure: AlexProfError | None = None
    for folder in _run_folders(logdir):
        try:
            started.append((_started(load_run(folder)), folder))
        except AlexProfError as error:
            failure = error
    if started:
        return max(started)[1]
    if failure:
        raise failure
    raise RunError(f"no run in {logdir} yet: make one with `alexprof profile`")


def _run_folders(logdir: Path) -> Iterator[Path]:
    try:
        entries = sorted(logdir.iterdir())
    except FileNotFoundError:
        raise RunError(
            f"no folder {logdir}: make a run with `alexprof profile`, or name another with --logdir"
        ) from None
    except OSError as error:
        raise not_readable(logdir, error) from error
    for entry in entries:
        if _is_run(entry):
            yield entry


def _started(run: Run) -> datetime:
    try:
        started = datetime.fromisoformat(run.started)
    except ValueError:
        return datetime.min.replace(tzinfo=timezone.utc)
    return started if started.tzinfo else started.astimezone()
