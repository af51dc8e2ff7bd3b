"""Hand-made results set beside each other: the same, up to rounding, or not."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest

from alexprof.analysis.compare import compare
from alexprof.analysis.gate import gate, parse_bound
from alexprof.analysis.selection import Group
from alexprof.measure.agreement import fingerprint
from alexprof.record.store import load_run, save_run
from alexprof.show import ReportOptions
from alexprof.show.comparison import render_comparison
from alexprof.show.comparison_texts import caveat_text
from alexprof.tracer.sources import select, select_each
from tests.analysis.made import made_run

VALUES = np.array([3.0, -4.0, 12.0], np.float32)


def give(folder, variant, *tensors, phase="forward", **fields):
    """Gives a phase of a run on disk results."""
    summed = tuple(
        dataclasses.replace(fingerprint(f"t{place}:0", values), **fields)
        for place, values in enumerate(tensors)
    )
    run = load_run(folder)
    record = run.variants[variant]
    changed = msgspec.structs.replace(record.phases[phase], fingerprint=summed)
    record = msgspec.structs.replace(record, phases={**record.phases, phase: changed})
    save_run(folder, msgspec.structs.replace(run, variants={**run.variants, variant: record}))


@pytest.fixture
def logdir(tmp_path):
    for name in "ab":
        made_run(tmp_path / name, {"v": 0.2}, traced=0)
    return tmp_path


def compared(logdir, *names):
    return compare(select_each(names or ("a", "b"), logdir))


def test_alike_values_are_the_same(logdir):
    for name in "ab":
        give(logdir / name, "v", VALUES)
    found = compared(logdir)
    assert (found.same_results, found.comparable) == (True, True)
    (one,) = found.results
    assert (one.same, one.tensor, one.difference, one.allowed) == (True, "t0:0", 0.0, 1e-4)
    assert one.a_norm == one.b_norm == 13.0


def test_rounding_is_the_same_and_is_told(logdir):
    give(logdir / "a", "v", VALUES)
    give(logdir / "b", "v", VALUES + np.array([0, 0, 12 * 3e-5], np.float32))
    found = compared(logdir)
    assert found.same_results is True
    (change,) = found.results
    assert change.difference == pytest.approx(12 * 3e-5 / 13, rel=1e-2)
    text = render_comparison(found, "text", ReportOptions())
    assert "Both compute the same: forward of v: largest difference 3e-5 of the result" in text


def test_another_result_spoils_a_comparison_and_a_gate(logdir):
    give(logdir / "a", "v", VALUES, VALUES)
    give(logdir / "b", "v", VALUES, np.array([3.0, -4.0, 12.012], np.float32))
    found = compared(logdir)
    assert (found.same_results, found.comparable) == (False, False)
    (wrong,) = found.why_not
    assert (wrong.code, wrong.what, wrong.text) == ("results_differ", "norm", "t1:0")
    assert wrong.numbers["difference_fraction"] == pytest.approx(9e-4, rel=0.1)
    a, b = (Group((select(name, logdir),)) for name in "ab")
    judged = gate(b, a, [parse_bound("50%")])
    assert (judged.outcome, judged.comparable) == ("unclear", False)


@pytest.mark.parametrize(
    ("other", "reason", "values"),
    [
        (VALUES.reshape(3, 1), "shape", ("[3]", "[3, 1]")),
        (VALUES.astype(np.float64), "dtype", ("float32", "float64")),
        (np.array([3.0, np.nan, 12.0], np.float32), "nonfinite", ("0", "1")),
    ],
)
def test_what_else_can_differ(logdir, other, reason, values):
    give(logdir / "a", "v", VALUES)
    give(logdir / "b", "v", other)
    found = compared(logdir)
    assert found.same_results is False
    (change,) = found.results
    assert (change.reason, change.values) == (reason, values)
    assert all(value in caveat_text(found.why_not[0]) for value in values)


def test_another_number_of_tensors_is_another_result(logdir):
    give(logdir / "a", "v", VALUES)
    give(logdir / "b", "v", VALUES, VALUES)
    (change,) = compared(logdir).results
    assert (change.reason, change.values) == ("tensor_count", ("1", "2"))


def test_results_that_differ_from_step_to_step_say_nothing(logdir):
    give(logdir / "a", "v", VALUES, repeats=False)
    give(logdir / "b", "v", VALUES * 2)
    found = compared(logdir)
    assert (found.same_results, found.comparable) == (None, True)
    assert found.results[0].reason == "not_repeatable"


def test_of_a_phase_with_one_such_tensor_the_others_still_can_differ(logdir):
    for name, values in (("a", VALUES), ("b", VALUES * 2)):
        give(logdir / name, "v", VALUES, values)
        run = load_run(logdir / name)
        phase = run.variants["v"].phases["forward"]
        unsteady = dataclasses.replace(phase.fingerprint[0], repeats=False)
        phase = msgspec.structs.replace(phase, fingerprint=(unsteady, phase.fingerprint[1]))
        variants = {"v": msgspec.structs.replace(run.variants["v"], phases={"forward": phase})}
        save_run(logdir / name, msgspec.structs.replace(run, variants=variants))
    assert compared(logdir).same_results is False


def test_other_seeds_must_give_other_numbers(logdir):
    made_run(logdir / "c", {"v": 0.2}, traced=0, settings={"seed": 7})
    give(logdir / "a", "v", VALUES)
    give(logdir / "c", "v", VALUES * 2)
    found = compared(logdir, "a", "c")
    assert (found.same_results, found.comparable) == (None, True)
    assert found.results[0].reason == "seeds_differ"


def test_older_runs_have_no_results(logdir):
    give(logdir / "b", "v", VALUES)
    found = compared(logdir)
    (change,) = found.results
    assert (found.same_results, change.reason, change.run) == (None, "not_recorded", "a")


def test_variants_of_one_run_differ_on_purpose_and_by_how_much(tmp_path):
    made_run(tmp_path / "run", {"v": 0.2, "w": 0.2}, traced=0)
    give(tmp_path / "run", "v", VALUES)
    give(tmp_path / "run", "w", VALUES * np.float32(1.5))
    found = compared(tmp_path, "run:v", "run:w")
    assert (found.same_results, found.comparable) == (False, True)
    text = " ".join(render_comparison(found, "text", ReportOptions()).split())
    assert "They compute something else on purpose, as variants of one run: forward of" in text
    assert "t0:0 differs by 0.33 of its norm (13, 19.5)" in text
