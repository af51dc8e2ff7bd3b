"""Sentences say no more than the intervals do."""

from __future__ import annotations

import html
from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace

from alexprof.record.note import Note
from alexprof.record.run import Run
from alexprof.record.timed import Stretch
from alexprof.record.trace import Replay, Saving
from alexprof.show.options import ReportOptions
from tests.factory import MACHINE, change_phases, with_fields
from tests.show import odd_runs, runs
from tests.show.full import render

FORWARD = ReportOptions(phase="forward")


def full_text(run: Run, options: ReportOptions = FORWARD, style: str = "text") -> str:
    """The report in one line, so that no sentence is torn."""
    text = html.unescape(render(run, style, options)).replace("\\", "")
    return " ".join(text.split()).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("changes", "present", "absent"),
    [
        (
            {"ci95_s": (-0.001, 0.11)},
            (
                "Without LRN: unclear (means: 27.0 ms, 95 % interval −1.00 to 110",
                "not compared with the measured saving, which may be zero.",
            ),
            ("Leaving LRN out saves", "By the means"),
        ),
        (
            {"ci95_s": None, "median_ci95_s": None},
            ("Without LRN: can’t tell: too little data (means: 27.0 ms)",),
            ("Leaving LRN out saves",),
        ),
        (
            {"measured_s": -0.0554, "ci95_s": (-0.07, -0.04)},
            ("Leaving LRN out makes a 210 ms step 55.4 ms longer, 26.4 % (means; 95 % interval",),
            ("Leaving LRN out saves",),
        ),
    ],
)
def test_a_saving_is_told_as_far_as_its_interval_goes(changes, present, absent):
    run = runs.steady()
    first, *others = run.ablations
    text = full_text(replace(run, ablations=(replace(first, **changes), *others)))
    assert [sentence for sentence in present if sentence not in text] == []
    assert [sentence for sentence in absent if sentence in text] == []


def test_many_slow_stretches_are_counted_and_the_worst_named():
    many = tuple(
        Stretch("forward", 10 * n + 1, 10 * n + 4, 1.1 + n / 10, ("with_lrn",)) for n in range(7)
    )
    text = full_text(replace(runs.alexnet(), stretches=many))
    assert (
        "! forward, steps 31–34 in the order run: slow, up to 1.40× the median, with LRN only"
        in text
    )
    assert "steps 61–64 in the order run: slow, up to 1.70×" in text
    assert "steps 21–24" not in text
    assert "… and 3 more stretches of slow steps, none slower" in text
    assert text.index("31–34") < text.index("61–64")


def test_a_single_variant_needs_no_only():
    slow = (Stretch("inference", 3, 6, 1.5, ("default",)),)
    text = full_text(replace(odd_runs.one_step(), stretches=slow), ReportOptions())
    assert "! inference, steps 3–6: slow, up to 1.50× the median" in text
    assert "only" not in text.partition("steps 3–6")[2].partition("Where")[0]


def test_notes_of_all_variants_show_and_each_once():
    eager, fused, warning = (Note("eager_ops"), Note("xla_fused"), Note("failed", text="c"))
    run = with_fields(runs.alexnet(), "with_lrn", "forward", notes=(eager, fused))
    run = with_fields(run, "without_lrn", "forward", notes=(fused, warning))
    text = full_text(run)
    assert text.count("with LRN: many ops ran eagerly") == 1
    assert text.count("XLA fused ops") == 1
    assert "! Forward, without LRN: c" in text


def test_a_phase_that_was_not_timed_says_why():
    notes = (Note("failed", text="out of memory"),)
    run = change_phases(odd_runs.one_step(), lambda phase: replace(phase, timed=None, notes=notes))
    text = full_text(run, ReportOptions())
    assert "! inference, default: not timed. Out of memory" in text
    assert "default – – – – – –" in text


def test_results_left_on_the_device_are_mentioned():
    run = with_fields(runs.alexnet(), "with_lrn", "forward", timed={"fetch": False})
    assert "Results were not fetched to Python." in full_text(run)
    assert "fetched" not in full_text(runs.alexnet())


@pytest.mark.parametrize(("allocator", "advised"), [("malloc", True), ("bfc", False)])
def test_advice_on_page_faults_fits_the_allocator(allocator, advised):
    timed, traced = ({"page_faults_per_step": count} for count in (10, 50_000))
    run = with_fields(runs.steady(), "with_lrn", "forward", timed=timed, traced=traced)
    software = replaced(MACHINE.software, cpu_allocator=allocator)
    text = full_text(replace(run, machine=replace(MACHINE, software=software)))
    assert (
        "traced steps had 50000 page faults each, timed steps 10; their time goes to the ops"
        in text
    )
    assert ("--cpu-allocator bfc" in text) == advised


@pytest.mark.parametrize("style", ["text", "markdown", "html"])
def test_what_the_clock_costs_a_timed_step_is_in_every_report(style):
    text = full_text(replace(runs.alexnet(), clock_s=5e-8), FORWARD, style)
    assert "reading the clock twice adds 0.10 µs, <0.0001 % of the step." in text


def test_drift_is_said_where_nothing_is_predicted():
    small = Saving(
        what="layer", name="pool5", fraction=0.001, fraction_std=None, halved_fraction=5e-4
    )
    replay = Replay(drift=0.002, drift_worst=0.004, steps=10, savings=(small,))
    run = replace(runs.alexnet(), ablations=())
    text = full_text(with_fields(run, "with_lrn", "forward", replay=replay))
    assert "Predicted" not in text
    assert "has a median error of 0.20 %, at most 0.40 %." in text
