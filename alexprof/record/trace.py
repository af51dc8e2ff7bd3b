"""What a record holds of a trace beside its costs: the replay, and changes between variants."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from alexprof.record.note import Note
from alexprof.record.values import Amount, Change, Count, Interval, Number, Seconds

PredictedBy = Literal["ops", "launches", "kernels", "share"]
"""What a prediction rests on: see `Replay.how`; or the share of the step."""


class PathOp(Struct, frozen=True, kw_only=True):
    """An op of the critical path."""

    op: str  # Name in the graph
    mean_s: Change  # By which it made a step longer, mean over steps


class Saving(Struct, frozen=True, kw_only=True):
    """What a step is predicted to save without some ops."""

    what: str  # "layer", "kind", "op", or "ablation" for its ops
    name: str  # Of the layer, kind, op or ablation
    fraction: Number  # Fraction of the step that is saved, mean over replayed steps
    fraction_std: Amount | None  # Its sample standard deviation; None with one step
    halved_fraction: Number  # Fraction saved if they become twice as fast
    dependent_ops: Count = 0  # Number of other ops that exist only because of these, and go too
    dependents: tuple[str, ...] = ()  # Their names, at most ten


class Replay(Struct, frozen=True, kw_only=True):
    """The traced steps, replayed from the graph and the measured durations."""

    # Why there is no replay; then only `dependents`, and what the kernels tell. Even then launches
    # are replayed for ablations that leave out more than half of them.
    reason: Note | None = None
    drift: Amount | None = None  # Median of abs(replayed / measured − 1) over steps
    drift_worst: Amount | None = None  # The largest abs(replayed / measured − 1)
    steps: Count = 0  # How many were replayed: not all where that would take long
    # Ops that determined the length of the steps, longest first
    critical_path: tuple[PathOp, ...] = ()
    # Predictions for layers, kinds and ops of 1 % of the step and more, at most 20 each, and for
    # ablations; empty where the drift exceeds 1 %
    savings: tuple[Saving, ...] = ()
    # By ablation the other ops of the trace that exist only because of its ops
    dependents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # What `savings` rest on: replayed "ops" (CPU) or "launches" (GPU), or "kernels" and launching
    # them (GPU; ablations are replayed even then)
    how: PredictedBy = "ops"


class LayerChange(Struct, frozen=True, kw_only=True):
    """What a layer costs in the two variants of an ablation, on the scale of timed steps."""

    name: str  # The layer, both passes together, without the ops that have rows of their own
    with_s: Seconds  # In the variant `reference`; 0 if it has no such layer
    without_s: Seconds  # In the variant `without`
    change_s: Change  # with_s − without_s
    # Its 95 % interval from traced steps; None with too few
    ci95_s: Interval | None = None
    # Whether it differs from 0, corrected for the number of layers (Holm), by more than the timed
    # means leave open
    significant: bool = False


class OneSided(Struct, frozen=True, kw_only=True):
    """Ops of one type that only one variant has and that were not left out."""

    type: str  # Their type, for example "Transpose"
    ops: tuple[str, ...]  # Names in the graph
    change_s: Change  # Their cost: above 0 where they are gone, below 0 where they are new
    ci95_s: Interval | None = None  # Its 95 % interval; None with too few traced steps


class SeenOps(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """Ops that were left out and that the trace shows, of one type and pass."""

    type: str  # As in `OpCost.type`
    pass_: str  # As in `Cost.pass_`
    ops: Count  # How many of them there are


class FusedOp(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """An op into which others were fused: these have no event of their own."""

    op: str  # Name in the graph
    layer: str  # As in `OpCost.layer`
    kind: str  # As in `OpCost.kind`
    pass_: str  # As in `Cost.pass_`
    fused: tuple[str, ...]  # Types of the ops left out that it computes too
