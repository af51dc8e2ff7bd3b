"""Shares without what tracing took of them."""

from __future__ import annotations

import msgspec

from alexprof.record.phase import OpCost, Phase
from alexprof.record.run import Run, Variant
from alexprof.record.tracing import Tracing


def with_tracing(run: Run, tracing: Tracing) -> Run:
    """Adds what tracing costs, and each op's share without it."""
    variants = {name: _variant(variant, tracing) for name, variant in run.variants.items()}
    return msgspec.structs.replace(run, tracing=tracing, variants=variants)


def untraced_share_s(op: OpCost, event_s: float) -> float | None:
    """An op's share less what recording events in its time took; None where those aren't known.

    Args:
        op: The op. Where it shared its time with others, so did what it recorded.
        event_s: What an event costs.
    """
    if op.events_per_step is None:
        return None
    of_its_time = op.share_mean_s / op.busy_mean_s if op.busy_mean_s else 1.0
    return max(0.0, op.share_mean_s - op.events_per_step * event_s * of_its_time)


def _variant(variant: Variant, tracing: Tracing) -> Variant:
    phases = {key: _phase(phase, tracing) for key, phase in variant.phases.items()}
    return msgspec.structs.replace(variant, phases=phases)


def _phase(phase: Phase, tracing: Tracing) -> Phase:
    event_s = tracing.event_s(phase.traced.host_level if phase.traced else None)
    if event_s is None:
        return phase
    ops = tuple(
        msgspec.structs.replace(op, untraced_share_s=untraced_share_s(op, event_s))
        for op in phase.ops
    )
    return msgspec.structs.replace(phase, ops=ops)
