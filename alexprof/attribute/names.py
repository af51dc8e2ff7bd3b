"""Names of ops to what a reader thinks in: kind, layer and pass.

TensorFlow names a node by its scopes, `conv1/Conv2D`, and an event by node and type,
`conv1/Conv2D:Conv2D` (tensorflow/core/framework/op_kernel.cc). What the graph goes through on its
way to the executor leaves marks on the name: gradients (`gradients/conv1/Conv2D_grad/…` by
tf.gradients, `gradient_tape/conv1/…` by tf.GradientTape), functions and loops put in line
(`StatefulPartitionedCall/…`, `while/body/_1/…`), replicas, rewrites by Grappler, and the ends where
values enter and leave. `parse` takes these marks off, so that an op and its gradient meet.

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
from collections.abc import Collection, Sequence
from itertools import compress, pairwise, takewhile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from alexprof.attribute import jax, kinds
from alexprof.attribute.symbols import DATA_SCOPE, type_in
from alexprof.attribute.timeline import Bool, Float

if TYPE_CHECKING:
    from alexprof.attribute.ops import Work

_END = re.compile(r"_(?:(?:retval|arg)_(.+)_\d+|(?:send|recv)_(.+))_\d+")
_REWRITTEN = re.compile(r"-\d+-.*Optimizer$", re.S)
_NUMBER = re.compile(r"_\d+")
_GRADIENTS = re.compile(r"gradients(_\d+)?|gradient_tape(_\d+)?")
_GRAD = re.compile(r"_grad(_\d+)?$")
# Scopes that say how the graph was put together, not what the model is made of.
_WRAPPER = re.compile(
    r"(Stateful)?PartitionedCall(_\d+)?|Func|ConstantFolding|(replica|tower)_\d+"
    r"|GroupCrossDeviceControlEdges_\d+"
)
_GRAPPLER = re.compile(r"ArithmeticOptimizer|LayoutOptimizer|ConstantFolding")
# A function put in line where a control flow op stood: `while/body/_1/…`, `cond/then/_5/…`.
_INLINED = re.compile(r"body|cond|then|else|branch_?\d*|input|output")
_OPTIMIZER = re.compile(
    r"(?:n?adam|adamw|adamax|adamweightdecay|lamb|lion|adafactor|novograd|muon|sgd|gradientdescent"
    r"|momentum|rmsprop|(?:proximal)?adagrad(?:da)?|adadelta|ftrl|proximalgradientdescent"
    r"|(?:lossscale)?optimizer|(?:clipby)?globalnorm)(?:\d+)?"
)

Path = tuple[str, ...]

_LOOP = re.compile(r"(while|cond|map|scan)(_\d+)?")
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
_ARITHMETIC = "ArithmeticOptimizer"

LONGEST_NAME, DEEPEST = 4_096, 100
"""Names that are longer, or have more scopes, are not read as paths: no model is that deep."""
COPIES = "(copies)"
"""The layer of what only moves values between host and GPU."""
UNNAMED_GRADIENT = "gradients"
FUNCTION_ENDS = "(function)"


class OpPlace(NamedTuple):
    """Where an op belongs."""

    # The forward scopes and, last, the forward op, outermost first; `()` for a gradient op that
    # belongs to no forward op.
    path: Path
    backward: bool  # whether the name says that it is a part of the gradients


class Labels(NamedTuple):
    """What `describe` says about each op, in its order."""

    kind: list[str]  # type without dressing
    layer: list[str]  # name scope that the op belongs to
    passes: list[str]  # "forward", "backward", "optimizer", "input" or "other"
    root: Path  # the scopes around the whole model, which layers are named below


def describe(
    ops: Sequence[tuple[str, str]],
    depth: int = 1,
    unplaced: Collection[int] = (),
    gpu_time: Sequence[float] | None = None,
) -> Labels:
    """Gives each op its kind, layer and pass.

    Args:
        ops: Name and type of each op of a trace; all together, because the scope around the model
            and the meaning of a few names show only then.
        depth: How many scopes make a layer, counted from below the scope around the whole model.
        unplaced: Which ops may belong to any pass, for all that their names say.
        gpu_time: What each op took on GPUs, in any unit; None where no GPU ran any.
    """
    places = [parse(name) for name, _ in ops]
    taped = any("gradient_tape/" in name for name, _ in ops)
    types = [type_ for _, type_ in ops]
    updates = optimizers_of(places, types)
    passes = [
        "other"
        if number in unplaced
        else "optimizer"
        if number in updates and not kinds.is_plumbing(op[1])
        else pass_of(*op, place, taped=taped)
        for number, (op, place) in enumerate(zip(ops, places, strict=True))
    ]
    if gpu_time is None:
        forward = (which == "forward" for which in passes)
        root = root_scope([place.path for place in compress(places, forward)])
    else:  # on a GPU few ops have a kind that identifies the layer
        root = root_by_time(
            [
                (place.path, time)
                for place, which, time in zip(places, passes, gpu_time, strict=True)
                if which in ("forward", "backward") and place.path
            ]
        )
    layers = [
        COPIES
        if gpu_time is not None and kinds.is_copy(type_)
        else updates.get(number) or layer(name, type_, place, depth, root)
        for number, ((name, type_), place) in enumerate(zip(ops, places, strict=True))
    ]
    return Labels([kinds.kind(type_) for type_ in types], layers, passes, root)


def describe_with_fusions(work: Work, depth: int, gpu_time: Float | None) -> tuple[Labels, Bool]:
    """Gives each op its kind, layer and pass, as `describe` does.

    Returns:
        The labels of the ops; and bool [fusions], whether what a fusion computes belongs to
        several layers.
    """
    names = list(dict.fromkeys(name for parts in work.fusions for name in parts))
    time = None if gpu_time is None else [*gpu_time.tolist(), *[0.0] * len(names)]
    ops = [*work.ops, *((name, type_in(name)) for name in names)]
    labels = describe(ops, depth, work.unplaced, time)
    count = len(work.ops)
    layer_of = dict(zip(names, labels.layer[count:], strict=True))
    across = [len({layer_of[name] for name in parts}) > 1 for parts in work.fusions]
    own = Labels(labels.kind[:count], labels.layer[:count], labels.passes[:count], labels.root)
    return own, np.array(across, bool)


def parse(name: str) -> OpPlace:
    """Takes the marks of the graph's history off a node's name.

    Examples:
        gradients/conv5/Conv2D_grad/Conv2DBackpropFilter    conv5/Conv2D, backward
        _retval_gradients/conv4_grad/ReluGrad_0_7           conv4, backward
        StatefulPartitionedCall/model/conv1/Relu            model/conv1/Relu
        while/body/_1/cell/MatMul                           while/cell/MatMul
        jit(step)/transpose(jvp(conv1))/mul                 conv1/mul, backward
    """
    if len(name) > LONGEST_NAME or name.count("/") > DEEPEST:
        return OpPlace((name,), False)
    if jax.is_scoped(name):
        return OpPlace(*jax.parse(name))
    end = _END.fullmatch(name)
    text = (end.group(1) or end.group(2)) if end else name
    around, _, last = text.rpartition("/")
    scopes = [scope for scope in (*around.split("/"), _without_rewrite(last)) if scope]
    path, backward = _resolve(scopes)
    if not backward:
        return OpPlace(path or (name,), False)
    if len(path) == 1 and not _GRAD.search(scopes[-1]):
        return OpPlace((), True)
    return OpPlace(path[:-1] if len(path) > 1 else path, True)


def _without_rewrite(op: str) -> str:
    return _REWRITTEN.sub("", op) if op.endswith("Optimizer") else op


def _resolve(scopes: list[str]) -> OpPlace:
    """Joins what stands before and after an inlined function, and cuts off the gradients' scope.

    A function made inside a scope has that scope in its own names, so it stands there twice:
    `lstm/while/body/_1/lstm/while/cell/MatMul`.
    """
    for at, (marker, number) in enumerate(pairwise(scopes)):
        if _NUMBER.fullmatch(number) and _INLINED.fullmatch(marker):
            head, tail = _forward(scopes[:at]), _resolve(scopes[at + 2 :])
            twice = head.path[:1] == tail.path[:1]
            path = tail.path if twice else head.path + tail.path
            return OpPlace(path, head.backward or tail.backward)
    return _forward([scope for scope in scopes if not _NUMBER.fullmatch(scope)])


def _forward(scopes: list[str]) -> OpPlace:
    """Turns scopes without inlined functions into those of the forward op."""
    rest = _unwrap(scopes)
    marks = [at for at, scope in enumerate(rest) if _GRADIENTS.fullmatch(scope)]
    if not marks:
        return OpPlace(tuple(rest), False)
    if rest[-1].startswith("accumulator"):  # a forward loop keeps a value for its gradient
        return OpPlace(tuple(rest[: marks[0]]), False)
    start = marks[0] + 1
    while start < len(rest) and _GRADIENTS.fullmatch(rest[start]):
        start += 1
    return OpPlace(tuple(_GRAD.sub("", scope) for scope in _unwrap(rest[start:])), True)


def _unwrap(scopes: list[str]) -> list[str]:
    """Drops wrapping scopes at the front, and all from a rewrite's own scope on."""
    start = 0
    while start < len(scopes) - 1 and _WRAPPER.fullmatch(scopes[start]):
        start += 1
    rest = scopes[start:]
    for at, scope in enumerate(rest):
        if at and _GRAPPLER.fullmatch(scope):
            return rest[:at]
    return rest


def pass_of(name: str, type_: str, place: OpPlace, *, taped: bool = False) -> str:
    """Returns the part of training that an op belongs to, given what `parse` makes of its name.

    `taped` says that gradients come from a tape, which adds them up in ops named `AddN` that stand
    in no scope.
    """
    if kinds.is_input(type_) or name.startswith(f"{DATA_SCOPE}/"):
        return "input"
    if kinds.is_plumbing(type_):
        return "other"
    added_up = taped and type_ == "AddN" and len(place.path) == 1
    if place.backward or added_up:
        return "backward"
    if kinds.is_update(type_) or optimizer_scope(place) is not None:
        return "optimizer"
    # Without a name of its own (eager), a gradient op is known by its type only. In a graph,
    # Conv2DBackpropInput outside the gradients is a transposed convolution.
    return "backward" if kinds.is_gradient(type_, named=name != type_) else "forward"


def optimizer_scope(place: OpPlace) -> str | None:
    """Returns the scope of an optimizer around an op (`Adam`, `adam_w_1`), or None."""
    scopes = () if place.backward else place.path[:-1]
    return next((s for s in scopes if _OPTIMIZER.fullmatch(s.replace("_", "").lower())), None)


def layer(name: str, type_: str, place: OpPlace, depth: int = 1, root: Path = ()) -> str:
    """Returns the layer of an op: the first `depth` scopes of its path below `root`.

    An op that stands in no scope is its own layer (`pool1`). Ops of an optimizer belong to the
    optimizer's scope. The ends of functions have flattened names, which would each make a layer
    of their own; they share one.
    """
    flattened = "/" not in name and not _END.fullmatch(name)
    if kinds.is_function_end(type_) and flattened:
        return FUNCTION_ENDS
    scope = optimizer_scope(place)
    if scope is not None:
        return scope
    if not place.path:
        return UNNAMED_GRADIENT
    outer = takewhile(lambda pair: pair[0] == pair[1], zip(place.path[:-1], root, strict=False))
    below = len(list(outer))
    return "/".join(place.path[below : below + depth])


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
        if count < max(2.0, _MOST * len(owners)) or _LOOP.fullmatch(scope):
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
    if _LOOP.fullmatch(within[0][0][depth - 1]):
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
        elif len(path) == 1 or path[0] == _ARITHMETIC:
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
    while len(scope) > 1 and _LOOP.fullmatch(scope[-2]):
        scope = scope[:-1]
        around.append(scope)
    return around
