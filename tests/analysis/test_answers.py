"""Divided steps, accounts and predictions: what the full report and the JSON say of a run."""

from __future__ import annotations

import math

import msgspec
import pytest

from alexprof.analysis.division import divide, divided_steps
from alexprof.analysis.predictions import LEAST, predict
from alexprof.analysis.savings import measured_saving, measured_savings, prediction_errors
from alexprof.analysis.summary import Answers, LayerShare, answers, largest_shares
from alexprof.record.run import Run
from tests.show import odd_runs, runs


def with_forward(run: Run, **changes) -> Run:
    first = msgspec.structs.replace(run.ablations[0], **changes)
    return msgspec.structs.replace(run, ablations=(first, *run.ablations[1:]))


@pytest.mark.parametrize("make", [runs.alexnet, odd_runs.two_gpus, odd_runs.long_names])
def test_shares_and_idle_time_add_up_to_the_step(make):
    steps = list(divided_steps(make()))
    assert steps
    for step in steps:
        shares_s = math.fsum(layer.share_s for layer in step.layers)
        assert shares_s + step.idle_s == pytest.approx(step.step_s, rel=1e-6)
        assert math.fsum(kind.share_s for kind in step.kinds) <= step.step_s
        for layer in step.layers:
            assert math.fsum(layer.by_pass_s.values()) == pytest.approx(layer.share_s)
            assert (layer.busy_fraction is None) == step.on_cpu


def test_a_gpu_s_busy_fractions_leave_idle_time_out():
    (step,) = divided_steps(odd_runs.two_gpus())
    assert math.fsum(layer.busy_fraction or 0 for layer in step.layers) == pytest.approx(1)
    assert next(iter(step.idle_by_reason_s)) == "launching"


def test_a_critical_path_is_by_layer_the_longest_first():
    step = divide(runs.alexnet(), "with_lrn", "forward_backward")
    assert step is not None
    fractions = list(step.critical_path.values())
    assert fractions == sorted(fractions, reverse=True)
    assert next(iter(step.critical_path)) == "conv2"


@pytest.mark.parametrize("make", [runs.steady, runs.alexnet])
def test_rows_add_up_to_what_was_measured_by_means_and_by_medians(make):
    for saving in measured_savings(make()):
        rows = [row.value_s for row in saving.rows if row.kind != "own part"]
        assert saving.saved_s == pytest.approx(math.fsum(value or 0.0 for value in rows))
        parts = [row.value_s or 0.0 for row in saving.rows if row.kind == "own part"]
        assert math.fsum(parts) == pytest.approx(saving.own_s)
        rest_s = (saving.others_s or 0.0) + (saving.idle_s or 0.0)
        assert saving.own_s + rest_s == pytest.approx(saving.saved_s)
        assert abs(saving.idle_s or 0.0) < 0.001


@pytest.mark.parametrize(
    ("changes", "ratio", "within"),
    [
        ({"attributed_s": 0.0265}, 0.98, True),
        ({"attributed_s": 0.0146}, 0.54, False),
        ({"attributed_s": 0.0265, "ci95_s": (-0.001, 0.11)}, None, None),
        ({"attributed_s": 0.0265, "ci95_s": None}, 0.98, None),
        ({"attributed_s": None}, None, None),
    ],
)
def test_own_ops_over_what_was_measured(changes, ratio, within):
    run = with_forward(runs.steady(), **changes)
    saving = measured_saving(run, run.ablations[0])
    assert saving.own_over_saved == (None if ratio is None else pytest.approx(ratio, abs=0.01))
    assert saving.own_within_interval is within


def test_without_a_trace_of_both_only_own_ops_are_known():
    (saving,) = measured_savings(odd_runs.one_traced())
    assert (saving.others_s, saving.idle_s) == (None, None)
    assert [row.kind for row in saving.rows] == ["own"]
    division = divide(odd_runs.one_traced(), "with_lrn", "forward")
    assert division is not None
    lrn_s = sum(layer.share_s for layer in division.layers if layer.name in ("lrn1", "lrn2"))
    assert saving.own_s == pytest.approx(lrn_s)


def test_what_goes_and_comes_with_ops_has_rows():
    kinds = [row.kind for row in measured_savings(odd_runs.gone_along())[-1].rows]
    assert {"gone", "new", "idle"} <= {*kinds}


def test_predictions_are_replayed_or_by_share():
    replayed = predict(odd_runs.ablated(), "with_lrn", "forward_backward")
    assert replayed is not None
    assert replayed.how == "ops"
    first = replayed.savings[0]
    assert (first.what, first.name) == ("ablation", "LRN")
    by_share = predict(runs.alexnet(), "with_lrn", "forward")
    assert by_share is not None
    assert by_share.how == "share"
    assert not {"lrn1", "lrn2"} & {saving.name for saving in by_share.savings}
    assert by_share.savings[0].speed_up == pytest.approx(1 / (1 - by_share.savings[0].fraction))


def test_the_smallest_layers_are_one_row():
    shares = [
        LayerShare(name=name, what="layer", fractions={"forward": fraction})
        for name, fraction in (("a", 0.4), ("b", 0.3), ("c", 0.2), ("d", 0.05))
    ]
    shares.append(LayerShare(name="idle", what="idle", fractions={"forward": 0.05}))
    rows, joined = largest_shares(shares, ["forward"], 3)
    assert [row.name for row in rows[:-1]] == ["a", "b", "idle"]
    assert joined == 2
    assert rows[-1].fractions["forward"] == pytest.approx(0.25)
    assert largest_shares(shares, ["forward"], 9)[1] == 0


def test_how_far_predictions_are_off_is_counted_over_a_phase_s_ablations():
    (errors,) = prediction_errors(measured_savings(odd_runs.ablated()))
    assert (errors.phase, errors.steps, errors.savings) == ("forward_backward", 4, 2)
    assert (errors.step_median, errors.step_most) == pytest.approx((0.00366, 0.00555), abs=1e-5)
    assert errors.saving_median == pytest.approx(0.0212, abs=1e-4)
    assert (errors.agree, errors.compared, errors.unseen) == (3, 3, 1)


def test_small_savings_are_not_predicted():
    predicted = predict(runs.alexnet(), "with_lrn", "forward")
    assert predicted.savings[-1].fraction >= LEAST
    assert "pool5" not in {saving.name for saving in predicted.savings}


def test_all_answers_survive_json():
    made = answers(runs.alexnet())
    assert msgspec.json.decode(msgspec.json.encode(made), type=Answers) == made
