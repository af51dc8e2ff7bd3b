"""What a record holds of a trace beside its costs: devices, kernels, the replay."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from alexprof.record.note import Note


class RecordedDevice(Struct, frozen=True, kw_only=True):
    """A device in the whole trace, before any clipping to steps.

    Attributes:
        name: "CPU", "GPU:0", …
        kind: "cpu" or "gpu".
        events: Events of ops on a CPU, of kernels and copies on a GPU.
        busy_ns: Time in which at least one of them ran.
    """

    name: str
    kind: str
    events: int
    busy_ns: int


class Kernel(Struct, frozen=True, kw_only=True):
    """A kernel or copy of one op on one stream in the whole trace, before any clipping to steps.

    Attributes:
        name: As the trace has it.
        op: The op that launched it; "(unassigned)" where the trace names none.
        device: "GPU:0", …
        stream: The stream's name.
        executions: How often it ran.
        total_ns: Sum of its durations.
        launches: In how many ways it was launched; the next ones are of that which took most time,
            None where the trace doesn't say.
        grid: Blocks in x, y, z.
        block: Threads of a block in x, y, z.
        registers: Of a thread.
        shared_memory_bytes: Of a block, static and dynamic.
        occupancy: The part of a multiprocessor's threads that can be resident.
        copied_bytes: What each copy moves, or each fill fills.
        copied_from: The memory that a copy reads: "device", "pinned", "pageable", …
        copied_to: The memory that it writes.
        total_bytes: What all executions copy or fill; 0 of kernels.
        tensor_cores: Whether it multiplies matrices on Tensor Cores, by its name; None where that
            leaves it open.
    """

    name: str
    op: str
    device: str
    stream: str
    executions: int
    total_ns: int
    launches: int = 1
    grid: tuple[int, int, int] | None = None
    block: tuple[int, int, int] | None = None
    registers: int | None = None
    shared_memory_bytes: int | None = None
    occupancy: float | None = None
    copied_bytes: int | None = None
    copied_from: str | None = None
    copied_to: str | None = None
    total_bytes: int = 0
    tensor_cores: bool | None = None


class PathOp(Struct, frozen=True, kw_only=True):
    """An op of the critical path, and the mean time by which it made a step longer."""

    op: str
    mean_s: float


class Saving(Struct, frozen=True, kw_only=True):
    """What a step is predicted to save without some ops.

    Attributes:
        what: "layer", "kind", "op", or "ablation" for its ops.
        name: Which.
        fraction: Part of the step that goes, mean over replayed steps.
        fraction_std: Its sample standard deviation; None with one step.
        saves_s: The same of the timed mean (of the traced one where nothing was timed).
        halved_fraction: Part of the step that goes if it becomes twice as fast.
        halved_s: The same of the timed mean.
        dependent_ops: How many more ops of the trace exist only because of these, and go too.
        dependents: Names of those, ten at most.
    """

    what: str
    name: str
    fraction: float
    fraction_std: float | None
    saves_s: float
    halved_fraction: float
    halved_s: float
    dependent_ops: int = 0
    dependents: tuple[str, ...] = ()


class Replay(Struct, frozen=True, kw_only=True):
    """The traced steps, run again on paper from the graph and the measured durations.

    Attributes:
        reason: Why that could not be done, or was not; then there is nothing else but `dependents`
            and what the kernels tell.
        drift: Median over steps of |replayed / measured − 1|.
        drift_worst: The largest of them.
        steps: How many steps were replayed.
        critical_path: The ops that made the steps as long as they were, longest first.
        savings: What leaving out would save; empty where the drift is above 1 %.
        dependents: For each ablation, by its name, the other ops of the trace that exist only
            because of its ops; of use also where there is a reason.
        how: What `savings` rest on: a replay of a CPU's "ops" or of a GPU's "launches"; or, where a
            GPU works for most of the step, its "kernels" (see `kernel_savings`), without a replay.
    """

    reason: Note | None = None
    drift: float | None = None
    drift_worst: float | None = None
    steps: int = 0
    critical_path: tuple[PathOp, ...] = ()
    savings: tuple[Saving, ...] = ()
    dependents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    how: Literal["ops", "launches", "kernels"] = "ops"


class LayerChange(Struct, frozen=True, kw_only=True):
    """What a layer costs in the two variants of an ablation, on the scale of timed steps.

    Attributes:
        name: The layer, both passes together, without the ops that have rows of their own.
        with_s: In the variant that is whole; 0 if it has no such layer.
        without_s: In the one that lacks something.
        change_s: with_s − without_s.
        ci95_s: Its 95 % interval from traced steps; None with too few.
        significant: Whether the change differs from 0: by its traced steps, corrected for the
            number of layers (Holm), and being more than the timed means leave open.
    """

    name: str
    with_s: float
    without_s: float
    change_s: float
    ci95_s: tuple[float, float] | None = None
    significant: bool = False


class Gathered(Struct, frozen=True, kw_only=True):
    """What several layers or ops of an ablation changed by together.

    Attributes:
        names: Which.
        change_s: with − without, as in `LayerChange`.
        ci95_s: Its 95 % interval; None with too few traced steps.
    """

    names: tuple[str, ...]
    change_s: float
    ci95_s: tuple[float, float] | None = None


class OneSided(Struct, frozen=True, kw_only=True):
    """Ops of one type that are in one variant only, though nobody asked for them to be left out.

    Attributes:
        type: Their type, for example "Transpose".
        ops: Their names.
        change_s: What they cost: above 0 where they went with what was left out, below 0 where
            they are new without it.
        ci95_s: Its 95 % interval; None with too few traced steps.
    """

    type: str
    ops: tuple[str, ...]
    change_s: float
    ci95_s: tuple[float, float] | None = None


class SeenOps(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """Ops that were left out and that the trace shows: how many of a type in a pass."""

    type: str
    pass_: str
    ops: int


class FusedOp(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """An op into which others were fused: these have no event of their own.

    Attributes:
        op: Its name.
        layer: Its layer.
        kind: Its kind.
        pass_: Its pass.
        fused: The types of those of the ablation's ops that it computes too.
    """

    op: str
    layer: str
    kind: str
    pass_: str
    fused: tuple[str, ...]


class PredictionError(Struct, frozen=True, kw_only=True):
    """How far a prediction was off, each as predicted over measured, less 1.

    Attributes:
        step_mean: Of the step without the ops, by the means.
        step_median: The same by the medians.
        saving_mean: Of the saving; None where what was measured is below 2 % of the step or may be
            nothing.
        saving_median: The same by the medians.
    """

    step_mean: float
    step_median: float
    saving_mean: float | None = None
    saving_median: float | None = None
