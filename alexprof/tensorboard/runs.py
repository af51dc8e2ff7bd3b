"""The runs that TensorBoard knows, read through its data provider; details from their folders."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, Any

from tensorboard.data.provider import RunTagFilter
from tensorboard.plugins.base_plugin import TBContext

from alexprof.errors import RunError
from alexprof.record.parquet import Tables
from alexprof.record.store import RUN_FILE, load_run
from alexprof.tensorboard.payload import PLUGIN, TAG, Head, decode, decode_head

if TYPE_CHECKING:
    from alexprof.show.pages.view import Source

_KEPT = 8
"""How many runs stay decoded."""


@dataclass(frozen=True)
class Listed:
    """A run in TensorBoard's data."""

    name: str  # Unique among the listed ones
    head: Head
    tag_run: str  # TensorBoard's run that holds its summary
    written_s: float  # Unix time of the summary


class Runs:
    """Finds and reads runs of one TensorBoard."""

    def __init__(self, context: TBContext) -> None:
        """Takes what TensorBoard gives to plugins."""
        self._provider = context.data_provider
        self._logdir = context.logdir or ""
        self._logdir_spec = getattr(context.flags, "logdir_spec", "") or ""
        self._decoded: OrderedDict[tuple[str, str, float], Source] = OrderedDict()
        self._lock = Lock()

    def listed(self, ctx: Any, experiment: str) -> dict[str, Listed]:
        """All runs by name, newest first; unreadable ones are left out."""
        series = self._provider.list_blob_sequences(
            ctx, experiment_id=experiment, plugin_name=PLUGIN
        )
        runs = []
        for tag_run, tags in series.items():
            if TAG not in tags:
                continue
            try:
                head = decode_head(tags[TAG].plugin_content)
            except RunError:
                continue
            parent = str(PurePosixPath(tag_run).parent)
            name = head.run if parent in (".", "") else parent
            runs.append(Listed(name, head, tag_run, tags[TAG].max_wall_time))
        runs.sort(key=lambda run: (run.head.started, run.name), reverse=True)
        return {run.name: run for run in runs}

    def load(self, ctx: Any, experiment: str, run: Listed) -> Source:
        """Reads a run and the tables that travel with it.

        Raises:
            RunError: If they are damaged.
        """
        from alexprof.show.pages.view import Source

        key = (experiment, run.tag_run, run.written_s)
        with self._lock:
            if source := self._decoded.get(key):
                self._decoded.move_to_end(key)
                return source
        held = decode(self._blobs(ctx, experiment, run), run.head.run)
        folder = self._folder(run)
        if not held.whole and folder is not None:
            record = load_run(folder)
            source = Source(record, Tables(record, folder))
        else:
            record = held.run if folder is None else held.run.placed(folder)
            source = Source(record, Tables(record, folder or Path(run.name), held.tables))
        with self._lock:
            self._decoded[key] = source
            while len(self._decoded) > _KEPT:
                self._decoded.popitem(last=False)
        return source

    def folder(self, run: Listed) -> Path:
        """The folder of a run, for its details; a RunError if it can't be reached."""
        folder = self._folder(run)
        if folder is None:
            raise RunError(
                f"the folder of run {run.name} can't be reached from here, so there are no details"
            )
        return folder

    def _blobs(self, ctx: Any, experiment: str, run: Listed) -> list[bytes]:
        series = self._provider.read_blob_sequences(
            ctx,
            experiment_id=experiment,
            plugin_name=PLUGIN,
            downsample=1,
            run_tag_filter=RunTagFilter(runs=[run.tag_run], tags=[TAG]),
        )
        data = series.get(run.tag_run, {}).get(TAG, ())
        if not data:
            raise RunError(f"TensorBoard has no data of run {run.name} any more")
        newest = max(data, key=lambda datum: datum.wall_time)
        return [self._provider.read_blob(ctx, blob_key=ref.blob_key) for ref in newest.values]

    def _folder(self, run: Listed) -> Path | None:
        """The folder of a listed run: beside its event file, below the logdir; None if not here."""
        root, below = self._logdir, run.tag_run
        if self._logdir_spec:
            named = dict(_named(self._logdir_spec))
            name, _, rest = run.tag_run.partition("/")
            if name not in named:
                return None
            root, below = named[name], rest
        folder = (Path(root).expanduser() / below).parent
        if ".." in PurePosixPath(below).parts or not (folder / RUN_FILE).is_file():
            return None
        return folder


def _named(logdir_spec: str) -> list[tuple[str, str]]:
    """Names and folders of `--logdir_spec`: "name:folder,name:folder"."""
    pairs = (part.partition(":") for part in logdir_spec.split(","))
    return [(name, folder) for name, _, folder in pairs if folder]
