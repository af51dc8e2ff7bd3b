"""What leaving ops out saved, beside what the trace gives them."""

from __future__ import annotations

from msgspec import Struct

from alexprof.record.trace import FusedOp, LayerChange, OneSided, PredictedBy, SeenOps
from alexprof.record.values import Amount, Change, Count, Interval, Key


class AblationSpec(Struct, frozen=True):
    """The cost of some ops, as the difference between a variant with them and one without."""

    name: str  # For example "lrn"
    reference: Key  # A key of `variants`: the variant with the ops
    without: Key  # A key of `variants`: the same variant without these ops
    # The kinds of op that were left out; if empty, ops of every kind, or of none if `scopes` are
    # given
    kinds: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()  # The layers whose ops were left out; if empty, every layer
    # Name scopes whose ops were left out too, whatever their kinds and layers
    scopes: tuple[str, ...] = ()
    # Whether convolutions and matrix products in these scopes count. If a function makes none, a
    # product with its name is another op, into which TensorFlow folded what the function made.
    products: bool = True


class AblationPart(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """The attributed cost of those of the ops left out that are of one layer and pass."""

    layer: str  # As in `OpCost.layer`
    pass_: str  # As in `Cost.pass_`
    # Their share of the traced step, scaled to the timed mean; None without traces
    attributed_s: Change
    ci95_s: Interval | None = None  # Its 95 % interval; None with fewer than three steps


class Ablation(AblationSpec, frozen=True, kw_only=True):
    """Cost of some ops, measured by leaving them out, and by the trace."""

    phase: Key  # A key of `phases`
    # Whether the variants took turns, so that intervals come from pairs of blocks
    paired: bool = True
    measured_s: Change  # mean(reference) − mean(without), of timed steps
    ci95_s: Interval | None  # Its 95 % interval; None with too few blocks
    measured_median_s: Change  # median(reference) − median(without)
    median_ci95_s: Interval | None  # Its 95 % interval; None with too few blocks
    # Their share of the traced step, scaled to the timed mean; None without traces
    attributed_s: Change | None = None
    ops: Count | None = None  # Number of ops left out; None without a trace
    parts: tuple[AblationPart, ...] = ()  # `attributed_s` by layer and pass
    # Change of all else but idle time: `others`, `only_…` and `unassigned`
    others_s: Change | None = None
    idle_s: Change | None = None  # Change of idle time
    # The saving that the reference's trace predicts; None without a prediction
    predicted_s: Change | None = None
    # Its 95 % interval: replayed steps and drift; None of a share
    predicted_ci95_s: Interval | None = None
    # 95 % interval of `attributed_s`, from traced steps
    attributed_ci95_s: Interval | None = None
    # Change of each other layer, largest first; empty without traces of both variants
    others: tuple[LayerChange, ...] = ()
    others_ci95_s: Interval | None = None  # 95 % interval of `others_s`
    # 95 % interval of the change of those of `others` that are not significant, together
    not_significant_ci95_s: Interval | None = None
    only_with: tuple[OneSided, ...] = ()  # Ops that are gone and were not left out
    only_without: tuple[OneSided, ...] = ()  # Ops that are new
    unassigned: LayerChange | None = None  # Change of the time whose op is not known; None without
    idle_ci95_s: Interval | None = None  # 95 % interval of `idle_s`
    # Traced mean / timed mean of both; a CPU's shares are divided by it
    traced_over_timed: tuple[Amount, Amount] | None = None
    seen: tuple[SeenOps, ...] = ()  # The ops left out, as the trace shows them
    # Ops that compute some of them too; a prediction does not cover these
    fused: tuple[FusedOp, ...] = ()
    # What `predicted_s` rests on, as `Replay.how`, or "share" of the step; None without it
    predicted_by: PredictedBy | None = None
