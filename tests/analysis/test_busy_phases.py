"""Other programs beside a phase: what is said of it, and of the phases beside it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from alexprof.analysis.gate import gate, parse_bound
from alexprof.analysis.history import history
from alexprof.record.interference import Interference
from alexprof.record.parquet import (
    COSTS_FILE,
    STEPS_FILE,
    load_costs,
    load_steps,
    save_tables,
)
from alexprof.record.store import load_run, save_run
from alexprof.show.comparison import render_comparison
from alexprof.show.listing import render_list
from alexprof.show.options import ReportOptions
from tests.analysis.made import compared, group, made_run

AT_REST = Interference(seconds=1e9, cores=2, cpu_others=0.08)
BUSY = replace(AT_REST, cpu_others=0.66)


def two_phases(folder, step_s, interference, **fields):
    """A run of two phases, the second like the first, each with what ran beside it."""
    import polars as pl

    made_run(folder, {"v": step_s}, interference=AT_REST, **fields)
    run = load_run(folder)
    record = run.variants["v"].phases["forward"]
    second = msgspec.structs.replace(record, label="forward-backward", interference=interference)
    phases = {"forward": record, "forward_backward": second}
    variants = {"v": msgspec.structs.replace(run.variants["v"], phases=phases)}
    tables = {}
    for file, table in ((STEPS_FILE, load_steps(folder)), (COSTS_FILE, load_costs(folder))):
        again = table.with_columns(
            pl.lit("forward_backward").alias("phase").cast(table["phase"].dtype)
        )
        tables[file] = pl.concat([table, again])
    run = msgspec.structs.replace(run, variants=variants)
    save_run(folder, save_tables(folder, run, tables))


@pytest.fixture
def logdir(tmp_path):
    two_phases(tmp_path / "a", 0.1, AT_REST, started="2026-11-01T04:00:00+00:00")
    two_phases(tmp_path / "b", 0.2, BUSY, started="2026-11-02T04:00:00+00:00", seed=1)
    return tmp_path


def test_a_busy_phase_is_judged_alone(logdir):
    comparison = compared(logdir, "a", "b")
    verdicts = {
        change.phase: (change.difference.verdict, change.difference.reason)
        for change in comparison.differences
        if change.level == "phase"
    }
    assert verdicts == {
        "forward": ("slower", None),
        "forward_backward": ("unclear", "machine_busy"),
    }
    assert (comparison.comparable, comparison.why_not) == (True, ())
    (busy,) = [note for note in comparison.notes if note.code == "machine_busy"]
    assert (busy.effect, busy.phases) == ("times", ("forward_backward",))
    text = " ".join(render_comparison(comparison).split())
    assert "Forward, v: 100" in text
    assert "Forward-backward, v: can’t tell: the machine was busy" in text
    assert "! other programs had 33.0 % of the cores during forward-backward of b" in text


@pytest.mark.parametrize(
    ("bounds", "outcome", "outcomes"),
    [
        (["3%"], "slower", {"forward": "slower", "forward_backward": "unclear"}),
        (["150%"], "unclear", {"forward": "within", "forward_backward": "unclear"}),
        (["forward=150%"], "within", {"forward": "within"}),
        (["forward_backward=1%"], "unclear", {"forward_backward": "unclear"}),
    ],
)
def test_a_gate_judges_by_the_phases_that_were_not_busy(logdir, bounds, outcome, outcomes):
    new, old = group(logdir, "b"), group(logdir, "a")
    result = gate(new, old, [parse_bound(bound) for bound in bounds])
    assert result.outcome == outcome
    assert {subject.phase: subject.outcome for subject in result.judged} == outcomes
    needs = {subject.phase: subject.needed.code for subject in result.judged if subject.needed}
    assert needs.get("forward_backward", "quiet") == "quiet"


@pytest.mark.parametrize(
    ("metric", "phase", "is_compared"),
    [
        ("forward.median", None, True),
        ("lrn.share", "forward", True),
        ("forward_backward.median", None, False),
        ("lrn.share", "forward_backward", False),
    ],
)
def test_a_history_asks_whether_its_own_phase_was_busy(logdir, metric, phase, is_compared):
    followed = history(logdir, metric, phase=phase)
    assert [point.compared for point in followed.points] == [True, is_compared]


def test_variants_of_one_run_on_a_busy_machine_keep_their_verdict_and_it_is_said(tmp_path):
    made_run(
        tmp_path / "run",
        {"with_lrn": 0.2, "without_lrn": 0.2},
        without={"without_lrn": ("lrn1",)},
        interference=replace(AT_REST, cpu_others=1.68),
    )
    comparison = compared(tmp_path, "run:with_lrn", "run:without_lrn")
    assert comparison.comparable
    (phase,) = [change for change in comparison.differences if change.level == "phase"]
    assert phase.difference.verdict == "faster"
    (busy,) = [note for note in comparison.notes if note.code == "machine_busy"]
    assert (busy.effect, busy.phases) == ("none", ("forward",))
    assert busy.numbers["most_fraction"] == pytest.approx(0.84)
    for full in (False, True):
        text = render_comparison(comparison, "text", ReportOptions(full=full))
        assert "! other programs had 84.0 % of the cores during forward" in " ".join(text.split())
        assert "no verdict" not in text
    listed = render_list([load_run(tmp_path / "run")])
    assert "! The machine was busy during forward" in " ".join(listed.split())


def test_what_a_busy_machine_hides_is_not_called_chance(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1}, interference=AT_REST)
    made_run(tmp_path / "b", {"v": 0.2}, interference=BUSY)
    text = render_comparison(compared(tmp_path, "a", "b"), "text", ReportOptions(full=True))
    assert "No significant change" not in text
    assert "and 5 ops: can’t tell: the machine was busy." in " ".join(text.split())
