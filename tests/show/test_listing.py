"""`alexprof list`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from rich.cells import cell_len

from alexprof.errors import RunError
from alexprof.record.run import Run
from alexprof.record.store import BrokenRun
from alexprof.show import ReportOptions, numbers, render, render_list
from tests.show import odd_runs, runs

ALL: list[Run | BrokenRun] = [
    runs.steady(),
    odd_runs.incomplete(),
    odd_runs.nothing(),
    odd_runs.two_gpus(),
    BrokenRun("old-run", RunError("logdir/old-run/run.json is damaged: no such field")),
]


def test_a_run_is_its_state_its_means_and_what_lrn_costs():
    assert render_list(ALL).replace("\u00a0", " ") == "\n".join(
        [
            "5 runs; step times, and what leaving ops out saves (95 % interval)",
            "",
            "alexnet-20261124-071417                             2026-11-24 07:14    complete",
            "  forward           210 ms with LRN, 183 ms without  LRN: 27.0 (25.7 to 28.4) ms",
            "  forward-backward  609 ms with LRN, 578 ms without  LRN: unclear",
            "",
            "alexnet-20261124-071417                             2026-11-24 07:14  incomplete",
            "  ! no memory left in forward-backward, without LRN",
            "  forward           227 ms with LRN, 186 ms without  LRN: 41.3 (10.5 to 72.1) ms",
            "  forward-backward  608 ms with LRN",
            "",
            "alexnet-20261124-080000                             2026-11-24 08:00  incomplete",
            "  ! it did not finish: still running, or killed",
            "",
            "train-20261124-093000                               2026-11-24 09:30    complete",
            "  train  8.02 ms",
            "",
            "old-run",
            "  ! logdir/old-run/run.json is damaged: no such field",
        ]
    )


def test_a_trace_that_is_mostly_outside_its_steps_shows_the_loop_s_time_as_the_report_does():
    run = odd_runs.two_gpus()
    ((variant, phases),) = odd_runs.two_phases(run).items()
    ((key, phase),) = phases.items()
    assert phase.traced is not None
    traced = msgspec.structs.replace(phase.traced, mean_s=0.01, steps=10, span_s=0.6, outside_s=0.0)
    phase = msgspec.structs.replace(phase, timed=None, traced=traced, label="trace")
    run = odd_runs.with_phases(run, {variant: {key: phase}})
    run = msgspec.structs.replace(run, machine=None)
    loop = numbers.time(0.06)
    assert render_list([run]).splitlines()[-1] == f"  trace  {loop} with the time between steps"
    assert f"A step takes {loop}, 83.3\u00a0% of it between the marked steps" in render(run)


@pytest.mark.parametrize("width", [1, 40, 50, 79, 80, 120])
def test_no_line_is_too_wide(width):
    text = render_list([*ALL, odd_runs.long_names()], ReportOptions(width=width))
    assert max(map(cell_len, text.splitlines())) <= max(width, 40)


def test_color_adds_nothing_but_color():
    colored = render_list(ALL, ReportOptions(color=True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render_list(ALL)
    assert colored != render_list(ALL)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_how_long_ago(passed, words):
    now = datetime(2026, 11, 24, 7, 14, 17, tzinfo=timezone.utc) + passed
    assert f"2026-11-24 07:14, {words}" in render_list([runs.steady()], now=now)


def test_a_clock_that_went_back_and_a_date_that_is_none_are_left_as_they_are():
    before = datetime(2020, 1, 1, tzinfo=timezone.utc)
    assert "ago" not in render_list([runs.steady()], now=before)
    odd = msgspec.structs.replace(runs.steady(), started="some day")
    assert "some day" in render_list([odd], now=before)


def test_no_runs_is_a_sentence_and_a_command():
    assert render_list([]) == "No run yet: make one with `alexprof profile`."
