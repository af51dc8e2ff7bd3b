"""A metric over hand-made runs: where it stepped, and where it must not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import ttest_ind

from alexprof.analysis.caveats import Caveat
from alexprof.analysis.history import Observed, find_steps, history, parse_metric
from alexprof.errors import UsageError
from alexprof.record.store import load_run
from tests.analysis.made import HOST, OPS, SOFTWARE, made_run
from tests.record.test_store import run_named


def write(logdir, steps_s, **by_place):
    """Runs r00, r01, … a day apart; keyword arguments are functions of the place."""
    for place, step_s in enumerate(steps_s):
        fields = {name: choose(place) for name, choose in by_place.items()}
        started = f"2026-11-{place + 1:02}T04:00:00+00:00"
        made_run(logdir / f"r{place:02}", {"v": step_s}, seed=place, started=started, **fields)


def wobble(values):
    """About 0.4 % from run to run."""
    return [value * (1 + 0.004 * ((place * 7 % 5) - 2) / 2) for place, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        ([0.1] * 4 + [0.12] * 4 + [0.09] * 4, [("r04", "slower"), ("r08", "faster")]),
        ([0.1] * 6 + [0.12] * 6 + [0.1] * 6, [("r06", "slower"), ("r12", "faster")]),
        ([0.1] * 5 + [0.13], [("r05", "slower")]),  # the newest run alone may be a step
    ],
)
def test_steps_in_their_order(tmp_path, values, steps):
    write(tmp_path, wobble(values))
    followed = history(tmp_path)
    assert [(step.run, step.verdict) for step in followed.steps] == steps
    runs = [point.run for point in followed.points]
    for step in followed.steps:
        first = runs.index(step.run)
        assert step.last_before == runs[first - 1]
        assert (step.started, step.software) == (followed.points[first].started, SOFTWARE)


@pytest.mark.parametrize("count", [1, 2, 12])
def test_no_step_where_there_is_none(tmp_path, count):
    write(tmp_path, wobble([0.1] * count))
    followed = history(tmp_path)
    assert followed.steps == ()
    assert [point.run for point in followed.points] == [f"r{place:02}" for place in range(count)]
    for point in followed.points:
        assert point.compared
        assert point.ci95[0] < point.value < point.ci95[1]


def test_a_share_steps_where_the_whole_does_not(tmp_path):
    heavier = {**OPS, "lrn1": 0.20, "conv1": 0.35}
    write(tmp_path, wobble([0.1] * 8), ops=lambda place: OPS if place < 4 else heavier)
    assert history(tmp_path, "forward.median").steps == ()
    for metric in ("lrn.share", "LRN.share", "lrn1.time"):
        followed = history(tmp_path, metric)
        (step,) = followed.steps
        assert (step.run, followed.unit) == ("r04", "s" if metric.endswith("time") else "part")
        assert step.ratio == pytest.approx(0.20 / 0.15, rel=0.01)
    assert history(tmp_path, "lrn.share").points[0].value == pytest.approx(0.15, rel=0.01)


def test_runs_that_can_t_be_compared_are_shown_and_left_out(tmp_path):
    other = dataclasses.replace(HOST, processor="other")
    busy = dataclasses.replace(HOST, load_before=5.0)
    write(
        tmp_path,
        [0.3, 0.3, 0.3, 0.1, 0.25, 0.1],
        host=lambda place: other if place < 3 else busy if place == 4 else HOST,
    )
    made_run(tmp_path / "x", {"other": 0.1}, started="2026-12-01T00:00:00+00:00")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    followed = history(tmp_path, variant="v")
    assert followed.steps == ()
    assert [point.compared for point in followed.points] == [False] * 3 + [True, False, True, False]
    assert [caveat.what for caveat in followed.points[0].reasons] == ["processor"]
    assert [caveat.code for caveat in followed.points[4].reasons] == ["load_high"]
    assert followed.points[-1].value is None
    (no_value,) = followed.points[-1].reasons
    assert no_value == Caveat(code="no_value", what="no_variant", names=("v",))
    (note,) = followed.notes
    assert (note.code, note.runs, note.what) == ("unreadable", ("broken",), "file_damaged")


@pytest.mark.parametrize(
    ("metric", "request_", "followed"),
    [
        (None, {}, ("forward.mean", "w", "forward")),
        ("serve.mean", {}, ("serve.mean", "u", "serve")),
        ("lrn.share", {}, ("lrn.share", "v", "forward")),
        ("lrn.share", {"variant": "u"}, ("lrn.share", "u", "serve")),
        ("lrn.share", {"phase": "serve"}, ("lrn.share", "u", "serve")),
    ],
)
def test_the_commonest_variant_that_fits_is_followed(tmp_path, metric, request_, followed):
    days = [f"2026-11-{day:02}T04:00:00+00:00" for day in (1, 2)]
    made_run(tmp_path / "old", {"u": 0.2, "v": 0.1}, phase="serve", started=days[0])
    made_run(tmp_path / "new", {"w": 0.3, "v": 0.1}, started=days[1])
    chosen = history(tmp_path, metric, **request_)
    assert (chosen.metric, chosen.variant, chosen.phase) == followed


def test_the_variant_is_the_one_that_most_runs_have(tmp_path):
    write(tmp_path, wobble([0.1] * 3))
    made_run(tmp_path / "r99", {"whole": 0.1}, started="2026-11-20T04:00:00+00:00")
    assert history(tmp_path, "forward.mean").variant == "v"


@pytest.mark.parametrize(
    ("metric", "chosen", "message"),
    [
        ("backward.mean", {}, "backward.*v with forward"),
        ("lrn.share", {"variant": "x"}, "x.*v with forward"),
        ("lrn.share", {"phase": "backward"}, "no phase .backward.: there are forward"),
        ("vgg.share", {}, "vgg"),
    ],
)
def test_what_no_run_has_is_an_error_that_names_it(tmp_path, metric, chosen, message):
    write(tmp_path, [0.1])
    with pytest.raises(UsageError, match=message):
        history(tmp_path, metric, **chosen)


def test_a_metric_is_a_name_and_a_sort():
    assert parse_metric("a/b.c.share") == ("a/b.c", "share")
    for text in ("", "forward", ".mean", "forward.mode"):
        with pytest.raises(UsageError):
            parse_metric(text)


def test_the_best_of_many_places_is_no_step_by_itself(tmp_path):
    # Split between the fifth and sixth, these differ at 5 %; but that place was picked.
    values = [0.097, 0.100, 0.102, 0.099, 0.098, 0.102, 0.104, 0.100, 0.103, 0.102, 0.105, 0.101]
    write(tmp_path, values)
    assert ttest_ind(values[:5], values[5:], equal_var=False).pvalue < 0.05
    assert history(tmp_path).steps == ()


def test_runs_that_only_vary_seldom_step():
    random, noise = np.random.default_rng(20261124), (10, 10)
    alarms = 0
    for cv in np.repeat((0.01, 0.03), 40):
        units = []
        for place, mean in enumerate(0.1 * (1 + cv * random.standard_normal(8))):
            blocks = list(mean * (1 + 0.02 * random.standard_normal(noise)))
            units.append(Observed(run_named(f"r{place}"), blocks, None, 0.01))
        alarms += bool(find_steps(units))
    assert alarms <= 8  # 80 histories; 5 % are 4


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_run_whose_table_can_t_be_read_is_shown_without_a_value_and_says_why(tmp_path, damage):
    write(tmp_path, [0.1, 0.1, 0.1])
    table = tmp_path / "r01" / "steps.parquet"
    table.unlink()
    if damage == "damaged":
        table.write_bytes(b"PAR1")
    _, point, _ = history(tmp_path).points
    assert point.value is None
    assert str(table) in point.reasons[0].names[0]


def test_a_median_is_that_of_the_report(tmp_path):
    write(tmp_path, wobble([0.1] * 3))
    for point in history(tmp_path, "forward.median").points:
        (variant,) = load_run(tmp_path / point.run).variants.values()
        timed = variant.phases["forward"].timed
        assert point.value == pytest.approx(timed.median_s)
        assert point.ci95 == timed.median_ci95_s
