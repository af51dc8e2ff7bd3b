"""Traces are compared with traces: traced steps, by file, session folder or imported run."""

from __future__ import annotations

import math
import statistics

import polars as pl
import pytest
from scipy import stats

from alexprof.analysis.gate import gate, parse_bound
from alexprof.analysis.history import history
from alexprof.errors import UsageError
from alexprof.record.parquet import load_costs
from alexprof.record.store import load_run
from alexprof.record.values import Needed
from alexprof.show.comparison import render_comparison
from alexprof.show.gate import render_gate
from alexprof.show.over_time import render_history
from alexprof.tracer.importing import import_trace
from tests.analysis.made import compared, group, made_run
from tests.trace_runs import step_lengths_ns, write_trace

STEPS = 40
OWN_NS = pl.col("share_ns").sum()


@pytest.fixture
def logdir(tmp_path):
    """Two imported runs, B's steps twice as long as A's."""
    for name, scale, seed in (("a", 1.0, 1), ("b", 2.0, 2)):
        file = write_trace(tmp_path / f"{name}.xplane.pb", steps=STEPS, scale=scale, seed=seed)
        import_trace(file, logdir=tmp_path, name=name)
    return tmp_path


def judged(logdir, run, baseline, bound):
    new, old = (group(logdir, logdir / name) for name in (run, baseline))
    return gate(new, old, [parse_bound(bound)])


def by_hand(ours, theirs, chunks=10):
    """Ratio of two traces' steps and its 95 % interval, from sums in plain Python."""
    means, variances, freedoms = [], [], []
    for lengths in (ours, theirs):
        size = len(lengths) // chunks
        blocks = [statistics.fmean(lengths[at : at + size]) for at in range(0, len(lengths), size)]
        mean = statistics.fmean(lengths)
        means.append(mean)
        variances.append(statistics.variance(block / mean for block in blocks) / len(blocks))
        freedoms.append(len(blocks) - 1)
        # docs/statistics.md: 1 % from run to run, 10 % from moment to moment over 2 s.
        variances.append(0.01**2 + 0.1**2 / (1 + sum(lengths) / 2e9))
    within, between = variances[::2], variances[1::2]
    # The assumed variance is one estimate, with 20 degrees of freedom.
    total = sum(within) + sum(between)
    terms = [*zip(within, freedoms, strict=True), (sum(between), 20)]
    freedom = total**2 / sum(variance**2 / count for variance, count in terms)
    ratio = means[1] / means[0]
    half = stats.t.ppf(0.975, freedom) * math.sqrt(total)
    return ratio, (ratio * math.exp(-half), ratio * math.exp(half))


def test_two_imported_runs_compare_as_by_hand(logdir):
    comparison = compared(logdir, "a", "b")
    (phase,) = [change for change in comparison.differences if change.level == "phase"]
    lengths = [step_lengths_ns(STEPS, scale, 0.02, seed, 0) for scale, seed in ((1.0, 1), (2.0, 2))]
    ratio, interval = by_hand(*lengths)
    assert phase.difference.ratio == pytest.approx(ratio, rel=1e-12)
    assert phase.difference.ratio_ci95 == pytest.approx(interval, rel=1e-6)
    assert phase.difference.verdict == "slower"
    assert (comparison.comparable, comparison.a.traced) == (True, True)


@pytest.mark.parametrize("level", ["layer", "kind", "op"])
def test_layers_and_ops_are_compared_as_the_tables_have_them(logdir, level):
    before_s, after_s = (
        {name: ns / STEPS / 1e9 for name, ns in costs.group_by(level).agg(OWN_NS).rows()}
        for costs in (load_costs(logdir / run) for run in ("a", "b"))
    )
    changes = [part for part in compared(logdir, "a", "b").differences if part.level == level]
    assert {change.name for change in changes} | {"(idle)"} == before_s.keys() | {"(idle)"}
    for change in changes:
        assert change.difference.before_s == pytest.approx(before_s[change.name], rel=1e-9)
        assert change.difference.after_s == pytest.approx(after_s[change.name], rel=1e-9)


@pytest.mark.parametrize(
    "names", [("a.xplane.pb", "b.xplane.pb"), ("a.xplane.pb", "b"), ("a", "b.xplane.pb")]
)
def test_a_trace_compares_as_its_imported_run(logdir, names):
    runs = compared(logdir, "a", "b")
    traces = compared(logdir, *(logdir / name if "." in name else name for name in names))
    for ours, theirs in zip(runs.differences, traces.differences, strict=True):
        assert (ours.level, ours.name) == (theirs.level, theirs.name)
        assert ours.difference.ratio == pytest.approx(theirs.difference.ratio, rel=1e-9)
        assert ours.difference.ratio_ci95 == pytest.approx(theirs.difference.ratio_ci95, rel=1e-9)


def test_two_steps_of_each_allow_no_verdict(tmp_path):
    for name, scale in (("a", 1.0), ("b", 9.0)):
        file = write_trace(tmp_path / f"{name}.xplane.pb", steps=2, scale=scale)
        import_trace(file, logdir=tmp_path, name=name)
    for change in compared(tmp_path, "a", "b").differences:
        few = change.difference
        assert (few.verdict, few.reason) == ("unclear", "no_interval")
        assert few.needed == Needed("steps", 3)
    assert judged(tmp_path, "b", "a", "3%").exit_code == 3


def test_a_session_folder_is_a_side(logdir):
    session = logdir / "profile" / "2026_11_27"
    for host in ("vm1", "vm2"):
        write_trace(session / f"{host}.xplane.pb", steps=STEPS)
    import_trace(session, logdir=logdir, name="hosts")
    comparison = compared(logdir, session, "hosts")
    assert comparison.comparable
    assert {change.difference.ratio for change in comparison.differences} == {1.0}


def test_what_only_traces_leave_open_is_said_once(logdir):
    comparison = compared(logdir, "a", "b", logdir / "a.xplane.pb")
    assert [note.code for note in comparison.notes] == ["traces_alone"]
    assert render_comparison(comparison).count("traces do not show") == 1


@pytest.mark.parametrize("names", [("a", "timed"), ("timed", "a"), ("timed:trace", "a.xplane.pb")])
def test_a_trace_and_a_timed_run_are_not_compared_and_it_says_why(logdir, names):
    made_run(logdir / "timed", {"trace": 0.01}, phase="trace")
    sides = [str(logdir / name) if name.endswith(".pb") else name for name in names]
    comparison = compared(logdir, *sides)
    assert not comparison.comparable
    (why,) = comparison.why_not
    assert why.code == "trace_and_timed"
    assert why.runs == tuple(sorted(sides, key=lambda name: name.startswith("timed")))
    assert (comparison.differences, comparison.gone, comparison.new) == ((), (), ())
    assert "can’t be compared" in render_comparison(comparison)
    new, baseline = (group(logdir, side) for side in sides)
    assert gate(new, baseline, [parse_bound("3%")]).exit_code == 3


def test_a_trace_is_not_compared_with_itself(logdir):
    with pytest.raises(UsageError, match="named twice"):
        compared(logdir, logdir / "a.xplane.pb", logdir / "a.xplane.pb")


@pytest.mark.parametrize(
    ("run", "baseline", "bound", "exit_code"),
    [("a", "b", "3%", 0), ("b", "a", "3%", 1), ("c", "a", "3%", 3), ("c", "a", "50%", 0)],
)
def test_a_gate_of_traces_exits_as_one_of_runs(logdir, run, baseline, bound, exit_code):
    import_trace(write_trace(logdir / "c.xplane.pb", steps=STEPS), logdir=logdir, name="c")
    for suffix in ("", ".xplane.pb"):
        result = judged(logdir, f"{run}{suffix}", f"{baseline}{suffix}", bound)
        assert (result.exit_code, result.comparable) == (exit_code, True)
        assert "traced steps" in render_gate(result)


def test_history_follows_traced_means_apart_from_timed_ones(logdir):
    names = [f"timed{number}" for number in range(4)]
    for name in names:
        made_run(logdir / name, {"trace": 0.01}, phase="trace")
    timed = history(logdir)
    assert (timed.metric, timed.variant) == ("trace.mean", "trace")
    assert sorted(point.run for point in timed.points if point.compared) == names
    traced = history(logdir, "trace.traced")
    values = {point.run: point.value for point in traced.points if point.compared}
    means_s = {
        name: load_run(logdir / name).variants["trace"].phases["trace"].traced.mean_s
        for name in ("a", "b")
    }
    assert values == pytest.approx(means_s, rel=1e-12)
    assert "trace.traced" in render_history(traced)


def test_history_of_imported_runs_alone_finds_the_step(tmp_path):
    for number in range(8):
        scale = 1.0 if number < 4 else 2.0
        file = write_trace(tmp_path / "vm.xplane.pb", steps=STEPS, scale=scale, seed=number)
        import_trace(file, logdir=tmp_path / "logdir", name=f"run{number}")
    followed = history(tmp_path / "logdir")
    assert followed.metric == "trace.traced"
    # Traces don't say which versions ran.
    steps = [(step.run, step.verdict, step.changed) for step in followed.steps]
    assert steps == [("run4", "slower", None)]
    assert "which versions ran is not recorded" in render_history(followed).replace("\n", " ")


@pytest.mark.parametrize(("common", "is_program"), [(0.0, False), (0.03, False), (0.06, True)])
def test_runs_with_hardly_an_op_in_common_are_not_known_to_be_one_program(
    tmp_path, common, is_program
):
    for name, main_op, scale in (("a", "conv1/Conv2D:Conv2D", 1), ("b", "x/MatMul:MatMul", 2)):
        ops = {main_op: 0.9 - 0.9 * common, "Mean:Mean": 0.9 * common}
        for number in "012":
            file = tmp_path / f"{name}{number}.xplane.pb"
            write_trace(file, steps=STEPS, scale=scale, seed=int(number), ops=ops)
            import_trace(file, logdir=tmp_path, name=f"{name}{number}")
    followed = history(tmp_path)
    comparison = compared(tmp_path, "a0", "b0")
    assert [point.compared for point in followed.points] == [is_program] * 3 + [True] * 3
    assert len(followed.steps) == is_program
    assert comparison.comparable is is_program
    assert judged(tmp_path, "b0", "a0", "500%").comparable is is_program
    if not is_program:
        assert [reason.code for reason in followed.points[0].reasons] == ["programs_unlike"]
        assert "not known to be the same program" in " ".join(render_history(followed).split())
        numbers = followed.points[0].reasons[0].numbers
        assert numbers == {"common_fraction": pytest.approx(common, abs=1e-6)}
