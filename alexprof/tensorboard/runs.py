"""The runs that TensorBoard knows, read through its data provider; details from their folders."""

from __future__ import annotations

import posixpath
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tensorboard.data.provider import RunTagFilter
from tensorboard.plugins.base_plugin import TBContext

from alexprof.errors import RunError
from alexprof.record.parquet import Tables
from alexprof.record.store import RUN_FILE, load_run
from alexprof.tensorboard.payload import PLUGIN, TAG, Head, decode, decode_head
from alexprof.tensorboard.remote import RemoteRun, is_remote

if TYPE_CHECKING:
    from alexprof.attribute.lanes import Timeline
    from alexprof.record.run import Run
    from alexprof.show.pages.view import Source

_SOURCES_KEPT, _TIMELINES_KEPT = 8, 3
"""How many runs, and timelines of phases, stay in memory."""


Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by key, the least used of which are forgotten; for several threads."""

    def __init__(self, most: int) -> None:
        """Keeps at most so many values."""
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made if it is not there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value


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
        self._sources: Kept[Source] = Kept(_SOURCES_KEPT)
        self._timelines: Kept[Timeline] = Kept(_TIMELINES_KEPT)
        self._remote: dict[tuple[str, str], RemoteRun] = {}

    def listed(self, ctx: Any, experiment: str) -> dict[str, Listed]:
        """All runs by name, newest first; unreadable ones are left out."""
        series = self._provider.list_tensors(ctx, experiment_id=experiment, plugin_name=PLUGIN)
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
        key = (experiment, run.tag_run, run.written_s)
        return self._sources.get(key, lambda: self._read(ctx, experiment, run))

    def _read(self, ctx: Any, experiment: str, run: Listed) -> Source:
        from alexprof.show.pages.view import Source

        held = decode(self._parts(ctx, experiment, run), run.head.run)
        where = self._where(run)
        if isinstance(where, RemoteRun):
            self._remote[held.run.run, held.run.started] = where
            folder = None if held.whole else where.fetch()
        else:
            folder = where
        if not held.whole and folder is not None:
            record = load_run(folder)
            return Source(record, Tables(record, folder))
        record = held.run if folder is None else held.run.placed(folder)
        return Source(record, Tables(record, folder or Path(run.name), held.tables))

    def timeline(self, run: Run, variant: str, phase: str) -> Timeline:
        """The timeline of a phase, for a short time without reading it again.

        Raises:
            RunError: If it has none, or the run's folder can't be reached.
            TraceError: If its trace can't be read.
        """
        from alexprof.analysis.timelines import load_timeline

        def load() -> Timeline:
            remote = self._remote.get((run.run, run.started)) if run.place is None else None
            return load_timeline(run.placed(remote.fetch()) if remote else run, variant, phase)

        return self._timelines.get((str(run.place), run.run, run.started, variant, phase), load)

    def _parts(self, ctx: Any, experiment: str, run: Listed) -> list[bytes]:
        series = self._provider.read_tensors(
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
        return [bytes(part) for part in newest.numpy.tolist()]

    def _where(self, run: Listed) -> Path | RemoteRun | None:
        """The folder of a listed run, beside its event file, below the logdir; None if not here."""
        root, below = self._logdir, run.tag_run
        if self._logdir_spec:
            named = dict(_named(self._logdir_spec))
            name, _, rest = run.tag_run.partition("/")
            if name not in named:
                return None
            root, below = named[name], rest
        if ".." in PurePosixPath(below).parts:
            return None
        if is_remote(root):
            return RemoteRun(posixpath.dirname(f"{root.rstrip('/')}/{below}"))
        folder = (Path(root).expanduser() / below).parent
        return folder if (folder / RUN_FILE).is_file() else None


def _named(logdir_spec: str) -> list[tuple[str, str]]:
    """Names and folders of `--logdir_spec`: "name:folder,name:folder"."""
    pairs = (part.partition(":") for part in logdir_spec.split(","))
    return [(name, folder) for name, _, folder in pairs if folder]
