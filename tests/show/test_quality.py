"""What is said of the timed steps: levels, outliers, why there are no more."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from alexprof.record.timed import Outliers, Steadiness, WarmUp
from alexprof.show.document import Warn
from alexprof.show.options import ReportOptions
from alexprof.show.sections.quality import MOST_UNSTEADY, quality
from alexprof.show.view import View
from tests.show import odd_runs, runs

FORWARD = ReportOptions(phase="forward")
STEADY = Steadiness("steady", 1, (1,), (0.2,))


def with_timed(options=FORWARD, **by_variant):
    """What is said of a run whose forward steps have these fields."""
    run = runs.alexnet()
    phases = odd_runs.two_phases(run)
    for name, fields in by_variant.items():
        phase = phases[name]["forward"]
        assert phase.timed is not None
        timed = replace(phase.timed, **fields)
        phases[name]["forward"] = msgspec.structs.replace(phase, timed=timed)
    return texts(odd_runs.with_phases(run, phases), options)


def texts(run, options=FORWARD):
    sentences = quality(View(run, options))
    return [
        f"{'! ' if isinstance(block, Warn) else ''}{block.text}".replace("\u00a0", " ")
        for block in sentences
    ]


def both(**fields):
    return with_timed(with_lrn=fields, without_lrn=fields)


def test_runs_that_do_not_know_say_nothing():
    assert texts(runs.alexnet()) == []


def test_steady_steps_without_outliers_that_were_all_asked_for_need_no_word():
    none = Outliers(60, 0, 0, 0, 0, 0.0)
    warm_up = WarmUp(10, 40, True)
    assert both(steadiness=STEADY, outliers=none, stopped_by="steps", warm_up=warm_up) == []


@pytest.mark.parametrize(
    ("steps_state", "sentences"),
    [
        (
            Steadiness("warming", 43, (1, 43), (0.412, 0.38)),
            "warming until its step 43 (412 → 380 ms), the mean includes those steps: "
            "more --burn-in, or --until-steady",
        ),
        (
            Steadiness("slowing", 31, (1, 31), (0.19, 0.21)),
            "quicker until its step 31 (190 → 210 ms), the mean includes those steps: "
            "a clock changed, or others used the machine",
        ),
        (
            Steadiness("slowing", 41, (1, 21, 41, 51, 61), (0.3, 0.19, 0.21, 0.209, 0.21)),
            "unsteady until its step 41, the mean includes those steps: "
            "a clock changed, or others used the machine",
        ),
        (
            Steadiness("no steady state", None, (1, 91), (0.2, 0.25)),
            "no steady state (200 → 250 ms): the mean is of this stretch of time alone",
        ),
        (
            Steadiness("no steady state", None, (1,), (0.2,)),
            "no steady state: the mean is of this stretch of time alone",
        ),
    ],
)
def test_steps_that_hold_no_level_are_a_warning(steps_state, sentences):
    text = with_timed(with_lrn={"steadiness": steps_state}, without_lrn={"steadiness": STEADY})
    assert text == [f"! forward, with LRN: {sentences}"]


def test_many_such_warnings_are_counted():
    steps_state = Steadiness("warming", 43, (1, 43), (0.412, 0.38))
    run = runs.alexnet()
    phase = run.variants["with_lrn"].phases["forward"]
    assert phase.timed is not None
    phase = msgspec.structs.replace(phase, timed=replace(phase.timed, steadiness=steps_state))
    first = msgspec.structs.replace(run.variants["with_lrn"], phases={"forward": phase})
    many = {f"v{number}": first for number in range(MOST_UNSTEADY + 3)}
    sentences = texts(msgspec.structs.replace(run, variants=many))
    assert len(sentences) == MOST_UNSTEADY + 1
    assert sentences[-1] == "! … and 3 more that held no level from the start"


def test_outliers_are_one_line_with_what_the_slow_ones_add():
    slow, none = Outliers(60, 0, 0, 2, 1, 0.012), Outliers(60, 0, 0, 0, 0, 0.0)
    assert with_timed(with_lrn={"outliers": slow}, without_lrn={"outliers": none}) == [
        "Outliers, none dropped: forward 3 slow (1 far out) of 120 steps, "
        "which add at most 1.20 % to the mean."
    ]
    quick = Outliers(60, 1, 1, 0, 0, 0.0)
    assert with_timed(with_lrn={"outliers": quick}) == [
        "Outliers, none dropped: forward 2 quick (1 far out) of 60 steps."
    ]
    assert with_timed(with_lrn={"outliers": slow}, without_lrn={"outliers": quick}) == [
        "Outliers, none dropped: forward 3 slow (1 far out) and 2 quick (1 far out) of 120 steps, "
        "which add at most 1.20 % to the mean."
    ]
    alone = with_timed(with_lrn={"outliers": slow})
    assert alone[0].endswith("of 60 steps, which add 1.20 % to the mean.")


def test_why_it_stopped_names_the_precision_of_the_worst_variant():
    fields = {"stopped_by": "precision", "requested_precision": 0.005, "steps": 340}
    sentences = with_timed(
        with_lrn={**fields, "precision": 0.0048}, without_lrn={**fields, "precision": 0.0031}
    )
    assert sentences == [
        "Forward: stopped by the precision reached, at ±0.48 % after 340 steps, within the "
        "±0.50 % asked."
    ]


@pytest.mark.parametrize(
    ("fields", "sentences"),
    [
        (
            {"stopped_by": "plateau", "requested_precision": 0.005, "precision": 0.171},
            "! forward: stopped because four times the steps had not narrowed the interval, the "
            "machine drifts, at ±17 % after 100 steps, not the ±0.50 % asked",
        ),
        (
            {"stopped_by": "max-time", "requested_precision": 0.005, "precision": 0.011},
            "! forward: stopped by the time allowed, at ±1.1 % after 100 steps, "
            "not the ±0.50 % asked",
        ),
        (
            {"stopped_by": "steps", "requested_precision": 0.005, "precision": None},
            "! forward: stopped by the most steps allowed, at an interval not known after "
            "100 steps, not the ±0.50 % asked",
        ),
        (
            {"stopped_by": "steps", "requested_precision": 0.005, "precision": 0.0041},
            "Forward: stopped by the most steps allowed, at ±0.41 % after 100 steps, "
            "within the ±0.50 % asked.",
        ),
        (
            {"stopped_by": "max-time", "precision": 0.011},
            "Forward: stopped by the time allowed, after 100 steps.",
        ),
    ],
)
def test_other_reasons_to_stop(fields, sentences):
    assert both(**fields) == [sentences]


def test_variants_that_ran_one_after_the_other_stopped_on_their_own():
    reached = {
        "stopped_by": "precision",
        "requested_precision": 0.01,
        "precision": 0.009,
        "steps": 100,
    }
    sentences = with_timed(with_lrn=reached, without_lrn={**reached, "steps": 130})
    assert sentences == [
        "Forward, with LRN: stopped by the precision reached, at ±0.90 % after 100 steps, within "
        "the ±1.0 % asked.",
        "Forward, without LRN: stopped by the precision reached, at ±0.90 % after 130 steps, "
        "within the ±1.0 % asked.",
    ]


def test_warm_up_that_did_not_settle_is_a_warning():
    assert with_timed(with_lrn={"warm_up": WarmUp(10, 500, False)}) == [
        "! forward, with LRN: not steady after 500 warm-up steps, the most that there may be"
    ]
