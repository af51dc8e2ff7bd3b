"""Hand-made runs with known changes: what `compare` finds of them, and what it must not find."""

from __future__ import annotations

import dataclasses

import msgspec
import polars as pl
import pytest

from alexprof.analysis.caveats import QUIET
from alexprof.analysis.compare import compare
from alexprof.analysis.difference import of_ablation
from alexprof.errors import RunError, UsageError
from alexprof.record.environment import Device
from alexprof.record.interference import Interference
from alexprof.record.parquet import load_costs, load_steps
from alexprof.record.run import UNFINISHED
from alexprof.record.timed import Stretch
from alexprof.record.values import Needed
from alexprof.show import ReportOptions
from alexprof.show.comparison import render_comparison
from alexprof.show.comparison_texts import caveat_text
from alexprof.show.verdicts import needed_text, verdict_word
from alexprof.tracer.sources import select
from tests.analysis.made import HOST, OPS, SOFTWARE, compared, group, made_run
from tests.show import runs

BOTH = {"with_lrn": 0.200, "without_lrn": 0.200}
ABLATION = {"without_lrn": ("lrn1",)}


def difference(comparison, level, name, variant="with_lrn"):
    (change,) = [
        change
        for change in comparison.differences
        if (change.level, change.name, change.variant) == (level, name, variant)
    ]
    return change.difference


def called(comparison, verdict):
    return {
        (part.level, part.name)
        for part in comparison.differences
        if part.difference.verdict == verdict
    }


@pytest.fixture
def logdir(tmp_path):
    made_run(tmp_path / "a", BOTH, without=ABLATION)
    made_run(tmp_path / "again", BOTH, without=ABLATION, seed=1)
    # What the step takes more is conv1's: everything else costs what it did.
    slower = {name: (part + 0.1 * (name == "conv1")) / 1.1 for name, part in OPS.items()}
    made_run(tmp_path / "slower", {"with_lrn": 0.220}, ops=slower, seed=2)
    return tmp_path


def test_the_same_twice_differs_in_nothing(logdir):
    same = compared(logdir, "a", "again")
    assert (same.comparable, same.why_not) == (True, ())
    assert len(same.differences) > 20
    assert {part.difference.verdict for part in same.differences} <= {"same", "unclear"}
    assert (same.gone, same.new) == ((), ())


def test_costs_and_ratios_are_those_of_a_slow_second_way(logdir):
    change = compared(logdir, "a", "slower")
    for level, column in (("layer", "layer"), ("kind", "kind"), ("op", "op")):
        for part in change.differences:
            if part.level != level:
                continue
            expected = [scaled(logdir / run, column, part.name) for run in ("a", "slower")]
            assert [part.difference.before_s, part.difference.after_s] == pytest.approx(expected)
            assert part.difference.ratio == pytest.approx(expected[1] / expected[0])
            assert part.a_share == pytest.approx(expected[0] / step_s(logdir / "a"))


def step_s(folder):
    steps = load_steps(folder).filter((pl.col("variant") == "with_lrn") & (pl.col("block") >= 0))
    return sum(steps["seconds"]) / len(steps)


def scaled(folder, column, name):
    """Its part of all traced steps, row by row, times the timed mean."""
    mine = total = 0
    for row in load_costs(folder).iter_rows(named=True):
        if row["variant"] == "with_lrn":
            total += row["share_ns"]
            mine += row["share_ns"] if row[column] == name else 0
    return mine / total * step_s(folder)


def test_what_became_slower_is_named_at_each_level_and_nothing_else(logdir):
    change = compared(logdir, "a", "slower")
    slower = called(change, "slower")
    assert slower == {("phase", "forward"), ("layer", "conv1"), ("kind", "Conv2D"), ("op", "conv1")}
    assert not called(change, "faster")
    whole = difference(change, "phase", "forward")
    assert whole.ratio == pytest.approx(1.1, rel=0.01)
    assert whole.ratio_ci95[0] < 1.1 < whole.ratio_ci95[1]
    assert called(compared(logdir, "slower", "a"), "faster") == slower
    # The largest change comes first.
    sizes = [abs(part.difference.change_s) for part in change.differences]
    assert sizes == sorted(sizes, reverse=True)
    assert {part.name for part in change.differences[:4]} == {"forward", "conv1", "Conv2D"}


def test_variants_of_one_run_are_paired_by_their_turns(logdir):
    apart = compared(logdir, "a:with_lrn", "a:without_lrn")
    whole = difference(apart, "phase", "forward")
    assert whole.verdict == "faster"
    assert whole.ratio == pytest.approx(0.85, rel=0.005)
    # Without what processes differ by, the interval is far narrower than 1 %.
    assert whole.ratio_ci95[1] - whole.ratio_ci95[0] < 0.01
    assert {part.b_variant for part in apart.differences} == {"without_lrn"}
    assert {(each.level, each.name) for each in apart.gone} == {
        ("op", "lrn1"),
        ("layer", "lrn1"),
        ("kind", "LRN"),
    }
    assert all(each.a_s == pytest.approx(0.03, rel=0.01) for each in apart.gone)
    assert apart.new == ()
    assert [note.code for note in apart.notes] == ["variants_of_one_run"]
    back = compared(logdir, "a:without_lrn", "a:with_lrn")
    assert {each.name for each in back.new} == {"lrn1", "LRN"}


def test_a_variant_of_another_run(logdir):
    across = compared(logdir, "a:without_lrn", "slower")
    assert {part.b_variant for part in across.differences} == {"with_lrn"}
    with pytest.raises(
        UsageError, match=r"name a variant of the other run too \(a:with_lrn, a:wit"
    ):
        made_run(logdir / "c", {"other": 0.1, "one": 0.1})
        compared(logdir, "a", "c:one")


def test_several_against_the_first(logdir):
    three = compared(logdir, "a", "again", "slower")
    assert [other.name for other in three.others] == ["again", "slower"]
    assert {part.b for part in three.differences} == {"again", "slower"}
    assert {e.b for e in three.differences if e.difference.verdict == "slower"} == {"slower"}


@pytest.mark.parametrize(
    ("fields", "code", "values"),
    [
        ({"settings": {"batch_size": 64}}, "amount_differs", ("32", "64")),
        ({"settings": {"cpu_allocator": "malloc"}}, "setting_differs", ("bfc", "malloc")),
        ({"settings": {"intra_op": 1}}, "setting_differs", ("0", "1")),
        ({"settings": {"fetch": False}}, "setting_differs", ("on", "off")),
        (
            {"host": dataclasses.replace(HOST, processor="other")},
            "machine_differs",
            ("a processor", "other"),
        ),
        ({"host": dataclasses.replace(HOST, cores=8)}, "machine_differs", ("2", "8")),
        ({"accelerators": (Device("GPU:0", "A100"),)}, "machine_differs", ("none", "A100")),
        ({"workload": None}, "settings_unknown", ()),
        ({"phase": "train"}, "no_common_phase", ()),
        ({"host": dataclasses.replace(HOST, load_before=4.4)}, "load_high", ()),
    ],
)
def test_what_can_t_be_compared_says_why(tmp_path, fields, code, values):
    made_run(tmp_path / "a", {"v": 0.1})
    made_run(tmp_path / "b", {"v": 0.1}, **fields)
    comparison = compared(tmp_path, "a", "b")
    assert comparison.comparable is False
    assert (code, values) in [(caveat.code, caveat.names) for caveat in comparison.why_not]
    assert all(caveat_text(caveat, {}) for caveat in (*comparison.why_not, *comparison.notes))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"software": dataclasses.replace(SOFTWARE, tensorflow="2.22.0")}, "version_differs"),
        ({"settings": {"seed": 1}}, "seed_differs"),
        ({"complete": False, "stopped": UNFINISHED}, "incomplete"),
        ({"host": dataclasses.replace(HOST, load_before=2.0)}, "load_differs"),
        ({"traced": 0}, "not_traced"),
        ({"stretches": (Stretch("forward", 1, 5, 1.5, ("v",)),)}, "slow_steps"),
        ({"settings": {"num_batches": 7}}, None),
        ({"settings": {"precision": 0.01, "max_time_s": 5.0, "until_steady": True}}, None),
    ],
)
def test_what_is_only_good_to_know(tmp_path, fields, code):
    made_run(tmp_path / "a", {"v": 0.1}, settings={"num_batches": 100})
    made_run(tmp_path / "b", {"v": 0.1}, **fields)
    comparison = compared(tmp_path, "a", "b")
    assert (comparison.comparable, comparison.why_not) == (True, ())
    assert [note.code for note in comparison.notes] == ([code] if code else [])
    assert all(caveat_text(note, {}) for note in comparison.notes)


def test_a_busy_machine_gives_no_verdict(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1})
    for step_s in (0.2, 0.1, 0.102):  # with a verdict of its own, and without one
        made_run(tmp_path / "b", {"v": step_s}, host=dataclasses.replace(HOST, load_before=4.0))
        comparison = compared(tmp_path, "a", "b")
        assert {part.difference.verdict for part in comparison.differences} == {"unclear"}
        assert {part.difference.needed for part in comparison.differences} == {QUIET}
        assert {verdict_word(part.difference) for part in comparison.differences} == {"can’t tell"}
        text = " ".join(render_comparison(comparison, options=ReportOptions(full=True)).split())
        assert text.count(f"a verdict needs {needed_text(QUIET)}") == 1
        assert text.count("a verdict needs") == 1


def test_a_machine_that_drifts_within_a_run_has_wider_intervals(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1})
    made_run(tmp_path / "b", {"v": 0.103}, seed=1)
    low, high = difference(compared(tmp_path, "a", "b"), "phase", "forward", "v").ratio_ci95
    assert low > 0.99
    table = load_steps(tmp_path / "b").drop("traced")  # as the first runs of schema 2 have it
    up_and_down = 1 + 0.1 * (pl.col("block") % 3 - 1)
    table.with_columns(pl.col("seconds") * up_and_down).write_parquet(
        tmp_path / "b" / "steps.parquet"
    )
    wider = difference(compared(tmp_path, "a", "b"), "phase", "forward", "v").ratio_ci95
    assert wider[1] - wider[0] > 2 * (high - low)


def test_one_block_is_no_evidence(tmp_path):
    made_run(tmp_path / "a", {"v": 0.1}, traced=1)
    made_run(tmp_path / "b", {"v": 0.1}, traced=1)
    layers = [part for part in compared(tmp_path, "a", "b").differences if part.level == "layer"]
    assert {(layer.difference.verdict, layer.difference.ratio_ci95) for layer in layers} == {
        ("unclear", None)
    }
    assert all(layer.difference.needed for layer in layers)


def test_whether_both_compute_the_same_is_absent_with_its_reason(logdir):
    same = compared(logdir, "a", "again")
    assert same.same_results is None
    (result,) = {result.reason for result in same.results}
    assert result == "not_recorded"


def test_mistakes_are_said(logdir):
    with pytest.raises(UsageError, match="at least two"):
        compared(logdir, "a")
    with pytest.raises(UsageError, match="a is named twice"):
        compared(logdir, "a", "a")
    for names in (("a:with_lrn", "a"), ("a", "a:with_lrn"), ("a", "again", "a:without_lrn")):
        with pytest.raises(UsageError, match=r"are the same run: .* \(a:with_lrn, a:without_lrn"):
            compared(logdir, *names)
    with pytest.raises(UsageError, match=r"no variant 'x' in run a: it has with_lrn, without_lrn"):
        compared(logdir, "a:x", "a")
    assert compared(logdir, "a:with_lrn", "a:without_lrn").comparable
    with pytest.raises(RunError, match="no run 'nothing'"):
        compared(logdir, "nothing:with_lrn", "a")
    assert select("a:with_lrn", logdir).name == "a:with_lrn"


def test_a_run_whose_name_has_a_colon(tmp_path):
    made_run(tmp_path / "b:2", {"v": 0.1})
    assert select("b:2", tmp_path).variant is None
    assert select("b:2:v", tmp_path).variant == "v"


@pytest.mark.parametrize("runs", [1, 2])
def test_a_part_s_interval_holds_what_is_not_known_of_the_timed_mean(tmp_path, runs):
    moment = Interference(seconds=0.4, cores=2)
    for seed, side in enumerate("ab"):
        for number in range(runs):
            folder = tmp_path / f"{side}{number}"
            made_run(folder, {"v": 0.1}, seed=seed + number, interference=moment)
            wide = 1 + 0.2 * ((pl.col("block") * 7 + seed) % 3 - 1)
            table = load_steps(folder).with_columns(pl.col("seconds") * wide)
            table.write_parquet(folder / "steps.parquet")
    sides = [group(tmp_path, *(f"{side}{number}" for number in range(runs))) for side in "ab"]
    whole, part = (
        difference(compare(sides), *what, "v").ratio_ci95
        for what in (("phase", "forward"), ("op", "conv1"))
    )
    assert part[1] - part[0] > 0.95 * (whole[1] - whole[0]) > 0.2


def test_among_many_a_small_change_may_be_chance(tmp_path):
    many = {f"op{number}/x": 0.04 for number in range(20)}
    made_run(tmp_path / "a", {"v": 0.1}, ops=many)
    for name, part in (("b", 0.048), ("c", 0.06)):
        made_run(tmp_path / name, {"v": 0.1}, ops={**many, "op3/x": part}, seed=1)
    small, large = (
        difference(compared(tmp_path, "a", name), "op", "op3/x", "v") for name in ("b", "c")
    )
    assert small.ratio_ci95[0] > 1
    assert (small.verdict, small.reason, small.p_value > 0.05) == ("unclear", "chance", True)
    assert large.verdict == "slower"


def test_what_is_hardly_any_of_the_step_is_left_out(tmp_path):
    for name, part in (("a", 0.0005), ("b", 0.0006), ("c", 0.05)):
        made_run(tmp_path / name, {"v": 0.1}, ops={"conv1": 0.8, "tiny/x": part})
    assert "tiny/x" not in {part.name for part in compared(tmp_path, "a", "b").differences}
    assert difference(compared(tmp_path, "a", "c"), "op", "tiny/x", "v").verdict == "slower"


@pytest.mark.parametrize(
    ("file", "was"), [("steps.parquet", "timed steps"), ("costs.parquet", "traced steps")]
)
@pytest.mark.parametrize("name", ["a", "b"])
def test_a_table_that_is_gone_is_no_phase_that_was_not_measured(tmp_path, file, was, name):
    made_run(tmp_path / "a", {"v": 0.1})
    made_run(tmp_path / "b", {"v": 0.1}, seed=1)
    (tmp_path / name / file).unlink()
    with pytest.raises(RunError, match=f"{name}/{file}, though the record lists {was}: copy it"):
        compared(tmp_path, "a", "b")


def test_medians_are_compared_where_they_lead_in_one_of_the_runs(tmp_path):
    slow = Stretch("forward", 1, 5, 1.5, ("v",))
    a = made_run(tmp_path / "a", {"v": 0.1}, noise=0.05)
    b = made_run(tmp_path / "b", {"v": 0.12}, noise=0.05, seed=1, stretches=(slow,))
    whole = difference(compared(tmp_path, "a", "b"), "phase", "forward", "v")
    medians_s = [run.variants["v"].phases["forward"].timed.median_s for run in (a, b)]
    assert whole.estimator == "median"
    assert [whole.before_s, whole.after_s] == pytest.approx(medians_s)
    assert whole.verdict == "slower"
    (layer,) = [
        change
        for change in compared(tmp_path, "a", "b").differences
        if (change.level, change.name) == ("layer", "conv1")
    ]
    assert layer.difference.before_s == pytest.approx(layer.a_share * medians_s[0])


def test_two_steps_of_variants_of_one_run_allow_no_verdict():
    run = runs.steady()
    ablation = run.ablations[0]
    reference = run.variants[ablation.reference]
    phase = reference.phases[ablation.phase]
    assert phase.timed is not None
    two = msgspec.structs.replace(phase, timed=dataclasses.replace(phase.timed, steps=2))
    reference = msgspec.structs.replace(reference, phases={**reference.phases, ablation.phase: two})
    run = msgspec.structs.replace(run, variants={**run.variants, ablation.reference: reference})
    for backward in (False, True):
        few = of_ablation(run, ablation, "mean", backward=backward)
        assert (few.verdict, few.reason, few.ratio_ci95) == ("unclear", "no_interval", None)
        assert few.needed == Needed("steps", 3)
