"""Pairs of processes with known times: what is kept, in which order, and what is judged."""

from __future__ import annotations

import json
import math

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
from tests.analysis.made import OPS, made_run
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
        if name in self.exits:
            end = self.exits[name]
            if isinstance(end, BaseException):
                raise end
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


def test_order_environment_and_record(tmp_path):
    runner = Scripted(slow_second)
    seen: list[PairsRecord] = []
    record = run_pairs(
        PairsPlan(A, B, 3, warm_up=2), tmp_path / "ab", run=runner, after=seen.append
    )
    order = ["a1", "b1", "b2", "a2", "a3", "b3"]
    warm = ["warm-up-a1", "warm-up-b1", "warm-up-a2", "warm-up-b2"]
    assert [name for name, _ in runner.ran] == [*warm, *order]
    logdirs = [launch.environment["ALEXPROF_LOGDIR"] for _, launch in runner.ran]
    assert logdirs == [str(tmp_path / "ab" / name) for name in (*warm, *order)]
    assert ["X" in launch.environment for name, launch in runner.ran] == [
        name.startswith(("b", "warm-up-b")) for name, _ in runner.ran
    ]
    assert [len(record.processes) for record in seen] == list(range(1, 11))
    assert load_pairs(tmp_path / "ab") == record
    assert (record.complete, record.stopped) == (True, None)
    assert [(process.pair, process.side) for process in record.processes[:5]] == [
        *((0, side) for side in "abab"),
        (1, "a"),
    ]
    assert [(a.folder, b.folder) for a, b in record.finished] == [
        (f"a{i}", f"b{i}") for i in (1, 2, 3)
    ]


def test_the_same_command_is_warmed_up_once(tmp_path):
    runner = Scripted(slow_second)
    run_pairs(PairsPlan(A, A, 2), tmp_path / "ab", run=runner)
    assert [name for name, _ in runner.ran] == ["warm-up-a1", "a1", "b1", "b2", "a2"]


def test_each_process_is_on_disk_before_the_next_begins(tmp_path):
    on_disk = []

    def look(logdir, name):
        kept = load_pairs(tmp_path / "ab")
        on_disk.append(
            ([process.folder for process in kept.processes], kept.complete, kept.stopped)
        )
        assert list(logdir.iterdir()) == []

    run_pairs(PairsPlan(A, B, 2, warm_up=0), tmp_path / "ab", run=Scripted(slow_second, look))
    assert [names for names, _, _ in on_disk] == [[], ["a1"], ["a1", "b1"], ["a1", "b1", "b2"]]
    assert {(complete, stopped.code) for _, complete, stopped in on_disk} == {(False, "unfinished")}


def test_pairs_are_judged_as_a_slow_second_way_does(tmp_path):
    record = run_pairs(PairsPlan(A, B, 6), tmp_path / "ab", run=Scripted(slow_second))
    result = judge_pairs(record, tmp_path / "ab")
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


def test_unclear_says_how_many_more_pairs(tmp_path):
    noise = np.array([0.03, -0.05, 0.04, -0.02, 0.01])
    seconds = {f"a{i + 1}": 1.0 for i in range(5)} | {
        f"b{i + 1}": 1.02 + float(noise[i]) for i in range(5)
    }
    record = run_pairs(
        PairsPlan(A, B, 5, warm_up=0), tmp_path / "ab", run=Scripted(seconds.__getitem__)
    )
    wall = judge_pairs(record, tmp_path / "ab").times[0].difference
    assert wall.verdict == "unclear"
    spread = float((noise / (1.02 + noise.mean())).std(ddof=1))
    more = pairs_needed(math.log(wall.ratio), spread, power=0.8) - 5
    rounded = math.ceil(more / 10 ** (len(str(more)) - 2)) * 10 ** (len(str(more)) - 2)
    assert wall.needed == Needed("more_pairs", rounded if more > 99 else more)


def test_no_false_alarm_beyond_chance(tmp_path):
    """A against A, 400 times: the verdict errs in about 5 %."""
    random = np.random.default_rng(1)
    record = run_pairs(
        PairsPlan(A, A, 5, warm_up=0), tmp_path / "ab", run=Scripted(lambda name: 1.0)
    )
    alarms = 0
    for _ in range(400):
        processes = tuple(
            msgspec.structs.replace(process, seconds=float(random.normal(1, 0.02)))
            for process in record.processes
        )
        again = msgspec.structs.replace(record, processes=processes)
        alarms += judge_pairs(again, tmp_path / "ab").times[0].difference.verdict in (
            "slower",
            "faster",
        )
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


def test_runs_are_judged_pair_by_pair(tmp_path):
    runner = Scripted(slow_second, leave_run())
    record = run_pairs(PairsPlan(A, B, 5), tmp_path / "ab", run=runner)
    result = judge_pairs(record, tmp_path / "ab")
    assert (result.judged_by, result.reason) == ("runs", None)
    changes = {(part.level, part.name): part for part in result.comparison.differences}
    whole = changes["phase", "forward"]
    # Runs differ by up to 80 % from the first pair to the last; the pairs agree.
    assert whole.difference.ratio == pytest.approx(1.1, rel=0.01)
    assert whole.difference.ratio_ci95[1] - whole.difference.ratio_ci95[0] < 0.03
    slower = {key for key, part in changes.items() if part.difference.verdict == "slower"}
    assert slower == {("phase", "forward"), ("layer", "conv1"), ("kind", "Conv2D"), ("op", "conv1")}
    part = changes["op", "lrn1"]
    assert part.difference.verdict in ("same", "unclear")
    assert (
        part.difference.ratio_ci95[1] - part.difference.ratio_ci95[0] < 0.06
    )  # less than two single runs would have
    assert result.comparison.a.runs == ("a1", "a2", "a3", "a4", "a5")


def test_what_differs_on_purpose_is_a_note_and_load_spoils_nothing(tmp_path):
    from dataclasses import replace

    from tests.analysis.made import HOST

    def leave(logdir, name):
        made_run(
            logdir / "run",
            {"v": 0.2 if "b" in name else 0.1},
            settings={"intra_op": 1} if "b" in name else None,
            host=replace(HOST, load_before=9.0),
            seed=int(name[-1]),
        )

    record = run_pairs(PairsPlan(A, B, 3), tmp_path / "ab", run=Scripted(slow_second, leave))
    comparison = judge_pairs(record, tmp_path / "ab").comparison
    assert (comparison.comparable, comparison.why_not) == (True, ())
    (note,) = comparison.notes
    assert (note.code, note.what, note.names) == ("setting_differs", "intra_op", ("0", "1"))
    (phase,) = (part for part in comparison.differences if part.level == "phase")
    assert phase.difference.verdict == "slower"


def test_notes_name_their_runs_and_wrong_results_come_first(tmp_path):
    loud = Interference(seconds=60.0, cores=2, cpu_others=0.9)
    calm = Interference(seconds=60.0, cores=2, cpu_others=0.04)

    def leave(logdir, name):
        busy = loud if name in ("b2", "a3", "b3") else calm
        made_run(logdir / "run", {"v": 0.1}, traced=0, seed=int(name[-1]), interference=busy)
        give(logdir / "run", "v", np.full(4, 2.0 if "b" in name else 1.0))

    record = run_pairs(PairsPlan(A, B, 3), tmp_path / "ab", run=Scripted(slow_second, leave))
    result = judge_pairs(record, tmp_path / "ab")
    wrong, *notes = result.comparison.notes
    assert (wrong.code, wrong.runs) == ("results_differ", ("b1", "b2", "b3"))
    assert {note.code: note.runs for note in notes} == {
        "not_traced": ("a1", "b1", "a2", "b2", "a3", "b3"),
        "interference_differs": ("a2", "b2"),
    }
    top = render_pairs(result, "text").split("What changed?", maxsplit=1)[0]
    assert "The runs don’t compute the same" in top.replace("\n", " ")


def test_pairs_of_short_runs_show_themselves_what_runs_differ_by(tmp_path):
    def leave(logdir, name):
        short = Interference(seconds=0.4, cores=2)
        made_run(logdir / "run", {"v": 0.1}, seed=int(name[-1]), interference=short)

    record = run_pairs(
        PairsPlan(A, A, 2, warm_up=0), tmp_path / "ab", run=Scripted(slow_second, leave)
    )
    assert judge_pairs(record, tmp_path / "ab").comparison.notes == ()


@pytest.mark.parametrize(
    ("leave", "reason"),
    [
        (lambda logdir, name: name == "b2" or made_run(logdir / "r", {"v": 0.1}), "b2 left no run"),
        (
            lambda logdir, name: [
                made_run(logdir / f"r{i}", {"v": 0.1}) for i in range(1 + (name == "a2"))
            ],
            "a2 left 2 runs",
        ),
        (
            lambda logdir, name: made_run(
                logdir / "r", {"v": 0.1}, phase="train" if "b" in name else "forward"
            ),
            "no phase in common",
        ),
        (
            lambda logdir, name: (
                (logdir / "r").mkdir(),
                (logdir / "r" / "run.json").write_text("{"),
            ),
            "is damaged",
        ),
    ],
)
def test_without_a_run_of_each_their_times_are_judged(tmp_path, leave, reason):
    record = run_pairs(PairsPlan(A, B, 2), tmp_path / "ab", run=Scripted(slow_second, leave))
    result = judge_pairs(record, tmp_path / "ab")
    assert (result.judged_by, result.comparison) == ("processes", None)
    assert result.reason is not None
    assert reason in caveat_text(result.reason, {})


def test_a_failure_stops_and_says_where(tmp_path):
    runner = Scripted(slow_second, exits={"b2": 3})
    with pytest.raises(ProcessFailed, match=r"B2 failed \(exit code 3\) after 1\.5 s") as caught:
        run_pairs(PairsPlan(A, B, 3), tmp_path / "ab", run=runner)
    assert caught.value.tail == ("begin", "b2 complains")
    assert str(tmp_path / "ab" / "b2.err.txt") in str(caught.value)
    assert caught.value.exit_code == 2
    kept = load_pairs(tmp_path / "ab")
    assert (kept.complete, kept.stopped) == (
        False,
        Note("process_failed", {"exit_code": 3}, ("b2",)),
    )
    assert [process.exit_code for process in kept.processes] == [0, 0, 0, 0, 3]
    assert len(kept.finished) == 1
    with pytest.raises(UsageError, match="1 finished pairs, and a verdict needs 2"):
        judge_pairs(kept, tmp_path / "ab")


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("warm-up-b1", 1, "warm-up of B failed"), ("a1", -9, r"A1 failed \(ended by SIGKILL\)")],
)
def test_which_one_failed(tmp_path, name, code, words):
    with pytest.raises(ProcessFailed, match=words):
        run_pairs(
            PairsPlan(A, B, 3), tmp_path / "ab", run=Scripted(slow_second, exits={name: code})
        )


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    runner = Scripted(slow_second, exits={"a3": KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        run_pairs(PairsPlan(A, B, 4), tmp_path / "ab", run=runner)
    kept = load_pairs(tmp_path / "ab")
    assert (kept.complete, kept.stopped) == (False, Note("interrupted"))
    assert judge_pairs(kept, tmp_path / "ab").finished == 2


def test_other_commands_take_no_notice_of_it(tmp_path):
    save_run(tmp_path / "there", run_named("there"))
    record = run_pairs(PairsPlan(A, B, 2), tmp_path / "ab", run=Scripted(slow_second, leave_run()))
    assert [run.run for run in list_runs(tmp_path)] == ["there"]
    assert find_pairs("ab", tmp_path) == tmp_path / "ab"
    assert find_pairs(str(tmp_path / "ab" / "ab.json"), tmp_path) == tmp_path / "ab"
    assert load_pairs(tmp_path / "ab") == record
    for name in (str(tmp_path / "ab"), "ab"):
        with pytest.raises(RunError, match=rf"not a run: .*`alexprof ab --show {tmp_path}/ab`"):
            find_run(name, tmp_path)


def test_plans_folders_and_records_that_won_t_do(tmp_path):
    with pytest.raises(UsageError, match="--pairs must be at least 2, not 1"):
        PairsPlan(A, B, 1)
    with pytest.raises(UsageError, match="--warm-up must be at least 0, not -1"):
        PairsPlan(A, B, 2, -1)
    with pytest.raises(RunError, match="exists already"):
        run_pairs(PairsPlan(A, B, 2), tmp_path, run=Scripted(slow_second))
    with pytest.raises(RunError, match="no pairs 'x'"):
        find_pairs("x", tmp_path)
    with pytest.raises(RunError, match=r"it has no ab\.json"):
        load_pairs(tmp_path)
    run_pairs(PairsPlan(A, B, 2), tmp_path / "ab", run=Scripted(slow_second))
    path = tmp_path / "ab" / "ab.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    with pytest.raises(RunError, match="schema 99, newer than"):
        load_pairs(tmp_path / "ab")
    path.write_text("{")
    with pytest.raises(RunError, match="is damaged"):
        load_pairs(tmp_path / "ab")
