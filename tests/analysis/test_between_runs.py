"""What two single runs may differ by, and what `compare` and `gate` make of it."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import pytest

from alexprof.analysis.compare import compare
from alexprof.analysis.findings import findings_of
from alexprof.analysis.gate import gate, parse_bound
from alexprof.analysis.interference import OTHERS, TOO_BUSY
from alexprof.measure.between_runs import MORE_RUNS, between_run_cv
from alexprof.record.store import save_run
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


def test_interference_below_a_quarter_of_the_cores_widens_nothing(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1}, interference=AT_REST)
    made_run(tmp_path / "b", {"v": 0.11}, interference=AT_REST)
    made_run(tmp_path / "beside", {"v": 0.11}, interference=replace(AT_REST, cpu_others=0.3))
    quiet, loud = (compared(tmp_path, "a", name) for name in ("b", "beside"))
    assert whole(quiet).difference.verdict == "slower"
    assert whole(loud).difference == whole(quiet).difference
    (note,) = loud.notes
    assert (note.code, note.what) == ("interference_differs", "others")
    assert note.numbers == {"a": 0.0, "b": 0.3, "cores": 2}


def test_short_runs_can_t_tell_and_take_three_of_each(tmp_path):
    for name, step_s in (("a", 0.1), ("b", 0.11)):
        interference = replace(AT_REST, seconds=0.4)
        made_run(tmp_path / name, {"v": step_s}, interference=interference)
    comparison = compared(tmp_path, "a", "b")
    assert comparison.comparable
    change = whole(comparison)
    assert (change.difference.verdict, change.difference.needed) == ("unclear", MORE_RUNS)


def test_a_minute_on_a_machine_at_rest_tells_ten_percent(tmp_path):
    for name, step_s in (("a", 0.3), ("b", 0.33)):
        made_run(tmp_path / name, {"v": step_s}, interference=replace(AT_REST, seconds=60.0))
    assert whole(compared(tmp_path, "a", "b")).difference.verdict == "slower"


@pytest.mark.parametrize(
    ("part", "found", "comparable"),
    [(OTHERS - 0.01, False, True), (OTHERS + 0.01, True, True), (TOO_BUSY + 0.01, True, False)],
)
def test_a_busy_machine_is_a_finding_before_it_forbids_a_verdict(tmp_path, part, found, comparable):
    made_run(tmp_path / "a", {"v": 0.1}, interference=AT_REST)
    beside = replace(AT_REST, cpu_others=2 * part)
    run = made_run(tmp_path / "b", {"v": 0.1}, interference=beside)
    assert ("machine_busy" in {finding.code for finding in findings_of(run)}) == found
    assert compared(tmp_path, "a", "b").comparable == comparable


def test_where_others_had_much_of_the_machine_there_is_no_verdict(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1}, interference=AT_REST)
    made_run(tmp_path / "b", {"v": 0.9}, interference=replace(AT_REST, cpu_others=0.8))
    comparison = compared(tmp_path, "a", "b")
    assert (comparison.comparable, len(comparison.why_not)) == (False, 1)
    (busy,) = comparison.why_not
    assert (busy.code, busy.runs, busy.phases) == ("machine_busy", ("b",), ("forward",))
    assert busy.numbers["most_fraction"] == pytest.approx(0.4, rel=1e-3)
    assert {part.difference.verdict for part in comparison.differences} == {"unclear"}
    baseline, run = group(tmp_path, "a"), group(tmp_path, "b")
    assert gate(run, baseline, [parse_bound("3%")]).exit_code == 3


def test_the_load_before_counts_where_nothing_was_read_around_the_steps(tmp_path):
    busy = replace(HOST, load_before=9.0)
    made_run(tmp_path / "a", {"v": 0.1}, interference=AT_REST)
    made_run(tmp_path / "read", {"v": 0.1}, host=busy, interference=AT_REST)
    made_run(tmp_path / "not", {"v": 0.1}, host=busy, interference=None)
    assert compared(tmp_path, "a", "read").comparable
    (high,) = compared(tmp_path, "a", "not").why_not
    assert (high.code, high.numbers) == ("load_high", {"load": 9.0, "cores": 2})


def test_the_gate_tells_no_more_than_compare(tmp_path):
    made_run(tmp_path / "a", {"v": 0.037}, interference=replace(AT_REST, seconds=0.8))
    made_run(tmp_path / "b", {"v": 0.040}, interference=replace(AT_REST, seconds=0.8))
    baseline, run = group(tmp_path, "a"), group(tmp_path, "b")
    result = gate(run, baseline, [parse_bound("3%")])
    assert (result.outcome, result.exit_code) == ("unclear", 3)
    assert [subject.needed for subject in result.judged] == [MORE_RUNS]


def test_three_runs_of_each_show_themselves_what_they_differ_by(tmp_path):
    for number in range(6):
        made_run(
            tmp_path / f"r{number}",
            {"v": 0.1 if number < 3 else 0.105},
            seed=number,
            interference=replace(AT_REST, seconds=0.4),
        )
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
def test_what_went_on_beside_two_phases(tmp_path, of_a, of_b, what, numbers):
    made_run(tmp_path / "a", {"v": 0.1}, interference=replace(AT_REST, **of_a))
    made_run(tmp_path / "b", {"v": 0.1}, interference=replace(AT_REST, **of_b))
    comparison = compared(tmp_path, "a", "b")
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
        save_run(tmp_path / name, msgspec.structs.replace(run, variants=variants))
    (busy,) = compared(tmp_path, "a", "b").why_not
    assert busy.phases == ("forward", "forward_backward")
    text = " ".join(caveat_text(busy, {}).split())
    assert "40.0 % to 50.0 % of the cores during forward and forward_backward" in text
