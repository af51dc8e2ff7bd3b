"""Real traces of an H200: steps, their lengths, kernels, optimizers and layers as they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from alexprof.attribute import Attribution, GraphFacts, attribute
from alexprof.record.note import Note
from alexprof.workload import AblationSpec
from alexprof.xplane import Plane, Trace
from tests.h200 import TRACES, phases_of, trace_of

ONE = ""
"""The only sort of steps of a trace, whatever it is called."""


class Right(NamedTuple):
    """How many steps there are, and how long one is in the mean, the first included."""

    steps: int
    mean_ms: float


LENGTHS = {
    ("async_no_fetch", ONE): Right(5, 3.03),
    ("embedding_sparse", ONE): Right(6, 2.01),
    ("gan_two_optimizers", ONE): Right(5, 4.37),
    ("gradient_accumulation", ONE): Right(6, 11.4),
    ("keras_mixed", ONE): Right(5, 7.58),
    ("keras_nojit", ONE): Right(5, 9.35),
    ("keras_xla", ONE): Right(5, 3.93),
    ("train_on_batch_and_test", "train"): Right(4, 6.65),
    ("train_on_batch_and_test", "eval"): Right(4, 2.94),
    ("xla_loop", ONE): Right(6, 1.61),
}
"""Means of steps timed beside the trace."""

TAKES_US = [
    ("gan_two_optimizers", "pass", "optimizer", 380),
    ("gradient_accumulation", "pass", "optimizer", 192),
    ("keras_mixed", "pass", "optimizer", 155),
    ("xla_loop", "pass", "optimizer", 12),
    # Layers of the accumulated gradients, in a loop.
    ("gradient_accumulation", "layer", "norm_1", 970),
    ("gradient_accumulation", "layer", "middle_1", 817),
    ("gradient_accumulation", "layer", "entry_1", 295),
]
"""What takes how long in a step: optimizers under any name, layers under loops."""

KERAS = {"stem_1", "norm_1", "shrink_1", "body_1", "wide_1", "drop_1", "head_1"}
LOOP = {"entry_1", "norm_1", "middle_1", "squeeze_1", "exit_1"}
NAMES = {
    "keras_nojit": KERAS,
    "keras_mixed": KERAS,
    "keras_xla": KERAS,
    "xla_loop": LOOP,
    "gradient_accumulation": LOOP,
    "train_on_batch_and_test": LOOP,
    "jax_async": {"embed", "hidden", "out"},
}
"""Layers that have to be rows (`flat` computes nothing)."""


def phase_of(name: str, sort: str = ONE) -> Attribution:
    phases = phases_of(name)
    if sort:
        return phases[sort]
    (attribution,) = phases.values()
    return attribution


def lengths_ms(attribution: Attribution) -> list[float]:
    """All steps, one that was left out first."""
    left = [] if attribution.left_out is None else attribution.left_out["wall_ns"].to_list()
    return [ns / 1e6 for ns in [*left, *attribution.steps["wall_ns"]]]


def gpu(attribution: Attribution) -> pl.DataFrame:
    return attribution.costs.filter((pl.col("device") == "GPU:0") & (pl.col("op") != "(idle)"))


def us_per_step(rows: pl.DataFrame, attribution: Attribution, column: str = "share_ns") -> float:
    return float(rows[column].sum()) / len(attribution.steps) / 1e3


@pytest.mark.parametrize(("name", "sort"), LENGTHS)
def test_steps_and_their_lengths(name, sort):
    lengths = lengths_ms(phase_of(name, sort))
    right = LENGTHS[name, sort]
    assert len(lengths) == right.steps
    assert np.mean(lengths) == pytest.approx(right.mean_ms, rel=0.05)
    if name == "embedding_sparse":  # whose first step is long
        assert np.mean(lengths[1:]) == pytest.approx(1.86, rel=0.01)
        assert phase_of(name).left_out is not None


def launched_in(trace: Trace, marks: list[tuple[int, int]]) -> list[int]:
    """What each step launched on the GPU took, in picoseconds: event by event, by correlation."""
    host, device = named(trace, "/host:CPU"), named(trace, "/device:GPU:0")
    events, kernels = host.events(), device.events()
    number, has_number = events.ints("correlation_id")
    launch = {int(number[row]): int(events.start_ps[row]) for row in np.flatnonzero(has_number)}
    wanted, _ = kernels.ints("correlation_id")
    sums = [0] * len(marks)
    for row in range(len(kernels)):
        at = launch[int(wanted[row])]
        for step, (start, end) in enumerate(marks):
            if start <= at < end:
                sums[step] += int(kernels.duration_ps[row])
    return sums


def named(trace: Trace, name: str) -> Plane:
    return next(plane for plane in trace.planes if plane.name == name)


MARKED = [name for name in TRACES if not name.startswith("keras")]


@pytest.mark.parametrize("name", MARKED)
def test_kernels_belong_to_the_step_that_launched_them(name):
    trace = trace_of(name)
    events = named(trace, "/host:CPU").events()
    _, is_marker = events.ints("step_num")
    for sort, attribution in phases_of(name).items():
        marks = sorted(
            (int(events.start_ps[row]), int(events.start_ps[row] + events.duration_ps[row]))
            for row in np.flatnonzero(is_marker)
            if events.names[events.name[row]] == sort
        )
        exact = launched_in(trace, marks)
        kept = exact if attribution.left_out is None else exact[1:]
        own = gpu(attribution).group_by("step").agg(pl.col("busy_ns").sum()).sort("step")
        assert own["busy_ns"].to_list() == pytest.approx([ps / 1e3 for ps in kept], rel=0.005)


def test_a_gpu_that_is_never_waited_for_is_busy():
    attribution = phase_of("async_no_fetch")
    idle_ns = attribution.costs.filter(device="GPU:0", op="(idle)")["share_ns"].sum()
    assert idle_ns / attribution.steps["wall_ns"].sum() == pytest.approx(0.016, abs=0.002)
    per_step = gpu(attribution).group_by("step").agg(pl.col("kernels").sum())
    assert per_step["kernels"].to_list() == [24] * 5


def test_kernels_of_jax_in_command_buffers():
    attribution = phase_of("jax_async")
    assert us_per_step(gpu(attribution), attribution, "busy_ns") == pytest.approx(265, rel=0.005)
    assert not gpu(attribution)["op"].str.contains("command_buffer").any()


@pytest.mark.parametrize(("name", "column", "value", "us"), TAKES_US)
def test_optimizers_and_layers_take_what_they_take(name, column, value, us):
    attribution = phase_of(name)
    own = gpu(attribution).filter(pl.col(column) == value)
    assert us_per_step(own, attribution) == pytest.approx(us, rel=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_layers_are_rows(name):
    for attribution in phases_of(name).values():
        layers = set(gpu(attribution)["layer"])
        assert NAMES[name] - layers <= {"drop_1"}  # evaluation and XLA leave a dropout out
        own = gpu(attribution).filter(
            pl.col("layer").is_in(NAMES[name]) | pl.col("pass").is_in(["optimizer", "input"])
        )
        part = own["share_ns"].sum() / gpu(attribution)["share_ns"].sum()
        assert part > 0.85


def test_two_optimizers_hold_no_model():
    layers = set(gpu(phase_of("gan_two_optimizers"))["layer"])
    assert {"opt_g", "opt_d", "sequential_3_1", "sequential_4_1", "sequential_4_3"} <= layers


def test_command_buffers_that_the_profiler_turned_off_are_told():
    note = Note("command_buffers_off", {"kernels_per_step": 29, "graphs_per_step": 4})
    assert note in phase_of("xla_loop").notes


@pytest.mark.parametrize("name", TRACES)
def test_executions_are_counted(name):
    for attribution in phases_of(name).values():
        rows = gpu(attribution)
        assert rows["executions"].null_count() <= 0.01 * rows.height


@pytest.mark.parametrize("name", ["keras_nojit", "gan_two_optimizers", "keras_mixed"])
def test_launches_are_replayed_to_the_step(name):
    replayed = phase_of(name).replayed
    assert replayed.how == "launches"
    assert replayed.drift == pytest.approx(0, abs=0.01)
    optimizers = set(gpu(phase_of(name)).filter(pl.col("pass") == "optimizer")["layer"])
    layers = {saving.name: saving for saving in replayed.savings if saving.what == "layer"}
    assert optimizers & set(layers)


def test_a_launch_bound_step_without_some_ops_is_predicted_within_a_tenth_of_the_measured_saving():
    """12 blocks of a product and a normalization, forward-backward: the latter left out."""
    norms = AblationSpec("norm", "whole", "without", layers=tuple(f"norm{k}" for k in range(12)))
    step_s, measured_s = 3.211452e-3, 1.744963e-3
    facts = GraphFacts(ablations=[norms], timed_s=step_s)
    attribution = attribute(trace_of("ablations/launch_bound"), facts=facts)
    assert attribution.bound_by == "launching"
    (saving,) = (saving for saving in attribution.replayed.savings if saving.what == "ablation")
    assert saving.fraction * step_s == pytest.approx(measured_s, rel=0.1)


def test_a_gpu_at_work_is_not_replayed():
    replayed = phase_of("async_no_fetch").replayed
    assert replayed.how == "launches"
    assert replayed.reason
    assert not replayed.savings
