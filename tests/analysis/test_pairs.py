"""Pairs of processes with known times: what is kept, in which order, and what is judged."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from alexprof.analysis.caveats import Caveat
from alexprof.analysis.pairs import PairsRecord, find_pairs, judge_pairs, load_pairs
from alexprof.errors import RunError, UsageError
from alexprof.measure.processes import Finished, parse_command
from alexprof.measure.ratios import pairs_needed
from alexprof.record.interference import Interference
from alexprof.record.note import Note
from alexprof.record.store import find_run, list_runs, save_run
from alexprof.record.values import Needed
from alexprof.show.comparison_texts import caveat_text
from alexprof.show.pairs import render_pairs
from alexprof.tracer.pairing import PairsPlan, ProcessFailed, run_pairs
from tests.analysis.made import HOST, OPS, made_run
from tests.analysis.test_results import give
from tests.record.test_store import run_named

A, B = parse_command("true"), parse_command("X=1 true")


class Scripted:
    """Runs nothing: says what each process took, and what it left."""

    def __init__(self, seconds, leave=lambda logdir, name: None, exits=None):
        self.seconds, self.leave, self.exits = seconds, leave, exits or {}
        self.ran = []

    def __call__(self, launch):
        name = launch.stdout.name.removesuffix(".out.txt")
        self.ran.append((name, launch))
        launch.stderr.write_text(f"begin\n\n{name} complains\n")
        end = self.exits.get(name, 0)
        if isinstance(end, BaseException):
            raise end
        if end:
            return Finished(1.5, 1, 0.5, end)
        self.leave(launch.stdout.with_name(name), name)
        seconds = self.seconds(name)
        return Finished(seconds, seconds * 1.5, seconds * 0.25, 0)


def slow_second(name):
    """B takes 10 % longer; a machine that drifts makes each pair 20 % slower than the one before;
    pairs differ by 1 % at most."""
    number = int(name[-1])
    return (
        1.2**number * (1.1 if "b" in name else 1.0) * (1 + 0.005 * (-1) ** number * ("b" in name))
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "ab"


@pytest.fixture
def ran(folder):
    """Runs pairs of known times, which leave what a function leaves; returns their record."""

    def run(pairs, leave=lambda logdir, name: None, *, b=B, seconds=slow_second, **runner):
        return run_pairs(PairsPlan(A, b, pairs), folder, run=Scripted(seconds, leave, **runner))

    return run


def leave_in_run(fields_of):
    """Leaves one run in each process's logdir, with fields that depend on the process's name."""

    def leave(logdir, name):
        fields = fields_of(name)
        made_run(logdir / "run", {"v": fields.pop("step_s", 0.1)}, seed=int(name[-1]), **fields)

    return leave


def test_order_environment_and_record(folder):
    runner = Scripted(slow_second)
    seen: list[PairsRecord] = []
    record = run_pairs(PairsPlan(A, B, 3, warm_up=2), folder, run=runner, after=seen.append)
    order = ["a1", "b1", "b2", "a2", "a3", "b3"]
    warm = ["warm-up-a1", "warm-up-b1", "warm-up-a2", "warm-up-b2"]
    assert [name for name, _ in runner.ran] == [*warm, *order]
    logdirs = [launch.environment["ALEXPROF_LOGDIR"] for _, launch in runner.ran]
    assert logdirs == [str(folder / name) for name in (*warm, *order)]
    assert ["X" in launch.environment for name, launch in runner.ran] == [
        name.startswith(("b", "warm-up-b")) for name, _ in runner.ran
    ]
    assert [len(record.processes) for record in seen] == list(range(1, 11))
    assert load_pairs(folder) == record
    assert (record.complete, record.stopped) == (True, None)
    assert [(process.pair, process.side) for process in record.processes[:5]] == [
        *((0, side) for side in "abab"),
        (1, "a"),
    ]
    assert [(a.folder, b.folder) for a, b in record.finished] == [
        (f"a{i}", f"b{i}") for i in (1, 2, 3)
    ]


def test_the_same_command_is_warmed_up_once(ran):
    names = [process.folder for process in ran(2, b=A).processes]
    assert names == ["warm-up-a1", "a1", "b1", "b2", "a2"]


def test_each_process_is_on_disk_before_the_next_begins(folder, ran):
    names: list[str] = []

    def look(logdir, name):
        kept = load_pairs(folder)
        assert [process.folder for process in kept.processes] == names
        assert (kept.complete, kept.stopped.code) == (False, "unfinished")
        assert list(logdir.iterdir()) == []
        names.append(name)

    ran(2, look)
    assert names == ["warm-up-a1", "warm-up-b1", "a1", "b1", "b2", "a2"]


def test_pairs_are_judged_as_a_slow_second_way_does(folder, ran):
    result = judge_pairs(ran(6), folder)
    wall, cpu = (time.difference for time in result.times)
    assert (result.judged_by, result.finished) == ("processes", 6)
    assert result.reason == Caveat(code="runs_left", runs=("a1",), numbers={"runs": 0})
    a = [slow_second(f"a{i}") for i in range(1, 7)]
    b = [slow_second(f"b{i}") for i in range(1, 7)]
    parts = [y / (sum(b) / 6) - x / (sum(a) / 6) for x, y in zip(a, b, strict=True)]
    error = math.sqrt(sum(part**2 for part in parts) / 5 / 6)
    ratio = sum(b) / sum(a)
    # 2.571: Student's t of 5 degrees of freedom, from a table.
    low, high = (ratio * math.exp(sign * 2.5706 * error) for sign in (-1, 1))
    assert wall.ratio == pytest.approx(ratio)
    assert wall.ratio_ci95 == pytest.approx((low, high), rel=1e-4)
    assert low < 1.1 < high
    # Each pair is 20 % slower than the one before, and still 10 % are found.
    assert (wall.verdict, wall.needed) == ("slower", None)
    assert [time.name for time in result.times] == ["wall", "cpu"]
    assert cpu.ratio == pytest.approx(wall.ratio)
    assert cpu.before_s == pytest.approx(1.75 * wall.before_s)


def test_unclear_says_how_many_more_pairs(folder, ran):
    noise = np.array([0.03, -0.05, 0.04, -0.02, 0.01])
    record = ran(
        5, seconds=lambda name: 1.02 + float(noise[int(name[-1]) - 1]) if "b" in name else 1.0
    )
    wall = judge_pairs(record, folder).times[0].difference
    assert wall.verdict == "unclear"
    spread = float((noise / (1.02 + noise.mean())).std(ddof=1))
    more = pairs_needed(math.log(wall.ratio), spread, power=0.8) - 5
    rounded = math.ceil(more / 10 ** (len(str(more)) - 2)) * 10 ** (len(str(more)) - 2)
    assert wall.needed == Needed("more_pairs", rounded if more > 99 else more)


def test_no_false_alarm_beyond_chance(folder, ran):
    """A against A, 400 times: the verdict errs in about 5 %."""
    random, replace = np.random.default_rng(1), msgspec.structs.replace
    record = ran(5, b=A, seconds=lambda name: 1.0)
    alarms = 0
    for _ in range(400):
        processes = tuple(
            replace(process, seconds=float(random.normal(1, 0.02))) for process in record.processes
        )
        judged = judge_pairs(replace(record, processes=processes), folder)
        alarms += judged.times[0].difference.verdict in ("slower", "faster")
    assert 8 <= alarms <= 34  # 400 × 5 % = 20, within 3.2 standard deviations


def leave_run(change=1.1, heavier="conv1", drift=0.2):
    """Leaves a run in each process's logdir: B's conv1 costs more, and pairs drift."""

    def leave(logdir, name):
        number = int(name[-1])
        step_s = 0.1 * (1 + drift * number)
        ops = OPS
        if "b" in name:
            grown = {op: part + (change - 1) * (op == heavier) for op, part in OPS.items()}
            ops = {op: part / change for op, part in grown.items()}
            step_s *= change
        made_run(logdir / f"alexnet-{number}", {"v": step_s}, ops=ops, seed=number, noise=0.01)

    return leave


def test_what_differs_on_purpose_is_a_note_and_load_spoils_nothing(folder, ran):
    busy = {"host": replace(HOST, load_before=9.0)}
    of_b = {"step_s": 0.2, "settings": {"intra_op": 1}}
    record = ran(3, leave_in_run(lambda name: {**busy, **(of_b if "b" in name else {})}))
    comparison = judge_pairs(record, folder).comparison
    assert (comparison.comparable, comparison.why_not) == (True, ())
    (note,) = comparison.notes
    assert (note.code, note.what, note.names) == ("setting_differs", "intra_op", ("0", "1"))
    (phase,) = (part for part in comparison.differences if part.level == "phase")
    assert phase.difference.verdict == "slower"


def test_notes_name_their_runs_and_wrong_results_come_first(folder, ran):
    calm = Interference(seconds=60.0, cores=2, cpu_others=0.04)
    loud = replace(calm, cpu_others=0.9)

    def leave(logdir, name):
        busy = loud if name in ("b2", "a3", "b3") else calm
        leave_in_run(lambda _: {"traced": 0, "interference": busy})(logdir, name)
        give(logdir / "run", "v", np.full(4, 2.0 if "b" in name else 1.0))

    result = judge_pairs(ran(3, leave), folder)
    wrong, *notes = result.comparison.notes
    assert (wrong.code, wrong.runs) == ("results_differ", ("b1", "b2", "b3"))
    assert {note.code: note.runs for note in notes} == {
        "not_traced": ("a1", "b1", "a2", "b2", "a3", "b3"),
        "interference_differs": ("a2", "b2"),
    }
    top = render_pairs(result, "text").split("What changed?", maxsplit=1)[0]
    assert "The runs don’t compute the same" in top.replace("\n", " ")


def test_pairs_of_short_runs_show_themselves_what_runs_differ_by(folder, ran):
    short = Interference(seconds=0.4, cores=2)
    record = ran(2, leave_in_run(lambda _: {"interference": short}), b=A)
    assert judge_pairs(record, folder).comparison.notes == ()


def leave_damaged(logdir, name):
    (logdir / "r").mkdir()
    (logdir / "r" / "run.json").write_text("{")


def leave_runs(runs_of):
    def leave(logdir, name):
        for number in range(runs_of(name)):
            made_run(logdir / f"r{number}", {"v": 0.1})

    return leave


@pytest.mark.parametrize(
    ("leave", "reason"),
    [
        (leave_runs(lambda name: name != "b2"), "b2 left no run"),
        (leave_runs(lambda name: 1 + (name == "a2")), "a2 left 2 runs"),
        (
            leave_in_run(lambda name: {"phase": "train" if "b" in name else "forward"}),
            "no phase in common",
        ),
        (leave_damaged, "is damaged"),
    ],
)
def test_without_a_run_of_each_their_times_are_judged(folder, ran, leave, reason):
    result = judge_pairs(ran(2, leave), folder)
    assert (result.judged_by, result.comparison) == ("processes", None)
    assert result.reason is not None
    assert reason in caveat_text(result.reason, {})


def test_a_failure_stops_and_says_where(folder, ran):
    with pytest.raises(ProcessFailed, match=r"B2 failed \(exit code 3\) after 1\.5 s") as caught:
        ran(3, exits={"b2": 3})
    assert caught.value.tail == ("begin", "b2 complains")
    assert str(folder / "b2.err.txt") in str(caught.value)
    assert caught.value.exit_code == 2
    kept = load_pairs(folder)
    failed = Note("process_failed", {"exit_code": 3}, ("b2",))
    assert (kept.complete, kept.stopped) == (False, failed)
    assert [process.exit_code for process in kept.processes] == [0, 0, 0, 0, 3]
    assert len(kept.finished) == 1
    with pytest.raises(UsageError, match="1 finished pairs, and a verdict needs 2"):
        judge_pairs(kept, folder)


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("warm-up-b1", 1, "warm-up of B failed"), ("a1", -9, r"A1 failed \(ended by SIGKILL\)")],
)
def test_which_one_failed(ran, name, code, words):
    with pytest.raises(ProcessFailed, match=words):
        ran(3, exits={name: code})


def test_ctrl_c_keeps_what_is_finished(folder, ran):
    with pytest.raises(KeyboardInterrupt):
        ran(4, exits={"a3": KeyboardInterrupt()})
    kept = load_pairs(folder)
    assert (kept.complete, kept.stopped) == (False, Note("interrupted"))
    assert judge_pairs(kept, folder).finished == 2


def test_other_commands_take_no_notice_of_it(tmp_path, folder, ran):
    save_run(tmp_path / "there", run_named("there"))
    record = ran(2, leave_run())
    assert [run.run for run in list_runs(tmp_path)] == ["there"]
    for name in ("ab", str(folder / "ab.json")):
        assert find_pairs(name, tmp_path) == folder
    assert load_pairs(folder) == record
    for name in (str(folder), "ab"):
        with pytest.raises(RunError, match=rf"not a run: .*`alexprof ab --show {folder}`"):
            find_run(name, tmp_path)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((1,), "--pairs must be at least 2, not 1"),
        ((2, -1), "--warm-up must be at least 0, not -1"),
    ],
)
def test_plans_that_won_t_do(numbers, message):
    with pytest.raises(UsageError, match=message):
        PairsPlan(A, B, *numbers)


def test_folders_and_records_that_won_t_do(tmp_path, folder, ran):
    ran(2)
    with pytest.raises(RunError, match="exists already"):
        ran(2)
    with pytest.raises(RunError, match="no pairs 'x'"):
        find_pairs("x", tmp_path)
    with pytest.raises(RunError, match=r"it has no ab\.json"):
        load_pairs(tmp_path)
    path = folder / "ab.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    with pytest.raises(RunError, match="schema 99, newer than"):
        load_pairs(folder)
    path.write_text("{")
    with pytest.raises(RunError, match="is damaged"):
        load_pairs(folder)
