"""Divided steps, accounts and predictions: what the full report and the JSON say of a run."""

from __future__ import annotations

import math

import msgspec
import pytest

from alexprof.analysis.division import divide, divided_steps
from alexprof.analysis.predictions import LEAST, predict
from alexprof.analysis.savings import measured_saving, measured_savings
from alexprof.analysis.summary import Answers, LayerShare, answers, largest_shares
from tests.show import odd_runs, runs


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


@pytest.mark.parametrize("make", [runs.steady, runs.alexnet])
def test_rows_add_up_to_what_was_measured_by_means_and_by_medians(make):
    for saving in measured_savings(make()):
        rows = [row.value_s or 0.0 for row in saving.rows if row.kind != "own part"]
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
    run = runs.steady()
    saving = measured_saving(run, msgspec.structs.replace(run.ablations[0], **changes))
    assert saving.own_over_saved == (None if ratio is None else pytest.approx(ratio, abs=0.01))
    assert saving.own_within_interval is within


def test_predictions_are_replayed_or_by_share():
    replayed = predict(odd_runs.ablated(), "with_lrn", "forward_backward")
    assert replayed is not None
    first = replayed.savings[0]
    assert (replayed.how, first.what, first.name) == ("ops", "ablation", "LRN")
    by_share = predict(runs.alexnet(), "with_lrn", "forward")
    assert by_share is not None
    first, last = by_share.savings[0], by_share.savings[-1]
    assert by_share.how == "share"
    # Small savings are not predicted.
    assert not {"lrn1", "lrn2", "pool5"} & {saving.name for saving in by_share.savings}
    assert last.fraction >= LEAST
    assert first.speed_up == pytest.approx(1 / (1 - first.fraction))


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


def test_all_answers_survive_json():
    made = answers(runs.alexnet())
    assert msgspec.json.decode(msgspec.json.encode(made), type=Answers) == made


def test_what_own_ops_leave_is_a_remainder():
    run = odd_runs.one_traced()
    saving = measured_saving(run, run.ablations[0])
    own, rest = saving.rows
    assert (own.kind, rest.kind) == ("own", "remainder")
    assert own.value_s + rest.value_s == pytest.approx(saving.saved_s)
    # Own ops have no interval here: the remainder is as uncertain as what was measured.
    assert rest.ci95_s[1] - rest.ci95_s[0] == pytest.approx(saving.ci95_s[1] - saving.ci95_s[0])


@pytest.mark.parametrize("make", [runs.alexnet, odd_runs.one_traced, odd_runs.gone_along])
def test_rows_add_up_to_what_was_measured(make):
    run = make()
    for saving in measured_savings(run):
        rows = [row.value_s or 0.0 for row in saving.rows if row.kind != "own part"]
        assert math.fsum(rows) == pytest.approx(saving.saved_s)


def test_predictions_have_the_interval_of_what_they_rest_on():
    run = odd_runs.ablated()
    replayed = predict(run, "with_lrn", "forward_backward")
    measured = {saving.name: saving for saving in measured_savings(run)}
    for saving in replayed.savings:
        if saving.what == "ablation":
            # The same as the record has, which was worked out when the run was made.
            assert saving.ci95_s == pytest.approx(measured[saving.name].predicted_ci95_s)
    by_share = predict(runs.alexnet(), "with_lrn", "forward")
    layers = {layer.name: layer for layer in divide(runs.alexnet(), "with_lrn", "forward").layers}
    for saving in by_share.savings:
        if saving.what == "layer":
            assert saving.ci95_s == pytest.approx(layers[saving.name].ci95_s)
    alone = predict(odd_runs.one_step(), "default", "inference")
    assert {saving.ci95_s for saving in alone.savings} == {None}


def test_kinds_are_predicted_too():
    replayed = predict(odd_runs.ablated(), "with_lrn", "forward_backward")
    recorded = odd_runs.ablated().phase("with_lrn", "forward_backward").replay.savings
    expected = [saving.name for saving in recorded if saving.what == "kind"]
    kinds = [saving for saving in replayed.savings if saving.what == "kind"]
    assert [kind.name for kind in kinds] == [
        name for name in expected if name in {kind.name for kind in kinds}
    ]
    by_share = predict(runs.alexnet(), "with_lrn", "forward")
    shares = {kind.name: kind for kind in divide(runs.alexnet(), "with_lrn", "forward").kinds}
    predicted = {saving.name: saving for saving in by_share.savings if saving.what == "kind"}
    # What was left out is measured, not predicted.
    assert predicted.keys() == {
        name for name, kind in shares.items() if kind.fraction >= LEAST and name != "LRN"
    }
    assert all(kind.fraction == shares[name].fraction for name, kind in predicted.items())
