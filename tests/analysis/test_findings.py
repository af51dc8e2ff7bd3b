"""What makes numbers unsure, as typed values."""

from __future__ import annotations

import itertools
from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace

from alexprof.analysis.findings import findings_of
from alexprof.record.interference import GpuState, Interference
from alexprof.record.note import Note
from alexprof.record.timed import Outliers, Steadiness, Stretch, WarmUp
from tests.factory import change_phases, with_fields
from tests.show import odd_runs, runs

SLOW = (Stretch("train", 1, 4, 3.0, ("default",)),)
BUSY = Interference(seconds=60.0, cores=2, cpu_own=1.5, cpu_others=0.4)


def codes(run):
    return [finding.code for finding in findings_of(run)]


def the_finding(run, code):
    (finding,) = [finding for finding in findings_of(run) if finding.code == code]
    return finding


def test_a_run_at_rest_has_none_but_what_was_noted():
    assert codes(runs.steady()) == []


BOTH = ("forward", "forward_backward")
DRIFT = Steadiness("slowing", 44, (1, 44), (0.00138, 0.00161))


def test_slow_steps_and_other_programs_are_one_finding():
    run = with_fields(runs.alexnet(), interference=BUSY)
    busy = the_finding(run, "machine_busy")
    assert busy.phases == BOTH
    assert busy.numbers["slowest_ratio"] == max(stretch.ratio for stretch in run.stretches)
    assert busy.numbers["others_fraction"] == pytest.approx(BUSY.others_part)
    assert set(busy.invalidates) == {"times", "differences"}


def test_a_host_that_takes_processors_is_not_other_programs():
    stolen = Interference(seconds=60.0, cores=2, cpu_own=1.5, cpu_others=0.0, steal=0.4)
    busy = the_finding(with_fields(runs.steady(), interference=stolen), "machine_busy")
    assert busy.numbers.keys() == {"steal_fraction"}


def test_the_most_harmful_is_first_and_what_stopped_a_run_has_its_own_words():
    run = odd_runs.incomplete()
    severities = [finding.severity for finding in findings_of(run)]
    assert severities == sorted(severities, reverse=True)
    first = findings_of(run)[0]
    assert (first.code, first.text) == ("incomplete", run.stopped.text)


def test_variants_one_after_the_other_make_differences_unsure():
    assert the_finding(odd_runs.untraced(), "no_turns").invalidates == ("differences",)


def test_traced_steps_unlike_the_timed_ones_make_shares_unsure():
    unlike = the_finding(with_fields(runs.steady(), traced={"slowdown": 1.4}), "trace_unlike")
    assert (unlike.numbers, unlike.phases) == ({"slowdown": 1.4}, BOTH)


@pytest.mark.parametrize(("stretches", "step_s"), [((), 17.2e-3), (SLOW, 14.1e-3)])
def test_what_a_gpu_waits_for_is_of_the_step_by_the_estimator_that_leads(stretches, step_s):
    run = with_fields(
        odd_runs.two_gpus(),
        timed={"mean_s": 17.2e-3, "median_s": 14.1e-3},
        attribution={"bound_by": "launching", "launches_per_step": 230.0},
    )
    finding = the_finding(replace(run, stretches=stretches), "bound_by_launching")
    busy_s = 5.94e-3
    waits_s = (step_s - busy_s) * 1.5 / 2.16  # 1.5 of 2.16 ms of idle time were launching
    launches = {"launches_per_step": 230, "kernels_per_step": 7}
    times = {"step_s": step_s, "busy_s": busy_s, "waits_s": waits_s}
    assert finding.numbers == pytest.approx({**times, **launches})


def test_a_trace_that_disagrees_with_the_clock_is_withheld():
    withheld = the_finding(odd_runs.withheld(), "trace_withheld")
    assert withheld.variants == ("with_lrn",)
    assert {"shares", "predictions"} <= set(withheld.invalidates)


def test_steps_that_hold_no_level_are_one_finding_a_phase():
    unsteady = the_finding(with_fields(runs.steady(), timed={"steadiness": DRIFT}), "unsteady")
    numbers = {"first_level_s": 0.00138, "last_level_s": 0.00161, "settled_step": 44}
    assert (unsteady.numbers, unsteady.variants) == (numbers, ())


@pytest.mark.parametrize(("outside_s", "code"), [(0.01, "outside_waits"), (0.3, "outside_runs")])
def test_marked_steps_that_hold_little_of_a_trace(outside_s, code):
    little = {"mean_s": 0.01, "steps": 10, "span_s": 0.6, "outside_s": outside_s}
    first = findings_of(replace(with_fields(odd_runs.two_gpus(), traced=little), machine=None))[0]
    assert first.code == code
    assert first.numbers == pytest.approx({"held_s": 0.1, "span_s": 0.6, "step_with_it_s": 0.06})


@pytest.mark.parametrize(
    ("steps_s", "drifts"),
    [
        ((2.7, 2.6, 2.0, 1.9, 1.3, 1.2), True),
        ((1.2, 2.6, 1.3, 2.5, 1.2, 2.7), False),
        ((1.0, 1.1, 1.0, 1.1, 1.0, 1.1), False),
    ],
)
def test_traced_steps_that_go_on_getting_quicker(steps_s, drifts):
    run = with_fields(runs.steady(), traced={"steps_s": steps_s})
    assert codes(run).count("trace_drifts") == drifts


STEADY = Steadiness("steady", 1, (1,), (0.2,))
FORWARD = ("forward",)


def of_times(run, code, **by_variant):
    """The findings of a code where the forward steps of variants have these fields."""
    variants = {
        name: replace(variant, phases={"forward": variant.phases["forward"]})
        for name, variant in run.variants.items()
    }
    run = replace(run, variants=variants)
    for variant, timed in by_variant.items():
        run = with_fields(run, variant, timed=timed)
    return [finding for finding in findings_of(run) if finding.code == code]


def test_outliers_of_variants_are_counted_together():
    slow, quick = Outliers(60, 0, 0, 2, 1, 0.012), Outliers(60, 1, 1, 0, 0, 0.0)
    run = runs.steady()
    (finding,) = of_times(
        run, "outliers", with_lrn={"outliers": slow}, without_lrn={"outliers": quick}
    )
    counts = {"slow": 3, "slow_far": 1, "quick": 2, "quick_far": 1, "steps": 120}
    assert finding.numbers == {**counts, "added_fraction": 0.012}
    assert (finding.phases, finding.variants, finding.severity) == (FORWARD, (), 1)
    assert of_times(run, "outliers", with_lrn={"outliers": Outliers(60, 0, 0, 0, 0, 0.0)}) == []


@pytest.mark.parametrize(
    ("stopped_by", "requested", "reached", "code"),
    [
        ("precision", 0.005, (0.0048, 0.0031), "stopped"),
        ("steps", 0.005, (0.0041, 0.0041), "stopped"),
        ("plateau", 0.005, (0.171, 0.1), "imprecise"),
        ("max-time", 0.005, (0.011, 0.002), "imprecise"),
        ("steps", 0.005, (None, None), "imprecise"),
        ("max-time", None, (None, None), "stopped"),
        ("steps", None, (0.011, 0.011), None),
    ],
)
def test_why_timing_stopped_with_the_precision_of_the_worst_variant(
    stopped_by, requested, reached, code
):
    fields = {"stopped_by": stopped_by, "requested_precision": requested, "steps": 60}
    with_lrn, without_lrn = ({**fields, "precision": precision} for precision in reached)
    findings = [
        finding
        for name in ("stopped", "imprecise")
        for finding in of_times(runs.steady(), name, with_lrn=with_lrn, without_lrn=without_lrn)
    ]
    assert [(finding.code, finding.names) for finding in findings] == (
        [(code, (stopped_by,))] if code else []
    )
    for finding in findings:
        assert finding.numbers.get("reached_fraction") == reached[0]
        assert finding.numbers.get("requested_fraction") == requested
        assert (finding.phases, finding.variants) == (FORWARD, ())


def test_of_variants_that_ran_one_after_the_other_the_least_precise_says_why_it_stopped():
    fields = {"stopped_by": "precision", "requested_precision": 0.01}
    (finding,) = of_times(
        runs.steady(),
        "stopped",
        with_lrn={**fields, "steps": 130, "precision": 0.007},
        without_lrn={**fields, "steps": 100, "precision": 0.009},
    )
    assert (finding.variants, finding.worst_variants) == ((), ("without_lrn",))
    assert finding.numbers["steps"] == 100


def test_warm_up_that_did_not_settle():
    cold = {"warm_up": WarmUp(10, 500, False)}
    (finding,) = of_times(runs.steady(), "not_warm", with_lrn=cold)
    assert (finding.numbers, finding.variants) == ({"steps": 500}, ("with_lrn",))
    assert of_times(runs.steady(), "not_warm", with_lrn={"warm_up": WarmUp(10, 40, True)}) == []


COOL = GpuState(0, 1980.0, 1980.0, 2619.0, 40.0)
HOT = GpuState(0, 1410.0, 1980.0, 2619.0, 84.0, ("power cap",))


@pytest.mark.parametrize(
    ("settled", "after", "noted"),
    [
        (44, COOL, {"unsteady", "gpu_clock_level"}),
        (44, HOT, {"gpu_slowed", "unsteady"}),
        (None, HOT, {"gpu_slowed", "unsteady"}),
        (1, COOL, set()),
    ],
)
def test_a_gpu_s_speed_beside_its_clock(settled, after, noted):
    steadiness = STEADY if settled == 1 else replaced(DRIFT, settled_step=settled)
    clocks = Interference(seconds=1.0, cores=2, gpus_before=(COOL,), gpus_after=(after,))
    run = with_fields(odd_runs.two_gpus(), timed={"steadiness": steadiness}, interference=clocks)
    findings = {finding.code: finding.numbers for finding in findings_of(run)}
    assert findings.keys() & {"unsteady", "gpu_slowed", "gpu_clock_level"} == noted
    if noted:
        assert findings["unsteady"].get("settled_step") == settled


@pytest.mark.parametrize(
    ("slowdowns", "slowdown", "about", "worst"),
    [
        pytest.param((1.3, 0.5, 1.3, 1.6), 0.5, (BOTH, ()), (BOTH[1:], ("with_lrn",)), id="all"),
        pytest.param((1.3, 1.6, 1.3, 1.6), 1.6, (BOTH, ()), (BOTH[1:], ()), id="of a phase"),
        pytest.param((1.3, 1.0, 1.4, 1.0), 1.4, (FORWARD, ()), ((), ("without_lrn",)), id="one"),
        pytest.param((1.3, 1.4, 1.0, 1.0), 1.4, (BOTH, ("with_lrn",)), (BOTH[1:], ()), id="with"),
        pytest.param((1.3, 1.3, 1.3, 1.3), 1.3, (BOTH, ()), ((), ()), id="equal"),
    ],
)
def test_a_finding_is_of_all_its_phases_with_the_worst_figures(slowdowns, slowdown, about, worst):
    run = runs.steady()
    places = itertools.product(run.variants, BOTH)
    for place, factor in zip(places, slowdowns, strict=True):
        run = with_fields(run, *place, traced={"slowdown": factor})
    unlike = the_finding(run, "trace_unlike")
    assert unlike.numbers == {"slowdown": slowdown}
    assert (unlike.phases, unlike.variants) == about
    assert (unlike.worst_phases, unlike.worst_variants) == worst


@pytest.mark.parametrize(
    ("code", "mild", "bad"),
    [
        ("memory_stalled", {"stalled_fraction": 0.26}, {"stalled_fraction": 0.7}),
        ("clocks_apart", {"host_s": 0.1, "device_s": 0.11}, {"host_s": 0.1, "device_s": 0.3}),
        (
            "cpu_clock_fell",
            {"before_mhz": 3000, "after_mhz": 2900},
            {"before_mhz": 3000, "after_mhz": 900},
        ),
        ("kernels_outside_steps", {"events": 2, "of_events": 900}, {"events": 5, "of_events": 900}),
        ("trace_cut_short", {"steps": 8, "of_steps": 10}, {"steps": 3, "of_steps": 10}),
        (
            "set_up_left_out",
            {"first_level_s": 1.0, "last_level_s": 1.1, "settled_step": 44},
            {"first_level_s": 1.0, "last_level_s": 2.1, "settled_step": 9},
        ),
    ],
)
def test_the_worst_figures_are_by_their_unit(code, mild, bad):
    notes = iter([mild, bad, mild, mild])
    run = change_phases(
        runs.steady(), lambda phase: replace(phase, notes=(Note(code, next(notes)),))
    )
    finding = the_finding(run, code)
    assert finding.numbers == bad
    assert (finding.worst_phases, finding.worst_variants) == (BOTH[1:], ("with_lrn",))


def test_two_gpus_that_are_slow_are_two_findings():
    notes = tuple(Note("gpu_slowed", {"gpu": gpu, "clock_mhz": 900 + gpu}) for gpu in (0, 1))
    run = with_fields(odd_runs.two_gpus(), notes=notes)
    slowed_gpus = [finding for finding in findings_of(run) if finding.code == "gpu_slowed"]
    assert [finding.numbers["gpu"] for finding in slowed_gpus] == [0, 1]


@pytest.mark.parametrize(
    ("timed_faults", "traced_faults", "device", "brought"),
    [
        (99, 20_800, "CPU", True),
        (20_000, 20_800, "CPU", False),
        (None, 20_800, "CPU", False),
        (99, None, "CPU", False),
        (99, 20_800, "GPU:0", False),
    ],
)
def test_page_faults_that_the_trace_brought(timed_faults, traced_faults, device, brought):
    timed, traced = ({"page_faults_per_step": count} for count in (timed_faults, traced_faults))
    timeline = runs.steady().phase("with_lrn", "forward").attribution.timeline
    attribution = {"device": device, "devices": (replace(timeline, device=device),)}
    run = with_fields(runs.steady(), timed=timed, traced=traced, attribution=attribution)
    assert ("page_faults" in codes(run)) == brought
