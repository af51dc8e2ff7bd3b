"""One question, one number: report, list, JSON and TensorBoard's charts say the same."""

from __future__ import annotations

import json

import pytest

from alexprof.analysis.summary import summarize
from alexprof.show import ReportOptions, numbers, render, render_list
from alexprof.tensorboard.scalars import all_series
from tests.show import runs


def flat(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


@pytest.mark.parametrize("make", [runs.steady, runs.alexnet])
def test_what_leaving_lrn_out_saves(make):
    """By means in a steady run, by medians where steps were slow in a row: everywhere alike."""
    run = make()
    answers = json.loads(render(run, "json"))["answers"]
    assert answers["estimator"] == ("median" if run.stretches else "mean")
    charts = {series.tag: series.values[-1] for series in all_series(run, "with_lrn", {}, {}, 0.0)}
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
            assert f"saves {numbers.percent(saving['fraction'])} %" in brief or (
                f"and {numbers.percent(saving['fraction'])} %" in brief
            )
            assert f"LRN costs {saved_ms} ms of" in full
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
        charts = all_series(run, step.variant, {}, {}, 0.0)
        values = {series.tag: series.values[-1] for series in charts}
        assert values[f"{step.phase}/{kind}_ms"] == pytest.approx(step.center_s * 1e3)
