"""What is said where a GPU's or its host's speed changed: one warning for a phase."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from alexprof.measure.disturbances import Disturbances, GpuState, Yardstick
from alexprof.measure.values import Steadiness
from alexprof.show import ReportOptions
from alexprof.show.sections.gpu_speed import gpu_speed_warnings, waits_for_host
from alexprof.show.view import View
from tests.show import odd_runs, runs
from tests.show.full import render

STEADY = Steadiness("steady", 1, (1,), (0.008,))
SLOWING = Steadiness("slowing", 44, (1, 44), (0.00138, 0.00161))
COOL = GpuState(0, 1980.0, 1980.0, 2619.0, 40.0)
HOT = GpuState(0, 1410.0, 1980.0, 2619.0, 84.0, ("power cap",))
QUIET = Disturbances(
    seconds=1.0,
    cores=2,
    gpus_before=(COOL,),
    gpus_after=(COOL,),
    yardstick_before=Yardstick(0.01, 0.01),
    yardstick_after=Yardstick(0.01, 0.01),
)
SLOW_HOST = replace(QUIET, yardstick_after=Yardstick(0.0117, 0.01))
SLOW_GPU = replace(QUIET, gpus_after=(HOT,))


def gpu_run(steadiness=STEADY, disturbances=QUIET, step_s=None):
    """A run on a GPU that is idle for a quarter of its steps, unless they are shorter."""
    run = odd_runs.two_gpus()
    ((name, variant),) = run.variants.items()
    ((key, phase),) = variant.phases.items()
    assert phase.timed is not None
    timed = replace(phase.timed, steadiness=steadiness, mean_s=step_s or phase.timed.mean_s)
    phase = msgspec.structs.replace(phase, timed=timed, disturbances=disturbances)
    variant = msgspec.structs.replace(variant, phases={key: phase})
    return msgspec.structs.replace(run, variants={name: variant}), key, phase


def warnings(*changes):
    run, key, _ = gpu_run(*changes)
    return list(gpu_speed_warnings(View(run, ReportOptions()), key))


def test_nothing_is_said_where_nothing_changed():
    assert warnings() == []


@pytest.mark.parametrize(
    ("steadiness", "disturbances", "facts"),
    [
        (SLOWING, QUIET, ("1.38 → 1.61\u00a0ms", "step 44", "1980 MHz before and after")),
        (STEADY, SLOW_GPU, ("1410 of 1980 MHz at 84 °C", "power cap")),
        (SLOWING, SLOW_GPU, ("1.38 → 1.61\u00a0ms", "1410 of 1980 MHz")),
        (SLOWING, SLOW_HOST, ("1.38 → 1.61\u00a0ms", "on the host", "1.17×")),
    ],
)
def test_all_that_changed_is_one_warning_with_what_to_do(steadiness, disturbances, facts):
    (text,) = warnings(steadiness, disturbances)
    assert [fact for fact in facts if fact not in text] == []
    by_host = disturbances is SLOW_HOST
    assert ("--lock-gpu-clocks" in text) != by_host
    assert ("idle host" in text) == by_host


def test_a_slower_host_alone_is_said_of_steps_that_wait_for_it():
    (text,) = warnings(STEADY, SLOW_HOST)
    assert "on the host" in text
    assert "1.17×" in text
    run, key, phase = gpu_run(STEADY, SLOW_HOST, step_s=0.0061)
    assert not waits_for_host(phase)
    assert list(gpu_speed_warnings(View(run, ReportOptions()), key)) == []


def test_the_report_says_it_once():
    run, _, _ = gpu_run(SLOWING, SLOW_HOST)
    text = " ".join(render(run).split())
    assert text.count("1.38 → 1.61") == 1
    assert text.count("1.17×") == 1
    assert "others used the machine" not in text


def test_on_a_cpu_the_words_stay():
    run = runs.alexnet()
    view = View(run, ReportOptions())
    assert [text for key in view.phases for text in gpu_speed_warnings(view, key)] == []
