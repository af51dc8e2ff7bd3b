"""What leaving ops out saved, beside what the trace gives them."""

from __future__ import annotations

from msgspec import Struct

from alexprof.record.trace import FusedOp, Gathered, LayerChange, OneSided, SeenOps


class AblationPart(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """The attributed cost of those of the ops left out that are of one layer and pass.

    Attributes:
        layer: The layer.
        pass_: The pass.
        attributed_s: Their share of the traced step, scaled to the timed mean; None without traces.
        attributed_std_s: Its sample standard deviation over traced steps; None with one step.
        ci95_s: Its 95 % interval; None with fewer than three steps.
    """

    layer: str
    pass_: str
    attributed_s: float
    attributed_std_s: float | None
    ci95_s: tuple[float, float] | None = None


class Ablation(Struct, frozen=True, kw_only=True):
    """Cost of some ops, measured by leaving them out, and by the trace.

    Attributes:
        name: The ablation: "lrn".
        phase: Key of the phase.
        reference: The variant with the ops.
        without: The variant without them.
        kinds: Kinds of op left out; empty: any, or none if there are scopes.
        layers: Layers whose ops were left out; empty: any.
        scopes: Name scopes whose ops of all kinds were left out too.
        products: Whether this includes convolutions and matrix products in these scopes.
        paired: Whether the variants took turns, so that intervals come from pairs of blocks.
        measured_s: mean(reference) − mean(without), of timed steps.
        ci95_s: Its 95 % interval; None with too few blocks.
        measured_median_s: The same by medians.
        median_ci95_s: Its 95 % interval.
        attributed_s: Their share of the traced step, scaled to the timed mean; None without traces.
        attributed_std_s: Its standard deviation over traced steps.
        ops: Number of ops left out; None without a trace.
        parts: `attributed_s` by layer and pass.
        others_s: Change of all else but idle time: `others`, `only_…` and `unassigned`.
        idle_s: Change of idle time.
        predicted_s: The saving that the reference's trace predicts; None without a prediction.
        predicted_ci95_s: Its 95 % interval: replayed steps and drift; None of a share.
        attributed_ci95_s: 95 % interval of `attributed_s`, from traced steps.
        others: Change of each other layer, largest first; empty without traces of both variants.
        others_ci95_s: 95 % interval of `others_s`.
        not_significant: Those of `others` that are not significant, together.
        only_with: Ops that are gone and were not left out.
        only_without: Ops that are new.
        unassigned: Change of the time whose op is not known; None without.
        idle_ci95_s: 95 % interval of `idle_s`.
        traced_over_timed: Traced mean / timed mean of both; a CPU's shares are divided by it.
        seen: The ops left out, as the trace shows them.
        fused: Ops that compute some of them too; a prediction does not cover these.
        predicted_from: "replay", "share" (CPU), "launches", "kernels" (GPU), "" (not predicted).
    """

    name: str
    phase: str
    reference: str
    without: str
    kinds: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    products: bool = True
    paired: bool = True
    measured_s: float
    ci95_s: tuple[float, float] | None
    measured_median_s: float
    median_ci95_s: tuple[float, float] | None
    attributed_s: float | None = None
    attributed_std_s: float | None = None
    ops: int | None = None
    parts: tuple[AblationPart, ...] = ()
    others_s: float | None = None
    idle_s: float | None = None
    predicted_s: float | None = None
    predicted_ci95_s: tuple[float, float] | None = None
    attributed_ci95_s: tuple[float, float] | None = None
    others: tuple[LayerChange, ...] = ()
    others_ci95_s: tuple[float, float] | None = None
    not_significant: Gathered | None = None
    only_with: tuple[OneSided, ...] = ()
    only_without: tuple[OneSided, ...] = ()
    unassigned: LayerChange | None = None
    idle_ci95_s: tuple[float, float] | None = None
    traced_over_timed: tuple[float, float] | None = None
    seen: tuple[SeenOps, ...] = ()
    fused: tuple[FusedOp, ...] = ()
    predicted_from: str = ""
