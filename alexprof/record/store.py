"""Runs on disk: save, load, find and list them.

A run is a folder in a logdir with a `run.json`. Reading one imports neither TensorFlow nor NumPy.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol, TypeVar
from warnings import warn

import msgspec

from alexprof.errors import AlexProfError, AlexProfWarning, RunError, UsageError, near_names
from alexprof.files import read_whole, write_whole
from alexprof.plain_text import shell_words
from alexprof.record.consistency import check_run
from alexprof.record.json_text import json_text
from alexprof.record.outline import Outline
from alexprof.record.run import SCHEMA_VERSION, AnyRun, Run

RUN_FILE = "run.json"
PAIRS_FILE = "ab.json"
"""What a folder of `alexprof ab` has instead (`analysis.pairs`)."""
LATEST = "latest"
LARGEST_BYTES = 200_000_000
"""The largest record that is read."""
LONGEST_REASON = 200
"""The most characters to show of a library's error, which may quote the file."""
_NO_RECORD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Versioned(Protocol):
    """A record that holds the version of its schema."""

    @property
    def schema_version(self) -> int:
        """The schema's version."""
        ...


Record = TypeVar("Record", bound=Versioned)


class _Version(msgspec.Struct):
    schema_version: int


class _Start(msgspec.Struct):
    schema_version: int
    started: str


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
    write_whole(path, f"{json_text(record, indent=1)}\n".encode())


def load_run(folder: str | os.PathLike[str]) -> Run:
    """Reads the run in a folder.

    Raises:
        RunError: If it is no run, is damaged, contradicts itself, or is of another schema.
    """
    return _placed(Path(folder), Run)


def run_of(content: bytes, name: str) -> Run:
    """Reads a run from the bytes of a `run.json`, and calls it `name`; errors as of `load_run`."""
    path = Path(name) / RUN_FILE
    try:
        run = _decoded(path, content, Run, SCHEMA_VERSION)
        check_run(run)
    except ValueError as error:
        raise damaged(path, error) from error
    return msgspec.structs.replace(run, run=name)


def load_json(path: Path, record_type: type[Record], schema_version: int) -> Record:
    """Reads a record.

    Raises:
        FileNotFoundError: If there is no such file.
        RunError: If it can't be read, is damaged, or is of another schema.
    """
    try:
        content = read_whole(path, LARGEST_BYTES)
    except NotADirectoryError:
        raise FileNotFoundError(path) from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise not_readable(path, error) from error
    return _decoded(path, content, record_type, schema_version)


def _decoded(path: Path, content: bytes, record_type: type[Record], schema_version: int) -> Record:
    try:
        record = msgspec.json.decode(content, type=record_type)
        _check_version(path, record.schema_version, schema_version)
    except _NO_RECORD as error:
        with suppress(*_NO_RECORD):
            version = msgspec.json.decode(content, type=_Version).schema_version
            _check_version(path, version, schema_version)
        raise damaged(path, error) from error
    return record


def _check_version(path: Path, version: int, known: int) -> None:
    if version == known:
        return
    newer = version > known
    advice = (
        f"newer than this AlexProf reads ({known}): update it (pip install --upgrade alexprof)"
        if newer
        else "which is no longer read: measure again; its traces can still be read: "
        f"alexprof report {path.parent}/VARIANT/plugins/profile/PHASE"
    )
    raise RunError(
        f"{path} has schema {version}, {advice}",
        code="schema_newer" if newer else "schema_older",
        numbers={"schema": float(version), "known_schema": float(known)},
        names=(str(path),),
    )


def damaged(path: Path, error: Exception) -> RunError:
    """The error for a file of a run that holds something else."""
    text = " ".join(str(error).split())
    text = text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"
    message = f"{path} is damaged, or not a record: {text}"
    return RunError(message, code="file_damaged", names=(str(path),), text=text)


def not_readable(path: Path, error: OSError) -> RunError:
    """The error for a file that the operating system can't read."""
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
    if name.startswith("-"):
        raise UsageError(f"{name} would be read as an option: choose another name with --name")


def find_run(name: str, logdir: Path) -> Path:
    """Finds a run by its folder, its name in `logdir`, or "latest"; a RunError if there is none."""
    if name == LATEST:
        return _latest(logdir)
    places = (Path(name), logdir / name)
    candidates = [place.parent if place.name == RUN_FILE else place for place in places]
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
            f"{name!r} is a variant: show it by "
            f"`alexprof report {shell_words(run, '--variant', variant)}`"
        )
    similar = near_names(Path(name).name, names)
    hint = f"did you mean {' or '.join(similar)}?" if similar else "see `alexprof list`"
    raise RunError(f"no run {name!r} here or in {logdir}: {hint}")


def list_runs(logdir: Path) -> list[Outline | BrokenRun]:
    """Outlines of a logdir's runs, oldest first, broken ones last; a RunError without a logdir."""
    runs: list[Outline] = []
    broken: list[BrokenRun] = []
    for folder in _run_folders(logdir):
        try:
            runs.append(_placed(folder, Outline))
        except AlexProfError as error:
            broken.append(BrokenRun(folder.name, error))
    return [*sorted(runs, key=_started), *broken]


def _placed(folder: Path, run_type: type[AnyRun]) -> AnyRun:
    path = folder / RUN_FILE
    try:
        run = load_json(path, run_type, SCHEMA_VERSION)
        check_run(run)
    except FileNotFoundError as error:
        raise not_readable(path, error) if path.is_symlink() else _no_run(folder) from None
    except ValueError as error:
        raise damaged(path, error) from error
    # A copied or renamed folder uses its new name.
    return msgspec.structs.replace(run, run=folder.resolve().name).placed(folder)


def _is_run(folder: Path) -> bool:
    """Whether a folder has a record, good or not; one without permission counts as a run."""
    try:
        os.lstat(folder / RUN_FILE)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _no_run(folder: Path) -> RunError:
    if os.path.lexists(folder / PAIRS_FILE):
        shown = f"alexprof ab --show {shell_words(str(folder))}"
        return RunError(f"{folder} holds pairs of processes, not a run: see them by `{shown}`")
    with suppress(OSError):
        if any(_is_run(entry) for entry in folder.iterdir()):
            shown = f"--logdir {shell_words(str(folder))}"
            text = f"{folder} is not a run, but a folder of runs: use `{shown}`"
            return RunError(text)
    return RunError(f"{folder} is not a run: it has no {RUN_FILE}; see `alexprof list`")


def _latest(logdir: Path) -> Path:
    """The readable run that started last; warns of unreadable ones that may be newer."""
    broken: dict[Path, AlexProfError] = {}
    started: dict[Path, datetime] = {}
    for folder in _run_folders(logdir):
        try:
            started[folder] = _started(load_json(folder / RUN_FILE, _Start, SCHEMA_VERSION))
        except (AlexProfError, FileNotFoundError):
            started[folder] = _written(folder)
    for folder in sorted(started, key=lambda folder: (started[folder], folder), reverse=True):
        try:
            load_run(folder)
        except AlexProfError as error:
            broken[folder] = error
            continue
        if broken:
            names = ", ".join(broken.name for broken in broken)
            warn(
                f"{LATEST} is {folder.name}: {names} may be newer and can't be read "
                "(see `alexprof list`)",
                AlexProfWarning,
                stacklevel=2,
            )
        return folder
    if broken:
        raise next(iter(broken.values()))
    raise RunError(f"no run in {logdir} yet: make one with `alexprof profile`")


def _written(folder: Path) -> datetime:
    """When a record was written; the latest possible time if that can't be read."""
    with suppress(OSError):
        return datetime.fromtimestamp(os.lstat(folder / RUN_FILE).st_mtime, timezone.utc)
    return datetime.max.replace(tzinfo=timezone.utc)


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


def _started(run: Run | _Start) -> datetime:
    try:
        started = datetime.fromisoformat(run.started)
        return started if started.tzinfo else started.astimezone()
    except (ValueError, OverflowError):
        return datetime.min.replace(tzinfo=timezone.utc)
