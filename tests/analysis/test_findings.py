"""What makes numbers unsure, as typed values."""

from __future__ import annotations

from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace

from alexprof.analysis.findings import findings_of
from alexprof.record.interference import GpuState, Interference
from alexprof.record.note import Note
from alexprof.record.phase import AttributedTimes
from alexprof.record.timed import Outliers, Steadiness, Stretch, WarmUp
from tests.analysis.test_summary import phases
from tests.show import odd_runs, runs

SLOW = (Stretch("train", 1, 4, 3.0, ("default",)),)
BUSY = Interference(seconds=60.0, cores=2, cpu_own=1.5, cpu_others=0.4)


def codes(run):
    return [finding.code for finding in findings_of(run)]


def test_a_run_at_rest_has_none_but_what_was_noted():
    assert codes(runs.steady()) == []


def test_slow_steps_and_other_programs_are_one_finding():
    run = phases(runs.alexnet(), lambda phase: replace(phase, interference=BUSY))
    (busy,) = [finding for finding in findings_of(run) if finding.code == "machine_busy"]
    assert busy.phases == ("forward", "forward_backward")
    assert busy.numbers["slowest_ratio"] == max(stretch.ratio for stretch in run.stretches)
    assert busy.numbers["others_fraction"] == pytest.approx(BUSY.others_part)
    assert set(busy.invalidates) == {"times", "differences"}


def test_the_most_harmful_is_first():
    severities = [finding.severity for finding in findings_of(odd_runs.incomplete())]
    assert severities == sorted(severities, reverse=True)
    assert codes(odd_runs.incomplete())[0] == "incomplete"


def test_an_incomplete_run_has_what_stopped_it_in_its_own_words():
    first = findings_of(odd_runs.incomplete())[0]
    assert first.text == odd_runs.incomplete().stopped.text


def test_variants_one_after_the_other_make_differences_unsure():
    (turns,) = [one for one in findings_of(odd_runs.untraced()) if one.code == "no_turns"]
    assert turns.invalidates == ("differences",)


def test_traced_steps_unlike_the_timed_ones_make_shares_unsure():
    def slow(phase):
        traced = phase.traced and replace(phase.traced, slowdown=1.4)
        return replace(phase, traced=traced)

    (unlike,) = [
        one for one in findings_of(phases(runs.steady(), slow)) if one.code == "trace_unlike"
    ]
    assert unlike.numbers == {"slowdown": 1.4}
    assert unlike.phases == ("forward", "forward_backward")


def test_a_host_that_takes_processors_is_not_other_programs():
    stolen = Interference(seconds=60.0, cores=2, cpu_own=1.5, cpu_others=0.0, steal=0.4)
    run = phases(runs.steady(), lambda phase: replace(phase, interference=stolen))
    (busy,) = [finding for finding in findings_of(run) if finding.code == "machine_busy"]
    assert busy.numbers.keys() == {"steal_fraction"}


@pytest.mark.parametrize(("stretches", "step_s"), [((), 17.2e-3), (SLOW, 14.1e-3)])
def test_what_a_gpu_waits_for_is_of_the_step_by_the_estimator_that_leads(stretches, step_s):
    def bound(phase):
        timed = replaced(phase.timed, mean_s=17.2e-3, median_s=14.1e-3)
        launch_bound = replace(phase.attribution, bound_by="launching", launches_per_step=230.0)
        return replace(phase, timed=timed, attribution=launch_bound)

    run = replace(phases(odd_runs.two_gpus(), bound), stretches=stretches)
    (finding,) = [finding for finding in findings_of(run) if "bound" in finding.code]
    busy_s = 5.94e-3
    waits_s = (step_s - busy_s) * 1.5 / 2.16  # 1.5 of 2.16 ms of idle time were launching
    assert finding.code == "bound_by_launching"
    assert finding.numbers == pytest.approx(
        {
            "step_s": step_s,
            "busy_s": busy_s,
            "waits_s": waits_s,
            "launches_per_step": 230,
            "kernels_per_step": 7,
        }
    )


def test_a_trace_that_disagrees_with_the_clock_is_withheld():
    (withheld,) = [one for one in findings_of(odd_runs.withheld()) if one.code == "trace_withheld"]
    assert withheld.variants == ("with_lrn",)
    assert {"shares", "predictions"} <= set(withheld.invalidates)


def test_steps_that_hold_no_level_are_one_finding_a_phase():
    drift = Steadiness("slowing", 44, (1, 44), (0.00138, 0.00161))

    def unsteady(phase):
        return replace(phase, timed=phase.timed and replaced(phase.timed, steadiness=drift))

    found = [one for one in findings_of(phases(runs.steady(), unsteady)) if one.code == "unsteady"]
    assert len(found) == 1
    numbers = {"first_level_s": 0.00138, "last_level_s": 0.00161, "settled_step": 44}
    assert found[0].numbers == numbers
    assert found[0].variants == ()


@pytest.mark.parametrize(("outside_s", "code"), [(0.01, "outside_waits"), (0.3, "outside_runs")])
def test_marked_steps_that_hold_little_of_a_trace(outside_s, code):
    def little(phase):
        traced = replace(phase.traced, mean_s=0.01, steps=10, span_s=0.6, outside_s=outside_s)
        return replace(phase, traced=traced)

    run = replace(phases(odd_runs.two_gpus(), little), machine=None)
    first = findings_of(run)[0]
    assert first.code == code
    assert first.numbers == pytest.approx({"held_s": 0.1, "span_s": 0.6, "step_with_it_s": 0.06})


@pytest.mark.parametrize(
    ("steps_s", "code"),
    [
        ((2.7, 2.6, 2.0, 1.9, 1.3, 1.2), "trace_drifts"),
        ((1.2, 2.6, 1.3, 2.5, 1.2, 2.7), None),
        ((1.0, 1.1, 1.0, 1.1, 1.0, 1.1), None),
    ],
)
def test_traced_steps_that_go_on_getting_quicker(steps_s, code):
    def drifting(phase):
        return replace(phase, traced=replace(phase.traced, steps_s=steps_s))

    found = codes(phases(runs.steady(), drifting))
    assert [one for one in found if one == "trace_drifts"] == ([code] if code else [])


STEADY = Steadiness("steady", 1, (1,), (0.2,))
FORWARD = ("forward",)


def of_times(run, code, **by_variant):
    """The findings of a code where the forward steps of variants have these fields."""

    def changed(name, variant):
        phase = variant.phases["forward"]
        timed = replaced(phase.timed, **by_variant.get(name, {}))
        return replace(variant, phases={"forward": replace(phase, timed=timed)})

    variants = {name: changed(name, variant) for name, variant in run.variants.items()}
    findings = findings_of(replace(run, variants=variants))
    return [finding for finding in findings if finding.code == code]


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
        (44, COOL, ["unsteady", "gpu_clock_level"]),
        (44, HOT, ["gpu_slowed", "unsteady"]),
        (None, HOT, ["gpu_slowed", "unsteady"]),
        (1, COOL, []),
    ],
)
def test_a_gpu_s_speed_beside_its_clock(settled, after, noted):
    levels = Steadiness("slowing", settled, (1, 44), (0.00138, 0.00161))
    clocks = Interference(seconds=1.0, cores=2, gpus_before=(COOL,), gpus_after=(after,))

    def changed(phase):
        timed = replaced(phase.timed, steadiness=STEADY if settled == 1 else levels)
        return replace(phase, timed=timed, interference=clocks)

    findings = {
        finding.code: finding.numbers
        for finding in findings_of(phases(odd_runs.two_gpus(), changed))
    }
    assert sorted(findings.keys() & {"unsteady", "gpu_slowed", "gpu_clock_level"}) == sorted(noted)
    if noted:
        assert findings["unsteady"].get("settled_step") == settled


def slowed(with_forward, with_both, without_forward, without_both):
    """What a run says of traced steps that were longer by these factors."""
    slowdowns = iter([with_forward, with_both, without_forward, without_both])

    def slow(phase):
        return replace(phase, traced=replace(phase.traced, slowdown=next(slowdowns)))

    findings = findings_of(phases(runs.steady(), slow))
    (unlike,) = [finding for finding in findings if finding.code == "trace_unlike"]
    return unlike


BOTH = ("forward", "forward_backward")


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
    unlike = slowed(*slowdowns)
    assert unlike.numbers == {"slowdown": slowdown}
    assert (unlike.phases, unlike.variants) == about
    assert (unlike.worst_phases, unlike.worst_variants) == worst


@pytest.mark.parametrize(
    ("code", "mild", "bad"),
    [
        ("trace_varies", {"std_fraction": 0.26}, {"std_fraction": 0.7}),
        (
            "trace_withheld",
            {"traced_s": 0.1, "wall_clock_s": 0.11},
            {"traced_s": 0.1, "wall_clock_s": 0.3},
        ),
        (
            "cpu_clock_fell",
            {"before_mhz": 3000, "after_mhz": 2900},
            {"before_mhz": 3000, "after_mhz": 900},
        ),
        ("kernels_outside_steps", {"events": 2, "of_events": 900}, {"events": 5, "of_events": 900}),
        ("trace_cut_short", {"steps": 8, "of_steps": 10}, {"steps": 3, "of_steps": 10}),
        (
            "unsteady",
            {"first_level_s": 1.0, "last_level_s": 1.1, "settled_step": 44},
            {"first_level_s": 1.0, "last_level_s": 2.1, "settled_step": 9},
        ),
    ],
)
def test_the_worst_figures_are_by_their_unit(code, mild, bad):
    notes = iter([mild, bad, mild, mild])
    run = phases(runs.steady(), lambda phase: replace(phase, notes=(Note(code, next(notes)),)))
    (finding,) = [finding for finding in findings_of(run) if finding.code == code]
    assert finding.numbers == bad
    assert (finding.worst_phases, finding.worst_variants) == (BOTH[1:], ("with_lrn",))


def test_two_gpus_that_are_slow_are_two_findings():
    notes = tuple(Note("gpu_slowed", {"gpu": gpu, "clock_mhz": 900 + gpu}) for gpu in (0, 1))
    run = phases(odd_runs.two_gpus(), lambda phase: replace(phase, notes=notes))
    slowed_gpus = [finding for finding in findings_of(run) if finding.code == "gpu_slowed"]
    assert [finding.numbers["gpu"] for finding in slowed_gpus] == [0, 1]


@pytest.mark.parametrize(
    ("timed_faults", "traced_faults", "device", "found"),
    [
        (99, 20_800, "CPU", True),
        (20_000, 20_800, "CPU", False),
        (None, 20_800, "CPU", False),
        (99, None, "CPU", False),
        (99, 20_800, "GPU:0", False),
    ],
)
def test_page_faults_that_the_trace_brought(timed_faults, traced_faults, device, found):
    def faulty(phase):
        return replace(
            phase,
            timed=replaced(phase.timed, page_faults_per_step=timed_faults),
            traced=replace(phase.traced, page_faults_per_step=traced_faults),
            attribution=AttributedTimes(
                device=device, devices=(replace(phase.attribution.timeline, device=device),)
            ),
        )

    assert ("page_faults" in codes(phases(runs.steady(), faulty))) == found
