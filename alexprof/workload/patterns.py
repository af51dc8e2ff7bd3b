"""Which ops are to be left out of a graph, and which were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from alexprof.errors import UsageError, near_names
from alexprof.record.ablation import AblationSpec
from alexprof.workload.ops_to_leave_out import (
    BATCH_NORM,
    FUSED_NORM,
    KINDS,
    OP_KINDS,
    SHAPE_KINDS,
)


@dataclass(frozen=True)
class Pattern:
    """Which ops are meant: of a kind, of a layer, or of a kind in a layer."""

    kind: str = ""  # The kind, "" for any
    layer: str = ""  # The outermost name scope, "" for any

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Reads "LRN", "lrn1" or "conv1:Relu".

        Raises:
            UsageError: It is no pattern, or its kind can't be left out.
        """
        layer, colon, kind = text.strip().rpartition(":")
        if not kind or (colon and not layer):
            raise UsageError(f"{text!r} names no ops: give a kind, a layer or LAYER:KIND")
        if not colon and kind not in KINDS:
            return cls(layer=kind)
        if kind not in KINDS:
            raise UsageError(f"{kind} can't be left out automatically: only {', '.join(KINDS)}")
        return cls(kind, layer)

    def __str__(self) -> str:
        return ":".join(part for part in (self.layer, self.kind) if part)

    def matches(self, kind: str, layer: str) -> bool:
        """Tells whether an op, or what a function makes, is meant."""
        fused = kind == FUSED_NORM and self.kind == BATCH_NORM
        return (self.kind in ("", kind) or fused) and self.layer in ("", layer)

    def ablation(self, reference: str, without: str, scopes: Sequence[str] = ()) -> AblationSpec:
        """What its ops cost, by a variant with them and one without; `scopes` as in `LeftOut`."""
        # No op is of a function's own kind, and of a kind in `SHAPE_KINDS` the scopes tell which.
        special: dict[str, tuple[str, ...]] = {"": OP_KINDS, BATCH_NORM: (FUSED_NORM,)}
        kinds = special.get(self.kind, () if self.kind in SHAPE_KINDS else (self.kind,))
        layers = (self.layer,) if self.layer else ()
        return AblationSpec(
            str(self), reference, without, kinds, layers, tuple(scopes), products=False
        )


@dataclass
class LeftOut:
    """What was left out of a graph so far."""

    pattern: Pattern
    kinds: Counter[str] = field(default_factory=Counter)  # How many of each kind
    # The name scopes of what functions would have made, and of gradients that would be several ops
    # (where `tf.gradients` makes them: a tape gives them no scope of their own)
    scopes: list[str] = field(default_factory=list)
    # Kind and layer of all that could have been left out
    seen: set[tuple[str, str]] = field(default_factory=set)
    over: bool = False  # Whether the graph is built

    def meant(self, kind: str, name: str) -> bool:
        """Tells whether to leave out what is about to be made, and counts it."""
        if self.over:  # a function that was imported by its name while it was replaced
            return False
        layer = name.split("/", 1)[0]
        self.seen.add((kind, layer))
        matches = self.pattern.matches(kind, layer)
        if matches:
            self.kinds[kind] += 1
        return matches

    def ablation(self, reference: str, without: str) -> AblationSpec:
        """The ablation, for `Tracer.add_ablations`; raises a `UsageError` if nothing was left out.

        Args:
            reference: The variant that has the ops.
            without: The variant that was built without them.
        """
        self.check()
        return self.pattern.ablation(reference, without, self.scopes)

    question = ablation
    """Its earlier name."""

    def check(self) -> None:
        """Raises a `UsageError` if nothing was left out, with what could be."""
        if self.kinds:
            return
        seen_kinds = {kind for kind, _ in self.seen}
        kinds = [kind for kind in KINDS if kind in seen_kinds]
        layers = sorted({layer for _, layer in self.seen})
        near = near_names(self.pattern.layer or self.pattern.kind, [*layers, *kinds], most=1)
        instead = f"did you mean {near[0]}? " if near else ""
        instead += f"choose from the kinds {', '.join(kinds)} and the layers {', '.join(layers)}"
        raise UsageError(
            f"the graph has no op {self.pattern} that can be left out: "
            f"{instead if self.seen else 'none of its ops can'}"
        )
