"""Builds a graph without some of its ops: each is an identity instead.

TensorFlow's Python makes every op of a graph in one place (`_apply_op_helper` of
tensorflow/python/framework/op_def_library.py). While an op of the wanted kind and layer is made
there, an `Identity` is made in its place, under its name, and a tape is told of that; so the
gradients, which are made later, lack it too. What a function of `tf.nn` makes of several ops
(dropout, GELU) is left out as a whole: the function hands on its input, and the name scope that it
would have had is remembered.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from types import CellType
from typing import Any

from alexprof.errors import UsageError
from alexprof.workload.base import Ablation

# Ops that hand on a tensor of the shape they get, and the name of that input
# (tensorflow/core/ops/nn_ops.cc, math_ops.cc).
INPUT_OF = {
    "BiasAdd": "value",
    "Elu": "features",
    "LRN": "input",
    "LeakyRelu": "features",
    "LogSoftmax": "logits",
    "Relu": "features",
    "Relu6": "features",
    "Selu": "features",
    "Sigmoid": "x",
    "Softmax": "logits",
    "Softplus": "features",
    "Softsign": "features",
    "Tanh": "x",
}
"""Kinds of op that can be left out, each with the name of the input that is handed on."""

_SOFTMAX = ("LogSoftmax", "Softmax")
"""Of these the gradient is no single op, which its type would tell."""
NORM_OP = "FusedBatchNorm"
_NORM = re.compile(NORM_OP + r"(?:V[23])?")
_MOMENTS = re.compile(r"moments(?:_\d+)?")
BATCH_NORM = "BatchNorm"
"""The kind that means batch normalization however it was made: as one op or as several."""


@dataclass(frozen=True)
class _Function:
    """A function of TensorFlow's Python that makes several ops of one input.

    Attributes:
        kind: What it is called here.
        module: Where it is defined, below tensorflow.python.ops.
        name: Its name there.
        scope: The name scope that its ops get if no `name` is given.
        taken: The parameter that is handed on.
    """

    kind: str
    module: str
    name: str
    scope: str
    taken: str


# `tf.nn.dropout`, v1's and those of `tf.nn.experimental` all end in `_dropout`.
_FUNCTIONS = (
    _Function(BATCH_NORM, "nn_impl", "batch_normalization", "batchnorm", "x"),
    _Function("Dropout", "nn_ops", "_dropout", "dropout", "x"),
    _Function("Gelu", "nn_ops", "gelu", "Gelu", "features"),
)
FUNCTIONS = tuple(one.kind for one in _FUNCTIONS)
KINDS = tuple(sorted((*INPUT_OF, NORM_OP, *FUNCTIONS), key=str.casefold))
"""All that can be left out by its kind."""


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
            known = ", ".join(KINDS)
            raise UsageError(f"{pattern.kind} can't be left out automatically: only {known}")
        return pattern

    def __str__(self) -> str:
        return ":".join(part for part in (self.layer, self.kind) if part)

    def matches(self, kind: str, layer: str) -> bool:
        """Tells whether an op, or what a function makes, is meant."""
        alike = kind == NORM_OP and self.kind == BATCH_NORM
        return (self.kind in ("", kind) or alike) and self.layer in ("", layer)

    def question(self, reference: str, without: str, scopes: Sequence[str] = ()) -> Ablation:
        """What its ops cost, as two variants answer it.

        Args:
            reference: The variant with them.
            without: The variant that was built without them.
            scopes: As in `LeftOut`.
        """
        kinds: tuple[str, ...] = (self.kind,)
        if not self.kind:
            kinds = (*INPUT_OF, NORM_OP)
        elif self.kind in FUNCTIONS:
            # No op is of the function's own kind: none are meant where there are no scopes.
            kinds = (NORM_OP,) if self.kind == BATCH_NORM else (self.kind,)
        layers = (self.layer,) if self.layer else ()
        return Ablation(str(self), reference, without, kinds, layers, tuple(scopes), products=False)


@dataclass
class LeftOut:
    """What was left out of a graph so far.

    Attributes:
        patterns: What was to be left out.
        kinds: How many of each kind.
        scopes: The name scopes of what functions would have made, and of gradients that would be
            several ops (where `tf.gradients` makes them: a tape gives them no scope of their own).
        seen: Kind and layer of all that could have been left out.
    """

    patterns: tuple[Pattern, ...] = ()
    kinds: Counter[str] = field(default_factory=Counter)
    scopes: list[str] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def question(self, reference: str, without: str) -> Ablation:
        """What was left out by one pattern, as a question for `Tracer.ask`.

        Args:
            reference: The variant that has it.
            without: The variant that was built without it.

        Raises:
            UsageError: If there were several patterns, or nothing was left out so far.
        """
        self.check("the graph")
        if len(self.patterns) != 1:
            raise UsageError("a question is about one pattern: leave out one at a time")
        return self.patterns[0].question(reference, without, self.scopes)

    def check(self, of: str, layers: Sequence[str] = ()) -> None:
        """Checks that something was left out.

        Args:
            of: Whose graph it was.
            layers: Layers worth offering; none: all.

        Raises:
            UsageError: If nothing was; it says what could be.
        """
        if self.kinds or not self.patterns:
            return
        offered = dict.fromkeys(layers or sorted(layer for _, layer in self.seen))
        names = [name for name in offered if any(name == layer for _, layer in self.seen)]
        kinds = [kind for kind in KINDS if any(kind == one for one, _ in self.seen)]
        asked = {one.layer.casefold() for one in self.patterns if not one.kind}
        near = [kind for kind in kinds if kind.casefold() in asked]
        instead = f"did you mean {near[0]}? " if near else ""
        instead += f"choose of the kinds {', '.join(kinds)} and the layers {', '.join(names)}"
        raise UsageError(
            f"{of} has no op {' or '.join(map(str, self.patterns))} that can be left out: "
            f"{instead if self.seen else 'nothing of it can'}"
        )


@contextmanager
def leaving_out(what: str) -> Iterator[LeftOut]:
    """Leaves ops out of a graph of one's own that is built inside the block.

    All of the process is affected: no other thread may build a graph meanwhile.

    Example:
        with tracer.graph("whole"):
            ...build...
        with tracer.graph("without"), alexprof.leaving_out("Dropout") as left_out:
            ...build the same...
        tracer.ask(left_out.question("whole", "without"))

    Args:
        what: "LRN", "lrn1" or "conv1:Relu": a kind, a layer (outermost name scope), a kind in one.

    Yields:
        What was left out so far.

    Raises:
        UsageError: If it names no ops, or there are none such in the graph.
    """
    if not isinstance(what, str):
        raise UsageError(f"what to leave out is a kind, a layer or LAYER:KIND, not {what!r}")
    with bypassing([Pattern.parse(what)]) as left_out:
        yield left_out
    left_out.check("the graph")


@contextmanager
def bypassing(patterns: Sequence[Pattern]) -> Iterator[LeftOut]:
    """Leaves ops out of the graph that is built inside the block.

    Args:
        patterns: Which; of a layer all that can be left out.

    Yields:
        What was left out so far.
    """
    left_out, over = LeftOut(tuple(patterns)), False

    def meant(kind: str, name: str) -> bool:
        if over:  # a function that was imported by its name inside the block outlives it
            return False
        layer = name.split("/", 1)[0]
        left_out.seen.add((kind, layer))
        found = any(one.matches(kind, layer) for one in patterns)
        if found:
            left_out.kinds[kind] += 1
        return found

    before: list[Replaced] = []
    try:
        before += _replace_op_maker(meant, left_out.scopes)
        before += _replace_recorder()
        for function in _FUNCTIONS:
            before += _replace_function(function, meant, left_out.scopes)
        yield left_out
    finally:
        over = True
        for module, name, original in before:
            setattr(module, name, original)


Replaced = tuple[Any, str, Any]
"""A module, the name of what was replaced in it, and what stood there."""


def _replace_op_maker(meant: Callable[[str, str], bool], scopes: list[str]) -> Iterator[Replaced]:
    from tensorflow.python.framework import op_def_library

    original = op_def_library._apply_op_helper

    def apply(op_type_name: str, name: str | None = None, **keywords: Any) -> Any:
        norm = _NORM.fullmatch(op_type_name)
        taken = "x" if norm else INPUT_OF.get(op_type_name)
        kind = NORM_OP if norm else op_type_name
        if taken is None or not meant(kind, _full_name(name or op_type_name)):
            return original(op_type_name, name=name, **keywords)
        made = original("Identity", name=name or op_type_name, input=keywords[taken])
        structure, stateful, op, outputs = made
        if op_type_name in _SOFTMAX:
            scopes.append(f"{op.name}_grad")
        if norm:
            outputs = [*outputs, *_statistics(op_type_name, keywords)]
        return structure, stateful, _Taped(op.inputs), outputs

    yield op_def_library, "_apply_op_helper", original
    op_def_library._apply_op_helper = apply


def _statistics(op_type_name: str, keywords: dict[str, Any]) -> list[Any]:
    """The other outputs of a batch norm, so that its moving averages go on.

    In training they are those of a batch that is normal already, otherwise what was given.
    """
    import tensorflow as tf

    scale = keywords["scale"]
    if keywords.get("is_training", True):
        statistics = [tf.zeros_like(scale), tf.ones_like(scale)]
    else:
        statistics = [tf.convert_to_tensor(keywords[one]) for one in ("mean", "variance")]
    reserved = [tf.zeros_like(scale)] * (3 if op_type_name.endswith("V3") else 2)
    return [*statistics, *reserved]


class _Taped:
    """Stands for the op that was asked for where TensorFlow looks up what a tape is to record."""

    def __init__(self, inputs: Sequence[Any]) -> None:
        self.inputs = inputs

    def get_attr(self, name: str) -> None:
        """None: an identity's gradient needs no attributes."""

    _get_attr_bool = _get_attr_int = _get_attr_type = get_attr


def _replace_recorder() -> Iterator[Replaced]:
    """Lets a tape know identities for what they are: it is told of the op that was asked for."""
    from tensorflow.python.eager import execute

    original = execute.record_gradient

    def record(op_name: str, inputs: Any, attrs: Any, outputs: Any) -> Any:
        asked = op_name in INPUT_OF or _NORM.fullmatch(op_name)
        if asked and getattr(outputs[0], "graph", None) and outputs[0].op.type == "Identity":
            return original("Identity", outputs[0].op.inputs, (), outputs[:1])
        return original(op_name, inputs, attrs, outputs)

    yield execute, "record_gradient", original
    execute.record_gradient = record


def _replace_function(
    function: _Function, meant: Callable[[str, str], bool], scopes: list[str]
) -> Iterator[Replaced]:
    """Replaces what does the work of a function, whatever name its callers know it by.

    What `tf.nn` offers are wrappers that hold it in a closure; a helper is a module's own.
    """
    home = import_module(f"tensorflow.python.ops.{function.module}")
    offered = getattr(home, function.name)
    own = inspect.unwrap(offered)
    cell = _cell_of(own, offered)
    original = offered if cell is None else cell.cell_contents
    signature = inspect.signature(own)

    @functools.wraps(own)
    def call(*values: Any, **keywords: Any) -> Any:
        import tensorflow as tf

        if tf.executing_eagerly():  # no graph is built
            return original(*values, **keywords)
        given = signature.bind(*values, **keywords).arguments
        name = given.get("name") or given.get("default_name") or function.scope
        scope = _full_name(name)
        if not meant(function.kind, scope):
            return original(*values, **keywords)
        scopes.append(scope)
        scopes.extend(_moments(given))
        if not name.endswith("/"):
            return tf.identity(given[function.taken], name=name)
        with tf.name_scope(name):  # it is entered again: an op of its name may be there already
            return tf.identity(given[function.taken])

    if cell is None:
        yield home, function.name, original
        setattr(home, function.name, call)
    else:
        yield cell, "cell_contents", original
        cell.cell_contents = call


def _cell_of(own: Callable[..., Any], wrapper: Callable[..., Any]) -> CellType | None:
    """Where a wrapper, or one within it, keeps the function itself or what replaced it."""
    waiting, seen = [wrapper], {id(wrapper)}
    while waiting:
        for cell in waiting.pop().__closure__ or ():
            found = cell.cell_contents
            replaced = getattr(found, "__module__", "") == __name__ or found is own
            if replaced and inspect.isfunction(found) and inspect.unwrap(found) is own:
                return cell
            if inspect.isfunction(found) and id(found) not in seen:
                seen.add(id(found))
                waiting.append(found)
    return None


def _moments(given: dict[str, Any]) -> list[str]:
    """The scope in which `tf.nn.moments` made what a batch norm of several ops gets."""
    name = getattr(getattr(given.get("mean"), "op", None), "name", "")
    scope = name.rpartition("/")[0]
    return [scope] if _MOMENTS.fullmatch(scope.rpartition("/")[2]) else []


def _full_name(name: str) -> str:
    """The name of an op that is about to be made, or of a scope: as it stands in the graph."""
    import tensorflow as tf

    if name.endswith("/"):  # whole already
        return name[:-1]
    found: str = tf.compat.v1.get_default_graph().unique_name(name, mark_as_used=False)
    return found
