"""Sentences say no more than the intervals do."""

from __future__ import annotations

import html
from dataclasses import replace

import msgspec
import pytest

from alexprof.record.note import Note
from alexprof.record.phase import Phase
from alexprof.record.run import Run
from alexprof.record.timed import Stretch
from alexprof.record.trace import Replay, Saving
from alexprof.show import ReportOptions
from tests.show import odd_runs, runs
from tests.show.full import render

FORWARD = ReportOptions(phase="forward")


def full_text(run: Run, options: ReportOptions = FORWARD) -> str:
    """The report in one line, so that no sentence is torn."""
    return " ".join(render(run, options=options).split()).replace("\u00a0", " ")


def with_forward(run: Run, **changes) -> Run:
    first = msgspec.structs.replace(run.ablations[0], **changes)
    return msgspec.structs.replace(run, ablations=(first, *run.ablations[1:]))


def with_phase(run: Run, **changes) -> Run:
    """With another forward phase of the variant with LRN."""
    variant = run.variants["with_lrn"]
    forward = msgspec.structs.replace(variant.phases["forward"], **changes)
    variant = msgspec.structs.replace(variant, phases={**variant.phases, "forward": forward})
    return msgspec.structs.replace(run, variants={**run.variants, "with_lrn": variant})


def test_an_interval_with_zero_in_it_claims_nothing():
    text = full_text(with_forward(runs.steady(), ci95_s=(-0.001, 0.11)))
    assert "Without LRN: unclear (means: 27.0 ms, 95 % interval −1.00 to 110" in text
    assert "Leaving LRN out saves" not in text
    assert "not compared with the measured saving, which may be zero." in text
    assert "By the means" not in text


def test_no_interval_claims_nothing_either():
    text = full_text(with_forward(runs.steady(), ci95_s=None, median_ci95_s=None))
    assert "Without LRN: can’t tell: too little data (means: 27.0 ms)" in text
    assert "Leaving LRN out saves" not in text


def test_longer_without_is_said_as_longer():
    text = full_text(with_forward(runs.steady(), measured_s=-0.0554, ci95_s=(-0.07, -0.04)))
    assert (
        "Leaving LRN out makes a 210 ms step 55.4 ms longer, 26.4 % (means; 95 % interval" in text
    )


def test_many_slow_stretches_are_counted_and_the_worst_named():
    many = tuple(
        Stretch("forward", 10 * n + 1, 10 * n + 4, 1.1 + n / 10, ("with_lrn",)) for n in range(7)
    )
    text = full_text(msgspec.structs.replace(runs.alexnet(), stretches=many))
    assert (
        "! forward, steps 31–34 in the order run: slow, up to 1.40× the median, with LRN only"
        in text
    )
    assert "steps 61–64 in the order run: slow, up to 1.70×" in text
    assert "steps 21–24" not in text
    assert "… and 3 more stretches of slow steps, none slower" in text
    assert text.index("31–34") < text.index("61–64")


def test_a_single_variant_needs_no_only():
    run = odd_runs.one_step()
    slow = (Stretch("inference", 3, 6, 1.5, ("default",)),)
    text = full_text(msgspec.structs.replace(run, stretches=slow), ReportOptions())
    assert "! inference, steps 3–6: slow, up to 1.50× the median" in text
    assert "only" not in text.partition("steps 3–6")[2].partition("Where")[0]


def test_gpu_times_are_kernel_times_and_cpu_times_op_times():
    gpu, cpu = full_text(odd_runs.two_gpus(), ReportOptions()), full_text(runs.alexnet())
    assert "kernel times, GPU:0" in gpu
    assert "op times" not in gpu.lower()
    assert "op times, CPU" in cpu
    assert "kernel" not in cpu.lower()


def test_notes_of_all_variants_show_and_each_once():
    run = runs.alexnet()
    phases = odd_runs.two_phases(run)
    eager, fused, warning = (Note("eager_ops"), Note("xla_fused"), Note("failed", text="c"))
    for name, notes in (("with_lrn", (eager, fused)), ("without_lrn", (fused, warning))):
        phase: Phase = phases[name]["forward"]
        phases[name]["forward"] = msgspec.structs.replace(phase, notes=notes)
    text = full_text(odd_runs.with_phases(run, phases))
    assert text.count("with LRN: many ops ran eagerly") == 1
    assert text.count("XLA fused ops") == 1
    assert "! Forward, without LRN: c" in text


def test_a_phase_that_was_not_timed_says_why():
    run = odd_runs.one_step()
    phase = msgspec.structs.replace(
        run.variants["default"].phases["inference"],
        timed=None,
        notes=(Note("failed", text="out of memory"),),
    )
    text = full_text(odd_runs.with_phases(run, {"default": {"inference": phase}}), ReportOptions())
    assert "! inference, default: not timed. Out of memory" in text
    assert "default – – – – – –" in text


def test_results_left_on_the_device_are_mentioned():
    run = runs.alexnet()
    timed = run.variants["with_lrn"].phases["forward"].timed
    assert timed is not None
    timed = replace(timed, fetch=False)
    assert "Results were not fetched to Python." in full_text(with_phase(run, timed=timed))
    assert "fetched" not in full_text(run)


@pytest.mark.parametrize(("allocator", "advised"), [("malloc", True), ("bfc", False)])
def test_advice_on_page_faults_fits_the_allocator(allocator, advised):
    run = runs.steady()
    phase = run.variants["with_lrn"].phases["forward"]
    assert phase.timed is not None
    assert phase.traced is not None
    assert run.machine is not None
    timed = replace(phase.timed, page_faults_per_step=10)
    traced = msgspec.structs.replace(phase.traced, page_faults_per_step=50_000)
    software = replace(run.machine.software, cpu_allocator=allocator)
    machine = msgspec.structs.replace(run.machine, software=software)
    run = msgspec.structs.replace(with_phase(run, timed=timed, traced=traced), machine=machine)
    text = full_text(run)
    assert (
        "traced steps had 50000 page faults each, timed steps 10; their time goes to the ops"
        in text
    )
    assert ("--cpu-allocator bfc" in text) == advised


@pytest.mark.parametrize("style", ["text", "markdown", "html"])
def test_what_the_clock_costs_a_timed_step_is_in_every_report(style):
    run = msgspec.structs.replace(runs.alexnet(), clock_s=5e-8)
    text = html.unescape(render(run, style, FORWARD)).replace("\\", "")
    text = text.replace("\u00a0", " ").replace("\n", " ")
    assert "reading the clock twice adds 0.10 µs, <0.0001 % of the step." in text


def test_drift_is_said_where_nothing_is_predicted():
    small = Saving(
        what="layer", name="pool5", fraction=0.001, fraction_std=None, halved_fraction=5e-4
    )
    replay = Replay(drift=0.002, drift_worst=0.004, steps=10, savings=(small,))
    run = msgspec.structs.replace(runs.alexnet(), ablations=())
    text = full_text(with_phase(run, replay=replay))
    assert "Predicted" not in text
    assert "has a median error of 0.20 %, at most 0.40 %." in text
