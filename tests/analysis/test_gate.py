"""The gate on hand-made runs: within, slower with evidence, can't tell."""

from __future__ import annotations

import dataclasses

import pytest

from alexprof.analysis.gate import Bound, gate, parse_bound
from alexprof.errors import UsageError
from alexprof.measure.between_runs import MORE_RUNS
from alexprof.record.note import Note
from alexprof.record.values import Needed
from tests.analysis.made import HOST, OPS, group, made_run


def judged(logdir, *bounds, run="b", baseline=("a",)):
    return gate(group(logdir, run), group(logdir, *baseline), list(map(parse_bound, bounds)))


@pytest.fixture
def two(tmp_path):
    """Writes A, of steps of 0.1 s, and B; returns their log directory."""

    def write(b_s=0.1, **of_b):
        made_run(tmp_path / "a", {"v": 0.1})
        made_run(tmp_path / "b", {"v": b_s}, **{"seed": 1, **of_b})
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("step_s", "outcome", "code"),
    [(0.100, "within", 0), (0.120, "slower", 1), (0.090, "within", 0), (0.1035, "unclear", 3)],
)
def test_outcomes_and_exit_codes(two, step_s, outcome, code):
    result = judged(two(step_s), "5%")
    assert (result.outcome, result.exit_code) == (outcome, code)
    (only,) = result.judged
    assert only.difference.ratio == pytest.approx(step_s / 0.1, rel=0.01)
    assert only.needed == (MORE_RUNS if outcome == "unclear" else None)


def test_what_it_would_take_is_said_and_is_enough(tmp_path):
    names = [f"{kind}{number}" for number in range(12) for kind in "ab"]
    for place, name in enumerate(names):
        step_s = (0.1 if name[0] == "a" else 0.1035) * (1 + 0.01 * (place // 2 % 3 - 1))
        made_run(tmp_path / name, {"v": step_s}, seed=place, traced=0)
    bounds = [Bound(None, 0.05)]
    three = gate(group(tmp_path, *names[1:6:2]), group(tmp_path, *names[:6:2]), bounds)
    assert three.judged[0].needed == Needed("runs", count=10, now=3)
    more = gate(group(tmp_path, *names[1::2]), group(tmp_path, *names[::2]), bounds)
    assert more.outcome == "within"
    assert len(more.run.runs) == len(more.baseline.runs) == 12


@pytest.mark.parametrize(("name", "level"), [("LRN", "kind"), ("lrn", "kind"), ("lrn1", "layer")])
def test_a_bound_for_a_layer_or_kind(two, name, level):
    heavier = {**OPS, "lrn1": OPS["lrn1"] * 1.5, "conv1": OPS["conv1"] - OPS["lrn1"] * 0.5}
    logdir = two(ops=heavier)
    result = judged(logdir, "5%", f"{name}=10%")
    assert (result.outcome, result.exit_code) == ("slower", 1)
    # The farthest beyond its bound is first.
    assert [(subject.level, subject.max_slowdown) for subject in result.judged] == [
        (level, 0.1),
        ("phase", 0.05),
    ]
    assert [subject.outcome for subject in result.judged] == ["slower", "within"]
    for bounds in (("5%",), ("5%", f"{name}=90%")):
        assert judged(logdir, *bounds).outcome == "within"


def test_a_phase_s_own_bound_goes_before_the_general_one(two):
    assert judged(two(0.12), "3%", "forward=50%").outcome == "within"


def test_runs_that_can_t_be_compared_are_no_pass(two):
    result = judged(two(host=dataclasses.replace(HOST, processor="other")), "5%")
    assert (result.outcome, result.exit_code, result.comparable) == ("unclear", 3, False)
    assert result.why_not[0].what == "processor"
    assert result.judged[0].needed is None  # no quiet machine makes other machines comparable


def test_a_phase_that_was_not_reached_is_no_pass(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1, "w": 0.1})
    made_run(tmp_path / "b", {"v": 0.1}, complete=False, stopped=Note("unfinished"))
    result = judged(tmp_path, "5%")
    assert (result.outcome, result.exit_code) == ("unclear", 3)
    missing = next(caveat for caveat in result.why_not if caveat.code == "phase_missing")
    assert (missing.phases, missing.variants) == (("forward",), ("w",))


def test_what_is_gone_is_within_and_what_is_new_can_t_be_told(two):
    logdir = two(ops={name: part for name, part in OPS.items() if name != "lrn1"})
    assert judged(logdir, "5%", "LRN=1%").outcome == "within"
    back = judged(logdir, "5%", "LRN=1%", run="a", baseline=("b",))
    assert back.outcome == "unclear"
    assert (back.why_not[-1].code, back.why_not[-1].what) == ("new_part", "LRN")


def test_a_name_that_nothing_has(two):
    with pytest.raises(UsageError, match=r"no phase, layer or kind 'vgg' in both: there .*forw"):
        judged(two(), "vgg=3%")


@pytest.mark.parametrize(
    ("text", "name", "bound"),
    [
        ("3%", None, 0.03),
        ("0.03", None, 0.03),
        ("LRN=10%", "LRN", 0.1),
        ("a=b=2.5 %", "a=b", 0.025),
        ("0%", None, 0.0),
        ("150%", None, 1.5),
    ],
)
def test_bounds_are_read(text, name, bound):
    assert parse_bound(text) == Bound(name, bound)


@pytest.mark.parametrize("text", ["", "x", "-3%", "=3%", "nan", "inf", "LRN=", "%", "3"])
def test_what_is_no_bound(text):
    with pytest.raises(UsageError, match="--max-slowdown"):
        parse_bound(text)
