"""A phase of a variant: its timed and traced steps, and what each op cost."""

from __future__ import annotations

from msgspec import Struct, field

from alexprof.record.interference import Interference
from alexprof.record.note import Note
from alexprof.record.program import ExecutedOp, TensorFingerprint
from alexprof.record.timed import Timed
from alexprof.record.trace import Kernel, RecordedDevice, Replay


def on_cpu(device: str) -> bool:
    """Whether a device is a CPU: "CPU", or of one of several hosts "vm1/CPU"."""
    return device.rpartition("/")[2] == "CPU"


class Traced(Struct, frozen=True, kw_only=True):
    """The traced steps, which are never the timed ones.

    Attributes:
        steps: Number of traced steps.
        mean_s: Mean wall time of a traced step.
        std_s: Sample standard deviation; None with one step.
        slowdown: Traced mean / timed mean; None without timed steps.
        wall_clock_mean_s: Mean of the same steps by the clock that times untraced ones.
        file: The trace, relative to the run's folder.
        host_level: The host tracer level that was used; None if the trace doesn't say.
        events: Op and kernel events inside the steps.
        page_faults_per_step: As in `Timed`; many more mean that tracing made memory slower.
        ci95_s: 95 % interval of the mean, from blocks of steps; None with fewer than three.
        left_out_s: Duration of a first step, left out as it took much longer; None without.
        mean_with_s: Mean including that step.
        steps_s: Wall time of each step, in order.
        span_s: From the first marked step to the end of the trace; None without marked steps.
        outside_s: Time in it outside of all steps in which an op ran.
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
        unassigned_ns: Time in `share_ns` whose op is not known.
        idle_by_reason_ns: `idle_ns` by what the host did meanwhile: "launching", "queued",
            "fetching", "python", "input", "unknown".
    """

    device: str
    wall_ns: int
    share_ns: int
    idle_ns: int
    unassigned_ns: int
    idle_by_reason_ns: dict[str, int] = field(default_factory=dict)


class AttributedTimes(DeviceTimes, frozen=True, kw_only=True):
    """The traced steps, divided: the timeline of the busiest GPU, or of the CPU without one.

    Attributes:
        devices: The same for each device.
        launches_per_step: Launches of kernels, copies, fills and CUDA graphs; None on a CPU.
        launching_s: GPU idle time waiting for launches, per timed step if any; None on a CPU.
        bound_by: What takes most of a GPU's step: "kernels", or waiting for "launching", "input",
            "fetching", "python" or "unknown"; "" on a CPU.
    """

    devices: tuple[DeviceTimes, ...]
    launches_per_step: float | None = None
    launching_s: float | None = None
    bound_by: str = ""


class Cost(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """Cost of an op, layer or kind in a traced step, on one device and in one pass.

    Attributes:
        name: Of the op, layer or kind.
        device: "CPU": op times; "GPU:0", …: kernel times.
        pass_: "forward", "backward", "optimizer", "input" or "other".
        executions_per_step: Executions; None on a GPU where the trace does not show launches.
        kernels_per_step: Kernels and copies that it launched; 0 on a CPU.
        busy_mean_s: Sum of its events' durations, mean over traced steps.
        busy_std_s: Its sample standard deviation; None with one step.
        share_mean_s: Its share of the step, mean: where k ops run at once, each gets 1/k.
        share_std_s: Its sample standard deviation; None with one step.
        share_fraction: Its share of all traced steps, as a fraction of their wall time.
        core_mean_s: Work of all threads for it, mean; None on a GPU, and if not recorded.
        parallelism: Core time / time in which any thread worked for it.
        share_ci95_s: 95 % interval of `share_mean_s`, from blocks of steps; None with fewer than 3.
        busy_fraction: Its share as a fraction of the time in which the device ran anything.
        idle_before_s: GPU idle time before its kernels but the step's first; None on a CPU.
        launching_s: Host time since the previous launch, for its launches; None on a CPU.
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
    """Cost of an op.

    Attributes:
        type: TensorFlow's type.
        kind: The type without prefixes and suffixes of vendor, fusion and gradient.
        layer: The name scope that it belongs to.
        covered: Whether the trace shows it in every traced step.
        fused: Types of the ops that it computes too and that have no event of their own.
        estimated: Whether it includes XLA fusions that are mostly, not wholly, its own.
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
        attribution: Traced time, divided; None without a trace, or if trace and clock disagree.
        ops: Cost of each op, largest first.
        layers: Cost of each layer in each pass.
        layers_whole: Cost of each layer in all passes, and "(idle)": together a device's step.
        kinds: Cost of each kind of op in each pass.
        not_timed: Ops that ran and have no time in the trace (constants and the like).
        devices: Each device in the whole trace.
        kernels: Kernels and copies of the GPUs in the whole trace, longest first.
        replay: Traced steps replayed, with predictions; None without a trace.
        fingerprint: The tensors that a step fetches, to compare results.
        notes: What to know of these numbers.
        interference: Other activity during warm-up and timed steps of all variants in turns.
        traced_interference: The same during traced steps, without GPUs.
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
