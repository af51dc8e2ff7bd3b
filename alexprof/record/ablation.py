"""What leaving ops out saved, beside what the trace gives them."""

from __future__ import annotations

from msgspec import Struct

from alexprof.record.trace import (
    FusedOp,
    Gathered,
    LayerChange,
    OneSided,
    PredictionError,
    SeenOps,
)


class AblationPart(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """The attributed cost of one layer's and pass's ops among those left out, as in `Ablation`."""

    layer: str
    pass_: str
    attributed_s: float
    attributed_std_s: float | None
    ci95_s: tuple[float, float] | None = None


class Ablation(Struct, frozen=True, kw_only=True):
    """What some ops cost: measured by leaving them out, beside what the trace gives them.

    Attributes:
        name: For example "lrn".
        phase: The phase it is about.
        reference: The variant with the ops.
        without: The variant without them.
        kinds: The kinds of op that were left out; none means of any kind, or of none where there
            are scopes.
        layers: The layers whose ops were left out; none means of any layer.
        scopes: Name scopes whose ops were left out too, whatever their kinds and layers.
        products: Whether convolutions and matrix products in these scopes are meant.
        paired: Whether the variants took turns, so that the intervals come from pairs of blocks.
        measured_s: mean(reference) − mean(without), timed steps.
        ci95_s: Its 95 % interval; None with too few blocks.
        measured_median_s: The same by medians.
        median_ci95_s: Its 95 % interval.
        attributed_s: Their share of the traced step times the timed mean; None without a trace.
        attributed_std_s: Its standard deviation over traced steps.
        ops: How many ops were left out; None without a trace.
        parts: By layer and pass; they sum to attributed_s.
        others_s: What everything else but idle time changed by between the variants: `others`,
            `only_with`, `only_without` and `unassigned`, summed.
        idle_s: What idle time changed by.
        predicted_s: What the reference's trace predicts, by its replay where there is one and by
            the ops' shares otherwise; None without a trace.
        predicted_ci95_s: Its 95 % interval: over replayed steps, and the replay's drift; None of
            a share.
        attributed_ci95_s: 95 % interval of attributed_s from traced steps.
        others: Each other layer, largest change first; empty without traces of both variants, like
            all that follows.
        others_ci95_s: 95 % interval of others_s.
        not_significant: The layers of `others` whose change is not significant, together.
        only_with: Ops that are gone without having been asked for.
        only_without: Ops that are new.
        unassigned: What time whose op is not known changed by; None where there is none.
        idle_ci95_s: 95 % interval of idle_s.
        traced_over_timed: How much longer traced steps were than timed ones, by their means, in
            `reference` and in `without`. A CPU's shares are divided by that; a GPU's stay, and its
            idle time takes the difference.
        seen: The ops that were left out, as the trace shows them.
        fused: The ops that compute others of them too.
        predicted_from: "replay" of a CPU's ops or "launches" of a GPU's, or else "share" of a CPU's
            ops or "kernels" of a GPU's (see `kernel_savings`); "" without a prediction.
        predicted_error: How far the prediction is off; None without one.
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
    predicted_error: PredictionError | None = None
