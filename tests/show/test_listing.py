"""`alexprof list`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from alexprof.errors import RunError
from alexprof.record.run import Run
from alexprof.record.store import BrokenRun
from alexprof.show import numbers
from alexprof.show.listing import render_list
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import render
from tests.factory import change_phases
from tests.show import odd_runs, runs
from tests.show.full import check_golden
from tests.show.test_reports import GOLDEN

ALL: list[Run | BrokenRun] = [
    runs.steady(),
    odd_runs.incomplete(),
    odd_runs.nothing(),
    odd_runs.two_gpus(),
    BrokenRun("old-run", RunError("logdir/old-run/run.json is damaged: no such field")),
]


def test_a_run_is_its_state_its_means_and_what_lrn_costs():
    check_golden(GOLDEN / "list.txt", render_list(ALL))


def test_a_trace_that_is_mostly_outside_its_steps_shows_the_loop_s_time_as_the_report_does():
    def little(phase):
        traced = replace(phase.traced, mean_s=0.01, steps=10, span_s=0.6, outside_s=0.0)
        return replace(phase, timed=None, traced=traced, label="trace")

    run = replace(change_phases(odd_runs.two_gpus(), little), machine=None)
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
    odd = replace(runs.steady(), started="some day")
    assert "some day" in render_list([odd], now=before)


def test_no_runs_is_a_sentence_and_a_command():
    assert render_list([]) == "No run yet: make one with `alexprof profile`."
