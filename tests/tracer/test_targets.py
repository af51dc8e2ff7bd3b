"""Functions, Keras models and other loops' steps as what a phase runs, with real TensorFlow."""

from __future__ import annotations

import sys
import time
from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

import alexprof
from alexprof.errors import UsageError
from alexprof.record.parquet import load_costs, load_steps
from alexprof.workload import AblationSpec

pytestmark = pytest.mark.slow


def small_model(*, norm: bool) -> Any:
    """A `tf.function` of no arguments that multiplies and, perhaps, normalizes."""
    import tensorflow as tf

    weights = tf.Variable(tf.ones([64, 64]), name="weights")

    @tf.function  # type: ignore[untyped-decorator]
    def step() -> Any:
        with tf.name_scope("dense"):
            features = tf.matmul(tf.ones([32, 64]), weights)
        if norm:
            with tf.name_scope("norm"):
                images = tf.reshape(features, [8, 4, 4, 16])
                features = tf.nn.local_response_normalization(images)
        return {"sum": tf.reduce_sum(features)}

    return step


@pytest.fixture(scope="module")
def functions_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two functions that differ by a norm, in turns."""
    folder = tmp_path_factory.mktemp("logdir") / "functions"
    ablation = AblationSpec("norm", "whole", "bare", layers=("norm",))
    with alexprof.Tracer(folder, trace_steps=3, ablations=[ablation]) as tracer:
        steps = {"whole": small_model(norm=True), "bare": small_model(norm=False)}
        tracer.time_together(steps, "Forward", steps=12, burn_in=2)
    return alexprof.load_run(folder), folder


def test_a_function_leaves_the_record_that_a_session_does(functions_run: Any) -> None:
    run, folder = functions_run
    assert run.complete
    phase = run.variants["whole"].phases["forward"]
    assert (phase.timed.steps, phase.timed.burn_in, phase.traced.steps) == (12, 2, 3)
    assert {"dense", "norm"} <= {op.layer for op in phase.ops}
    (ablation,) = run.ablations
    bare = run.variants["bare"].phases["forward"]
    assert ablation.measured_s == pytest.approx(phase.timed.mean_s - bare.timed.mean_s)
    assert (ablation.name, ablation.attributed_s > 0) == ("norm", True)
    assert [tensor.name for tensor in phase.fingerprint] == ["output_0"]
    assert load_steps(folder).filter(variant="bare").height == 14 + 3
    assert set(load_costs(folder)["variant"].unique()) == {"whole", "bare"}
    assert (folder / "whole/plugins/profile/forward").is_dir()


def test_the_graph_of_a_function_reaches_tensorboard(tf: Any, functions_run: Any) -> None:
    (file,) = (functions_run[1] / "whole").glob("events.out.tfevents.*")
    events = tf.compat.v1.train.summary_iterator(str(file))
    graphs = [event.graph_def for event in events if event.graph_def]
    nodes = tf.compat.v1.GraphDef.FromString(graphs[0]).node
    assert "norm/LRN" in {node.name for node in nodes}


@pytest.mark.parametrize("fetch", [True, False])
def test_a_keras_model_trains_under_the_tracer(tmp_path: Any, fetch: bool) -> None:
    import keras

    layers = [keras.Input((8,)), keras.layers.Dense(4, name="big"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    images, labels = np.ones((16, 8), "f"), np.ones((16, 1), "f")
    train = partial(model.train_on_batch, images, labels)
    with alexprof.Tracer(tmp_path / "keras", trace_steps=2, fetch=fetch) as tracer:
        phase = tracer.time(train, "Train", steps=12, burn_in=2)
    assert (phase.timed.fetch, phase.traced.steps) == (fetch, 2)
    assert any("big" in op.name for op in phase.ops)
    assert list(tracer.run.variants) == ["default"]


def test_a_step_ends_when_its_target_says_so(tmp_path: Any) -> None:
    class Late(alexprof.Target):
        """Returns at once and is done later, as a GPU is."""

        calls: ClassVar[list[str]] = []

        def run(self) -> None:
            self.calls.append("run")

        def sync(self) -> None:
            self.calls.append("sync")

    with alexprof.Tracer(tmp_path / "late", trace_steps=0) as tracer:
        phase = tracer.time(Late(), "Step", steps=5, burn_in=0)
    assert Late.calls == ["run", "sync"] * 5
    assert (phase.traced, phase.fingerprint) == (None, ())


class Result:
    """Is done when someone waits for it."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def __array__(self, *_: Any, **__: Any) -> Any:
        self.done.append("fetched")
        return np.zeros(1)

    def block_until_ready(self) -> None:
        self.done.append("ready")


class Returns(alexprof.Target):
    """Any target whose step returns something."""

    def __init__(self, function: Any) -> None:
        self.run = function  # type: ignore[method-assign]

    def run(self) -> None:
        """Replaced by the function."""


@pytest.mark.parametrize(
    ("make", "jax", "waits"),
    [
        (alexprof.CallableTarget, False, ["fetched", "devices"]),
        (alexprof.CallableTarget, True, ["fetched", "devices"]),
        (lambda f: alexprof.CallableTarget(f).without_result(), False, ["devices"]),
        (lambda f: alexprof.CallableTarget(f).without_result(), True, ["ready", "devices"]),
        (Returns, False, ["devices"]),
        (Returns, True, ["ready", "devices"]),
    ],
)
def test_a_step_waits_for_its_result(monkeypatch: Any, make: Any, jax: bool, waits: Any) -> None:
    done: list[str] = []
    monkeypatch.setattr("alexprof.capture.target.sync_devices", lambda: done.append("devices"))
    if jax:
        leaves = SimpleNamespace(tree_leaves=lambda result: result)
        monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(tree_util=leaves))
    make(lambda: [Result(done)]).step()
    assert done == waits


def test_slow_stretches_of_other_phases_stay(tmp_path: Any) -> None:
    slow = alexprof.Recording([0.01] * 30 + [0.05] * 15 + [0.01] * 30)
    with alexprof.Tracer(tmp_path / "run") as tracer:
        tracer.record(slow, "First")
        tracer.record(alexprof.Recording([0.01] * 75), "Second")
        tracer.record(slow, "Third")
        # Those of its own phase are found anew, among the steps of both variants.
        tracer.record(slow, "First", variant="again")
    stretches = alexprof.load_run(tmp_path / "run").stretches
    found = sorted((stretch.phase, stretch.first_step, stretch.variants) for stretch in stretches)
    first = [("first", 31, ("default",)), ("first", 106, ("again",))]
    assert found == [*first, ("third", 31, ("default",))]


def test_steps_of_another_loop_leave_the_same_record(tf: Any, tmp_path: Any) -> None:
    step, durations_s = small_model(norm=True), []
    for _ in range(9):
        start_s = time.perf_counter()
        step()
        durations_s.append(time.perf_counter() - start_s)
    with tf.profiler.experimental.Profile(str(tmp_path / "trace"), alexprof.profiler_options()):
        for number in range(4):
            with tf.profiler.experimental.Trace("train", step_num=number, _r=1):
                step()
    recording = alexprof.Recording(durations_s, burn_in=3, trace=tmp_path / "trace")
    with alexprof.Tracer(tmp_path / "run") as tracer:
        phase = tracer.record(recording, "Train")
        again = alexprof.Recording(durations_s)
        assert tracer.record(again, "Train", variant="untraced").traced is None
    run = alexprof.load_run(tmp_path / "run")
    assert run.complete
    assert phase.timed.mean_s == pytest.approx(np.mean(durations_s[3:]), abs=1e-9)
    assert (phase.timed.burn_in, phase.timed.steps, phase.traced.steps) == (3, 6, 4)
    assert "norm" in {op.layer for op in phase.ops}
    assert (tmp_path / "run" / phase.traced.file).is_file()
    steps = load_steps(tmp_path / "run").filter(variant="default").sort("step")
    assert steps.filter(traced=False)["seconds"].to_list() == pytest.approx(durations_s, abs=1e-9)
    assert tuple(steps.filter(traced=True)["seconds"]) == phase.traced.steps_s


@pytest.mark.parametrize(
    "recording",
    [
        {"durations_s": []},
        {"durations_s": [1.0], "burn_in": 1},
        {"durations_s": [1.0, 0.0]},
        {"durations_s": [1.0, 1e-10]},
        {"durations_s": [1.0, 1e10]},
        {"durations_s": [1.0, 1.0], "starts_s": [0.0, 2e9]},
        {"durations_s": [1.0], "starts_s": [1e300]},
        {"durations_s": [1.0, float("nan")]},
        {"durations_s": [1.0], "starts_s": [0.0, 1.0]},
        {"durations_s": ["long"]},
        {"durations_s": [1.0], "trace": "no/such/file"},
    ],
)
def test_what_is_no_recording_is_refused_and_leaves_nothing(tmp_path: Any, recording: Any) -> None:
    with alexprof.Tracer(tmp_path / "run") as tracer:
        with pytest.raises(UsageError):
            tracer.record(alexprof.Recording(**recording), "Train")
        assert not tracer.run.variants


def test_steps_without_starts_end_now(tmp_path: Any) -> None:
    start_s = time.time()
    with alexprof.Tracer(tmp_path / "run") as tracer:
        tracer.record(alexprof.Recording([0.001] * 20), "Train")
        (blocks,) = tracer._recorder.blocks.values()
    ends_s = (blocks[-1].end_ns[-1] + blocks[-1].unix_offset_ns) / 1e9
    assert start_s - 1 < ends_s < start_s + 60


def generator() -> Any:
    yield 1


async def later() -> None:
    """Runs when someone waits for it."""


def test_what_is_no_target_is_refused(tmp_path: Any) -> None:
    with alexprof.Tracer(tmp_path / "run") as tracer:
        for made in (alexprof.Target, generator, later):
            with pytest.raises(UsageError, match="a function of no arguments"):
                tracer.time(made, "Step")
        with pytest.raises(UsageError, match="a function of no arguments"):
            tracer.time_together({"a": 3}, "Step")  # type: ignore[dict-item]
        with pytest.raises(UsageError, match="whole number"):
            tracer.time(print, "Step", steps=2.5)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="label must be text"):
            tracer.time(print)
        with pytest.raises(UsageError, match="3 is no session"):
            tracer.time(3, "Step")
        with pytest.raises(UsageError, match="no target to time"):
            tracer.time_together({}, "Step")
        assert not tracer.run.variants


def test_a_library_is_quiet_unless_asked(tmp_path: Any, capsys: Any) -> None:
    for progress in (False, True):
        with alexprof.Tracer(tmp_path / f"{progress}", trace_steps=0, progress=progress) as tracer:
            tracer.time(lambda: None, "Nothing", steps=3, burn_in=0)
        assert bool(capsys.readouterr().out) == progress


def test_an_input_that_ends_keeps_what_was_timed_and_traced(tmp_path: Any) -> None:
    step, left = small_model(norm=True), iter(range(2 + 6 + 1 + 2))

    def train() -> Any:
        next(left)
        return step()

    with alexprof.Tracer(tmp_path / "run", trace_steps=2) as tracer:
        phase = tracer.time(train, "Train", steps=6, burn_in=2)
    assert tracer.run.complete
    assert phase.traced.steps == 2
    (note,) = (note for note in phase.notes if note.code == "results_unknown")
    assert "StopIteration" in note.text


def test_steps_without_an_op_keep_their_times(tmp_path: Any) -> None:
    with alexprof.Tracer(tmp_path / "run", trace_steps=2) as tracer:
        phase = tracer.time(lambda: sum(range(1000)), "Pure Python", steps=5, burn_in=0)
    run = alexprof.load_run(tmp_path / "run")
    assert run.complete
    assert (phase.timed.steps, phase.traced) == (5, None)
    assert [note.code for note in phase.notes] == ["trace_unusable"]


def test_a_recording_whose_markers_hold_little_of_its_trace_says_so(tmp_path: Any) -> None:
    from alexprof.analysis.findings import findings_of
    from tests.attribute.hand import steps
    from tests.tracer.test_traces import built

    marks = steps((0, 1e6), (10e6, 11e6), (20e6, 21e6))
    ops = [("net/a:MatMul", start, start + 9e5) for start in (0, 10e6, 20e6)]
    trace = built({"python": marks, "tf_Compute/1": ops}).write(tmp_path / "vm.xplane.pb")
    with alexprof.Tracer(tmp_path / "run") as tracer:
        tracer.record(alexprof.Recording([0.01] * 20, trace=trace), "Train")
    findings = {finding.code: finding.phases for finding in findings_of(tracer.run)}
    assert [phases for code, phases in findings.items() if "outside_" in code] == [("train",)]


@pytest.mark.parametrize(("step_s", "said"), [(2.0, "About 3 min 0 s left"), (0.1, "")])
def test_a_long_phase_is_announced_when_its_warm_up_has_been(step_s: float, said: str) -> None:
    from alexprof.show.progress import Progress
    from alexprof.tracer.driver import Driver

    lines: list[str] = []
    progress = Progress()
    progress.message = lines.append  # type: ignore[assignment, method-assign]
    driver = Driver(None, progress, None)  # type: ignore[arg-type]
    driver._say_how_long(alexprof.Recording([step_s] * 10).blocks("whole"), 100)
    assert "".join(lines)[: len("About 3 min 0 s left")] == said
