"""What two single runs may differ by, and what `compare` and `gate` make of it."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import polars as pl
import pytest

from alexprof.analysis.compare import compare
from alexprof.analysis.findings import findings_of
from alexprof.analysis.gate import gate, parse_bound
from alexprof.analysis.interference import OTHERS, TOO_BUSY
from alexprof.measure.between_runs import MORE_RUNS, between_run_cv
from alexprof.record.parquet import STEPS_FILE, load_steps, save_tables
from alexprof.record.store import load_run, save_run
from alexprof.show.comparison_texts import caveat_text
from tests.analysis.made import HOST, compared, group, made_run
from tests.analysis.test_interference import HOT, QUIET

AT_REST = replace(QUIET, cpu_others=0.0, steal=0.0, seconds=6000.0)


@pytest.mark.parametrize(
    ("seconds", "cv"), [(0.0, 0.1005), (2.0, 0.0714), (60.0, 0.0206), (240.0, 0.0135), (1e9, 0.01)]
)
def test_the_longer_a_measurement_the_less_runs_differ(seconds, cv):
    assert between_run_cv(seconds) == pytest.approx(cv, rel=0.01)


def whole(comparison):
    (change,) = [part for part in comparison.differences if part.level == "phase"]
    return change


@pytest.fixture
def beside(tmp_path):
    """Writes A and B, whose steps took so long with this around them; compares them."""

    def write(b_s=0.1, a_s=0.1, of_a=None, **of_b):
        for name, step_s, fields in (("a", a_s, of_a), ("b", b_s, of_b)):
            interference = replace(AT_REST, **(fields or {}))
            made_run(tmp_path / name, {"v": step_s}, interference=interference)
        return compared(tmp_path, "a", "b")

    return write


def test_each_run_counts_by_the_length_of_its_own_measurement(tmp_path):
    for name, seconds in (("a", 6.0), ("b", 60.0), ("b2", 600.0)):
        interference = replace(AT_REST, seconds=seconds)
        made_run(tmp_path / name, {"v": 0.1}, noise=0, traced=0, interference=interference)

    def error(*names):
        groups = [group(tmp_path, "a"), group(tmp_path, *names)]
        low, high = whole(compare(groups)).difference.ratio_ci95
        return math.log(high / low) / 2 / 2.086  # Student's t of 20 degrees of freedom

    of_a, of_b, of_b2 = (between_run_cv(seconds) for seconds in (6, 60, 600))
    assert error("b") == pytest.approx(math.hypot(of_a, of_b), rel=1e-3)
    assert error("b", "b2") == pytest.approx(math.hypot(of_a, of_b / 2, of_b2 / 2), rel=1e-3)


def test_interference_below_a_quarter_of_the_cores_widens_nothing(beside):
    quiet, loud = beside(0.11), beside(0.11, cpu_others=0.3)
    assert whole(quiet).difference.verdict == "slower"
    assert whole(loud).difference == whole(quiet).difference
    (note,) = loud.notes
    assert (note.code, note.what) == ("interference_differs", "others")
    assert note.numbers == {"a": 0.0, "b": 0.3, "cores": 2}


@pytest.mark.parametrize(
    ("seconds", "verdict", "needed"), [(0.4, "unclear", MORE_RUNS), (60.0, "slower", None)]
)
def test_a_minute_tells_ten_percent_and_short_runs_take_three_of_each(
    beside, seconds, verdict, needed
):
    comparison = beside(0.11, of_a={"seconds": seconds}, seconds=seconds)
    assert comparison.comparable
    change = whole(comparison)
    assert (change.difference.verdict, change.difference.needed) == (verdict, needed)


@pytest.mark.parametrize(
    ("part", "noted", "comparable"),
    [(OTHERS - 0.01, False, True), (OTHERS + 0.01, True, True), (TOO_BUSY + 0.01, True, False)],
)
def test_a_busy_machine_is_a_finding_before_it_forbids_a_verdict(
    beside, tmp_path, part, noted, comparable
):
    assert beside(cpu_others=2 * part).comparable == comparable
    codes = {finding.code for finding in findings_of(load_run(tmp_path / "b"))}
    assert ("machine_busy" in codes) == noted


def test_where_others_had_much_of_the_machine_there_is_no_verdict(beside, tmp_path):
    comparison = beside(0.9, cpu_others=0.8)
    assert not comparison.comparable
    (busy,) = comparison.why_not
    assert (busy.code, busy.runs, busy.phases) == ("machine_busy", ("b",), ("forward",))
    assert busy.numbers["most_fraction"] == pytest.approx(0.4, rel=1e-3)
    assert {part.difference.verdict for part in comparison.differences} == {"unclear"}
    assert gated(tmp_path).exit_code == 3


def test_the_load_before_counts_where_nothing_was_read_around_the_steps(tmp_path):
    busy = replace(HOST, load_before=9.0)
    made_run(tmp_path / "a", {"v": 0.1}, interference=AT_REST)
    made_run(tmp_path / "read", {"v": 0.1}, host=busy, interference=AT_REST)
    made_run(tmp_path / "not", {"v": 0.1}, host=busy, interference=None)
    assert compared(tmp_path, "a", "read").comparable
    (high,) = compared(tmp_path, "a", "not").why_not
    assert (high.code, high.numbers) == ("load_high", {"load": 9.0, "cores": 2})


def gated(logdir):
    return gate(group(logdir, "b"), group(logdir, "a"), [parse_bound("3%")])


def test_the_gate_tells_no_more_than_compare(beside, tmp_path):
    beside(0.040, 0.037, {"seconds": 0.8}, seconds=0.8)
    result = gated(tmp_path)
    assert (result.outcome, result.exit_code) == ("unclear", 3)
    assert [subject.needed for subject in result.judged] == [MORE_RUNS]


def test_three_runs_of_each_show_themselves_what_they_differ_by(tmp_path):
    moment = replace(AT_REST, seconds=0.4)
    for at, step_s in enumerate([0.1] * 3 + [0.105] * 3):
        made_run(tmp_path / f"r{at}", {"v": step_s}, seed=at, interference=moment)
    groups = [group(tmp_path, "r0", "r1", "r2"), group(tmp_path, "r3", "r4", "r5")]
    assert whole(compare(groups)).difference.verdict == "slower"


@pytest.mark.parametrize(
    ("of_a", "of_b", "what", "numbers"),
    [
        ({}, {"cpu_others": 0.9}, "others", {"a": 0.0, "b": 0.9, "cores": 2}),
        ({"cpu_others": None}, {"cpu_others": 0.9}, "others", {"b": 0.9, "cores": 2}),
        ({}, {"steal": 0.2}, "steal", {"a": 0.0, "b": 0.2, "cores": 2}),
        ({}, {"memory_stalled": 0.2}, "memory", {"a_fraction": 0.0, "b_fraction": 0.2}),
        ({}, {"throttled": 0.2}, "quota", {"a": 0.0, "b": 0.2}),
        ({}, {"cpu_mhz_after": 2000.0}, "clock", {"a_mhz": 3350.0, "b_mhz": 2000.0}),
        (
            {"gpus_after": (HOT, replace(HOT, index=1))},
            {"gpus_after": (replace(HOT, index=1, clock_mhz=1900.0),)},
            "gpu_clock",
            {"gpu": 1, "a_mhz": 1200.0, "b_mhz": 1900.0},
        ),
    ],
)
def test_what_went_on_beside_two_phases(beside, of_a, of_b, what, numbers):
    comparison = beside(of_a=of_a, **of_b)
    caveats = [*comparison.why_not, *comparison.notes]
    (caveat,) = [caveat for caveat in caveats if caveat.code == "interference_differs"]
    assert (caveat.what, caveat.numbers) == (what, numbers)
    assert caveat_text(caveat, {}).startswith("forward, a and b: ")


def test_every_phase_that_was_busy_is_named(tmp_path):
    for name, others in (("a", (0.8, 1.0, 0.8)), ("b", (0.0, 0.0, 0.0))):
        run = made_run(tmp_path / name, {"v": 0.1}, interference=AT_REST, traced=0)
        phase = run.variants["v"].phases["forward"]
        keys = ("forward", "forward_backward", "train" if name == "a" else "serve")
        phases = {
            key: msgspec.structs.replace(
                phase, interference=replace(AT_REST, cpu_others=cpu_others)
            )
            for key, cpu_others in zip(keys, others, strict=True)
        }
        variants = {"v": msgspec.structs.replace(run.variants["v"], phases=phases)}
        steps = load_steps(tmp_path / name)
        tables = {STEPS_FILE: pl.concat(steps.with_columns(phase=pl.lit(key)) for key in keys)}
        run = save_tables(tmp_path / name, run, tables)
        save_run(tmp_path / name, msgspec.structs.replace(run, variants=variants))
    (busy,) = compared(tmp_path, "a", "b").why_not
    assert busy.phases == ("forward", "forward_backward")
    text = " ".join(caveat_text(busy, {}).split())
    assert "40.0 % to 50.0 % of the cores during forward and forward_backward" in text
