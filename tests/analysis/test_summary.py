"""The answers of a run: one estimator, one verdict, each figure once."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from alexprof.analysis.difference import leading_estimator
from alexprof.analysis.summary import summarize
from alexprof.measure.equivalence_band import verdict_of
from tests.factory import with_fields
from tests.show import odd_runs, runs


@pytest.mark.parametrize(
    ("run", "estimator"),
    [
        (runs.steady(), "mean"),
        (runs.alexnet(), "median"),
        (replace(runs.alexnet(), stretches=()), "mean"),
        (with_fields(runs.alexnet(), timed={"median_ci95_s": None}), "mean"),
    ],
)
def test_means_lead_and_medians_where_steps_were_slow_in_a_row_in_any_phase(run, estimator):
    assert leading_estimator(run) == estimator


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


def test_own_ops_of_a_cpu_have_the_interval_of_the_timed_step_too():
    """The fraction's interval and the step's, as independent errors."""
    run = runs.steady()
    saving, ablation = summarize(run).savings[-1], run.ablations[-1]
    assert saving.phase == ablation.phase == "forward_backward"
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
