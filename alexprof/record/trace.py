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
        name: Its name in the trace.
        op: The op that launched it; "(unassigned)" where the trace names none.
        device: "GPU:0", …
        stream: The stream's name.
        executions: Number of executions.
        total_ns: Sum of its durations.
        launches: Launch configurations; the next fields are of the one that took most time.
        grid: Blocks in x, y, z.
        block: Threads of a block in x, y, z.
        registers: Registers of a thread.
        shared_memory_bytes: Shared memory of a block, static and dynamic.
        occupancy: Fraction of a multiprocessor's threads that can be resident.
        copied_bytes: Size of a copy or fill.
        copied_from: Memory that a copy reads: "device", "pinned", "pageable", …
        copied_to: Memory that it writes.
        total_bytes: Size of all copies or fills; 0 of kernels.
        tensor_cores: Whether it uses Tensor Cores, by its name; None if the name doesn't tell.
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
    """An op of the critical path.

    Attributes:
        op: Its name.
        mean_s: By which it made a step longer, mean over steps.
    """

    op: str
    mean_s: float


class Saving(Struct, frozen=True, kw_only=True):
    """What a step is predicted to save without some ops.

    Attributes:
        what: "layer", "kind", "op", or "ablation" for its ops.
        name: Of the layer, kind, op or ablation.
        fraction: Fraction of the step that is saved, mean over replayed steps.
        fraction_std: Its sample standard deviation; None with one step.
        saves_s: The same of the timed mean (without timed steps, of the traced one).
        halved_fraction: Fraction saved if they become twice as fast.
        halved_s: The same of the timed mean.
        dependent_ops: Number of other ops that exist only because of these, and go too.
        dependents: Their names, at most ten.
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
    """The traced steps, replayed from the graph and the measured durations.

    Attributes:
        reason: Why there is no replay; then only `dependents`, and what the kernels tell. Even then
            launches are replayed for ablations that leave out more than half of them.
        drift: Median of abs(replayed / measured − 1) over steps.
        drift_worst: The largest.
        steps: Number of replayed steps.
        critical_path: Ops that determined the length of the steps, longest first.
        savings: Predictions for layers, kinds and ops of 1 % of the step and more, at most 20 each,
            and for ablations; empty where the drift exceeds 1 %.
        dependents: By ablation the other ops of the trace that exist only because of its ops.
        how: What `savings` rest on: replayed "ops" (CPU) or "launches" (GPU), or its "kernels" but
            for ablations.
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
        with_s: In the variant `reference`; 0 if it has no such layer.
        without_s: In the variant `without`.
        change_s: with_s − without_s.
        ci95_s: Its 95 % interval from traced steps; None with too few.
        significant: Whether it differs from 0, corrected for the number of layers (Holm), by more
            than the timed means leave open.
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
    """Ops of one type that only one variant has and that were not left out.

    Attributes:
        type: Their type, for example "Transpose".
        ops: Their names.
        change_s: Their cost: above 0 where they are gone, below 0 where they are new.
        ci95_s: Its 95 % interval; None with too few traced steps.
    """

    type: str
    ops: tuple[str, ...]
    change_s: float
    ci95_s: tuple[float, float] | None = None


class SeenOps(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """Ops that were left out and that the trace shows, of one type and pass.

    Attributes:
        type: TensorFlow's.
        pass_: Their pass.
        ops: How many.
    """

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
        fused: Types of the ops left out that it computes too.
    """

    op: str
    layer: str
    kind: str
    pass_: str
    fused: tuple[str, ...]
