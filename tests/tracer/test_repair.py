"""Runs that end early: what is known about them afterwards, and what TensorBoard shows."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tensorboard.compat.proto.event_pb2 import Event

from alexprof.errors import RunError
from alexprof.files import write_whole
from alexprof.record.note import Note
from alexprof.record.parquet import load_costs, load_steps
from alexprof.record.run import Run
from alexprof.record.store import list_runs, load_run, save_run
from alexprof.tensorboard.events import _graphs
from alexprof.tensorboard.run_events import VariantFiles, write_events
from alexprof.tracer import repair
from alexprof.tracer.repair import killed_run, repair_killed
from alexprof.tracer.tracer import Tracer
from tests.tensorboard.test_summaries import graph, run_metadata

VARIANT = "default"


def timed(tracer: Tracer, label: str = "Forward") -> None:
    tracer.time(lambda: None, label, steps=3, burn_in=0)


def event_files(folder: Path) -> list[Path]:
    return list((folder / VARIANT).glob("*tfevents*"))


def events(folder: Path) -> list[Event]:
    """The events of a file, without its head and their times."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    (path,) = event_files(folder)
    return [Event.FromString(record) for record in RawEventFileLoader(str(path)).Load()][2:]


KILLED = """
import os, signal
from alexprof.tracer import recorder
from alexprof.tracer.tracer import Tracer
def kill(*given):
    os.kill(os.getpid(), signal.SIGKILL)
place = {place!r}
if place == "making the folder":
    recorder.save_run = kill
with Tracer({folder!r}, trace_steps=0) as tracer:
    tracer.time(lambda: None, "Forward", steps=3, burn_in=0)
    if place == "writing a file":
        os.fsync = kill
    if place == "writing events":
        recorder.with_events = kill
    tracer.time(lambda: None, "Second", steps=3, burn_in=0)
    if place == "timing":
        kill()
"""


@pytest.fixture(params=["timing", "writing a file", "writing events"])
def killed(request: Any, tmp_path: Path) -> Path:
    """The folder of a run that was killed."""
    kill(request.param, tmp_path / "run")
    return tmp_path / "run"


def kill(place: str, folder: Path) -> None:
    script = KILLED.format(place=place, folder=str(folder))
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.slow
def test_a_killed_run_gets_its_events_and_says_that_it_was_killed(killed: Path) -> None:
    (killed / VARIANT / ".part-x" / "plugins" / "profile" / "y").mkdir(parents=True)
    before = load_run(killed)
    assert (before.complete, before.stopped and before.stopped.code) == (False, "unfinished")
    assert repair_killed(killed.parent) == ["run"]
    run = load_run(killed)
    assert run == replace(before, stopped=Note("killed"))
    tags = {value.tag for event in events(killed) for value in event.summary.value}
    assert {f"{phase}/step_time_ms" for phase in run.phase_keys} == {
        tag for tag in tags if tag.endswith("step_time_ms")
    }
    assert "forward" in run.phase_keys
    assert not list(killed.rglob(".part*"))
    assert repair_killed(killed.parent) == []


@pytest.mark.slow
def test_a_kill_before_the_first_record_leaves_no_run(tmp_path: Path) -> None:
    kill("making the folder", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert list_runs(tmp_path) == []
    with Tracer(tmp_path / "run", trace_steps=0):
        assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.fixture
def tracer(tmp_path: Path) -> Iterator[Tracer]:
    """A tracer with a timed phase."""
    with Tracer(tmp_path / "run", trace_steps=0) as tracer:
        timed(tracer)
        yield tracer


def test_a_run_that_is_still_going_is_left_alone(tracer: Tracer) -> None:
    written = (tracer.folder / "run.json").read_bytes()
    begun = tracer.folder / ".part-1"
    begun.touch()
    assert repair_killed(tracer.folder.parent) == []
    with killed_run(tracer.folder) as run:
        assert run is None
    assert (tracer.folder / "run.json").read_bytes() == written
    assert begun.exists()
    begun.unlink()


def unfinished(folder: Path, note: Note) -> Run:
    """A run that says it is unfinished, and whose folder nobody has locked."""
    with Tracer(folder, trace_steps=0) as tracer:
        timed(tracer)
    run = replace(load_run(folder), complete=False, stopped=note)
    save_run(folder, run)
    return run


@pytest.mark.parametrize(
    ("host", "can_lock", "names"),
    [("", True, ["run"]), ("elsewhere", True, []), ("", False, [])],
)
def test_a_run_that_may_still_be_going_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, can_lock: bool, names: list[str]
) -> None:
    here = repair.unfinished_here()
    unfinished(tmp_path / "run", replace(here, names=(host,)) if host else here)
    if not can_lock:
        monkeypatch.setattr(repair, "lock", lambda _: None)
    assert repair_killed(tmp_path) == names


def test_other_runs_are_not_read_and_broken_ones_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = unfinished(tmp_path / "killed", repair.unfinished_here())
    for name, stopped in (("complete", None), ("interrupted", Note("interrupted"))):
        (tmp_path / name).mkdir()
        save_run(tmp_path / name, replace(run, complete=stopped is None, stopped=stopped))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text('{"complete": false, "x": "unfinished"')
    (tmp_path / "a-file").touch()
    read: list[str] = []

    def load(folder: Path) -> Run:
        read.append(folder.name)
        return run

    monkeypatch.setattr(repair, "load_run", load)
    repair_killed(tmp_path)
    assert read == ["broken", "killed"]


def test_events_made_from_disk_are_the_same_and_keep_the_graph(tmp_path: Path) -> None:
    began_s = time.time()
    with Tracer(tmp_path / "run", trace_steps=0) as tracer:
        timed(tracer)
        timed(tracer, "Second")
        files = tracer._recorder._files[VARIANT]
        files.graph, files.run_metadata["forward"] = graph(), run_metadata()
    first, (path,) = events(tracer.folder), event_files(tracer.folder)
    # Points have the times at which their steps ran, in later phases too.
    steps = [
        event.wall_time
        for event in first
        if any(value.tag.endswith("step_time_ms") for value in event.summary.value)
    ]
    assert len(steps) == 6
    assert began_s < steps[0] < steps[2] < steps[3] < time.time()
    assert [event.WhichOneof("what") for event in first[:2]] == ["graph_def", "tagged_run_metadata"]
    write_events(load_run(tracer.folder))
    assert not path.exists()
    assert events(tracer.folder) == first
    # Damaged files are left out.
    (path,) = event_files(tracer.folder)
    content = bytearray(path.read_bytes())
    content[content.index(b"conv1") + 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        _graphs(path)
    write_events(load_run(tracer.folder))
    assert events(tracer.folder) == first[2:]
    files = VariantFiles(graph())
    write_events(load_run(tracer.folder), {VARIANT: files})
    assert events(tracer.folder)[0] == first[0]


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def remove_and_begin_again(folder: Path) -> None:
    shutil.rmtree(folder)
    (folder / VARIANT).mkdir(parents=True)


def remove_table(folder: Path) -> None:
    (folder / "steps.parquet").unlink()


@pytest.mark.parametrize("remove", [remove_folder, remove_and_begin_again, remove_table])
def test_a_run_whose_files_are_removed_is_never_complete(tmp_path: Path, remove: Any) -> None:
    with (
        pytest.raises(RunError, match=r"steps\.parquet of .* were removed") as caught,
        Tracer(tmp_path / "run", trace_steps=0) as tracer,
    ):
        timed(tracer)
        remove(tracer.folder)
    run = load_run(tmp_path / "run")
    assert caught.value.code == "files_removed"
    assert run.stopped == Note("files_removed", names=("steps.parquet",))
    assert not run.complete
    # What was in memory was written again.
    assert load_steps(tmp_path / "run").height == 3
    assert len(event_files(tmp_path / "run")) == 1
    assert not repair_killed(tmp_path)


def test_a_run_that_is_whole_again_by_its_end_is_complete(tmp_path: Path) -> None:
    with Tracer(tmp_path / "run", trace_steps=0) as tracer:
        timed(tracer)
        shutil.rmtree(tracer.folder)
        timed(tracer, "Second")
        assert not repair_killed(tmp_path)  # it is locked again
    assert load_run(tmp_path / "run").complete
    assert load_steps(tmp_path / "run").height == 6


def test_another_run_in_the_folder_is_not_overwritten(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match="now belongs to another run"),
        Tracer(tmp_path / "run", trace_steps=0) as tracer,
    ):
        timed(tracer)
        shutil.rmtree(tmp_path / "run")
        other = unfinished(tmp_path / "run", Note("interrupted"))
        timed(tracer, "Second")
    assert load_run(tmp_path / "run") == other


FULL = RunError("full", code="not_written", text="No space left on device")


@pytest.mark.slow
@pytest.mark.parametrize("last", ["table", "record"])
def test_a_trace_that_is_not_written_leaves_a_record_and_tables_that_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tf: Any, last: str
) -> None:
    """The disk is full between the two tables of a second trace, or too full for the record."""
    written: list[str] = []

    def write_some(path: Path, content: bytes) -> None:
        written.append(path.name)
        if last == "table" and written == ["steps.parquet", "costs.parquet", "steps.parquet"] * 2:
            raise FULL
        write_whole(path, content)

    def save_some(folder: Path, run: Run) -> None:
        second = run.phase(VARIANT, "second")
        if last == "record" and second is not None and second.traced is not None:
            raise FULL
        save_run(folder, run)

    monkeypatch.setattr("alexprof.record.parquet.write_whole", write_some)
    monkeypatch.setattr("alexprof.tracer.recorder.save_run", save_some)
    step = tf.function(lambda: tf.linalg.matmul(tf.ones([9, 9]), tf.ones([9, 9])))
    with Tracer(tmp_path / "run", trace_steps=1) as tracer:
        for label in ("First", "Second"):
            tracer.time(step, label, steps=2, burn_in=0)
        assert load_costs(tracer.folder)["phase"].n_unique() == 2
    run = load_run(tmp_path / "run")
    assert run.complete
    assert load_costs(tmp_path / "run")["phase"].unique().to_list() == ["first"]
    phases = run.variants[VARIANT].phases
    assert [phase.traced is None for phase in phases.values()] == [False, True]
    (note,) = phases["second"].notes
    assert (note.code, note.text) == ("trace_missing", "No space left on device")


def test_a_pipe_in_a_record_s_place_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run" / "run.json")
    assert repair_killed(tmp_path) == []
