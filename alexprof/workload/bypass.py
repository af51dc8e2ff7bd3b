"""Builds a graph without some of its ops: each is an identity instead.

TensorFlow's Python makes every op of a graph in one place (`_apply_op_helper` of
tensorflow/python/framework/op_def_library.py). While an op of the wanted kind and layer is made
there, an `Identity` is made in its place, under its name; so the gradients, which are made later,
lack it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alexprof.errors import UsageError

# Ops that hand on a tensor of the shape they get, and the name of that input
# (tensorflow/core/ops/nn_ops.cc, math_ops.cc).
INPUT_OF = {
    "BiasAdd": "value",
    "Elu": "features",
    "LRN": "input",
    "LeakyRelu": "features",
    "Relu": "features",
    "Relu6": "features",
    "Selu": "features",
    "Sigmoid": "x",
    "Softplus": "features",
    "Softsign": "features",
    "Tanh": "x",
}
"""Kinds of op that can be left out, each with the name of the input that is handed on."""


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
            pattern = cls(kind=kind) if kind in INPUT_OF else cls(layer=kind)
        else:
            pattern = cls(kind, layer)
        if not (pattern.kind or pattern.layer) or (colon and not (kind and layer)):
            raise UsageError(f"{text!r} names no ops: give a kind, a layer or LAYER:KIND")
        if pattern.kind and pattern.kind not in INPUT_OF:
            known = ", ".join(INPUT_OF)
            raise UsageError(f"{pattern.kind} can't be left out automatically: only {known}")
        return pattern

    def __str__(self) -> str:
        return ":".join(part for part in (self.layer, self.kind) if part)

    def matches(self, kind: str, layer: str) -> bool:
        """Tells whether an op is meant."""
        return self.kind in ("", kind) and self.layer in ("", layer)


@contextmanager
def bypassing(patterns: Sequence[Pattern]) -> Iterator[Counter[str]]:
    """Leaves ops out of the graph that is built inside the block.

    Args:
        patterns: Which; of a layer all its ops that can be left out.

    Yields:
        How many ops of each kind were left out so far.
    """
    from tensorflow.python.framework import op_def_library

    original = op_def_library._apply_op_helper
    left_out: Counter[str] = Counter()

    def apply(op_type_name: str, name: str | None = None, **keywords: Any) -> Any:
        taken = INPUT_OF.get(op_type_name)
        if taken is None or not any(
            one.matches(op_type_name, _layer(name or op_type_name)) for one in patterns
        ):
            return original(op_type_name, name=name, **keywords)
        left_out[op_type_name] += 1
        return original("Identity", name=name or op_type_name, input=keywords[taken])

    op_def_library._apply_op_helper = apply
    try:
        yield left_out
    finally:
        op_def_library._apply_op_helper = original


def _layer(name: str) -> str:
    """The outermost scope of an op that is about to be made."""
    import tensorflow as tf

    # A name that ends with a slash is whole already, others stand in the scope.
    scope = "" if name.endswith("/") else tf.compat.v1.get_default_graph().get_name_scope()
    return f"{scope}/{name}".strip("/").split("/", 1)[0]
