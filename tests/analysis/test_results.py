"""Hand-made results set beside each other: the same, up to rounding, or not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from alexprof.analysis.gate import gate, parse_bound
from alexprof.measure.agreement import fingerprint
from alexprof.record.store import load_run, save_run
from alexprof.show.comparison import render_comparison
from alexprof.show.comparison_texts import caveat_text
from alexprof.show.options import ReportOptions
from tests.analysis.made import compared, group, made_run
from tests.factory import with_fields

VALUES = np.array([3.0, -4.0, 12.0], np.float32)


def give(folder, variant, *tensors, **fields):
    """Gives a variant of a run on disk results; `fields` are of the first tensor."""
    first, *others = (fingerprint(f"t{at}:0", values) for at, values in enumerate(tensors))
    results = (dataclasses.replace(first, **fields), *others)
    save_run(folder, with_fields(load_run(folder), variant, fingerprint=results))


@pytest.fixture
def logdir(tmp_path):
    for name in "ab":
        made_run(tmp_path / name, {"v": 0.2}, traced=0)
    return tmp_path


def test_rounding_is_the_same_and_is_told(logdir):
    give(logdir / "a", "v", VALUES)
    give(logdir / "b", "v", VALUES + np.array([0, 0, 12 * 3e-5], np.float32))
    comparison = compared(logdir, "a", "b")
    (change,) = comparison.results
    assert (comparison.same_results, comparison.comparable, change.same) == (True, True, True)
    assert (change.tensor, change.allowed, change.a_norm) == ("t0:0", 1e-4, 13.0)
    assert change.difference == pytest.approx(12 * 3e-5 / 13, rel=1e-2)
    text = render_comparison(comparison, "text", ReportOptions())
    assert "Both compute the same results: forward of v: largest relative difference 3e-5" in text


def test_another_result_spoils_a_comparison_and_a_gate(logdir):
    give(logdir / "a", "v", VALUES, VALUES)
    give(logdir / "b", "v", VALUES, np.array([3.0, -4.0, 12.012], np.float32))
    comparison = compared(logdir, "a", "b")
    assert (comparison.same_results, comparison.comparable) == (False, False)
    (wrong,) = comparison.why_not
    assert (wrong.code, wrong.what, wrong.text) == ("results_differ", "norm", "t1:0")
    assert wrong.numbers["difference_fraction"] == pytest.approx(9e-4, rel=0.1)
    judged = gate(group(logdir, "b"), group(logdir, "a"), [parse_bound("50%")])
    assert (judged.outcome, judged.comparable) == ("unclear", False)


@pytest.mark.parametrize(
    ("a", "b", "same", "reason", "values"),
    [
        ([VALUES], [VALUES], True, "equal", None),
        ([VALUES], [VALUES.reshape(3, 1)], False, "shape", ("[3]", "[3, 1]")),
        ([VALUES], [VALUES.astype(np.float64)], False, "dtype", ("float32", "float64")),
        ([VALUES], [np.array([3.0, np.nan, 12.0], np.float32)], False, "nonfinite", ("0", "1")),
        ([VALUES], [VALUES, VALUES], False, "tensor_count", ("1", "2")),
        ([VALUES], None, None, "not_recorded", None),
    ],
)
def test_what_two_results_say(logdir, a, b, same, reason, values):
    for name, tensors in (("a", a), ("b", b)):
        if tensors is not None:
            give(logdir / name, "v", *tensors)
    comparison = compared(logdir, "a", "b")
    (change,) = comparison.results
    assert (comparison.same_results, change.reason, change.values) == (same, reason, values)
    assert change.run == ("b" if b is None else None)
    assert all(value in caveat_text(comparison.why_not[0], {}) for value in values or ())


@pytest.mark.parametrize(
    ("fields", "settings", "reason"),
    [({"repeats": False}, {}, "not_repeatable"), ({}, {"seed": 7}, "seeds_differ")],
)
def test_results_that_must_differ_say_nothing(logdir, fields, settings, reason):
    made_run(logdir / "c", {"v": 0.2}, traced=0, settings=settings)
    give(logdir / "a", "v", VALUES, **fields)
    give(logdir / "c", "v", VALUES * 2)
    comparison = compared(logdir, "a", "c")
    assert (comparison.same_results, comparison.comparable) == (None, True)
    assert comparison.results[0].reason == reason


def test_of_a_phase_with_one_such_tensor_the_others_still_can_differ(logdir):
    for name, values in (("a", VALUES), ("b", VALUES * 2)):
        give(logdir / name, "v", VALUES, values, repeats=False)
    assert compared(logdir, "a", "b").same_results is False


@pytest.mark.parametrize(("factor", "text"), [(1.0007, "0.07 %"), (1.5, "33 %")])
def test_how_far_a_result_is_from_another_is_no_quotient_of_the_norms(logdir, factor, text):
    give(logdir / "a", "v", VALUES)
    give(logdir / "b", "v", VALUES * np.float32(factor))
    (wrong,) = compared(logdir, "a", "b").why_not
    says = " ".join(caveat_text(wrong, {"forward": "Forward"}).split())
    assert f"t0:0 differs: the difference’s norm is about {text} of the tensor’s (13 and" in says
    assert "computes different results: forward of v" in says


def test_variants_of_one_run_differ_on_purpose_and_by_how_much(tmp_path):
    made_run(tmp_path / "run", {"v": 0.2, "w": 0.2}, traced=0)
    give(tmp_path / "run", "v", VALUES)
    give(tmp_path / "run", "w", VALUES * np.float32(1.5))
    comparison = compared(tmp_path, "run:v", "run:w")
    assert (comparison.same_results, comparison.comparable) == (False, True)
    text = " ".join(render_comparison(comparison, "text", ReportOptions()).split())
    assert "Their results differ: forward of v and w: t0:0 differs: the difference’s norm" in text
    assert "is about 33 % of the tensor’s (13 and 19.5)" in text
    assert text.count("on purpose") == 1
    full = render_comparison(comparison, "text", ReportOptions(full=True))
    assert full.count("on purpose") == 1
