"""What two single runs may differ by, and what `compare` and `gate` make of it."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import pytest

from alexprof.analysis.compare import compare
from alexprof.analysis.gate import gate, parse_bound
from alexprof.analysis.sides import Side, find_member, find_sides
from alexprof.measure.between_runs import MORE_RUNS, between_run_cv
from tests.analysis.made import HOST, made_run
from tests.analysis.test_interference import QUIET

AT_REST = replace(QUIET, cpu_others=0.0, steal=0.0, seconds=6000.0)


@pytest.mark.parametrize(
    ("seconds", "cv"), [(0.0, 0.1005), (2.0, 0.0714), (60.0, 0.0206), (240.0, 0.0135), (1e9, 0.01)]
)
def test_the_longer_a_measurement_the_less_runs_differ(seconds, cv):
    assert between_run_cv(seconds) == pytest.approx(cv, rel=0.01)


def found(logdir, *names):
    return compare(find_sides(names, logdir))


def whole(comparison):
    (only,) = [one for one in comparison.differences if one.level == "phase"]
    return only


def test_each_run_counts_by_the_length_of_its_own_measurement(tmp_path):
    for name, seconds in (("a", 6.0), ("b", 60.0), ("b2", 600.0)):
        interference = replace(AT_REST, seconds=seconds)
        made_run(tmp_path / name, {"v": 0.1}, noise=0, traced=0, interference=interference)
    a, b, b2 = (find_member(name, tmp_path) for name in ("a", "b", "b2"))

    def error(*members):
        low, high = whole(compare([Side((a,)), Side(members)])).ci95
        return math.log(high / low) / 2 / 2.086  # Student's t of 20 degrees of freedom

    of_a, of_b, of_b2 = (between_run_cv(seconds) for seconds in (6, 60, 600))
    assert error(b) == pytest.approx(math.hypot(of_a, of_b), rel=1e-3)
    assert error(b, b2) == pytest.approx(math.hypot(of_a, of_b / 2, of_b2 / 2), rel=1e-3)


def test_interference_below_a_quarter_of_the_cores_widens_nothing(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1}, interference=AT_REST)
    made_run(tmp_path / "b", {"v": 0.11}, interference=AT_REST)
    made_run(tmp_path / "beside", {"v": 0.11}, interference=replace(AT_REST, cpu_others=0.3))
    assert whole(found(tmp_path, "a", "b")).verdict == "slower"
    assert whole(found(tmp_path, "a", "beside")) == replace_name(whole(found(tmp_path, "a", "b")))
    notes = found(tmp_path, "a", "beside").notes
    assert any("others used 0 and 0.3 of 2 cores" in note for note in notes), notes


def replace_name(change):
    return msgspec.structs.replace(change, b="beside")


def test_short_runs_can_t_tell_and_take_three_of_each(tmp_path):
    for name, step_s in (("a", 0.1), ("b", 0.11)):
        interference = replace(AT_REST, seconds=0.4)
        made_run(tmp_path / name, {"v": step_s}, interference=interference)
    comparison = found(tmp_path, "a", "b")
    assert comparison.comparable
    change = whole(comparison)
    assert (change.verdict, change.needed) == ("unclear", MORE_RUNS)


def test_a_minute_on_a_machine_at_rest_tells_ten_percent(tmp_path):
    for name, step_s in (("a", 0.3), ("b", 0.33)):
        made_run(tmp_path / name, {"v": step_s}, interference=replace(AT_REST, seconds=60.0))
    assert whole(found(tmp_path, "a", "b")).verdict == "slower"


def test_where_others_had_much_of_the_machine_there_is_no_verdict(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1}, interference=AT_REST)
    made_run(tmp_path / "b", {"v": 0.9}, interference=replace(AT_REST, cpu_others=0.8))
    comparison = found(tmp_path, "a", "b")
    assert (comparison.comparable, len(comparison.why_not)) == (False, 1)
    assert "in forward of b others had 40 % of the cores" in comparison.why_not[0]
    assert {one.verdict for one in comparison.differences} == {"unclear"}
    baseline, run = (Side((find_member(name, tmp_path),)) for name in "ab")
    assert gate(run, baseline, [parse_bound("3%")]).exit_code == 3


def test_the_load_before_counts_where_nothing_was_read_around_the_steps(tmp_path):
    busy = replace(HOST, load_before=9.0)
    made_run(tmp_path / "a", {"v": 0.1}, interference=AT_REST)
    made_run(tmp_path / "read", {"v": 0.1}, host=busy, interference=AT_REST)
    made_run(tmp_path / "not", {"v": 0.1}, host=busy, interference=None)
    assert found(tmp_path, "a", "read").comparable
    assert "load of 9" in found(tmp_path, "a", "not").why_not[0]


def test_the_gate_tells_no_more_than_compare(tmp_path):
    made_run(tmp_path / "a", {"v": 0.037}, interference=replace(AT_REST, seconds=0.8))
    made_run(tmp_path / "b", {"v": 0.040}, interference=replace(AT_REST, seconds=0.8))
    baseline, run = (Side((find_member(name, tmp_path),)) for name in "ab")
    result = gate(run, baseline, [parse_bound("3%")])
    assert (result.outcome, result.exit_code) == ("unclear", 3)
    assert [one.needed for one in result.judged] == [MORE_RUNS]


def test_three_runs_of_each_show_themselves_what_they_differ_by(tmp_path):
    for number in range(6):
        made_run(
            tmp_path / f"r{number}",
            {"v": 0.1 if number < 3 else 0.105},
            seed=number,
            interference=replace(AT_REST, seconds=0.4),
        )
    a, b = (
        Side(tuple(find_member(f"r{one}", tmp_path) for one in numbers))
        for numbers in (range(3), range(3, 6))
    )
    assert whole(compare([a, b])).verdict == "slower"
