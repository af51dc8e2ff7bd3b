from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from alexprof.errors import RunError
from alexprof.tensorboard.events import write_event_file

NOW_NS = 1_795_495_320_000_000_000


def events_of(path: Path) -> list[Event]:
    return [Event.FromString(record) for record in RawEventFileLoader(str(path)).Load()]


def test_a_file_begins_with_version_and_start(tmp_path: Path) -> None:
    path = write_event_file(tmp_path, [Event(step=3, graph_def=b"graph"), Event(step=4)])
    version, start, *rest = events_of(path)
    assert version.file_version == "brain.Event:2"
    assert (start.session_log.status, start.step) == (SessionLog.START, 0)
    assert [(event.step, event.graph_def) for event in rest] == [(3, b"graph"), (4, b"")]


@pytest.mark.parametrize("later_ns", [0, -5, 1, 10**9])
def test_a_later_file_sorts_after_the_earlier_and_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later_ns: int
) -> None:
    folder, times_ns = tmp_path / "a" / "b", iter((NOW_NS + 7, NOW_NS + 7 + later_ns))
    monkeypatch.setattr("alexprof.tensorboard.events.time.time_ns", lambda: next(times_ns))
    first = write_event_file(folder, [Event(step=1)])
    # A name that TensorBoard takes, and that says when and who.
    assert first.name.startswith("events.out.tfevents.1795495320.")
    assert first.name.endswith(".alexprof.000000007")
    second = write_event_file(folder, [Event(step=2)])
    assert first.name < second.name
    assert list(folder.iterdir()) == [second]
    assert events_of(second)[-1].step == 2


def test_files_of_other_writers_stay(tmp_path: Path) -> None:
    others = [
        tmp_path / "events.out.tfevents.1795495320.vm.4711.0.v2",
        tmp_path / "events.out.tfevents.1795495320.box.alexprof.lan",
        tmp_path / "notes.txt",
    ]
    for other in others:
        other.write_bytes(b"theirs")
    write_event_file(tmp_path, [])
    ours = write_event_file(tmp_path, [])
    assert sorted(tmp_path.iterdir()) == sorted([*others, ours])


def test_when_writing_fails_the_earlier_file_stays(tmp_path: Path) -> None:
    first = write_event_file(tmp_path, [Event(step=1)])

    def broken() -> Iterator[Event]:
        yield Event(step=2)
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match="no space left"):
        write_event_file(tmp_path, broken())
    assert list(tmp_path.iterdir()) == [first]


def test_a_file_in_the_folders_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(RunError, match="choose another folder"):
        write_event_file(tmp_path / "run", [])
