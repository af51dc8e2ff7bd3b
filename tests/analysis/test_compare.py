"""Hand-made runs with known changes: what `compare` finds of them, and what it must not find."""

from __future__ import annotations

import shutil
from dataclasses import replace

import polars as pl
import pytest

from alexprof.analysis.caveats import QUIET
from alexprof.analysis.compare import compare
from alexprof.analysis.difference import of_ablation
from alexprof.analysis.division import divide
from alexprof.analysis.selection import Group
from alexprof.errors import RunError, UsageError
from alexprof.record.environment import Device
from alexprof.record.interference import Interference
from alexprof.record.parquet import STEPS_FILE, Tables, load_costs, load_steps, save_tables
from alexprof.record.run import UNFINISHED
from alexprof.record.store import load_run, save_run
from alexprof.record.timed import Stretch
from alexprof.record.values import Needed
from alexprof.show.comparison import render_comparison
from alexprof.show.comparison_texts import caveat_text
from alexprof.show.options import ReportOptions
from alexprof.show.verdicts import needed_text, verdict_word
from alexprof.tracer.sources import select
from tests.analysis.made import HOST, OPS, SOFTWARE, compared, group, made_run
from tests.factory import with_fields
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


@pytest.fixture
def two(tmp_path):
    """Writes A, of steps of 0.1 s, and B; compares them."""

    def write(b_s=0.1, of_a=None, **of_b):
        made_run(tmp_path / "a", {"v": 0.1}, **(of_a or {}))
        made_run(tmp_path / "b", {"v": b_s}, **of_b)
        return compared(tmp_path, "a", "b")

    return write


@pytest.fixture
def logdir(tmp_path):
    made_run(tmp_path / "a", BOTH, without=ABLATION)
    made_run(tmp_path / "again", BOTH, without=ABLATION, seed=1)
    # What the step takes more is conv1's: everything else costs what it did.
    slower = {name: (part + 0.1 * (name == "conv1")) / 1.1 for name, part in OPS.items()}
    made_run(tmp_path / "slower", {"with_lrn": 0.220}, ops=slower, seed=2)
    return tmp_path


def test_costs_and_ratios_are_those_of_a_slow_second_way(logdir):
    changes = compared(logdir, "a", "slower").differences
    sizes = [abs(part.difference.change_s) for part in changes]
    assert sizes == sorted(sizes, reverse=True)  # the largest change comes first
    for part in changes:
        if part.level == "phase":
            continue
        expected = [scaled(logdir / run, part.level, part.name) for run in ("a", "slower")]
        assert [part.difference.before_s, part.difference.after_s] == pytest.approx(expected)
        assert part.difference.ratio == pytest.approx(expected[1] / expected[0])
        assert part.a_share == pytest.approx(expected[0] / step_s(logdir / "a"))


def step_s(folder):
    steps = load_steps(folder).filter((pl.col("variant") == "with_lrn") & (pl.col("block") >= 0))
    return sum(steps["seconds"]) / len(steps)


def scaled(folder, column, name):
    """Its part of all traced steps times the timed mean."""
    costs = load_costs(folder).filter(pl.col("variant") == "with_lrn")
    own_ns = costs.filter(pl.col(column) == name)["share_ns"].sum()
    return own_ns / costs["share_ns"].sum() * step_s(folder)


def test_what_only_one_variant_has_costs_what_the_report_says(logdir):
    apart = compared(logdir, "a:with_lrn", "a:without_lrn")
    run = load_run(logdir / "a")
    (layer,) = [part for part in apart.gone if part.level == "layer"]
    (told,) = [row for row in divide(run, "with_lrn", "forward").layers if row.name == layer.name]
    assert layer.a_s == pytest.approx(told.share_s)
    assert layer.ci95_s == pytest.approx(told.ci95_s)
    assert layer.change_s == -layer.a_s
    assert layer.change_ci95_s == (-layer.ci95_s[1], -layer.ci95_s[0])
    back = compared(logdir, "a:without_lrn", "a:with_lrn")
    (new,) = [part for part in back.new if part.level == "layer"]
    assert (new.change_s, new.change_ci95_s) == (layer.a_s, layer.ci95_s)
    # Runs differ by more than their steps do.
    between = compared(logdir, "a:with_lrn", "again:without_lrn")
    (gone,) = [part for part in between.gone if part.level == "layer"]
    assert gone.ci95_s[0] < layer.ci95_s[0] < layer.ci95_s[1] < gone.ci95_s[1]


def test_tables_that_are_held_are_not_read_again(logdir, tmp_path):
    selections = [select(name, logdir) for name in ("a", "again")]
    expected = compare([Group((selection,)) for selection in selections])
    held = [
        replace(
            selection,
            tables=Tables(
                selection.run,
                selection.folder,
                {name: (selection.folder / name).read_bytes() for name in selection.run.tables},
            ),
        )
        for selection in selections
    ]
    for selection in selections:
        shutil.rmtree(selection.folder)
    assert compare([Group((selection,)) for selection in held]) == expected
    missing = replace(held[1], tables=Tables(held[1].run, held[1].folder, {}))
    with pytest.raises(RunError, match="though the record lists timed steps") as error:
        compare([Group((held[0],)), Group((missing,))])
    assert error.value.code == "file_missing"


def test_what_only_one_variant_has_is_gone_or_new(logdir):
    apart, back = (
        compared(logdir, *names)
        for names in (("a:with_lrn", "a:without_lrn"), ("a:without_lrn", "a:with_lrn"))
    )
    only = {("op", "lrn1"), ("layer", "lrn1"), ("kind", "LRN")}
    assert {(part.level, part.name) for part in apart.gone} == only
    assert {(part.level, part.name) for part in back.new} == only
    assert (apart.new, back.gone) == ((), ())


@pytest.mark.parametrize(
    ("fields", "code", "values"),
    [
        ({"settings": {"batch_size": 64}}, "amount_differs", ("32", "64")),
        ({"settings": {"cpu_allocator": "malloc"}}, "setting_differs", ("bfc", "malloc")),
        ({"settings": {"intra_op": 1}}, "setting_differs", ("0", "1")),
        ({"settings": {"fetch": False}}, "setting_differs", ("on", "off")),
        ({"host": replace(HOST, processor="other")}, "machine_differs", ("a processor", "other")),
        ({"host": replace(HOST, cores=8)}, "machine_differs", ("2", "8")),
        ({"accelerators": (Device("GPU:0", "A100"),)}, "machine_differs", ("none", "A100")),
        ({"workload": None}, "settings_unknown", ()),
        ({"phase": "train"}, "no_common_phase", ()),
        ({"host": replace(HOST, load_before=4.4)}, "load_high", ()),
    ],
)
def test_what_can_t_be_compared_says_why(two, fields, code, values):
    comparison = two(**fields)
    assert comparison.comparable is False
    assert (code, values) in [(caveat.code, caveat.names) for caveat in comparison.why_not]
    assert all(caveat_text(caveat, {}) for caveat in (*comparison.why_not, *comparison.notes))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"software": replace(SOFTWARE, tensorflow="2.22.0")}, "version_differs"),
        ({"settings": {"seed": 1}}, "seed_differs"),
        ({"complete": False, "stopped": UNFINISHED}, "incomplete"),
        ({"host": replace(HOST, load_before=2.0)}, "load_differs"),
        ({"traced": 0}, "not_traced"),
        ({"stretches": (Stretch("forward", 1, 5, 1.5, ("v",)),)}, "slow_steps"),
        ({"settings": {"num_batches": 7}}, None),
        ({"settings": {"precision": 0.01, "max_time_s": 5.0, "until_steady": True}}, None),
    ],
)
def test_what_is_only_good_to_know(two, fields, code):
    comparison = two(of_a={"settings": {"num_batches": 100}}, **fields)
    assert (comparison.comparable, comparison.why_not) == (True, ())
    assert [note.code for note in comparison.notes] == ([code] if code else [])
    assert all(caveat_text(note, {}) for note in comparison.notes)


@pytest.mark.parametrize("step_s", [0.2, 0.1, 0.102])  # with a verdict of its own, and without
def test_a_busy_machine_gives_no_verdict(two, step_s):
    comparison = two(step_s, host=replace(HOST, load_before=4.0))
    differences = [part.difference for part in comparison.differences]
    assert {(part.verdict, part.needed) for part in differences} == {("unclear", QUIET)}
    assert {verdict_word(part) for part in differences} == {"can’t tell"}
    text = " ".join(render_comparison(comparison, options=ReportOptions(full=True)).split())
    assert text.count(f"a verdict needs {needed_text(QUIET)}") == 1
    assert text.count("a verdict needs") == 1


def test_a_machine_that_drifts_within_a_run_has_wider_intervals(two, tmp_path):
    low, high = difference(two(0.103, seed=1), "phase", "forward", "v").ratio_ci95
    assert low > 0.99
    made_run(tmp_path / "c", {"v": 0.103}, seed=1, levels=(0.9, 1.0, 1.1))
    wider = difference(compared(tmp_path, "a", "c"), "phase", "forward", "v").ratio_ci95
    assert wider[1] - wider[0] > 2 * (high - low)


def test_the_first_runs_of_schema_2_lack_a_column(two, tmp_path):
    comparison = two()
    run = load_run(tmp_path / "b")
    tables = {STEPS_FILE: load_steps(tmp_path / "b").drop("traced")}
    save_run(tmp_path / "b", save_tables(tmp_path / "b", run, tables))
    assert compared(tmp_path, "a", "b") == comparison


def test_one_block_is_no_evidence(two):
    changes = two(of_a={"traced": 1}, traced=1).differences
    layers = [part.difference for part in changes if part.level == "layer"]
    assert {(layer.verdict, layer.ratio_ci95) for layer in layers} == {("unclear", None)}
    assert all(layer.needed for layer in layers)


SAME_RUN = r"are the same run: .* \(a:with_lrn, a:without_lrn"


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (("a",), UsageError, "at least two"),
        (("a", "a"), UsageError, "a is named twice"),
        (("a:with_lrn", "a"), UsageError, SAME_RUN),
        (("a", "a:with_lrn"), UsageError, SAME_RUN),
        (("a", "again", "a:without_lrn"), UsageError, SAME_RUN),
        (("a:x", "a"), UsageError, r"no variant 'x' in run a: it has with_lrn, without_lrn"),
        (("a", "other:v"), UsageError, r"variant of the other run too \(a:with_lrn, a:without_l"),
        (("nothing:with_lrn", "a"), RunError, "no run 'nothing'"),
    ],
)
def test_mistakes_are_said(logdir, names, error, message):
    made_run(logdir / "other", {"v": 0.1, "w": 0.1})
    with pytest.raises(error, match=message):
        compared(logdir, *names)


def test_a_variant_of_another_run(logdir):
    across = compared(logdir, "a:without_lrn", "slower")
    assert {part.b_variant for part in across.differences} == {"with_lrn"}


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
            wide = [1 + 0.2 * ((block + seed) % 3 - 1) for block in range(3)]
            made_run(folder, {"v": 0.1}, seed=seed + number, interference=moment, levels=wide)
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
def test_a_table_that_is_gone_is_no_phase_that_was_not_measured(two, tmp_path, file, was, name):
    two()
    (tmp_path / name / file).unlink()
    with pytest.raises(RunError, match=f"{name}/{file}, though the record lists {was}: copy it"):
        compared(tmp_path, "a", "b")


def test_medians_are_compared_where_they_lead_in_one_of_the_runs(two, tmp_path):
    slow = Stretch("forward", 1, 5, 1.5, ("v",))
    comparison = two(0.12, {"noise": 0.05}, noise=0.05, seed=1, stretches=(slow,))
    whole = difference(comparison, "phase", "forward", "v")
    phases = [load_run(tmp_path / name).variants["v"].phases["forward"] for name in "ab"]
    medians_s = [phase.timed.median_s for phase in phases]
    assert (whole.estimator, whole.verdict) == ("median", "slower")
    assert [whole.before_s, whole.after_s] == pytest.approx(medians_s)
    keys = ("layer", "conv1")
    (layer,) = [part for part in comparison.differences if (part.level, part.name) == keys]
    assert layer.difference.before_s == pytest.approx(layer.a_share * medians_s[0])


@pytest.mark.parametrize("backward", [False, True])
def test_two_steps_of_variants_of_one_run_allow_no_verdict(backward):
    run = runs.steady()
    ablation = run.ablations[0]
    run = with_fields(run, ablation.reference, ablation.phase, timed={"steps": 2})
    few = of_ablation(run, ablation, "mean", backward=backward)
    assert (few.verdict, few.reason, few.ratio_ci95) == ("unclear", "no_interval", None)
    assert few.needed == Needed("steps", 3)
