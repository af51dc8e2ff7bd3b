"""What two runs may differ by: each term alone, by a second way, and what `compare` makes of it."""

from __future__ import annotations

import math
from dataclasses import replace
from inspect import signature

import msgspec
import pytest

from alexprof.measure import ratios
from alexprof.measure.disturbances import MEMORY_SLOWER, SLOWER, GpuState, Yardstick
from alexprof.measure.values import LEAST_RUNS, PROCESS_CV
from alexprof.runs.allowance import (
    COMPOSITION,
    LOST,
    WANDER_CV,
    WANDER_S,
    allowance,
    composition_cv,
    lost,
)
from alexprof.runs.compare import compare
from alexprof.runs.gate import gate, parse_bound
from alexprof.runs.record import Books, Phase
from alexprof.runs.sides import Side, find_member, find_sides
from alexprof.runs.store import load_run, save_run
from tests.runs.made import HOST, made_run
from tests.runs.test_findings import QUIET

AT_REST = replace(
    QUIET, cpu_others=0.0, steal=0.0, seconds=6000.0, yardstick_after=QUIET.yardstick_before
)
CPU = Books(device="CPU", wall_ns=1, share_ns=1, idle_ns=0, unassigned_ns=0, devices=())


def phase(**fields):
    return Phase(label="Forward", disturbances=replace(AT_REST, **fields), attribution=CPU)


def base(seconds=6000.0):
    """The variance that is always allowed, for a measurement of that length."""
    return PROCESS_CV**2 + WANDER_CV**2 / (1 + seconds / WANDER_S)


def variance(ours, theirs):
    return allowance(ours, theirs).cv ** 2


def test_what_is_always_allowed_is_the_same_with_and_without_numpy():
    defaults = [
        signature(one).parameters["process_cv"].default for one in (ratios.compare_times, allowance)
    ]
    assert (defaults, LEAST_RUNS) == ([PROCESS_CV, PROCESS_CV], 3)


def test_a_long_quiet_measurement_has_hardly_more_than_always():
    found = allowance([phase()], [phase()])
    assert found.cv == pytest.approx(PROCESS_CV, rel=0.06)
    assert found.reasons == ()


def test_a_short_one_is_but_a_moment():
    found = allowance([phase(seconds=0.4)], [phase()])
    # The ratio's variance is the sum of both sides'; the allowance is half of it for each.
    assert found.cv**2 == pytest.approx((base(0.4) + base()) / 2)
    assert found.reasons == ("0.4 s of steps are but a moment of the machine (more steps help)",)


def test_what_was_measured_that_processes_differ_by_has_moments_in_it():
    minute = [phase(seconds=60.0)]
    assert base(60.0) < 0.03**2
    found = allowance(minute, minute, process_cv=0.03)
    assert found.cv == pytest.approx(0.03)
    assert found.reasons == ()
    # What is more than that is a moment again: of the two the larger counts.
    found = allowance([phase(seconds=0.4)], [phase(seconds=0.4)], process_cv=0.03)
    assert found.cv**2 == pytest.approx(base(0.4))
    assert found.reasons == ("0.4 s of steps are but a moment of the machine (more steps help)",)


def test_what_others_had_may_have_made_steps_longer_by_as_much():
    found = allowance([phase()], [phase(cpu_others=0.4 + 0.05 / 6000)])
    assert found.cv**2 - base() == pytest.approx((LOST * math.log(1 / (1 - 0.2))) ** 2 / 2)
    assert found.reasons == ("others had 20 % of the cores",)


def beyond(ratio, noise):
    """Square of what a ratio is beyond what readings differ by anyway, as a logarithm."""
    return math.log(ratio) ** 2 - math.log(1 + noise) ** 2


def test_yardsticks_that_differ_by_no_more_than_readings_do_say_nothing():
    near = Yardstick(0.0057 * 1.04, 0.0100 * 1.14)
    assert variance(
        [phase()], [phase(yardstick_before=near, yardstick_after=near)]
    ) == pytest.approx(base())


def test_yardsticks_that_differ_let_the_runs_differ():
    slow = Yardstick(0.0057 * 1.2, 0.0100)
    found = allowance([phase()], [phase(yardstick_before=slow, yardstick_after=slow)])
    # Of the ratio it is the whole, so that each side has half of the variance.
    assert found.cv**2 - base() == pytest.approx(beyond(1.2, SLOWER) / 2)
    assert found.reasons == ("their yardsticks differ",)


def test_a_yardstick_that_changed_within_a_run_leaves_half_of_it_open():
    wide = {
        "yardstick_before": Yardstick(0.0057, 0.0100 / 1.2),
        "yardstick_after": Yardstick(0.0057, 0.0100 * 1.2),
    }
    found = allowance([phase(**wide)], [phase()])
    assert found.cv**2 - base() == pytest.approx(beyond(1.44, MEMORY_SLOWER) / 4 / 2)
    assert found.reasons == ("by the end of a run memory took 1.44× the time",)


def test_several_runs_share_what_one_of_them_shows():
    one, two = phase(), phase(cpu_others=0.4 + 0.05 / 6000)
    alone = variance([one], [two]) - base()
    # Of two runs a side each weighs a quarter in the side's variance; twice as much for the mean.
    assert variance([one, one], [one, two]) - base() == pytest.approx(alone / 2)


def test_gpu_clocks_count_where_a_gpu_did_the_work():
    def on_gpu(mhz, device):
        gpu = GpuState(0, mhz, 1980.0, 2619.0, 50.0)
        books = msgspec.structs.replace(CPU, device=device)
        return msgspec.structs.replace(phase(gpus_after=(gpu,)), attribution=books)

    fast, slow = on_gpu(1980.0, "GPU:0"), on_gpu(1650.0, "GPU:0")
    assert variance([fast], [slow]) - base() == pytest.approx(math.log(1.2) ** 2 / 2)
    on_cpu = variance([on_gpu(1980.0, "CPU")], [on_gpu(1650.0, "CPU")])
    assert on_cpu == pytest.approx(base())


def test_a_run_without_readings_is_judged_by_its_length_alone():
    bare = Phase(label="Forward")
    assert variance([bare], [bare]) == pytest.approx(PROCESS_CV**2 + WANDER_CV**2)
    assert composition_cv([bare], [bare]) == 0


def test_parts_are_off_where_the_trace_was_disturbed():
    busy = replace(AT_REST, cpu_others=1.0 + 0.05 / 6000)
    disturbed = msgspec.structs.replace(phase(), traced_disturbances=busy)
    assert composition_cv([disturbed], [disturbed]) == pytest.approx(COMPOSITION * 0.5)
    calm = msgspec.structs.replace(phase(), traced_disturbances=AT_REST)
    assert composition_cv([calm], [disturbed]) == pytest.approx(COMPOSITION * 0.5 / math.sqrt(2))


def test_what_was_lost_is_never_all():
    assert lost(replace(AT_REST, cpu_others=2.0, steal=0.5)) == 0.95
    assert lost(replace(AT_REST, throttled=0.2)) == pytest.approx(0.1)


def found(logdir, *names):
    return compare(find_sides(names, logdir))


def whole(comparison):
    (only,) = [one for one in comparison.differences if one.level == "phase"]
    return only


def test_the_same_slow_down_is_told_on_a_machine_at_rest_and_not_on_another(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1}, disturbances=AT_REST)
    made_run(tmp_path / "b", {"v": 0.11}, disturbances=AT_REST)
    made_run(tmp_path / "beside", {"v": 0.11}, disturbances=replace(AT_REST, cpu_others=0.3))
    for name, step_s in (("short", 0.1), ("short again", 0.11)):
        made_run(tmp_path / name, {"v": step_s}, disturbances=replace(AT_REST, seconds=0.4))
    assert whole(found(tmp_path, "a", "b")).verdict == "slower"
    for one, other, why in (
        ("a", "beside", "forward: runs are taken to differ by 7.0 %, not 1.0 %: others had 15 %"),
        ("short", "short again", "0.4 s of steps are but a moment of the machine"),
    ):
        comparison = found(tmp_path, one, other)
        assert comparison.comparable
        assert whole(comparison).verdict == "unclear"
        assert any(why in note for note in comparison.notes), comparison.notes
    notes = found(tmp_path, "a", "beside").notes
    assert any("others used 0 and 0.3 of 2 cores" in note for note in notes), notes


def test_a_minute_on_a_machine_at_rest_tells_ten_percent(tmp_path):
    for name, step_s in (("a", 0.3), ("b", 0.33)):
        made_run(tmp_path / name, {"v": step_s}, disturbances=replace(AT_REST, seconds=60.0))
    assert whole(found(tmp_path, "a", "b")).verdict == "slower"


def test_what_was_not_timed_has_no_length_to_speak_of(tmp_path):
    for name in "ab":
        made_run(tmp_path / name, {"v": 0.1}, disturbances=None)
        run = load_run(tmp_path / name)
        bare = msgspec.structs.replace(run.variants["v"].phases["forward"], timed=None)
        variant = msgspec.structs.replace(run.variants["v"], phases={"forward": bare})
        save_run(tmp_path / name, msgspec.structs.replace(run, variants={"v": variant}))
    assert not any("moment" in note for note in found(tmp_path, "a", "b").notes)


def test_where_others_had_much_of_the_machine_there_is_no_verdict(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1}, disturbances=AT_REST)
    made_run(tmp_path / "b", {"v": 0.9}, disturbances=replace(AT_REST, cpu_others=0.8))
    comparison = found(tmp_path, "a", "b")
    assert (comparison.comparable, len(comparison.why_not)) == (False, 1)
    assert "in forward of b others had 40 % of the cores" in comparison.why_not[0]
    assert {one.verdict for one in comparison.differences} == {"unclear"}
    baseline, run = (Side((find_member(name, tmp_path),)) for name in "ab")
    assert gate(run, baseline, [parse_bound("3%")]).exit_code == 3


def test_the_load_before_counts_where_nothing_was_read_around_the_steps(tmp_path):
    busy = replace(HOST, load_before=9.0)
    made_run(tmp_path / "a", {"v": 0.1}, disturbances=AT_REST)
    made_run(tmp_path / "read", {"v": 0.1}, host=busy, disturbances=AT_REST)
    made_run(tmp_path / "not", {"v": 0.1}, host=busy, disturbances=None)
    assert found(tmp_path, "a", "read").comparable
    assert "load of 9" in found(tmp_path, "a", "not").why_not[0]


def test_the_gate_tells_no_more_than_compare(tmp_path):
    made_run(tmp_path / "a", {"v": 0.037}, disturbances=replace(AT_REST, seconds=0.8))
    made_run(tmp_path / "b", {"v": 0.040}, disturbances=replace(AT_REST, seconds=0.8))
    baseline, run = (Side((find_member(name, tmp_path),)) for name in "ab")
    result = gate(run, baseline, [parse_bound("3%")])
    assert (result.outcome, result.exit_code) == ("unclear", 3)
    assert any("but a moment of the machine" in note for note in result.notes)


def test_three_runs_of_each_show_themselves_what_they_differ_by(tmp_path):
    for number in range(6):
        made_run(
            tmp_path / f"r{number}",
            {"v": 0.1 if number < 3 else 0.105},
            seed=number,
            disturbances=replace(AT_REST, seconds=0.4),
        )
    a, b = (
        Side(tuple(find_member(f"r{one}", tmp_path) for one in numbers))
        for numbers in (range(3), range(3, 6))
    )
    assert whole(compare([a, b])).verdict == "slower"
    assert not any("moment" in note for note in compare([a, b]).notes)


def test_a_disturbed_trace_widens_what_is_said_of_ops_alone(tmp_path):
    busy = replace(AT_REST, cpu_others=0.9)
    for name, traced in (("a", AT_REST), ("b", AT_REST), ("busy", busy)):
        made_run(tmp_path / name, {"v": 0.1}, disturbances=AT_REST, traced_disturbances=traced)

    def width(other, level, name):
        each = next(
            one
            for one in found(tmp_path, "a", other).differences
            if (one.level, one.name) == (level, name)
        )
        return each.ci95[1] - each.ci95[0]

    assert width("busy", "op", "conv1") > 2 * width("b", "op", "conv1")
    assert width("busy", "phase", "forward") == width("b", "phase", "forward")
