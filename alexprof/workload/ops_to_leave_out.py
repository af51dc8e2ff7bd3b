"""What can be left out of a graph: ops, and functions that make several ops, one entry each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
