"""The answers of a run: one estimator, one verdict, each figure once."""

from __future__ import annotations

import math
from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace

from alexprof.analysis.difference import leading_estimator
from alexprof.analysis.summary import summarize
from alexprof.measure.equivalence_band import verdict_of
from alexprof.show.verdicts import verdict_word
from tests.show import odd_runs, runs


def phases(run, change):
    """The run with each of its phases changed."""
    variants = {
        name: replace(variant, phases={key: change(one) for key, one in variant.phases.items()})
        for name, variant in run.variants.items()
    }
    return replace(run, variants=variants)


def test_means_lead_and_medians_where_steps_were_slow_in_a_row_in_any_phase():
    assert leading_estimator(runs.steady()) == "mean"
    assert leading_estimator(runs.alexnet()) == "median"
    assert leading_estimator(replace(runs.alexnet(), stretches=())) == "mean"


def test_a_median_without_an_interval_does_not_lead():
    def without(phase):
        return replace(phase, timed=phase.timed and replaced(phase.timed, median_ci95_s=None))

    assert leading_estimator(phases(runs.alexnet(), without)) == "mean"


@pytest.mark.parametrize("make", [runs.steady, runs.alexnet])
def test_one_estimator_fills_every_figure(make):
    run = make()
    summary = summarize(run)
    by_median = summary.estimator == "median"
    for step in summary.steps:
        timed = run.variants[step.variant].phases[step.phase].timed
        assert step.center_s == (timed.median_s if by_median else timed.mean_s)
        assert step.ci95_s == (timed.median_ci95_s if by_median else timed.ci95_s)
    for saving, ablation in zip(summary.savings, run.ablations, strict=True):
        saved_s = ablation.measured_median_s if by_median else ablation.measured_s
        whole = run.variants[saving.reference].phases[saving.phase].timed
        assert saving.saved_s == saved_s
        assert saving.fraction == saved_s / (whole.median_s if by_median else whole.mean_s)


@pytest.mark.parametrize(
    ("ratio_ci95", "verdict"),
    [
        ((0.94, 0.96), "faster"),
        ((1.04, 1.06), "slower"),
        ((0.94, 1.01), "unclear"),
        ((0.9, 1.0), "unclear"),
        ((0.995, 0.999), "faster"),
        (None, "unclear"),
    ],
)
def test_a_verdict_needs_an_interval_without_zero(ratio_ci95, verdict):
    assert verdict_of(ratio_ci95) == verdict


@pytest.mark.parametrize(
    ("ci95_s", "verdict", "reason"),
    [
        ((0.0421, 0.0686), "saves", None),
        ((-0.07, -0.04), "costs", None),
        ((-0.01, 0.12), "unclear", "not_seen"),
        (None, "unclear", "no_interval"),
    ],
)
def test_why_a_saving_is_unclear(ci95_s, verdict, reason):
    run = runs.steady()
    ablations = tuple(
        replace(ablation, ci95_s=ci95_s, median_ci95_s=None) for ablation in run.ablations
    )
    for saving in summarize(replace(run, ablations=ablations)).savings:
        assert (saving.verdict, saving.reason) == (verdict, reason)
        assert verdict_word(saving) == ("can’t tell" if reason == "no_interval" else verdict)


def test_own_ops_of_a_cpu_have_the_interval_of_the_timed_step_too():
    """The fraction's interval and the step's, as independent errors."""
    run = runs.steady()
    (saving,) = [saving for saving in summarize(run).savings if saving.phase == "forward_backward"]
    (ablation,) = [ablation for ablation in run.ablations if ablation.phase == "forward_backward"]
    timed = run.variants["with_lrn"].phases["forward_backward"].timed
    traced_half_s = (ablation.attributed_ci95_s[1] - ablation.attributed_ci95_s[0]) / 2
    step_half = (timed.ci95_s[1] - timed.ci95_s[0]) / 2 / timed.mean_s
    half_s = math.hypot(traced_half_s, saving.own_s * step_half)
    assert saving.own_s == ablation.attributed_s
    assert saving.own_ci95_s == pytest.approx((saving.own_s - half_s, saving.own_s + half_s))


def test_shares_and_idle_time_make_up_the_step():
    for make in (runs.alexnet, odd_runs.two_gpus):
        summary = summarize(make())
        for phase in {step.phase for step in summary.traced}:
            parts = [share.fractions.get(phase, 0.0) for share in summary.shares]
            assert math.fsum(parts) == pytest.approx(1, abs=2e-3)


def test_what_was_left_out_is_one_row_in_whatever_layers_it_is():
    summary = summarize(runs.alexnet())
    names = {share.name: share.what for share in summary.shares}
    assert names["lrn"] == "left out"
    assert not {"lrn1", "lrn2"} & names.keys()
    assert names["conv2"] == "layer"


def test_of_several_ablations_layers_stay_layers():
    names = {share.name for share in summarize(odd_runs.ablated()).shares}
    assert {"conv1", "conv2"} <= names
