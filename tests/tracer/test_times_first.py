"""Whatever fails around the timed steps, their times are kept, and the run says what is missing."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alexprof.analysis.findings import findings_of
from alexprof.record.note import Note
from alexprof.record.run import Run
from alexprof.record.store import load_run
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import render
from alexprof.show.progress import Progress
from alexprof.tracer.tracer import Tracer

pytestmark = pytest.mark.slow
FULL = OSError(errno.ENOSPC, "No space left on device")


class Broken(Progress):
    """Shows nothing: every call fails."""

    def message(self, text: str) -> None:
        raise FULL

    def phase(self, *_: Any) -> Any:
        raise ValueError("I/O operation on closed file")

    def close(self) -> None:
        raise FULL


def fail(*_: Any, **__: Any) -> Any:
    raise FULL


def profile(folder: Path) -> Run:
    """A phase of a graph, timed and traced."""
    import tensorflow as tf

    with Tracer(folder, trace_steps=1, progress=Broken()) as tracer:
        with tracer.graph("mine"):
            values = tf.nn.relu(tf.compat.v1.random_normal([4, 4]))
        with tracer.session() as session:
            tracer.time(session, values, "Forward", steps=4, burn_in=1)
            tracer.time(session, values, "Second", steps=4, burn_in=1)
    return load_run(folder)


def of_run(run: Run) -> list[Note]:
    return list(run.notes)


def of_phase(run: Run) -> list[Note]:
    return list(run.variants["mine"].phases["forward"].notes)


FAULTS: dict[str, tuple[str, str, Callable[[Run], list[Note]]]] = {
    "an event file": ("alexprof.tensorboard.summaries.write_event_file", "events_missing", of_run),
    "the report in it": ("alexprof.show.outputs.render", "events_missing", of_run),
    "the graph's trace": ("shutil.copyfile", "build_not_profiled", of_run),
    "a trace": ("shutil.copyfile", "trace_missing", of_phase),
    "reading a trace": ("alexprof.tracer.driver.read_phases", "trace_missing", of_phase),
    "run metadata": ("alexprof.tracer.driver.executed_ops", "unseen_ops_unknown", of_phase),
    "a fingerprint": ("alexprof.measure.agreement.fingerprint", "results_unknown", of_phase),
    "the monitor": ("alexprof.measure.monitor._processors", "interference_unknown", of_phase),
    "a line": ("alexprof.tracer.driver.summary_line", "", of_phase),
    "a graph": ("alexprof.tracer.recorder.serialized", "", of_phase),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_failure_becomes_a_note_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    target, code, notes_of = FAULTS[name]
    monkeypatch.setattr(target, fail)
    run = profile(tmp_path / "run")
    assert run.complete
    assert [phase.timed.steps for phase in run.variants["mine"].phases.values() if phase.timed] == [
        4,
        4,
    ]
    notes = {note.code: note.text for note in notes_of(run)}
    assert not code or "No space left on device" in notes[code]
    assert not code or code in {finding.code for finding in findings_of(run)}
    monkeypatch.undo()
    assert not code or "No space left" in " ".join(
        render(run, "markdown", ReportOptions(full=True)).split()
    )
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("why", ["none", "full"])
def test_traces_are_taken_without_a_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    make = tempfile.mkdtemp
    if why == "none":
        monkeypatch.setattr(
            tempfile, "mkdtemp", lambda **given: make(**given) if "dir" in given else fail()
        )
    else:
        monkeypatch.setattr("alexprof.capture.trace.RUN_NEEDS_BYTES", 2**62)
    run = profile(tmp_path / "run")
    assert run.complete
    assert all(phase.traced for phase in run.variants["mine"].phases.values())
    assert not list(tmp_path.rglob(".*"))
