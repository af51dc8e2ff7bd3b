"""Which ops are to be left out of a graph, and which were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from alexprof.errors import UsageError
from alexprof.workload.base import AblationSpec
from alexprof.workload.replaceable import BATCH_NORM, FUNCTION_KINDS, FUSED_NORM, KINDS, OP_KINDS


@dataclass(frozen=True)
class Pattern:
    """Which ops are meant: of a kind, of a layer, or of a kind in a layer.

    Attributes:
        kind: The kind, "" for any.
        layer: The outermost name scope, "" for any.
    """

    kind: str = ""
    layer: str = ""

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Reads "LRN", "lrn1" or "conv1:Relu".

        Raises:
            UsageError: It is no pattern, or its kind can't be left out.
        """
        layer, colon, kind = text.strip().rpartition(":")
        if not colon:
            pattern = cls(kind=kind) if kind in KINDS else cls(layer=kind)
        else:
            pattern = cls(kind, layer)
        if not (pattern.kind or pattern.layer) or (colon and not (kind and layer)):
            raise UsageError(f"{text!r} names no ops: give a kind, a layer or LAYER:KIND")
        if pattern.kind and pattern.kind not in KINDS:
            raise UsageError(
                f"{pattern.kind} can't be left out automatically: only {', '.join(KINDS)}"
            )
        return pattern

    def __str__(self) -> str:
        return ":".join(part for part in (self.layer, self.kind) if part)

    def matches(self, kind: str, layer: str) -> bool:
        """Tells whether an op, or what a function makes, is meant."""
        fused = kind == FUSED_NORM and self.kind == BATCH_NORM
        return (self.kind in ("", kind) or fused) and self.layer in ("", layer)

    def ablation(self, reference: str, without: str, scopes: Sequence[str] = ()) -> AblationSpec:
        """What its ops cost, as two variants answer it.

        Args:
            reference: The variant with them.
            without: The variant that was built without them.
            scopes: As in `LeftOut`.
        """
        kinds: tuple[str, ...] = (self.kind,)
        if not self.kind:
            kinds = OP_KINDS
        elif self.kind in FUNCTION_KINDS:
            # No op is of the function's own kind: none are meant where there are no scopes.
            kinds = (FUSED_NORM,) if self.kind == BATCH_NORM else (self.kind,)
        layers = (self.layer,) if self.layer else ()
        return AblationSpec(
            str(self), reference, without, kinds, layers, tuple(scopes), products=False
        )


@dataclass
class LeftOut:
    """What was left out of a graph so far.

    Attributes:
        pattern: What was to be left out.
        kinds: How many of each kind.
        scopes: The name scopes of what functions would have made, and of gradients that would be
            several ops (where `tf.gradients` makes them: a tape gives them no scope of their own).
        seen: Kind and layer of all that could have been left out.
    """

    pattern: Pattern
    kinds: Counter[str] = field(default_factory=Counter)
    scopes: list[str] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def ablation(self, reference: str, without: str) -> AblationSpec:
        """What was left out, for `Tracer.ask`.

        Args:
            reference: The variant that has it.
            without: The variant that was built without it.

        Raises:
            UsageError: If nothing was left out so far.
        """
        self.check("the graph")
        return self.pattern.ablation(reference, without, self.scopes)

    question = ablation
    """Its earlier name."""

    def check(self, of: str, layers: Sequence[str] = ()) -> None:
        """Checks that something was left out.

        Args:
            of: Whose graph it was.
            layers: Layers worth offering; none: all.

        Raises:
            UsageError: If nothing was; it says what could be.
        """
        if self.kinds:
            return
        seen_layers = {layer for _, layer in self.seen}
        names = [
            name for name in dict.fromkeys(layers) or sorted(seen_layers) if name in seen_layers
        ]
        seen_kinds = {kind for kind, _ in self.seen}
        kinds = [kind for kind in KINDS if kind in seen_kinds]
        wanted = (self.pattern.layer or self.pattern.kind).casefold()
        by_folded = {name.casefold(): name for name in (*names, *kinds)}
        close = get_close_matches(wanted, by_folded, n=1)
        instead = f"did you mean {by_folded[close[0]]}? " if close else ""
        instead += f"choose of the kinds {', '.join(kinds)} and the layers {', '.join(names)}"
        raise UsageError(
            f"{of} has no op {self.pattern} that can be left out: "
            f"{instead if self.seen else 'nothing of it can'}"
        )
