"""What is said where a GPU's speed changed: one warning for a phase."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from alexprof.record.interference import GpuState, Interference
from alexprof.record.timed import Steadiness
from alexprof.show import ReportOptions
from alexprof.show.sections.quality import gpu_speed_warnings
from alexprof.show.view import View
from tests.show import odd_runs, runs
from tests.show.full import render

STEADY = Steadiness("steady", 1, (1,), (0.008,))
SLOWING = Steadiness("slowing", 44, (1, 44), (0.00138, 0.00161))
COOL = GpuState(0, 1980.0, 1980.0, 2619.0, 40.0)
HOT = GpuState(0, 1410.0, 1980.0, 2619.0, 84.0, ("power cap",))
QUIET = Interference(
    seconds=1.0,
    cores=2,
    gpus_before=(COOL,),
    gpus_after=(COOL,),
)
SLOW_GPU = replace(QUIET, gpus_after=(HOT,))


def gpu_run(steadiness=STEADY, interference=QUIET):
    """A run on a GPU that is idle for a quarter of its steps."""
    run = odd_runs.two_gpus()
    ((name, variant),) = run.variants.items()
    ((key, phase),) = variant.phases.items()
    assert phase.timed is not None
    timed = replace(phase.timed, steadiness=steadiness)
    phase = msgspec.structs.replace(phase, timed=timed, interference=interference)
    variant = msgspec.structs.replace(variant, phases={key: phase})
    return msgspec.structs.replace(run, variants={name: variant}), key


def warnings(*changes):
    run, key = gpu_run(*changes)
    return list(gpu_speed_warnings(View(run, ReportOptions()), key))


def test_nothing_is_said_where_nothing_changed():
    assert warnings() == []


@pytest.mark.parametrize(
    ("steadiness", "interference", "facts"),
    [
        (SLOWING, QUIET, ("1.38 → 1.61\u00a0ms", "step 44", "1980\u00a0MHz before and after")),
        (STEADY, SLOW_GPU, ("1410\u00a0MHz of 1980\u00a0MHz at 84 °C", "power cap")),
        (SLOWING, SLOW_GPU, ("1.38 → 1.61\u00a0ms", "1410\u00a0MHz of 1980")),
    ],
)
def test_all_that_changed_is_one_warning_with_what_to_do(steadiness, interference, facts):
    (text,) = warnings(steadiness, interference)
    assert [fact for fact in facts if fact not in text] == []
    assert ("--lock-gpu-clocks" in text) == (interference is SLOW_GPU)


def test_the_report_says_it_once():
    run, _ = gpu_run(SLOWING, SLOW_GPU)
    text = " ".join(render(run).split())
    assert text.count("1.38 → 1.61") == 1
    assert text.count("1410 MHz of 1980 MHz") == 1
    assert "others used the machine" not in text


def test_on_a_cpu_the_words_stay():
    run = runs.alexnet()
    view = View(run, ReportOptions())
    assert [text for key in view.phases for text in gpu_speed_warnings(view, key)] == []
