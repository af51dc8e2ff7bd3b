from __future__ import annotations

from dataclasses import replace

import pytest

from alexprof.analysis.findings import findings_of
from alexprof.analysis.interference import interference_notes
from alexprof.record.interference import GpuState, Interference
from alexprof.record.note import Note
from tests.factory import with_fields
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


WARM = {"gpu": 0, "temperature_c": 91.0}


@pytest.mark.parametrize(
    ("fields", "note"),
    [
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
            Note("gpu_slowed", {**WARM, "clock_mhz": 1200.0, "most_mhz": 1980.0}, HOT.slowed_by),
        ),
        (
            {
                "gpus_before": (replace(HOT, clock_mhz=1900.0, slowed_by=()),),
                "gpus_after": (replace(HOT, slowed_by=()),),
            },
            Note("gpu_clock_fell", {**WARM, "before_mhz": 1900.0, "after_mhz": 1200.0}),
        ),
    ],
)
def test_what_matters_is_noted_with_its_figures(fields, note):
    assert list(interference_notes(replace(QUIET, **fields))) == [note]


def test_what_no_other_program_takes_is_a_finding_too():
    around = replace(QUIET, throttled=0.4, memory_stalled=0.2, gpus_after=(HOT,))
    run = with_fields(odd_runs.two_gpus(), interference=around)
    codes = [finding.code for finding in findings_of(run)]
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
    assert list(interference_notes(replace(QUIET, **fields))) == []
