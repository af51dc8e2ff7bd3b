"""What makes numbers unsure, as typed values."""

from __future__ import annotations

from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace

from alexprof.analysis.findings import findings_of
from alexprof.record.interference import Interference
from tests.analysis.test_summary import phases
from tests.show import odd_runs, runs

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


def test_of_figures_of_several_phases_the_worse_stay_with_their_phase():
    ratios = iter([1.3, 1.4, 0.5, 1.6])

    def slow(phase):
        return replace(phase, traced=phase.traced and replace(phase.traced, slowdown=next(ratios)))

    run = phases(runs.steady(), slow)
    (unlike,) = [one for one in findings_of(run) if one.code == "trace_unlike"]
    (where,) = [
        (key, name)
        for name, variant in run.variants.items()
        for key, phase in variant.phases.items()
        if phase.traced.slowdown == 0.5
    ]
    assert unlike.numbers == {"slowdown": 0.5}
    assert (unlike.phases, unlike.variants) == ((where[0],), (where[1],))


def test_a_host_that_takes_processors_is_not_other_programs():
    stolen = Interference(seconds=60.0, cores=2, cpu_own=1.5, cpu_others=0.0, steal=0.4)
    run = phases(runs.steady(), lambda phase: replace(phase, interference=stolen))
    (busy,) = [finding for finding in findings_of(run) if finding.code == "machine_busy"]
    assert busy.numbers.keys() == {"steal_fraction"}


def test_what_a_gpu_waits_for_is_a_finding_with_its_figures():
    def bound(phase):
        books = phase.attribution and replace(
            phase.attribution, bound_by="launching", launches_per_step=230.0, launching_s=0.004
        )
        return replace(phase, attribution=books)

    (found,) = [
        one for one in findings_of(phases(odd_runs.two_gpus(), bound)) if "bound" in one.code
    ]
    assert found.code == "bound_by_launching"
    assert found.numbers["launches_per_step"] == 230
    assert found.numbers["waits_s"] == 0.004


def test_a_trace_that_disagrees_with_the_clock_is_withheld():
    (withheld,) = [one for one in findings_of(odd_runs.withheld()) if one.code == "trace_withheld"]
    assert withheld.variants == ("with_lrn",)
    assert {"shares", "predictions"} <= set(withheld.invalidates)


def test_steps_that_hold_no_level_are_one_finding_a_phase():
    from alexprof.record.timed import Steadiness

    drift = Steadiness("slowing", 44, (1, 44), (0.00138, 0.00161))

    def unsteady(phase):
        return replace(phase, timed=phase.timed and replaced(phase.timed, steadiness=drift))

    found = [one for one in findings_of(phases(runs.steady(), unsteady)) if one.code == "unsteady"]
    assert len(found) == 1
    assert found[0].numbers == {"first_level_s": 0.00138, "last_level_s": 0.00161}
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
