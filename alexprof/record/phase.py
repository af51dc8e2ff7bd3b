"""A phase of a variant: its timed and traced steps, and what each op cost."""

from __future__ import annotations

from msgspec import Struct, field

from alexprof.record.interference import Interference
from alexprof.record.kernels import Kernel, RecordedDevice
from alexprof.record.note import Note
from alexprof.record.program import ExecutedOp, TensorFingerprint
from alexprof.record.timed import Timed
from alexprof.record.trace import Replay
from alexprof.record.values import Amount, Count, Fraction, Interval, Nanoseconds, Positive, Seconds


def on_cpu(device: str) -> bool:
    """Whether a device is a CPU: "CPU", or of one of several hosts "vm1/CPU"."""
    return device.rpartition("/")[2] == "CPU"


class Traced(Struct, frozen=True, kw_only=True):
    """The traced steps, which are never the timed ones."""

    steps: Positive  # How many, without one that was left out
    mean_s: Seconds  # Mean wall time of a traced step
    std_s: Seconds | None  # Sample standard deviation; None with one step
    slowdown: Amount | None  # Traced mean / timed mean; None without timed steps
    # Mean of the same steps by the clock that times untraced ones
    wall_clock_mean_s: Seconds | None
    file: str  # The trace, relative to the run's folder
    host_level: Count | None  # The host tracer level that was used; None if the trace doesn't say
    events: Count  # Op and kernel events inside the steps
    # As in `Timed`; many more mean that tracing made memory slower
    page_faults_per_step: Amount | None = None
    # 95 % interval of the mean, from blocks of steps; None with fewer than three
    ci95_s: Interval | None = None
    # Duration of a first step, left out as it took much longer; None without
    left_out_s: Seconds | None = None
    mean_with_s: Seconds | None = None  # Mean including that step
    steps_s: tuple[Seconds, ...] = ()  # Wall time of each step, in order
    # From the first marked step to the end of the trace; None without marked steps
    span_s: Seconds | None = None
    outside_s: Seconds | None = None  # Time in it outside of all steps in which an op ran


class DeviceTimes(Struct, frozen=True, kw_only=True):
    """One device's timeline over all traced steps: share_ns + idle_ns = wall_ns."""

    device: str  # "CPU", "GPU:0", …
    wall_ns: Nanoseconds  # Wall time of the traced steps, summed
    share_ns: Nanoseconds  # Time given to ops, the unassigned included
    idle_ns: Nanoseconds  # Time with no op running
    unassigned_ns: Nanoseconds  # Time in `share_ns` whose op is not known
    # `idle_ns` by what the host did meanwhile: "launching", "queued", "fetching", "python",
    # "input", "unknown"
    idle_by_reason_ns: dict[str, Nanoseconds] = field(default_factory=dict)


class AttributedTimes(Struct, frozen=True, kw_only=True):
    """The traced steps, divided on each device."""

    device: str  # Whose timeline is the step's: the busiest GPU, or the CPU without one
    devices: tuple[DeviceTimes, ...]  # The timeline of each device
    # Launches of kernels, copies, fills and CUDA graphs; None on a CPU
    launches_per_step: Amount | None = None
    # What takes most of a GPU's step: "kernels", or waiting for "launching", "input", "fetching",
    # "python" or "unknown"; "" on a CPU
    bound_by: str = ""

    def __post_init__(self) -> None:
        if all(times.device != self.device for times in self.devices):
            raise ValueError(f"no times of the device {self.device}")

    @property
    def timeline(self) -> DeviceTimes:
        """The step's timeline, of `device`."""
        return next(times for times in self.devices if times.device == self.device)


class Cost(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """Cost of an op, layer or kind in a traced step, on one device and in one pass."""

    name: str  # Of the op, layer or kind
    device: str  # "CPU": op times; "GPU:0", …: kernel times
    pass_: str  # "forward", "backward", "optimizer", "input" or "other"
    # Executions; None on a GPU where the trace does not show launches
    executions_per_step: Amount | None
    kernels_per_step: Amount  # Kernels and copies that it launched; 0 on a CPU
    busy_mean_s: Seconds  # Sum of its events' durations, mean over traced steps
    busy_std_s: Seconds | None  # Its sample standard deviation; None with one step
    share_mean_s: Seconds  # Its share of the step, mean: where k ops run at once, each gets 1/k
    share_std_s: Seconds | None  # Its sample standard deviation; None with one step
    share_fraction: Fraction  # Its share of all traced steps, as a fraction of their wall time
    # Work of all threads for it, mean; None on a GPU, and if not recorded
    core_mean_s: Seconds | None = None
    parallelism: Amount | None = None  # Core time / time in which any thread worked for it
    # 95 % interval of `share_mean_s`, from blocks of steps; None with fewer than 3
    share_ci95_s: Interval | None = None
    # Its share as a fraction of the time in which the device ran anything
    busy_fraction: Fraction | None = None
    # GPU idle time before its kernels but the step's first; None on a CPU
    idle_before_s: Seconds | None = None
    # Host time since the previous launch, for its launches; None on a CPU
    launching_s: Seconds | None = None


class OpCost(Cost, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """Cost of an op."""

    type: str  # For example "_MklNativeFusedConv2D"
    # The type without prefixes and suffixes of vendor, fusion and gradient: "Conv2D"
    kind: str
    layer: str  # The name scope that it belongs to
    covered: bool = True  # Whether the trace shows it in every traced step
    # Types of the ops that it computes too and that have no event of their own
    fused: tuple[str, ...] = ()
    estimated: bool = False  # Whether it includes XLA fusions that are mostly, not wholly, its own


class Phase(Struct, frozen=True, kw_only=True):
    """One phase of one variant. What could not be measured is None, with the reason in `notes`."""

    label: str  # For sentences: "Forward-backward"
    timed: Timed | None = None  # Steps with no profiler attached
    traced: Traced | None = None  # Steps under the profiler
    # Traced time, divided; None without a trace, or if trace and clock disagree
    attribution: AttributedTimes | None = None
    ops: tuple[OpCost, ...] = ()  # Cost of each op, largest first
    layers: tuple[Cost, ...] = ()  # Cost of each layer in each pass
    # Cost of each layer in all passes, and "(idle)": together a device's step
    layers_whole: tuple[Cost, ...] = ()
    kinds: tuple[Cost, ...] = ()  # Cost of each kind of op in each pass
    # Ops that ran and have no time in the trace (constants and the like)
    not_timed: tuple[ExecutedOp, ...] = ()
    devices: tuple[RecordedDevice, ...] = ()  # Each device in the whole trace
    # Kernels and copies of the GPUs in the whole trace, longest first
    kernels: tuple[Kernel, ...] = ()
    replay: Replay | None = None  # Traced steps replayed, with predictions; None without a trace
    # The tensors that a step fetches, to compare results
    fingerprint: tuple[TensorFingerprint, ...] = ()
    notes: tuple[Note, ...] = ()  # What to know of these numbers
    # Other activity during warm-up and timed steps of all variants in turns
    interference: Interference | None = None
    traced_interference: Interference | None = None  # The same during traced steps, without GPUs

    @property
    def on_gpu(self) -> bool:
        """Whether the trace gives its steps to a GPU."""
        return self.attribution is not None and not on_cpu(self.attribution.device)
