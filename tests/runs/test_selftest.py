"""A selftest of processes with known noise, and what compare and gate make of it."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import numpy as np
import pytest

from alexprof.errors import RunError
from alexprof.measure.power import pairs_needed, steps_needed
from alexprof.measure.processes import parse_command
from alexprof.runs.compare import compare
from alexprof.runs.gate import gate, parse_bound
from alexprof.runs.pairing import Plan, run_pairs
from alexprof.runs.record import MachineRecord
from alexprof.runs.selftest import known_process_cv, load_selftest, save_selftest
from alexprof.runs.selftested import by_steps, selftest_of
from alexprof.runs.sides import Side, find_member, find_sides
from tests.runs.made import HOST, SOFTWARE, made_run
from tests.runs.test_pairs import Scripted

COMMAND = parse_command("true")
MACHINE = MachineRecord(HOST, SOFTWARE, ())
OTHER = MachineRecord(dataclasses.replace(HOST, cores=64), SOFTWARE, ())
SETTINGS = {"batch_size": 8}


def selftested(logdir, means_s, *, other=1.0, noise=0.01):
    """A selftest whose processes have these means, in the order a1 b1 b2 a2 …"""
    names = iter(means_s)

    def leave(folder, name):
        if name.startswith("warm"):
            return
        step_s = next(names)
        steps_s = {"one": step_s, "other": step_s * other}
        seed = hash(step_s) % 1000
        made_run(folder / "r", steps_s, traced=0, noise=noise, seed=seed, settings=SETTINGS)

    folder = logdir / "selftest-1"
    record = run_pairs(
        Plan(COMMAND, COMMAND, len(means_s) // 2), folder, run=Scripted(lambda name: 1.0, leave)
    )
    return selftest_of(record, folder, [0.02, 0.01, 0.02])


MEANS = [0.100, 0.102, 0.099, 0.101, 0.100, 0.098, 0.103, 0.100, 0.099, 0.101]


def test_figures_of_known_processes(tmp_path):
    found = selftested(tmp_path, MEANS)
    assert (found.workload, found.batch_size, found.phase) == ("alexnet", 8, "forward")
    assert (found.pairs, found.steps, found.name) == (5, 100, "selftest-1")
    assert found.step_s == pytest.approx(np.mean(MEANS), rel=1e-3)
    assert found.process_cv.value == pytest.approx(np.std(MEANS, ddof=1) / np.mean(MEANS), rel=0.1)
    # Evenly between −1 % and 1 %: a deviation of 1/√3 %.
    assert found.step_cv.value == pytest.approx(0.01 / 3**0.5, rel=0.1)
    assert found.asked_within == 10
    assert found.alarms_within == 0
    assert found.largest_within < 0.005
    assert found.between in ("same", "unclear")
    assert [one.difference for one in found.needed] == [0.01, 0.02]
    more, fewer = found.needed
    assert more.pairs > fewer.pairs
    assert more.pairs_ci95[0] < more.pairs < more.pairs_ci95[1]
    spread = 2**0.5 * found.process_cv.value
    assert pairs_needed(math.log1p(found.smallest_by_pairs), spread) == 5


@pytest.mark.parametrize("turn_cv", [0.03, 0.05])
def test_as_many_steps_as_a_difference_takes_find_it(turn_cv):
    steps = steps_needed(0.01, turn_cv)
    assert steps > 100
    assert by_steps(turn_cv, steps) <= 0.01 < by_steps(turn_cv, steps - 10)


def test_twins_that_differ_are_an_alarm_in_each(tmp_path):
    found = selftested(tmp_path, MEANS, other=1.1)
    assert found.alarms_within == found.asked_within == 10
    assert found.largest_within == pytest.approx(0.1, abs=0.01)


def test_kept_and_found_for_runs_of_the_same_machine(tmp_path):
    found = selftested(tmp_path, MEANS)
    assert load_selftest(tmp_path) is None
    assert known_process_cv(tmp_path / "run", MACHINE) is None
    save_selftest(tmp_path, found)
    assert load_selftest(tmp_path) == found
    for folder in (tmp_path, tmp_path / "run"):
        assert known_process_cv(folder, MACHINE) == found.process_cv.value
    assert known_process_cv(tmp_path, OTHER) is None
    assert known_process_cv(tmp_path, None) is None


@pytest.mark.parametrize(
    ("content", "words"), [("{", "is damaged"), ("{}", "is damaged"), (None, "another AlexProf")]
)
def test_a_selftest_that_can_t_be_read(tmp_path, content, words):
    save_selftest(
        tmp_path, msgspec.structs.replace(selftested(tmp_path, MEANS[:4]), schema_version=99)
    )
    if content is not None:
        (tmp_path / "selftest.json").write_text(content)
    with pytest.raises(RunError, match=words):
        load_selftest(tmp_path)


@pytest.fixture
def noisy(tmp_path):
    """Two runs that differ by 6 %, and a selftest whose processes differ by 5 %."""
    made_run(tmp_path / "a", {"v": 0.100}, noise=0.002)
    made_run(tmp_path / "b", {"v": 0.106}, noise=0.002, seed=1)
    return tmp_path, selftested(tmp_path, [0.1, 0.105, 0.095, 0.1, 0.106, 0.094])


def phase_of(found):
    (only,) = (one for one in found.differences if one.level == "phase")
    return only


def test_compare_allows_what_processes_here_differ_by(noisy):
    logdir, found = noisy
    before = compare(find_sides(["a", "b"], logdir))
    assert phase_of(before).verdict == "slower"
    assert not any("selftest" in note for note in before.notes)
    save_selftest(logdir, found)
    after = compare(find_sides(["a", "b"], logdir))
    assert phase_of(after).verdict == "unclear"
    assert [note for note in after.notes if "selftest" in note] == [
        f"processes are taken to differ by {100 * found.process_cv.value:.1f} % (standard "
        "deviation), as alexprof selftest measured on this machine"
    ]
    assert after.comparable


def test_the_gate_too(noisy):
    logdir, found = noisy
    a, b = (Side((find_member(name, logdir),)) for name in "ab")
    bound = [parse_bound("1%")]
    assert gate(b, a, bound).outcome == "slower"
    save_selftest(logdir, found)
    judged = gate(b, a, bound)
    assert judged.outcome == "unclear"
    assert any("selftest" in note for note in judged.notes)


def test_a_damaged_selftest_is_a_note_and_not_used(noisy):
    logdir, _ = noisy
    before = compare(find_sides(["a", "b"], logdir))
    (logdir / "selftest.json").write_text("{")
    after = compare(find_sides(["a", "b"], logdir))
    assert phase_of(after) == phase_of(before)
    trouble = f"{logdir}/selftest.json is damaged: run alexprof selftest again, or remove it"
    assert {*after.notes} - {*before.notes} == {f"the selftest is not used: {trouble}"}
    a, b = (Side((find_member(name, logdir),)) for name in "ab")
    judged = gate(b, a, [parse_bound("1%")])
    assert judged.outcome == "slower"
    assert f"the selftest is not used: {trouble}" in judged.notes


def test_less_than_one_percent_changes_nothing(noisy):
    logdir, found = noisy
    before = compare(find_sides(["a", "b"], logdir))
    quiet = dataclasses.replace(found.process_cv, value=0.002)
    save_selftest(logdir, msgspec.structs.replace(found, process_cv=quiet))
    assert compare(find_sides(["a", "b"], logdir)) == before
