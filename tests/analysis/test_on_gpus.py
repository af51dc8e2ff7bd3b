"""Runs on a GPU: kernels keep their time, idle time takes the difference, predictions."""

from __future__ import annotations

import math

import polars as pl
import pytest
from msgspec.structs import replace

from alexprof.analysis.kernel_savings import StepWork
from alexprof.analysis.predictions import predict
from alexprof.measure.slowdown import Scale, timed_scale
from alexprof.record.timed import Stretch
from tests.analysis.made import sum_of_accounts
from tests.h200 import RUNS, run_of
from tests.show.full import render


@pytest.mark.parametrize(
    ("busy", "idle", "timed", "on_cpu", "scale"),
    [
        pytest.param(6.0, 2.0, 4.0, True, Scale(0.5, 0.5), id="a CPU's ops are all stretched"),
        pytest.param(6.0, 4.0, 8.0, False, Scale(1.0, 0.5), id="a GPU's kernels are not"),
        pytest.param(6.0, 4.0, 12.0, False, Scale(1.0, 1.5), id="traced steps that were shorter"),
        pytest.param(6.0, 4.0, 3.0, False, Scale(0.5, 0.0), id="kernels longer than the step"),
        pytest.param(6.0, 0.0, 3.0, False, Scale(0.5, 0.5), id="no idle time to take it"),
    ],
)
def test_traced_time_on_the_scale_of_timed_steps(busy, idle, timed, on_cpu, scale):
    both = timed_scale(busy, idle, timed, on_cpu=on_cpu)
    assert both == pytest.approx(scale)
    assert both.work * busy + both.idle * idle == pytest.approx(timed)


def costs(rows):
    """Step, op, share, launches and the host's time for them."""
    columns = ("step", "op", "share_ns", "kernels", "launching_ns")
    table = pl.DataFrame(rows, dict.fromkeys(columns, pl.Int64) | {"op": pl.String}, orient="row")
    is_idle = pl.col("op") == "(idle)"
    return table.with_columns(
        pl.col("op").str.to_uppercase().alias("kind"),
        pl.format("layer_{}", "op").alias("layer"),
        pl.when(is_idle).then(pl.lit("idle")).otherwise(pl.lit("forward")).alias("pass"),
        pl.lit("GPU:0").alias("device"),
        pl.col("share_ns").sum().over("step").alias("wall_ns"),
    )


ROWS = [
    (step, *row)
    for step, (a_ns, b_ns) in enumerate([(300, 200), (310, 190), (305, 195)])
    for row in (("a", a_ns, 1, 10), ("b", b_ns, 3, 30), ("(idle)", 500, 0, None))
]


@pytest.mark.parametrize(
    ("rows", "ops", "timed_ns", "saved_ns"),
    [
        # Timed steps leave 800 − 500 ns idle; of it 30 of 40 parts of launching are b's.
        (ROWS, {"b"}, 800, 195 + 0.75 * 300),
        # Without the host's time each launch has the same part.
        ([(*row[:-1], None) for row in ROWS], {"a"}, 800, 305 + 0.25 * 300),
        # All ops together save the step.
        (ROWS, {"a", "b"}, 800, 800),
        # A timed step shorter than its kernels has no idle time.
        (ROWS, {"a"}, 400, 305),
    ],
)
def test_a_saving_is_kernels_and_the_idle_time_of_their_launches(rows, ops, timed_ns, saved_ns):
    saved_s, interval = StepWork(costs(rows), "GPU:0").saving(ops, timed_ns / 1e9)
    assert saved_s == pytest.approx(saved_ns / 1e9)
    if ops == {"b"}:
        assert interval[0] < saved_s < interval[1]


def test_savings_of_layers_add_up_to_the_step():
    savings = StepWork(costs(ROWS), "GPU:0").savings(800e-9)
    layers = [saving.fraction for saving in savings if saving.what == "layer"]
    assert math.fsum(layers) == pytest.approx(1)


@pytest.fixture(params=RUNS)
def run(request):
    return run_of(request.param)


OWN_US = {
    ("alexnet_gpu32", "forward"): 252,
    ("alexnet_gpu32", "forward_backward"): 870,
    ("alexnet_gpu128", "forward"): 1364,
    ("alexnet_gpu128", "forward_backward"): 5097,
}


@pytest.mark.parametrize("phase", ["forward", "forward_backward"])
def test_what_leaving_lrn_out_saved(run, phase):
    (ablation,) = [ablation for ablation in run.ablations if ablation.phase == phase]
    # The prediction is at most 5 % off, or inside the interval.
    assert ablation.predicted_by == "kernels"
    low, high = ablation.ci95_s
    off = ablation.predicted_s / ablation.measured_s - 1
    assert abs(off) <= 0.05 or low <= ablation.predicted_s <= high
    # Own kernels stand as traced.
    assert ablation.attributed_s * 1e6 == pytest.approx(OWN_US[run.run, phase], rel=0.005)
    # Convolutions are the same kernels with LRN and without: no change of them is invented.
    timed = run.variants[ablation.reference].phases[phase].timed
    assert all(abs(change.change_s) < 0.01 * timed.mean_s for change in ablation.others)
    assert sum_of_accounts(ablation) == pytest.approx(ablation.measured_s, abs=1e-12)


def test_a_long_first_step_is_left_out(run):
    phase = run.variants["with_lrn"].phases["forward"]
    assert phase.traced.steps == 9
    assert phase.traced.left_out_s > 1.2 * phase.traced.mean_s
    books = phase.attribution.timeline
    assert books.share_ns + books.idle_ns == books.wall_ns
    assert books.wall_ns / 9e9 == pytest.approx(phase.traced.mean_s)


def test_no_saving_is_predicted_without_what_has_no_op():
    rows = [(step, "(unassigned)" if op == "a" else op, *rest) for step, op, *rest in ROWS]
    savings = StepWork(costs(rows), "GPU:0").savings(800e-9)
    assert {saving.name for saving in savings if saving.what == "op"} == {"b"}


def test_the_report_answers_first_and_has_no_row_without_digits(run):
    report = render(run)
    assert "<0.01" not in report
    head = report.splitlines()[:9]
    assert any("LRN" in line and "saves" in line for line in head)


def test_predictions_by_kernels_refer_to_the_leading_step_and_keep_their_seconds():
    run = run_of("alexnet_gpu32")
    slow = replace(run, stretches=(Stretch("forward", 1, 3, 1.2, ("with_lrn",)),))
    by_mean, by_median = (predict(run, "with_lrn", "forward") for run in (run, slow))
    timed = run.phase("with_lrn", "forward").timed
    assert (by_mean.step_s, by_median.step_s) == pytest.approx((timed.mean_s, timed.median_s))
    for before, after in zip(by_mean.savings, by_median.savings, strict=True):
        assert after.saves_s == pytest.approx(before.saves_s)
        assert after.saves_s == pytest.approx(after.fraction * timed.median_s)
