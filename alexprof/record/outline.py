"""Runs without their long lists: a third of the time and memory, for answers about many runs.

Ops, layers by pass, kernels, replays and results are skipped when reading, so they are empty in an
outline, which must not be written as a record.
"""

from __future__ import annotations

from msgspec import field

from alexprof.record.kernels import Kernel
from alexprof.record.phase import Cost, OpCost, Phase
from alexprof.record.program import ExecutedOp, TensorFingerprint
from alexprof.record.run import Run, Variant
from alexprof.record.trace import Replay


class _Phase(Phase, frozen=True, kw_only=True, rename=lambda name: f"({name})"):
    # Fields declared here are looked up by names that no file has, so they stay empty.
    ops: tuple[OpCost, ...] = ()
    layers: tuple[Cost, ...] = ()
    not_timed: tuple[ExecutedOp, ...] = ()
    kernels: tuple[Kernel, ...] = ()
    replay: Replay | None = None
    fingerprint: tuple[TensorFingerprint, ...] = ()


class _Variant(Variant, frozen=True, kw_only=True):
    phases: dict[str, _Phase] = field(default_factory=dict)  # type: ignore[assignment]


class Outline(Run, frozen=True, kw_only=True, dict=True):
    """A run in which no phase has ops, layers by pass, kernels, a replay or results."""

    variants: dict[str, _Variant] = field(default_factory=dict)  # type: ignore[assignment]
