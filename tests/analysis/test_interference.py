from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from alexprof.analysis.findings import findings_of
from alexprof.analysis.interference import interference_notes
from alexprof.analysis.interference_clauses import differences
from alexprof.record.interference import GpuState, Interference
from alexprof.record.note import Note
from tests.show import odd_runs

QUIET = Interference(
    seconds=10.0,
    cores=2,
    cpu_own=1.8,
    cpu_others=0.04,
    steal=0.004,
    cpu_stalled=0.2,
    memory_stalled=0.0,
    throttled=0.0,
    involuntary_switches_per_s=20.0,
    major_page_faults=3,
    collections=4,
    collecting_s=0.01,
    cpu_mhz_before=3400.0,
    cpu_mhz_after=3350.0,
)
HOT = GpuState(0, 1200.0, 1980.0, 2619.0, 91.0, ("thermal (software)",))


def test_a_quiet_machine_is_not_worth_a_note():
    assert interference_notes(QUIET) == []
    assert interference_notes(Interference(seconds=1.0, cores=2)) == []


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"cpu_others": 1.36}, Note("cores_used_by_others", {"used": 1.36, "cores": 2})),
        ({"steal": 0.12}, Note("cores_taken_by_host", {"taken": 0.12, "cores": 2})),
        ({"throttled": 0.4}, Note("quota_throttled", {"throttled_per_s": 0.4})),
        ({"memory_stalled": 0.031}, Note("memory_stalled", {"stalled_fraction": 0.031})),
        ({"major_page_faults": 80}, Note("disk_page_faults", {"faults": 80})),
        (
            {"collecting_s": 0.25},
            Note("garbage_collected", {"collecting_fraction": 0.025, "collections": 4}),
        ),
        (
            {"cpu_mhz_after": 2900.0},
            Note("cpu_clock_fell", {"before_mhz": 3400.0, "after_mhz": 2900.0}),
        ),
        (
            {"gpus_after": (HOT,)},
            Note(
                "gpu_slowed",
                {"gpu": 0, "clock_mhz": 1200.0, "most_mhz": 1980.0, "temperature_c": 91.0},
                ("thermal (software)",),
            ),
        ),
        (
            {
                "gpus_before": (replace(HOT, clock_mhz=1900.0, slowed_by=()),),
                "gpus_after": (replace(HOT, slowed_by=()),),
            },
            Note(
                "gpu_clock_fell",
                {"gpu": 0, "before_mhz": 1900.0, "after_mhz": 1200.0, "temperature_c": 91.0},
            ),
        ),
    ],
)
def test_what_matters_is_noted_with_its_figures(fields, note):
    assert interference_notes(replace(QUIET, **fields)) == [note]


def test_what_no_other_program_takes_is_a_finding_too():
    def disturbed(phase):
        around = replace(QUIET, throttled=0.4, memory_stalled=0.2, gpus_after=(HOT,))
        return structs.replace(phase, interference=around)

    run = odd_runs.two_gpus()
    phases = {
        variant: {key: disturbed(phase) for key, phase in record.phases.items()}
        for variant, record in run.variants.items()
    }
    codes = [finding.code for finding in findings_of(odd_runs.with_phases(run, phases))]
    assert codes[:1] == ["quota_throttled"]
    assert {"memory_stalled", "gpu_slowed"} < set(codes)


@pytest.mark.parametrize(
    "fields",
    [
        # Of a phase of 0.2 s the system's ticks know no more than 0.25 cores.
        {"cpu_others": 0.25, "seconds": 0.2, "collecting_s": 0.0},
        {"cpu_mhz_after": 3600.0},
        # A GPU that wakes up becomes faster; a cap on its power that costs no clock is none.
        {
            "gpus_before": (replace(HOT, clock_mhz=300.0),),
            "gpus_after": (replace(HOT, clock_mhz=1950.0),),
        },
        {"gpus_after": (replace(HOT, clock_mhz=None),)},
    ],
)
def test_what_does_not_matter_is_not_noted(fields):
    assert interference_notes(replace(QUIET, **fields)) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, None),
        ({"cpu_others": 0.9}, "others used 0.04 and 0.9 of 2 cores"),
        ({"steal": 0.2}, "the host took 0 and 0.2 of 2 cores"),
        ({"memory_stalled": 0.2}, "programs waited for memory 0.0 % and 20 % of the time"),
        ({"throttled": 0.2}, "stopped threads for 0 and 0.2 s a second"),
        ({"cpu_mhz_after": 2000.0}, "the cores ran at 3350 and 2000 MHz"),
    ],
)
def test_what_two_phases_differ_by(fields, said):
    found = list(differences(QUIET, replace(QUIET, **fields)))
    assert (found == []) if said is None else (len(found) == 1 and said in found[0])


def test_a_side_that_knows_nothing_is_set_beside_one_that_does():
    nothing = Interference(seconds=10.0, cores=2)
    (text,) = differences(nothing, replace(QUIET, cpu_others=0.9))
    assert text == "others used an unknown part and 0.9 of 2 cores"
    (text,) = differences(replace(QUIET, steal=0.9), nothing)
    assert text == "the host took 0.9 and an unknown part of 2 cores"


def test_gpus_are_set_beside_each_other_by_number():
    ours = replace(QUIET, gpus_after=(HOT, replace(HOT, index=1)))
    theirs = replace(QUIET, gpus_after=(replace(HOT, index=1, clock_mhz=1900.0),))
    assert list(differences(ours, theirs)) == ["GPU 1 ran at 1200 and 1900 MHz"]


def test_no_more_than_two_decimals():
    busy = replace(QUIET, cpu_others=1.0)
    (text,) = differences(busy, replace(QUIET, cpu_others=0.011))
    assert text == "others used 1 and 0.01 of 2 cores"
