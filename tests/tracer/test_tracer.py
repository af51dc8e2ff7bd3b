"""The whole path with real TensorFlow, on small sizes."""

from __future__ import annotations

import re
from contextlib import contextmanager

import pytest

import alexprof
from alexprof.analysis.savings import measured_saving
from alexprof.errors import CaptureError, RunError, UsageError
from alexprof.record.ablation import AblationSpec
from alexprof.record.note import Note
from alexprof.record.parquet import load_costs, load_steps
from alexprof.show.progress import Progress
from alexprof.tracer.options import ProfileOptions
from alexprof.tracer.profiling import profile
from alexprof.tracer.tracer import Tracer
from alexprof.workload.alexnet import alexnet
from alexprof.workload.leave_ops_out import ablated
from tests.analysis.made import sum_of_accounts

pytestmark = pytest.mark.slow


class Heard(Progress):
    """Keeps every line."""

    def __init__(self):
        self.lines = []

    def message(self, text):
        self.lines.append(text)


def small_options(**options):
    usual = {"num_batches": 12, "burn_in": 2, "trace_steps": 3}
    return ProfileOptions(**{**usual, **options})


@pytest.fixture(scope="module")
def heard():
    return Heard()


@pytest.fixture(scope="module")
def run(tmp_path_factory, heard):
    folder = tmp_path_factory.mktemp("logdir") / "small"
    options = small_options()
    profile(alexnet(batch_size=2, seed=3, image_size=64), folder, options, heard)
    return alexprof.load_run(folder)


def phases_of(run):
    return [phase for variant in run.variants.values() for phase in variant.phases.values()]


def test_every_variant_and_phase_is_there_and_complete(run):
    assert (run.complete, run.stopped, run.run) == (True, None, "small")
    assert list(run.variants) == ["with_lrn", "without_lrn"]
    for name, variant in run.variants.items():
        assert list(variant.phases) == [phase.key for phase in alexnet().phases]
        sessions = sorted(path.name for path in (run.place / name / "plugins/profile").iterdir())
        assert sessions == ["_graph_build", *variant.phases]
        assert len(list((run.place / name).glob("events.out.tfevents.*"))) == 1
    assert not list(run.place.rglob(".*"))
    for phase in phases_of(run):
        assert (phase.timed.steps, phase.timed.burn_in, phase.traced.steps) == (12, 2, 3)
        assert phase.traced.host_level == 3
        assert phase.timed.page_faults_per_step >= 0
        assert phase.traced.page_faults_per_step >= 0
    assert run.machine.software.cpu_allocator == "bfc"
    assert 0 < run.clock_s < 1e-4
    for phase in phases_of(run):
        assert len(phase.fingerprint) == (1 if phase.label == "Forward" else 10)
        for tensor in phase.fingerprint:
            assert tensor.repeats
            assert (tensor.nonfinite, len(tensor.sums)) == (0, 17)
            assert tensor.norm > 0
    forward = run.variants["with_lrn"].phases["forward"].fingerprint[0]
    assert (forward.name, forward.shape) == ("pool5:0", (2, 1, 1, 256))


def test_the_step_is_divided_without_a_rest(run):
    for phase in phases_of(run):
        assert phase.traced.mean_s >= phase.traced.wall_clock_mean_s
        books = phase.attribution.timeline
        assert books.share_ns + books.idle_ns == books.wall_ns
        assert books.unassigned_ns == 0
        fractions = sum(op.share_fraction for op in phase.ops if op.device == books.device)
        assert fractions + books.idle_ns / books.wall_ns == pytest.approx(1)
        for rows in (phase.layers, phase.kinds, phase.ops):
            total_s = sum(row.share_mean_s for row in rows)
            assert total_s == pytest.approx(books.share_ns / 1e9 / 3)
        assert phase.traced.mean_s * 3 == pytest.approx(books.wall_ns / 1e9)
    costs = load_costs(run.place)
    assert costs["step"].unique().to_list() == [0, 1, 2]


def test_what_else_went_on_is_read_once_for_variants_that_take_turns(run):
    for key in ("forward", "forward_backward"):
        both = [run.variants[name].phases[key] for name in ("with_lrn", "without_lrn")]
        interference = both[0].interference
        assert interference == both[1].interference
        assert interference.seconds > sum(phase.timed.mean_s * 12 for phase in both)
        for phase in both:
            assert phase.traced_interference.seconds > phase.traced.mean_s * 3


def test_results_are_known_of_steps_that_fetch_nothing_and_of_none_that_fails(tf, tmp_path):
    with Tracer(tmp_path / "run", fetch=False, trace_steps=0, progress=Progress()) as tracer:
        with tracer.graph("v"):
            count = tf.compat.v1.Variable(0)
            add = tf.compat.v1.assign_add(count, 1)
            limit = tf.compat.v1.assert_less(count, 7, message="enough")
            with tf.control_dependencies([limit]):
                ends = tf.identity(add)
        with tracer.session() as session:
            phase = tracer.time(session, {"a": add}, "Counts", steps=3, burn_in=0)
            assert [tensor.repeats for tensor in phase.fingerprint] == [False]
            phase = tracer.time(session, ends, "Ends", steps=1, burn_in=0)
            assert phase.fingerprint == ()
            assert phase.notes[-1].code == "results_unknown"
            assert "enough" in phase.notes[-1].text
    assert tracer.run.complete


def test_lrn_is_found_in_layers_passes_and_kinds(run):
    phase = run.variants["with_lrn"].phases["forward_backward"]
    ops = {(op.kind, op.layer, op.pass_) for op in phase.ops}
    passes = ("forward", "backward")
    assert {("LRN", layer, pass_) for layer in ("lrn1", "lrn2") for pass_ in passes} <= ops
    forward = run.variants["with_lrn"].phases["forward"]
    assert not [op for op in forward.ops if op.pass_ == "backward"]
    assert "VarHandleOp" in {op.type for op in forward.not_timed}
    assert not {op.name for op in forward.not_timed} & {op.name for op in forward.ops}
    without = run.variants["without_lrn"].phases["forward_backward"]
    assert not [op for op in without.ops if op.kind == "LRN"]
    executions = {op.name: op.executions_per_step for op in phase.ops}
    assert executions["lrn1/LRN"] == 1


def test_steps_are_replayed_from_the_graph(run):
    for phase in phases_of(run):
        replay = phase.replay
        assert (replay.reason, replay.steps) == (None, 3)
        assert replay.drift <= replay.drift_worst
        on_path = {one.op for one in replay.critical_path}
        assert on_path <= {op.name for op in phase.ops}
        assert "conv3" in {op.layer for op in phase.ops if op.name in on_path}
        path_s = sum(one.mean_s for one in replay.critical_path)
        assert path_s <= phase.traced.mean_s
        if replay.drift > 0.01:  # steps of a few ms, on a machine that may be busy
            assert not replay.savings
        else:
            assert path_s > 0.5 * min(phase.traced.steps_s)
            assert {one.what for one in replay.savings} - {"ablation"} == {"layer", "kind", "op"}


def test_the_ablation_adds_up(run):
    ops = {ablation.phase: ablation.ops for ablation in run.ablations}
    assert ops == {"forward": 2, "forward_backward": 4}
    for ablation in run.ablations:
        whole, without = (
            run.variants[name].phases[ablation.phase] for name in ("with_lrn", "without_lrn")
        )
        measured_s = pytest.approx(whole.timed.mean_s - without.timed.mean_s)
        assert ablation.measured_s == measured_s
        assert ablation.attributed_s + ablation.others_s + ablation.idle_s == measured_s
        parts_s = sum(part.attributed_s for part in ablation.parts)
        fraction = sum(kind.share_fraction for kind in whole.kinds if kind.name == "LRN")
        assert ablation.attributed_s == pytest.approx(parts_s)
        assert ablation.attributed_s == pytest.approx(fraction * whole.timed.mean_s)
        assert ablation.ci95_s[0] < ablation.measured_s < ablation.ci95_s[1]


def test_steps_are_kept_with_their_blocks(run):
    import polars as pl

    table = load_steps(run.place)
    traced = table.filter(pl.col("block") >= 0, traced=True).group_by("variant", "phase")
    for (name, key), rows in traced:
        assert tuple(rows["seconds"]) == run.variants[name].phases[key].traced.steps_s
    steps = table.filter(traced=False)
    assert len(steps) == 2 * 2 * (12 + 2)
    timed = steps.filter(pl.col("step") >= 0, variant="with_lrn", phase="forward")
    recorded = run.variants["with_lrn"].phases["forward"].timed
    assert timed["seconds"].mean() == pytest.approx(recorded.mean_s)
    assert timed["seconds"].std(ddof=0) == pytest.approx(recorded.std_s)
    # A B B A: the order of blocks on the timeline.
    blocks = steps.filter(pl.col("block") >= 0, phase="forward")
    turns = blocks.group_by("variant", "order").len().sort("order")["variant"].to_list()
    assert turns[:4] == ["with_lrn", "without_lrn", "without_lrn", "with_lrn"]


def test_the_classic_lines_are_printed(heard, run):
    text = "\n".join(heard.lines)
    assert "conv1   [2, 16, 16, 64]" in heard.lines
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}: "
    for line in (
        r"step 10, duration = \d+\.\d{3,}, with LRN",
        r"Forward across 12 steps, \d+\.\d{3,} \+/- \d+\.\d{3,} sec / batch, with LRN",
        r"Forward-backward across 12 steps, .* sec / batch, without LRN",
    ):
        assert re.search(f"^{stamp}{line}$", text, re.MULTILINE), line


@pytest.fixture
def tracer(tmp_path):
    return Tracer(tmp_path / "run", trace_steps=2, progress=Progress())


def build():
    import tensorflow as tf

    images = tf.compat.v1.random_normal([1, 8, 8, 4], seed=1)
    return tf.nn.local_response_normalization(images, name="norm")


@contextmanager
def open_session(tracer, build=build):
    """A session on a graph, and what was built last."""
    with tracer:
        with tracer.graph("mine"):
            target = build()
        with tracer.session() as session:
            yield session, target


def test_a_graph_of_one_s_own(tracer):
    with open_session(tracer) as (session, target):
        phase = tracer.time(session, target, "Forward pass", steps=5, burn_in=1)
    assert phase is tracer.run.variants["mine"].phases["forward_pass"]
    assert "norm" in {op.layer for op in phase.ops}
    assert (tracer.run.complete, tracer.run.workload) == (True, None)


def test_placeholders_are_fed_in_every_step(tf, tracer):
    def build():
        fed = tf.compat.v1.placeholder(tf.float32, [None, 8], name="fed")
        return fed, tf.nn.softmax(fed)

    with open_session(tracer, build) as (session, (fed, target)):
        feed_dict = {fed: [[1.0] * 8]}
        phase = tracer.time(session, target, "Forward", steps=2, feed_dict=feed_dict)
    assert "Softmax" in {op.kind for op in phase.ops}


def test_an_error_in_the_middle_keeps_what_is_finished(tracer):
    with pytest.raises(ZeroDivisionError), tracer, tracer.graph("mine"):
        build()
        raise ZeroDivisionError("in the user's code")
    run = alexprof.load_run(tracer.folder)
    note = Note("failed", text="ZeroDivisionError: in the user's code")
    assert (run.complete, run.stopped) == (False, note)


def test_ctrl_c_while_timing_loses_that_phase_alone(tmp_path):
    class Impatient(Progress):
        def message(self, text):
            if "step 0" in text:
                self.seen = getattr(self, "seen", 0) + 1
                if self.seen == 2:
                    raise KeyboardInterrupt

    tracer = Tracer(tmp_path / "run", trace_steps=2, progress=Impatient())
    with pytest.raises(KeyboardInterrupt), open_session(tracer) as (session, target):
        tracer.time(session, target, "First", steps=3, burn_in=0)
        tracer.time(session, target, "Second", steps=3, burn_in=0)
    run = alexprof.load_run(tracer.folder)
    assert list(run.variants["mine"].phases) == ["first"]
    assert run.variants["mine"].phases["first"].traced is not None
    assert (run.complete, run.stopped) == (False, Note("interrupted"))


def test_memory_running_out_names_the_phase_and_a_way_out(tf, tracer):
    def build():
        # 16 TB, in a shape that is not known before it runs: the allocation is refused.
        shape = tf.compat.v1.random_uniform([3], 2**14, 2**14 + 1, dtype=tf.int32)
        return tf.zeros(shape).op

    with (
        pytest.raises(CaptureError, match=r"Forward of mine: out of memory.*a smaller batch"),
        open_session(tracer, build) as (session, target),
    ):
        tracer.time(session, target, "Forward", steps=1, burn_in=0)
    stopped = alexprof.load_run(tracer.folder).stopped
    assert (stopped.code, stopped.names) == ("out_of_memory", ("Forward of mine",))


def test_two_variants_one_after_the_other_where_memory_is_short(tmp_path, monkeypatch):
    from alexprof.tracer import profiling

    workload = alexnet(batch_size=1, image_size=64)
    one = workload.least_memory_bytes("forward")
    options = small_options(num_batches=3, trace_steps=0, phases=["forward"])
    monkeypatch.setattr(profiling, "available_memory_bytes", lambda: int(1.5 * one))
    run = profile(workload, tmp_path / "run", options, heard := Heard())
    assert run.workload.settings["interleave"] is False
    assert "one after the other" in heard.lines[0]
    assert run.ablations[0].ci95_s is not None
    # A warm-up block before the timed ones of each.
    orders = [[block.order for block in phase.timed.blocks] for phase in phases_of(run)]
    assert orders == [[1, 2, 3], [5, 6, 7]]
    monkeypatch.setattr(profiling, "available_memory_bytes", lambda: one - 1)
    with pytest.raises(CaptureError, match=r"needs at least .* free: try a smaller --batch-size"):
        profile(workload, tmp_path / "other", options, Progress())
    assert not (tmp_path / "other").exists()


def test_a_run_that_exists_is_left_alone(tmp_path):
    (tmp_path / "run").mkdir()
    with (
        pytest.raises(RunError, match="exists already: choose another name"),
        Tracer(tmp_path / "run", progress=Progress()),
    ):
        pass
    assert list((tmp_path / "run").iterdir()) == []


def test_a_layer_that_can_t_be_left_out_leaves_no_run_behind(tmp_path):
    workload = ablated(alexnet(batch_size=1, image_size=63), ["pool1"])
    with pytest.raises(UsageError, match="choose from the kinds BiasAdd, LRN, Relu"):
        profile(workload, tmp_path / "run", small_options(), Progress())
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_found_late_leaves_what_was_measured(tmp_path, monkeypatch):
    def ends(*_):
        raise UsageError("found late")

    monkeypatch.setattr("alexprof.tracer.recorder.Recorder.add_results", ends)
    options = small_options(variants=["with_lrn"], phases=["forward"], trace_steps=0)
    with pytest.raises(UsageError, match="found late"):
        profile(alexnet(batch_size=1, image_size=63), tmp_path / "run", options, Progress())
    assert "forward" in alexprof.load_run(tmp_path / "run").variants["with_lrn"].phases


def test_mistakes_with_the_tracer_are_named(tf, tracer):
    with pytest.raises(UsageError, match="is not open: use it inside"), tracer.graph("early"):
        pass
    with tracer:
        with pytest.raises(UsageError, match="no graph to run"), tracer.session():
            pass
        with pytest.raises(UsageError, match="is a file of the run"), tracer.graph("run.json"):
            pass
        with pytest.raises(UsageError, match="letters, digits"), tracer.graph("../up"):
            pass
        with tracer.graph("mine"):
            target = build()
        with pytest.raises(UsageError, match="'other': there are mine"), tracer.session("other"):
            pass
        with pytest.raises(UsageError, match="exists already"), tracer.graph("mine"):
            pass
        with pytest.raises(UsageError, match="choose another name"):
            tracer.variant("mine")
        with tf.compat.v1.Session() as other, pytest.raises(UsageError, match="not open here"):
            tracer.time(other, target, "Forward")
        with tracer.session() as session:
            tf.profiler.experimental.start(str(tracer.folder / "other"))
            with pytest.raises(CaptureError, match="another profiler"):
                tracer.time(session, target, "Forward", steps=1, burn_in=0)
            tf.profiler.experimental.stop(save=False)
            tracer.time(session, target, "Forward", steps=1, burn_in=0)
            with pytest.raises(UsageError, match="timed already"):
                tracer.time(session, target, "forward", steps=1, burn_in=0)
            with pytest.raises(UsageError, match="needs a letter"):
                tracer.time(session, target, "–")
            with pytest.raises(UsageError, match="nothing says when to stop"):
                tracer.time(session, target, "Endless", steps=None)
        with tracer.graph("closed") as graph:
            build()
        graph.finalize()
        with pytest.raises(UsageError, match="is finalized"), tracer.session():
            pass
    with pytest.raises(UsageError, match="is not open"):
        tracer.time(session, target, "Late")
    with pytest.raises(UsageError, match="precision must be"):
        Tracer(tracer.folder, precision=5)


def test_local_variables_and_tables_are_initialized_too(tf, tmp_path):
    v1 = tf.compat.v1
    with Tracer(tmp_path / "run", trace_steps=1, progress=Progress()) as tracer:
        with tracer.graph():
            local = v1.get_variable("local", initializer=2, collections=["local_variables"])
            pairs = tf.lookup.KeyValueTensorInitializer(["a"], [5])
            looked_up = tf.lookup.StaticHashTable(pairs, -1).lookup(tf.constant("a"))
            target = local * looked_up
        with tracer.session() as session:
            assert session.run(target) == 10
            tracer.time(session, target, "Forward", steps=2, burn_in=1)


def test_an_ablation_is_added_once(tmp_path):
    ablation = AblationSpec("norm", "a", "b", kinds=("LRN",))
    tracer = Tracer(tmp_path / "run", ablations=[ablation], trace_steps=0)
    with pytest.raises(UsageError, match="not open"):
        tracer.add_ablations(ablation)
    with tracer:
        for variant in ("a", "b"):
            with tracer.graph(variant):
                pass
        tracer.add_ablations(AblationSpec("other", "a", "b", kinds=("LRN",)))
        for wrong, says in (
            (ablation, "'norm' already"),
            (AblationSpec("all", "a", "b"), "'all' names no kinds"),
            (AblationSpec("typo", "a", "c", kinds=("LRN",)), "no variant 'c'"),
            (AblationSpec("same", "a", "a", kinds=("LRN",)), "'same' compares a with itself"),
            ("LRN", "not 'LRN'"),
        ):
            with pytest.raises(UsageError, match=says):
                tracer.add_ablations(wrong)  # type: ignore[arg-type]


def test_an_ablation_is_predicted_and_measured(tmp_path):
    workload = ablated(alexnet(batch_size=2, image_size=63), ["lrn1"])
    options = ProfileOptions(num_batches=6, burn_in=1, trace_steps=3, phases=("forward",))
    run = profile(workload, tmp_path / "run", options, Progress())
    (answer,) = run.ablations
    assert (answer.name, answer.layers, answer.ops) == ("lrn1", ("lrn1",), 1)
    assert sum_of_accounts(answer) == pytest.approx(answer.measured_s, abs=1e-12)
    assert {"conv1", "lrn2", "pool1"} <= {one.name for one in answer.others}
    assert measured_saving(run, answer).step_off is not None
    whole, without = (run.variants[name].phases["forward"] for name in ("whole", "without_lrn1"))
    assert "lrn1" not in {op.layer for op in without.ops if op.kind == "LRN"}
    assert not [one for one in without.replay.savings if one.what == "ablation"]
    asked = [one for one in whole.replay.savings if one.what == "ablation"]
    if whole.replay.drift > 0.01:  # steps of a few ms, on a machine that may be busy
        assert not asked
        assert (answer.predicted_by, answer.predicted_s) == ("share", answer.attributed_s)
    else:
        assert answer.predicted_by == "ops"
        assert answer.predicted_ci95_s is not None
        low, high = answer.predicted_ci95_s
        assert [one.name for one in asked] == ["lrn1"]
        assert low <= answer.predicted_s <= high
        assert answer.predicted_s == asked[0].fraction * whole.timed.mean_s


def forward_of(tmp_path, **options):
    """The forward phase of a small AlexNet, timed alone."""
    chosen = small_options(trace_steps=0, phases=["forward"], **options)
    profile(alexnet(batch_size=1, image_size=64), tmp_path / "run", chosen, Progress())
    run = alexprof.load_run(tmp_path / "run")
    return run, [phase.timed for phase in phases_of(run)]


def test_without_a_trace_there_are_times_alone(tmp_path):
    run, timed = forward_of(tmp_path, num_batches=2, fetch=False)
    assert run.complete
    for phase in phases_of(run):
        assert (phase.traced, phase.attribution, phase.ops) == (None, None, ())
    assert not any(phase.fetch for phase in timed)
    assert run.ablations[0].attributed_s is None


def test_a_precision_decides_how_many_steps(tmp_path):
    run, timed = forward_of(tmp_path, num_batches=None, precision=0.6, max_time_s=60)
    assert timed[0].steps == timed[1].steps >= 100
    for phase in timed:
        assert (phase.stopped_by, phase.requested_precision) == ("precision", 0.6)
        low_s, high_s = phase.ci95_s
        assert phase.precision == pytest.approx((high_s - low_s) / 2 / phase.mean_s)
        assert phase.precision <= 0.6
    settings = run.workload.settings
    assert (settings["num_batches"], settings["precision"]) == (None, 0.6)
    assert settings["max_time_s"] == 60


def test_the_longest_time_ends_a_phase(tmp_path):
    run, timed = forward_of(tmp_path, num_batches=100_000, max_time_s=0.3)
    assert run.complete
    assert [phase.stopped_by for phase in timed] == ["max-time"] * 2
    assert timed[0].steps == timed[1].steps < 100_000
    steps = load_steps(tmp_path / "run").filter(traced=False)
    # The last round began in time, and was thought to end in time; the first runs in any case.
    earlier = steps.filter(steps["block"] < steps["block"].max())
    lasted_s = (earlier["start_s"] + earlier["seconds"]).max()
    assert lasted_s <= 0.3 or len(timed[0].blocks) == 1


def test_warm_up_until_steady_is_recorded(tmp_path):
    _, timed = forward_of(tmp_path, until_steady=True, max_time_s=4)
    for phase in timed:
        assert (phase.warm_up.requested, phase.steps) == (2, 12)
        assert phase.warm_up.steps == phase.burn_in >= 40
        assert isinstance(phase.warm_up.settled, bool)
    for name in ("with_lrn", "without_lrn"):
        numbers = load_steps(tmp_path / "run").filter(variant=name)["step"].to_list()
        assert numbers == list(range(-timed[0].burn_in, 12))
