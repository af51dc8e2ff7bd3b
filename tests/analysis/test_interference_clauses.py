from __future__ import annotations

from dataclasses import replace

import pytest

from alexprof.analysis.interference_clauses import findings
from alexprof.record.interference import GpuState, Interference

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


def test_a_quiet_machine_is_not_worth_a_word():
    assert findings(QUIET) == []
    assert findings(Interference(seconds=1.0, cores=2)) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"cpu_others": 1.36}, "other programs used 1.4 of 2 cores: steps waited for cores"),
        ({"cpu_others": 0.3, "cores": 1}, "other programs used 0.3 of 1 core:"),
        ({"cpu_others": 120.0, "cores": 128}, "other programs used 120 of 128 cores:"),
        ({"steal": 0.12}, "the host took 0.12 of 2 cores away"),
        ({"throttled": 0.4}, "the container's quota stopped threads for 0.4 s a second"),
        ({"memory_stalled": 0.031}, "programs waited for memory 3.1 % of the time"),
        ({"major_page_faults": 80}, "80 page faults waited for the disk"),
        ({"collecting_s": 0.25}, "garbage collector took 2.5 % of the time (4 times)"),
        ({"cpu_mhz_after": 2900.0}, "the cores' clock fell from 3400 to 2900 MHz"),
        ({"gpus_after": (HOT,)}, "GPU 0 ran at 1200 of 1980 MHz at 91 °C (thermal (software))"),
        (
            {
                "gpus_before": (replace(HOT, clock_mhz=1900.0, slowed_by=()),),
                "gpus_after": (replace(HOT, slowed_by=()),),
            },
            "GPU 0's clock fell from 1900 to 1200 MHz at 91 °C",
        ),
    ],
)
def test_what_matters_is_said_with_its_figures(fields, said):
    (text,) = findings(replace(QUIET, **fields))
    assert said in text
    assert ": " in text  # what happened, and what it does to the numbers


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
def test_what_does_not_matter_is_not_said(fields):
    assert findings(replace(QUIET, **fields)) == []
