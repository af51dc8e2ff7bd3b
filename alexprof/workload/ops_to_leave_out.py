"""What can be left out of a graph: an entry for each op, and each function that makes several ops.

`Pattern` selects among them; `leave_ops_out` leaves them out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alexprof.errors import UsageError
from alexprof.record.ablation import AblationSpec

FUSED_NORM = "FusedBatchNorm"
BATCH_NORM = "BatchNorm"
"""The kind that means batch normalization however it was made: as one op or as several."""


def _pools_keep_shape(attributes: Mapping[str, Any]) -> bool:
    padding, strides = attributes["padding"], attributes["strides"]
    return padding in ("SAME", b"SAME") and set(strides) == {1}


@dataclass(frozen=True)
class Op:
    """A type of op whose output has its first input's shape, so that an identity can replace it."""

    type: str  # The op's type
    input: str  # The name of its first input
    gradient: str = ""  # The type of its gradient, where that hands on the gradient it gets
    gradient_place: int = 0  # The place of that gradient among the inputs of the op's gradient
    # Whether the gradient is several ops instead, in a scope of their own
    gradient_scope: bool = False
    # Of a type of which only some ops keep the shape: tells by an op's attributes
    keeps_shape: Callable[[Mapping[str, Any]], bool] | None = None

    @property
    def kind(self) -> str:
        """Its type without the version."""
        return re.sub(r"V\d$", "", self.type)


@dataclass(frozen=True)
class Function:
    """A function of TensorFlow's Python that makes several ops of one input."""

    kind: str  # What it is called here
    module: str  # Where it is defined, below tensorflow.python.ops
    name: str  # Its name there
    scope: str  # The name scope that its ops get if no `name` is given
    input: str  # The parameter that is handed on


# tensorflow/core/ops/nn_ops.cc, math_ops.cc; gradients: tensorflow/python/ops/nn_grad.py,
# math_grad.py. The gradient of BiasAdd hands on to its first input what it gets, without an op.
OPS = {
    op.type: op
    for op in (
        Op("BiasAdd", "value"),
        Op("Elu", "features", "EluGrad"),
        Op("FusedBatchNorm", "x", "FusedBatchNormGrad"),
        Op("FusedBatchNormV2", "x", "FusedBatchNormGradV2"),
        Op("FusedBatchNormV3", "x", "FusedBatchNormGradV3"),
        Op("LRN", "input", "LRNGrad"),
        Op("LeakyRelu", "features", "LeakyReluGrad"),
        Op("LogSoftmax", "logits", gradient_scope=True),
        Op("MaxPool", "input", "MaxPoolGrad", gradient_place=2, keeps_shape=_pools_keep_shape),
        Op("Relu", "features", "ReluGrad"),
        Op("Relu6", "features", "Relu6Grad"),
        Op("Selu", "features", "SeluGrad"),
        Op("Sigmoid", "x", "SigmoidGrad", gradient_place=1),
        Op("Softmax", "logits", gradient_scope=True),
        Op("Softplus", "features", "SoftplusGrad"),
        Op("Softsign", "features", "SoftsignGrad"),
        Op("Tanh", "x", "TanhGrad", gradient_place=1),
    )
}
"""The ops that can be left out, by type."""
# `tf.nn.dropout`, v1's and those of `tf.nn.experimental` all end in `_dropout`.
FUNCTIONS = (
    Function(BATCH_NORM, "nn_impl", "batch_normalization", "batchnorm", "x"),
    Function("Dropout", "nn_ops", "_dropout", "dropout", "x"),
    Function("Gelu", "nn_ops", "gelu", "Gelu", "features"),
)
OP_KINDS = tuple(dict.fromkeys(op.kind for op in OPS.values() if op.keeps_shape is None))
SHAPE_KINDS = tuple(op.kind for op in OPS.values() if op.keeps_shape is not None)
"""Kinds of which only some can be left out: those whose attributes keep the shape."""
KINDS = tuple(
    sorted((*OP_KINDS, *SHAPE_KINDS, *(function.kind for function in FUNCTIONS)), key=str.casefold)
)
"""All that can be left out by its kind."""
HANDED_ON = dict.fromkeys(OPS, 0) | {
    op.gradient: op.gradient_place for op in OPS.values() if op.gradient
}
"""The place of the input that is handed on where an op is left out, by its type."""


@dataclass(frozen=True)
class Pattern:
    """Selects ops: of a kind, of a layer, or of a kind in a layer."""

    kind: str = ""  # The kind, "" for any
    layer: str = ""  # The outermost name scope, "" for any

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Reads "LRN", "lrn1" or "conv1:Relu".

        Raises:
            UsageError: If the text is not a pattern, or its kind can't be left out.
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
        """Tells whether an op, or a function's result, is selected."""
        fused = kind == FUSED_NORM and self.kind == BATCH_NORM
        return (self.kind in ("", kind) or fused) and self.layer in ("", layer)

    def ablation(self, reference: str, without: str, scopes: Sequence[str] = ()) -> AblationSpec:
        """The ablation between a variant with the ops and one without; `scopes` as in `LeftOut`."""
        # No op has a function's kind; for a kind in `SHAPE_KINDS` the scopes tell which ops.
        special: dict[str, tuple[str, ...]] = {"": OP_KINDS, BATCH_NORM: (FUSED_NORM,)}
        kinds = special.get(self.kind, () if self.kind in SHAPE_KINDS else (self.kind,))
        layers = (self.layer,) if self.layer else ()
        return AblationSpec(
            str(self), reference, without, kinds, layers, tuple(scopes), products=False
        )
