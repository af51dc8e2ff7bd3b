"""Scopes that are no layers: those around a whole model, and those of optimizers.

An optimizer, under any name, is where variables are updated and no gradient flows. Where there are
gradients, a scope that holds several updates of variables and has no gradient twin is an
optimizer's: a layer that updates variables of its own, as a batch norm does, has gradients. Metrics
only add to theirs, so a scope that only adds is an optimizer's if no other subtracts. What scales
the loss belongs to it: the branch around the updates that skips them, and the checks for finite
gradients (keras/src/optimizers/loss_scale_optimizer.py).
"""

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
    r"(?:CudnnRNN\w*|\w*[Cc]onv\dD|convolution|conv_general_dilated|\w*MatMul|matmul|Tensordot"
    r"|[Ee]insum|dot_general)"
)

_ADDS, _SUBTRACTS = "AssignAddVariableOp", "AssignSubVariableOp"
_SEVERAL = 2
_CHECKS = ("IsFinite", "All", "Pack")
_REWRITTEN = "ArithmeticOptimizer"


def root_scope(paths: Sequence[Path]) -> Path:
    """Finds the scopes around the whole model (`functional_1`, `bert/encoder`), often none.

    A layer is known by the variables that it reads (`scope/layer/MatMul/ReadVariableOp`), or where
    none are read, as in what XLA compiled, by its products (`scope/layer/MatMul`). A scope that
    holds 80 % of these layers of the forward ops, and at least two, holds the model.
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
    """Finds the scopes around the whole model by the time of its ops, without the optimizer.

    Descends as long as one scope holds 80 % of the time and is not itself a layer. A layer is
    known by a product of its own (`layer/MatMul`); a scope that holds the model has its products
    further down. Where nothing has products, it has most of its time further down.
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


def optimizers_of(places: Sequence[tuple[Path, bool]], types: Sequence[str]) -> dict[int, str]:
    """Finds the ops of optimizers: the optimizer's name by the op's number.

    `places` are the path of each op and whether it belongs to the gradients.
    """
    names = _scopes(places, types)
    optimizer_of: dict[int, str] = {}
    # No layer has the checks for finite gradients, gathered in one op.
    outside: dict[str, list[int]] = defaultdict(list)
    for number, ((path, backward), type_) in enumerate(zip(places, types, strict=True)):
        if backward:
            continue
        prefixes = (path[:end] for end in range(1, len(path)))
        if name := next((names[prefix] for prefix in prefixes if prefix in names), ""):
            optimizer_of[number] = name
        elif len(path) == 1 or path[0] == _REWRITTEN:
            outside[type_].append(number)
    if names and "IsFinite" in outside:
        checks = (number for type_ in _CHECKS for number in outside[type_])
        optimizer_of |= dict.fromkeys(checks, next(iter(names.values())))
    return optimizer_of


def _scopes(places: Sequence[tuple[Path, bool]], types: Sequence[str]) -> dict[Path, str]:
    """The scopes of optimizers, the branches around them included, and each one's name."""
    with_gradients = {
        path[:end] for path, backward in places if backward for end in range(1, len(path) + 1)
    }
    # An op that is a part of a fusion too stands here twice.
    updates = {
        (path, type_)
        for (path, backward), type_ in zip(places, types, strict=True)
        if with_gradients and not backward and len(path) > 1 and type_ in (_ADDS, _SUBTRACTS)
    }
    count = Counter(path[:-1] for path, _ in updates)
    around = {scope: _branches_around(scope) for scope in count if count[scope] >= _SEVERAL}
    scopes = [scope for scope in around if with_gradients.isdisjoint(around[scope])]
    subtracting = {path[:-1] for path, type_ in updates if type_ == _SUBTRACTS}
    return {
        around[scope][-1]: scope[-1]
        for scope in sorted(scopes)
        if scope in subtracting or subtracting.isdisjoint(scopes)
    }


def _branches_around(scope: Path) -> list[Path]:
    """The scope and the loops and branches right around it."""
    around = [scope]
    while len(scope) > 1 and LOOP.fullmatch(scope[-2]):
        scope = scope[:-1]
        around.append(scope)
    return around
