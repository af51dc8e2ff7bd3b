"""A trace alone becomes a run: the same record, tables that close, the trace itself, or nothing."""

from __future__ import annotations

import lzma
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import alexprof
from alexprof.errors import AlexProfError, RunError, TraceError, UsageError
from alexprof.record.parquet import load_costs, load_steps
from alexprof.record.run import Run
from alexprof.record.store import list_runs
from alexprof.show.outputs import render
from alexprof.tracer import importing
from alexprof.tracer.importing import import_trace
from alexprof.tracer.run import load_run
from alexprof.tracer.sources import load
from alexprof.tracer.traces import load_trace
from tests import h200
from tests.analysis.made import made_run
from tests.samples import SAMPLES
from tests.trace_runs import write_trace


@pytest.fixture
def file(tmp_path):
    return write_trace(tmp_path / "vm.xplane.pb", steps=6)


def check_as_in_memory(run: Run, file: Path) -> None:
    """Checks the phases; sums of floats over many threads end a bit apart."""
    alone = load_trace(file)
    assert (run.started, run.complete, run.stopped) == (
        alone.started,
        alone.complete,
        alone.stopped,
    )
    phases, others = (record.variants["trace"].phases for record in (run, alone))
    assert phases.keys() == others.keys()
    for phase, other in zip(phases.values(), others.values(), strict=True):
        assert phase.traced is not None
        assert other.traced is not None
        assert msgspec.structs.replace(phase.traced, file=other.traced.file) == other.traced
        assert (phase.attribution, phase.notes) == (other.attribution, other.notes)
        assert (phase.devices, phase.kernels) == (other.devices, other.kernels)
        assert [op.name for op in phase.ops] == [op.name for op in other.ops]


def left_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*")) if folder.exists() else []


def test_an_imported_run_is_the_record_of_the_trace_with_tables_and_the_trace(file, tmp_path):
    run = alexprof.import_trace(file, logdir=tmp_path / "logdir", name="mine")
    folder = tmp_path / "logdir" / "mine"
    assert load_run(folder) == run
    check_as_in_memory(run, file)
    (phase,) = run.variants["trace"].phases.values()
    assert (folder / phase.traced.file).read_bytes() == file.read_bytes()
    assert phase.traced.file == "trace/plugins/profile/vm/vm.xplane.pb"
    costs = load_costs(folder)  # checks that shares add up to each step
    assert costs["step"].n_unique() == phase.traced.steps == 6
    assert len(list((folder / "trace").glob("*tfevents*"))) == 1
    assert left_in(tmp_path / "logdir")[0] == folder


def test_every_public_run_shows_itself(file, tmp_path, capsys):
    imported = alexprof.import_trace(file, logdir=tmp_path, name="mine")
    for run in (imported, load_run(tmp_path / "mine"), alexprof.load_trace(file)):
        assert isinstance(run, alexprof.Run)
        run.report()
        assert capsys.readouterr().out == render(run, "text") + "\n"
        assert run._repr_html_().endswith(render(run, "html"))


def test_the_table_of_steps_has_the_traced_ones(tmp_path):
    file = write_trace(tmp_path / "vm.xplane.pb", steps=6, first=20.0)
    run = import_trace(file, logdir=tmp_path, name="mine")
    traced = run.variants["trace"].phases["trace"].traced
    steps = load_steps(tmp_path / "mine")
    assert steps["traced"].all()
    made_run(tmp_path / "own", {"v": 0.1})
    assert steps.schema == load_steps(tmp_path / "own").schema
    assert steps.filter(pl.col("block") < 0)["seconds"].to_list() == [traced.left_out_s]
    assert steps.filter(pl.col("block") >= 0)["seconds"].to_list() == list(traced.steps_s)
    assert steps["start_s"].is_sorted()


def test_a_session_of_several_hosts_is_one_run(tmp_path):
    session = tmp_path / "plugins" / "profile" / "2026_11_27"
    write_trace(session / "vm1.xplane.pb", steps=4)
    write_trace(session / "vm2.xplane.pb", steps=4, scale=2.0)
    run = import_trace(session, logdir=tmp_path / "logdir")
    assert run.run.startswith("2026_11_27-20")
    folder = tmp_path / "logdir" / run.run
    traced = run.variants["trace"].phases["trace"].traced
    names = sorted(path.name for path in (folder / traced.file).iterdir())
    assert names == ["vm1.xplane.pb", "vm2.xplane.pb"]
    assert {"vm1/CPU", "vm2/CPU"} == set(load_costs(folder)["device"])
    by_file = import_trace(*sorted(session.iterdir()), logdir=tmp_path, name="again")
    assert by_file.variants == run.variants


def test_several_sorts_of_steps_are_phases(tmp_path):
    file = write_trace(tmp_path / "vm.xplane.pb", steps=4, sorts=("train", "eval"))
    run = import_trace(file, logdir=tmp_path, name="mine")
    assert list(run.variants["trace"].phases) == ["train", "eval"]
    assert set(load_steps(tmp_path / "mine")["phase"]) == {"train", "eval"}
    one_sort = import_trace(file, logdir=tmp_path, name="train", marker="train")
    assert one_sort.variants["trace"].phases["trace"].traced.steps == 4


def test_a_name_is_taken_once(file, tmp_path):
    run = import_trace(file, logdir=tmp_path / "logdir")
    before = left_in(tmp_path / "logdir")
    for name in (None, run.run):
        with pytest.raises(RunError, match="exists already: choose another name with --name"):
            import_trace(file, logdir=tmp_path / "logdir", name=name)
    assert left_in(tmp_path / "logdir") == before


@pytest.mark.parametrize("name", ["latest", "a/b", "..", "/tmp/x", "", "a\0b"])
def test_what_is_no_name_for_a_folder_is_refused(file, tmp_path, name):
    with pytest.raises(UsageError):
        import_trace(file, logdir=tmp_path / "logdir", name=name)
    assert left_in(tmp_path / "logdir") == []


def test_what_is_no_trace_leaves_nothing(tmp_path):
    (tmp_path / "vm.xplane.pb").write_bytes(b"no trace")
    (tmp_path / "other.trace.json.gz").write_bytes(b"")
    with pytest.raises(TraceError):
        import_trace(tmp_path / "vm.xplane.pb", logdir=tmp_path / "logdir")
    for trace in ("other.trace.json.gz", "nothing"):
        with pytest.raises(UsageError):
            import_trace(tmp_path / trace, logdir=tmp_path / "logdir")
    with pytest.raises(UsageError):
        import_trace(logdir=tmp_path / "logdir")
    assert left_in(tmp_path / "logdir") == []


@pytest.mark.parametrize("broken", ["save_run", "save_tables", "steps_table"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "full"), MemoryError])
def test_an_import_that_is_stopped_leaves_nothing(file, tmp_path, monkeypatch, broken, error):

    def stop(*_):
        raise error

    monkeypatch.setattr(importing, broken, stop)
    with pytest.raises((KeyboardInterrupt, AlexProfError, MemoryError)):
        import_trace(file, logdir=tmp_path / "logdir", name="mine")
    assert left_in(tmp_path / "logdir") == []


def test_an_import_that_is_killed_leaves_no_run_and_is_in_nobodys_way(file, tmp_path):
    logdir = tmp_path / "logdir"
    script = (
        "import os, signal\n"
        "from alexprof.tracer import importing\n"
        "save = importing.save_run\n"
        "def kill(*given):\n    save(*given)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "importing.save_run = kill\n"
        f"importing.import_trace({str(file)!r}, logdir={str(logdir)!r}, name='mine')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list_runs(logdir) == []
    assert not (logdir / "mine").exists()
    import_trace(file, logdir=logdir, name="mine")
    assert [path.name for path in logdir.iterdir()] == ["mine"]


def test_a_trace_that_may_only_be_read_is_imported(file, tmp_path):
    file.chmod(0o400)
    import_trace(file, logdir=tmp_path / "logdir", name="mine")
    assert load("mine", tmp_path / "logdir").started == load_trace(file).started


def test_a_path_that_goes_up_stays_in_the_run(tmp_path):
    write_trace(tmp_path / "a" / "vm1.xplane.pb", steps=2)
    write_trace(tmp_path / "a" / "vm2.xplane.pb", steps=2)
    (tmp_path / "a" / "b").mkdir()
    import_trace(tmp_path / "a" / "b" / "..", logdir=tmp_path / "logdir", name="mine")
    assert [path.name for path in (tmp_path / "logdir").iterdir()] == ["mine"]
    session = tmp_path / "logdir" / "mine" / "trace" / "plugins" / "profile"
    assert [path.name for path in session.iterdir()] == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_no_text_is_imported(file, tmp_path):
    odd = tmp_path / os.fsdecode(b"\xff.xplane.pb")
    file.rename(odd)
    run = import_trace(odd, logdir=tmp_path / "logdir")
    assert load_run(tmp_path / "logdir" / run.run) == run


@pytest.mark.parametrize("name", h200.TRACES)
def test_real_traces_are_imported_whole(tmp_path, name):
    packed = h200.DATA / f"{name}.xplane.pb.xz"
    file = tmp_path / f"{name}.xplane.pb"
    file.write_bytes(lzma.decompress(packed.read_bytes()))
    check_imported(file, tmp_path / "logdir")
    sorts = h200.phases_of(name)
    costs = load_costs(tmp_path / "logdir" / "mine")
    run = load_run(tmp_path / "logdir" / "mine")
    for key, attribution in zip(run.variants["trace"].phases, sorts.values(), strict=True):
        rows = costs.filter(phase=key).drop("variant", "phase")
        assert_frame_equal(rows, attribution.costs)


@pytest.mark.skipif(not SAMPLES.exists(), reason="no samples here")
@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.xplane.pb")), ids=lambda file: file.name)
def test_traces_of_others_are_imported_whole(tmp_path, file):
    check_imported(file, tmp_path / "logdir")


def check_imported(file: Path, logdir: Path) -> None:
    """An imported run is what the trace alone is, and its tables say the same."""
    run = import_trace(file, logdir=logdir, name="mine")
    assert load_run(logdir / "mine") == run
    check_as_in_memory(run, file)
    costs, steps = load_costs(logdir / "mine"), load_steps(logdir / "mine")
    for key, phase in run.variants["trace"].phases.items():
        rows = costs.filter(phase=key, device=phase.attribution.device)
        assert int(rows["share_ns"].sum()) == phase.attribution.timeline.wall_ns
        kept = steps.filter((pl.col("phase") == key) & (pl.col("block") >= 0))
        assert kept["seconds"].to_list() == list(phase.traced.steps_s)
