"""One question, one number, one verdict: in every command, in JSON and on TensorBoard's tabs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from alexprof.analysis.compare import compare
from alexprof.analysis.division import divide
from alexprof.analysis.gate import gate, parse_bound
from alexprof.analysis.history import history
from alexprof.analysis.selection import Group
from alexprof.analysis.summary import summarize
from alexprof.record.ablation import AblationSpec
from alexprof.record.timed import Stretch
from alexprof.show import numbers
from alexprof.show.comparison import render_comparison
from alexprof.show.gate import render_gate
from alexprof.show.listing import render_list
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import render
from alexprof.tensorboard.hparams import metrics
from alexprof.tensorboard.scalars import all_series
from alexprof.tracer.sources import select, select_each
from tests.analysis.made import made_run
from tests.show import runs


def flat(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


def charts_of(run, variant="with_lrn"):
    """The last value of each of a variant's scalars."""
    return {series.tag: series.values[-1] for series in all_series(run, variant, {}, {}, 0.0)}


@pytest.mark.parametrize("make", [runs.steady, runs.alexnet])
def test_what_leaving_lrn_out_saves(make):
    """By means in a steady run, by medians where steps were slow in a row: everywhere alike."""
    run = make()
    answers = json.loads(render(run, "json"))["answers"]
    assert answers["estimator"] == ("median" if run.stretches else "mean")
    charts = charts_of(run)
    brief, full = flat(render(run)), flat(render(run, options=ReportOptions(full=True)))
    listed = flat(render_list([run]))
    for saving in answers["savings"]:
        saved_ms = numbers.MILLISECONDS.plain(saving["saved_s"])
        low, high = (numbers.MILLISECONDS.plain(bound) for bound in saving["ci95_s"])
        phase = saving["phase"]
        if saving["verdict"] == "unclear":
            assert f"unclear: {low} to {high}" in brief
            assert "LRN: unclear" in listed
        else:
            said = f"{saved_ms} ({low} to {high})"
            assert said in brief
            assert f"LRN: {said} ms" in listed
            percent = numbers.percent(saving["fraction"])
            assert f"saves {percent} %" in brief or f"and {percent} %" in brief
            assert f"Leaving LRN out saves {saved_ms} ms of" in full
        assert charts[f"{phase}/lrn_measured_ms"] == pytest.approx(saving["saved_s"] * 1e3)
        assert charts[f"{phase}/lrn_attributed_ms"] == pytest.approx(saving["own_s"] * 1e3)


@pytest.mark.parametrize("make", [runs.steady, runs.alexnet])
def test_what_a_step_takes(make):
    run = make()
    summary = summarize(run)
    brief, listed = flat(render(run)), flat(render_list([run]))
    kind = "median" if summary.estimator == "median" else "mean"
    for step in summary.steps:
        center_ms = numbers.MILLISECONDS.plain(step.center_s)
        assert center_ms in brief
        assert f"{center_ms} ms" in listed
        charts = charts_of(run, step.variant)
        assert charts[f"{step.phase}/{kind}_ms"] == pytest.approx(step.center_s * 1e3)
    assert set(metrics(run)) <= set(charts_of(run))


SLOW = Stretch(phase="forward", first_step=1, last_step=9, ratio=1.5, variants=("with_lrn",))
VERDICTS = {"saves": "faster", "costs": "slower", "unclear": "unclear"}


LRN = AblationSpec("LRN", "with_lrn", "without_lrn", kinds=("LRN",))


def run_on_disk(logdir, without_s, *stretches, gained_s=None):
    """A run of two variants; a step without LRN takes 85 % of `without_s`."""
    return made_run(
        logdir / "run",
        {"with_lrn": 0.2, "without_lrn": without_s},
        without={"without_lrn": ("lrn1",)},
        gained_s=gained_s,
        noise=0.1,
        stretches=stretches,
        ablations=[LRN],
    )


def phase_of(comparison):
    return next(change for change in comparison.differences if change.level == "phase").difference


@pytest.mark.parametrize(("without_s", "verdict"), [(0.2, "saves"), (0.2 / 0.85, "unclear")])
@pytest.mark.parametrize("stretches", [(), (SLOW,)])
def test_compare_and_gate_answer_as_the_report_does(tmp_path, without_s, verdict, stretches):
    run = run_on_disk(tmp_path, without_s, *stretches)
    summary = summarize(run)
    (saving,) = summary.savings
    assert saving.verdict == verdict
    assert saving.ci95_s is not None
    low_s, high_s = saving.ci95_s

    names = ("run:with_lrn", "run:without_lrn")
    compared = compare(select_each(names, tmp_path))
    baseline, new = (Group((select(name, tmp_path),)) for name in names)
    judged = gate(new, baseline, [parse_bound("3%")])
    found = phase_of(compared)
    assert found == judged.judged[0].difference
    assert found.estimator == summary.estimator == ("median" if stretches else "mean")
    assert found.change_s == pytest.approx(-saving.saved_s)
    assert found.ci95_s == pytest.approx((-high_s, -low_s))
    assert found.verdict == VERDICTS[saving.verdict]
    assert found.significant == (saving.verdict != "unclear")
    assert found.before_s == pytest.approx(summary.steps[0].center_s)
    assert found.after_s == pytest.approx(summary.steps[1].center_s)
    back = phase_of(compare(select_each(names[::-1], tmp_path)))
    assert back.change_s == pytest.approx(saving.saved_s)
    assert back.ci95_s == pytest.approx((low_s, high_s))

    point = history(tmp_path, variant="with_lrn").points[0]
    assert point.value == pytest.approx(summary.steps[0].center_s)
    assert point.ci95 == pytest.approx(summary.steps[0].ci95_s)

    in_compare, in_gate = flat(render_comparison(compared)), flat(render_gate(judged))
    if saving.verdict == "saves":
        fraction = numbers.percent(saving.fraction)
        assert f"{fraction} % faster" in in_compare
        assert f"−{numbers.MILLISECONDS.plain(saving.saved_s)} ms" in in_compare
        assert f"−{fraction}" in in_gate
    else:
        assert "unclear" in in_compare
    assert json.loads(render_comparison(compared, "json"))["differences"]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("stretches", [(), (SLOW,)])
def test_compare_says_of_a_layer_what_the_report_s_account_does(tmp_path, backward, stretches):
    moved = {"without_lrn": {"conv1": -0.02, "conv2": 0.02}}
    run = run_on_disk(tmp_path, 0.2, *stretches, gained_s=moved)
    (saving,) = summarize(run).savings
    rows = {row.name: row for row in saving.rows if row.kind == "layer"}
    assert rows.keys() == {"conv1", "conv2"}
    names = ["run:with_lrn", "run:without_lrn"]
    changes = compare(select_each(names[::-1] if backward else names, tmp_path)).differences
    layers = {change.name: change.difference for change in changes if change.level == "layer"}
    assert not layers["pool1"].significant
    sign = 1 if backward else -1
    for name, row in rows.items():
        assert layers[name].significant
        assert layers[name].change_s == pytest.approx(sign * row.value_s)
        low_s, high_s = sorted(sign * bound_s for bound_s in row.ci95_s or ())
        assert layers[name].ci95_s == pytest.approx((low_s, high_s))


@pytest.mark.parametrize("make", [runs.steady, runs.alexnet])
def test_what_the_ops_that_are_left_out_take_themselves(make):
    """One value and one interval: by the leading estimator, with what timed steps leave open."""
    run = make()
    ms = numbers.MILLISECONDS
    for saving in summarize(run).savings:
        spread = f" ± {ms.half_width(saving.own_ci95_s, saving.own_s)}" if saving.own_ci95_s else ""
        shown = ms.plain(saving.own_s) + spread
        options = ReportOptions(phase=saving.phase)
        assert shown in flat(render(run, options=options))
        where = flat(render(run, options=replace(options, section="where")))
        assert f"LRN takes {numbers.percent(saving.own_fraction)} %, {shown} ms" in where
        win = flat(render(run, options=replace(options, section="win")))
        assert f"LRN’s own ops {ms.signed(saving.own_s)}{spread[2:]}" in win
        percent = pytest.approx(saving.own_fraction * 100)
        assert charts_of(run)[f"{saving.phase}/lrn_share_percent"] == percent
        assert f"{saving.phase}/lrn_attributed_ms" in metrics(run)
        answers = json.loads(render(run, "json"))["answers"]["savings"]
        (answer,) = [answer for answer in answers if answer["phase"] == saving.phase]
        assert answer["own_s"] == saving.own_s
        assert answer["rows"][0]["value_s"] == saving.own_s
        assert answer["rows"][0].get("ci95_s") == answer["own_ci95_s"]


@pytest.mark.parametrize("stretches", [(), (SLOW,)])
def test_what_a_layer_takes_is_the_same_in_a_history(tmp_path, stretches):
    run = run_on_disk(tmp_path, 0.2, *stretches)
    (saving,) = summarize(run).savings
    division = divide(run, "with_lrn", "forward")
    for name in ("lrn1", "conv2"):
        (layer,) = [layer for layer in division.layers if layer.name == name]
        point = history(tmp_path, f"{name}.time", variant="with_lrn").points[0]
        assert point.value == pytest.approx(layer.share_s, rel=1e-6)
        assert point.ci95 == pytest.approx(layer.ci95_s, rel=1e-6)
        if name == "lrn1":
            assert saving.own_s == pytest.approx(layer.share_s, rel=1e-6)
            assert saving.own_ci95_s == pytest.approx(layer.ci95_s, rel=1e-6)
    assert division.step_s == pytest.approx(summarize(run).steps[0].center_s)
