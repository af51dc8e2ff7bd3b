"""The scopes around a whole model, below which its layers are named."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

Path = tuple[str, ...]

LOOP = re.compile(r"(while|cond|map|scan)(_\d+)?")
"""Scopes of loops and branches."""
_MOST = 0.8
"""Part of the layers, or of the time, that a scope around the model holds at least."""
_SUFFIX = re.compile(r"_\d+$")
# Names that TensorFlow, Keras and JAX give to products with weights.
_PRODUCT = re.compile(
    r"(?:CudnnRNN\w*|\w*[Cc]onv\dD|convolution|conv_general_dilated|\w*MatMul|matmul|Tensordot|[Ee]insum|dot_general)"
)


def root_scope(paths: Sequence[Path]) -> Path:
    """Finds the scopes around the whole model (`functional_1`, `bert/encoder`), often none.

    A layer is known by the variables that it reads (`scope/layer/MatMul/ReadVariableOp`), or where
    none are read, as in what XLA compiled, by its products (`scope/layer/MatMul`). A scope that
    holds 80 % of these layers, and at least two, holds the model.

    Args:
        paths: Paths of the forward ops.
    """
    ends = [_SUFFIX.sub("", path[-1]) for path in paths]
    reads = [path for path, end in zip(paths, ends, strict=True) if end == "ReadVariableOp"]
    owners = {path[:-2] for path in reads if len(path) > 2}
    if not reads:
        products = (path for path, end in zip(paths, ends, strict=True) if _PRODUCT.fullmatch(end))
        owners = {path[:-1] for path in products if len(path) > 1}
    root: Path = ()
    while True:
        inside = [o for o in owners if o[: len(root)] == root and len(o) > len(root) + 1]
        scope, count = next(iter(Counter(o[len(root)] for o in inside).most_common(1)), ("", 0))
        if count < max(2.0, _MOST * len(owners)) or LOOP.fullmatch(scope):
            return root
        root = (*root, scope)


def root_by_time(ops: Sequence[tuple[Path, float]]) -> Path:
    """Finds the scopes around the whole model by the time that passes in them.

    Descends as long as one scope holds 80 % of the time and is not itself a layer. A layer is
    known by a product of its own (`layer/MatMul`); a scope that holds the model has its products
    further down. Where nothing has products, it has most of its time further down.

    Args:
        ops: Path and time of each op of the model, forward and backward, without the optimizer.
    """
    total = sum(time for _, time in ops)
    root: Path = ()
    inside = list(ops)
    while total:
        time_of: defaultdict[str, float] = defaultdict(float)
        for path, time in inside:
            if len(path) > len(root) + 1:
                time_of[path[len(root)]] += time
        scope = max(time_of, key=lambda name: time_of[name], default="")
        within = [(path, time) for path, time in inside if path[len(root)] == scope]
        if time_of[scope] < _MOST * total or not _holds_layers(within, len(root) + 1, ops):
            return root
        root = (*root, scope)
        inside = [(path, time) for path, time in within if len(path) > len(root)]
    return root


def _holds_layers(
    within: Sequence[tuple[Path, float]], depth: int, ops: Sequence[tuple[Path, float]]
) -> bool:
    """Whether a scope, `depth` scopes from the outside, holds layers and is none."""
    if LOOP.fullmatch(within[0][0][depth - 1]):
        return True
    products = [len(path) for path, _ in within if _is_product(path)]
    if products:
        return min(products) > depth + 1
    if any(_is_product(path) for path, _ in ops):
        return False
    further = sum(time for path, time in within if len(path) > depth + 1)
    children = {path[depth] for path, _ in within if len(path) > depth + 1}
    return len(children) > 1 and further > sum(time for _, time in within) / 2


def _is_product(path: Path) -> bool:
    return bool(_PRODUCT.fullmatch(_SUFFIX.sub("", path[-1])))
