"""Runs on other file systems (gs://, s3://, …): their files are copied here when details need them.

TensorBoard itself reads event files there. fsspec opens the rest; it names the package that a file
system needs.
"""

from __future__ import annotations

import posixpath
import tempfile
from functools import cached_property
from pathlib import Path, PurePosixPath

from alexprof.errors import RunError
from alexprof.record.parquet import COSTS_FILE, STEPS_FILE
from alexprof.record.store import RUN_FILE

_TABLES = (RUN_FILE, STEPS_FILE, COSTS_FILE)
_TRACE = ".xplane.pb"
MOST_BYTES = 2_000_000_000
"""More is not copied."""


def is_remote(folder: str) -> bool:
    """Whether a logdir is on another file system."""
    return "://" in folder


class RemoteRun:
    """The folder of a run on another file system."""

    def __init__(self, url: str) -> None:
        """Takes the folder's address."""
        self._url = url

    @cached_property
    def _copy(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="alexprof-")

    def fetch(self) -> Path:
        """Copies record, tables and traces, those that are not here yet.

        Returns:
            The folder that has them, for as long as this object lives.

        Raises:
            RunError: If they can't be read, or are too large.
        """
        place = Path(self._copy.name) / PurePosixPath(self._url).name
        try:
            from fsspec.core import url_to_fs

            system, root = url_to_fs(self._url)
            files = {
                name: details
                for name, details in system.find(root, detail=True).items()
                if posixpath.basename(name) in _TABLES or name.endswith(_TRACE)
            }
            size = sum(int(details.get("size") or 0) for details in files.values())
            if size > MOST_BYTES:
                raise RunError(
                    f"{self._url} has {size / 1e9:.1f} GB, and at most {MOST_BYTES / 1e9:.0f} GB "
                    "are copied: open it where it is"
                )
            for name in files:
                local = place / posixpath.relpath(name, root)
                if ".." not in local.parts and not local.exists():
                    local.parent.mkdir(parents=True, exist_ok=True)
                    system.get_file(name, str(local))
        except (OSError, ImportError, ValueError) as error:
            raise RunError(f"can't read {self._url}: {error}") from error
        if not (place / RUN_FILE).is_file():
            raise RunError(f"{self._url} has no {RUN_FILE}, so there are no details of the run")
        return place
