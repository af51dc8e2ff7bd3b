"""Runs on a GPU: kernels keep their time, idle time takes the difference, predictions."""

from __future__ import annotations

import math

import polars as pl
import pytest

from alexprof.analysis.kernel_savings import StepWork
from alexprof.measure.slowdown import Scale, timed_scale
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
    found = timed_scale(busy, idle, timed, on_cpu=on_cpu)
    assert found == pytest.approx(scale)
    assert found.work * busy + found.idle * idle == pytest.approx(timed)


def costs(rows):
    """Step, op, share, launches and the host's time for them."""
    walls = {step: sum(row[2] for row in rows if row[0] == step) for step in {r[0] for r in rows}}
    return pl.DataFrame(
        [
            {
                "step": step,
                "device": "GPU:0",
                "op": op,
                "kind": op.upper(),
                "layer": f"layer_{op}",
                "pass": "idle" if op == "(idle)" else "forward",
                "kernels": kernels,
                "share_ns": share,
                "wall_ns": walls[step],
                "launching_ns": launching,
            }
            for step, op, share, kernels, launching in rows
        ],
        schema_overrides={"launching_ns": pl.Int64},
    )


ROWS = [
    (0, "a", 300, 1, 10),
    (0, "b", 200, 3, 30),
    (0, "(idle)", 500, 0, None),
    (1, "a", 310, 1, 10),
    (1, "b", 190, 3, 30),
    (1, "(idle)", 500, 0, None),
    (2, "a", 305, 1, 10),
    (2, "b", 195, 3, 30),
    (2, "(idle)", 500, 0, None),
]


def test_a_saving_is_kernels_and_the_idle_time_of_their_launches():
    """Timed steps leave 800 − 500 ns idle; of it 30 of 40 parts of launching are b's."""
    saved_s, interval = StepWork(costs(ROWS), "GPU:0").saving({"b"}, 800e-9)
    assert saved_s == pytest.approx((195 + 0.75 * 300) * 1e-9)
    assert interval is not None
    assert interval[0] < saved_s < interval[1]


def test_without_the_host_s_time_each_launch_has_the_same_part():
    rows = [(step, op, share, kernels, None) for step, op, share, kernels, _ in ROWS]
    saved_s, _ = StepWork(costs(rows), "GPU:0").saving({"a"}, 800e-9)
    assert saved_s == pytest.approx((305 + 0.25 * 300) * 1e-9)


def test_all_ops_together_save_the_step():
    work = StepWork(costs(ROWS), "GPU:0")
    assert work.saving({"a", "b"}, 800e-9)[0] == pytest.approx(800e-9)
    layers = [saving.fraction for saving in work.savings(800e-9) if saving.what == "layer"]
    assert math.fsum(layers) == pytest.approx(1)


def test_a_timed_step_shorter_than_its_kernels_has_no_idle_time():
    assert StepWork(costs(ROWS), "GPU:0").saving({"a"}, 400e-9)[0] == pytest.approx(305e-9)


@pytest.fixture(params=RUNS)
def run(request):
    return run_of(request.param)


def test_a_prediction_is_near_what_was_measured(run):
    """At most 5 % off what leaving LRN out saved, or inside its interval."""
    assert len(run.ablations) == 2
    for ablation in run.ablations:
        assert ablation.predicted_by == "kernels"
        off = ablation.predicted_s / ablation.measured_s - 1
        low, high = ablation.ci95_s
        assert abs(off) <= 0.05 or low <= ablation.predicted_s <= high


OWN_US = {
    ("alexnet_gpu32", "forward"): 252,
    ("alexnet_gpu32", "forward_backward"): 870,
    ("alexnet_gpu128", "forward"): 1364,
    ("alexnet_gpu128", "forward_backward"): 5097,
}


def test_own_kernels_stand_as_traced(run):
    for ablation in run.ablations:
        right = OWN_US[run.run, ablation.phase]
        assert ablation.attributed_s * 1e6 == pytest.approx(right, rel=0.005)


def test_no_change_of_a_layer_is_invented(run):
    """Convolutions are the same kernels with LRN and without: within 1 % of the step."""
    for ablation in run.ablations:
        timed = run.variants[ablation.reference].phases[ablation.phase].timed
        for change in ablation.others:
            assert abs(change.change_s) < 0.01 * timed.mean_s


def test_the_account_adds_up_to_what_was_measured(run):
    for ablation in run.ablations:
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
