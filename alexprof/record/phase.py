"""A phase of a variant: its timed and traced steps, and what each op cost."""

from __future__ import annotations

from msgspec import Struct

from alexprof.record.interference import Interference
from alexprof.record.note import Note
from alexprof.record.program import ExecutedOp, TensorFingerprint
from alexprof.record.trace import (
    Kernel,
    RecordedDevice,
    Replay,
)
from alexprof.record.values import Timed


def on_cpu(device: str) -> bool:
    """Whether a device is a CPU: "CPU", or of one of several hosts "vm1/CPU"."""
    return device.rpartition("/")[2] == "CPU"


class Traced(Struct, frozen=True, kw_only=True):
    """The traced steps, which are never the timed ones.

    Attributes:
        steps: Number of traced steps.
        mean_s: Mean wall time of a traced step, from the trace's step markers.
        std_s: Sample standard deviation; None with one step.
        slowdown: Traced mean over timed mean; None without timed steps.
        wall_clock_mean_s: The same steps by the clock that times untraced ones.
        file: The trace, relative to the run's folder.
        host_level: The host tracer level that was in force; None if the trace doesn't say.
        events: Number of op and kernel events inside steps.
        page_faults_per_step: As in `Timed`.
        ci95_s: 95 % interval of the mean, from blocks of steps; None with one.
        left_out_s: Wall time of a first traced step that took much longer than the others: it is
            in no mean and no share; None where there is none.
        mean_with_s: Mean with that step; None where there is none.
        steps_s: Wall time of each step, in the order of time.
        span_s: From the begin of the first marked step to the end of all that was recorded; None
            where steps are not marked, like the next.
        outside_s: The part of it outside of all steps in which an op of the model ran.
    """

    steps: int
    mean_s: float
    std_s: float | None
    slowdown: float | None
    wall_clock_mean_s: float | None
    file: str
    host_level: int | None
    events: int
    page_faults_per_step: float | None = None
    ci95_s: tuple[float, float] | None = None
    left_out_s: float | None = None
    mean_with_s: float | None = None
    steps_s: tuple[float, ...] = ()
    span_s: float | None = None
    outside_s: float | None = None


class DeviceTimes(Struct, frozen=True, kw_only=True):
    """One device's timeline over all traced steps: share_ns + idle_ns = wall_ns.

    Attributes:
        device: "CPU", "GPU:0", …
        wall_ns: Wall time of the traced steps, summed.
        share_ns: Time given to ops, the unassigned included.
        idle_ns: Time with no op running.
        unassigned_ns: The part of share_ns whose op is not known.
        idle_by_reason_ns: idle_ns by what the host did meanwhile ("launching", "fetching",
            "python", "input", "unknown").
    """

    device: str
    wall_ns: int
    share_ns: int
    idle_ns: int
    unassigned_ns: int
    idle_by_reason_ns: dict[str, int]


class AttributedTimes(Struct, frozen=True, kw_only=True):
    """The books of the device that the step is divided on, and of every device.

    Attributes:
        device: Whose timeline it is: the busiest GPU, or "CPU" where there is none.
        wall_ns: As in `DeviceTimes`, like the next three.
        share_ns: See there.
        idle_ns: See there.
        unassigned_ns: See there.
        devices: The books of each device.
        launches_per_step: How often the host launched a kernel, copy, fill or CUDA graph on it in a
            step, mean; None on a CPU, like the next.
        launching_s: For how long of a step it waited for the host to launch something, mean: of
            timed steps where there are any.
        bound_by: What decides how long a step takes: what the GPU does for longest, "kernels", or
            waits for, "launching", "input", "fetching", "python", or "unknown"; "" on a CPU.
    """

    device: str
    wall_ns: int
    share_ns: int
    idle_ns: int
    unassigned_ns: int
    devices: tuple[DeviceTimes, ...]
    launches_per_step: float | None = None
    launching_s: float | None = None
    bound_by: str = ""


class Cost(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """What an op, a layer or a kind costs in a traced step, on one device and in one pass.

    Attributes:
        name: Of the op, layer or kind.
        device: "CPU": op times; "GPU:0", …: kernel times.
        pass_: "forward", "backward", "optimizer", "input" or "other".
        executions_per_step: How often it ran; None on a GPU where the trace does not show its
            launches.
        kernels_per_step: How many kernels and copies it launched; 0 on a CPU.
        busy_mean_s: Sum of its events' durations, mean over traced steps.
        busy_std_s: Sample standard deviation over traced steps; None with one step.
        share_mean_s: Its part of the step's wall time, mean over traced steps.
        share_std_s: Sample standard deviation; None with one step.
        share_fraction: Its part of the wall time of all traced steps.
        core_mean_s: What threads worked for it, mean over traced steps; None on a GPU, and where
            the trace does not record the threads.
        parallelism: Core time over the time in which any thread worked for it: how many did at
            once.
        share_ci95_s: 95 % interval of `share_mean_s`, from blocks of traced steps; None with one
            step.
        busy_fraction: Its part of the time in which the device ran anything.
        idle_before_s: For how long a GPU was idle right before its kernels, mean over traced steps,
            without the time before a step's first; None on a CPU, like the next.
        launching_s: The host's time for its launches, likewise: from the end of the launch before.
    """

    name: str
    device: str
    pass_: str
    executions_per_step: float | None
    kernels_per_step: float
    busy_mean_s: float
    busy_std_s: float | None
    share_mean_s: float
    share_std_s: float | None
    share_fraction: float
    core_mean_s: float | None = None
    parallelism: float | None = None
    share_ci95_s: tuple[float, float] | None = None
    busy_fraction: float | None = None
    idle_before_s: float | None = None
    launching_s: float | None = None


class OpCost(Cost, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """An op's cost, with what it is.

    Attributes:
        type: TensorFlow's.
        kind: The type without vendor, fusion and gradient dressing.
        layer: The name scope that it belongs to.
        covered: Whether the trace shows it in every traced step. (Ops that it shows in none are
            in `Phase.not_timed`.)
        fused: The types of ops that it computes too, which have no event of their own.
        estimated: Whether a part of it is of XLA's fusions that stand here only because most of
            what they compute is of this op.
    """

    type: str
    kind: str
    layer: str
    covered: bool = True
    fused: tuple[str, ...] = ()
    estimated: bool = False


class Phase(Struct, frozen=True, kw_only=True):
    """One phase of one variant. What could not be measured is None, with the reason in `notes`.

    Attributes:
        label: Its name in sentences.
        timed: Steps with no profiler attached.
        traced: Steps under the profiler.
        attribution: The books of the traced steps.
        ops: What each op costs, heaviest first, like the next three.
        layers: What each layer costs in each pass.
        layers_whole: What each layer costs in all passes together (pass "all"), and "(idle)": on
            each device these add up to the step.
        kinds: What each kind of op costs in each pass.
        not_timed: Ops that ran and that the trace has no time for.
        devices: What the whole trace records of each device.
        kernels: What the GPUs ran, longest first.
        replay: The steps run again, and what that predicts; None without a trace.
        fingerprint: What a step computes, by the tensors that it fetches; empty where that is not
            recorded.
        notes: What to know of these numbers.
        interference: What else went on around the timed steps, warm-up included; of all variants
            that took turns together.
        traced_interference: The same around the traced steps, without GPUs.
    """

    label: str
    timed: Timed | None = None
    traced: Traced | None = None
    attribution: AttributedTimes | None = None
    ops: tuple[OpCost, ...] = ()
    layers: tuple[Cost, ...] = ()
    layers_whole: tuple[Cost, ...] = ()
    kinds: tuple[Cost, ...] = ()
    not_timed: tuple[ExecutedOp, ...] = ()
    devices: tuple[RecordedDevice, ...] = ()
    kernels: tuple[Kernel, ...] = ()
    replay: Replay | None = None
    fingerprint: tuple[TensorFingerprint, ...] = ()
    notes: tuple[Note, ...] = ()
    interference: Interference | None = None
    traced_interference: Interference | None = None
