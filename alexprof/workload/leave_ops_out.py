"""Builds a graph without some of its ops: an identity replaces each of them.

TensorFlow's Python makes every op of a graph in one place (`_apply_op_helper` of
tensorflow/python/framework/op_def_library.py). While an op of the wanted kind and layer is made
there, an `Identity` is made in its place, under its name, and a tape records that; so the
gradients, which are made later, lack the op too. A function of `tf.nn` that makes several ops
(dropout, GELU) is left out as a whole: the function returns its input, and the name scope of its
ops is remembered.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from types import CellType
from typing import Any

from alexprof.errors import UsageError, check_name, near_names
from alexprof.record.ablation import AblationSpec
from alexprof.workload.base import BuiltVariant, VariantSpec, Workload
from alexprof.workload.ops_to_leave_out import (
    FUNCTIONS,
    FUSED_NORM,
    KINDS,
    OPS,
    SHAPE_KINDS,
    Function,
    Pattern,
)

WHOLE = "whole"
_MOMENTS = re.compile(r"moments(?:_\d+)?")


@dataclass
class LeftOut:
    """What was left out of a graph so far."""

    pattern: Pattern
    kinds: Counter[str] = field(default_factory=Counter)  # How many of each kind
    # The name scopes of ops that functions would have made, and of gradients of several ops
    # (where `tf.gradients` makes them: a tape gives them no scope of their own)
    scopes: list[str] = field(default_factory=list)
    # Kind and layer of every op that could have been left out
    seen: set[tuple[str, str]] = field(default_factory=set)
    over: bool = False  # Whether the graph is built

    def meant(self, kind: str, name: str) -> bool:
        """Tells whether to leave out an op or function, and counts it."""
        if self.over:  # the caller imported a replaced function by name, and still has it
            return False
        layer = name.split("/", 1)[0]
        self.seen.add((kind, layer))
        matches = self.pattern.matches(kind, layer)
        if matches:
            self.kinds[kind] += 1
        return matches

    def ablation(self, reference: str, without: str) -> AblationSpec:
        """The ablation of a variant with the ops and one without, for `Tracer.add_ablations`.

        Raises:
            UsageError: If nothing was left out.
        """
        self.check()
        return self.pattern.ablation(reference, without, self.scopes)

    question = ablation
    """Its earlier name."""

    def check(self) -> None:
        """Raises a `UsageError` that lists what could be left out, if nothing was."""
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


def ablated(workload: Workload, left_out: Sequence[str]) -> Workload:
    """A workload, whole and without some of the ops of its first variant.

    Args:
        workload: What is ablated.
        left_out: Patterns of ops to leave out, one variant each; none measures the whole only.

    Raises:
        UsageError: If a text is not a pattern, names an unknown layer, or repeats another.
    """
    patterns = [Pattern.parse(text) for text in left_out]
    for pattern in patterns:
        if pattern.layer and workload.layers:
            what, kinds = ("layer", ()) if pattern.kind else ("layer or kind", KINDS)
            check_name(what, pattern.layer, (*workload.layers, *kinds), f" in {workload.name}")
    # A variant's name is also a folder's name: "without_conv1.Relu".
    names = [
        "without_" + re.sub(r"[^\w.-]+", "_", str(pattern).replace(":", "."))
        for pattern in patterns
    ]
    if len(set(names)) < len(patterns):
        raise UsageError("name each kind or layer once")
    without = {
        name: VariantSpec(f"without {pattern}", partial(_build_without, workload, pattern))
        for name, pattern in zip(names, patterns, strict=True)
    }
    return replace(
        workload,
        variants={WHOLE: replace(workload.reference, label=WHOLE), **without},
        ablations=tuple(
            pattern.ablation(WHOLE, name) for pattern, name in zip(patterns, names, strict=True)
        ),
        published=(),
        settings={**workload.settings, "left_out": [str(pattern) for pattern in patterns]},
    )


def _build_without(workload: Workload, pattern: Pattern) -> BuiltVariant:
    with bypassing(pattern) as left_out:
        built = workload.reference.build()
    left_out.check()
    return replace(built, left_out=tuple(left_out.scopes))


@contextmanager
def leaving_out(what: str) -> Iterator[LeftOut]:
    """Leaves ops out of a graph that is built inside the `with` block.

    It affects the whole process: no other thread may build a graph meanwhile.

    Example:
        with tracer.graph("whole"):
            ...build...
        with tracer.graph("without"), alexprof.leaving_out("Dropout") as left_out:
            ...build the same...
        tracer.add_ablations(left_out.ablation("whole", "without"))

    Args:
        what: A kind ("LRN"), a layer ("lrn1", an outermost name scope), or both ("conv1:Relu").

    Yields:
        What was left out so far.

    Raises:
        UsageError: If `what` names no ops, or the graph has none of them.
    """
    if not isinstance(what, str):
        raise UsageError(f"what to leave out must be a kind, a layer or LAYER:KIND, not {what!r}")
    with bypassing(Pattern.parse(what)) as left_out:
        yield left_out
    left_out.check()


@contextmanager
def bypassing(pattern: Pattern) -> Iterator[LeftOut]:
    """Leaves ops out of the graph built inside the block; of a layer, all that can be left out."""
    left_out = LeftOut(pattern)
    with ExitStack() as originals:
        for holder, name, replacement in (
            _op_maker(left_out),
            _tape_recorder(),
            *(_function(function, left_out) for function in FUNCTIONS),
        ):
            originals.callback(setattr, holder, name, getattr(holder, name))
            setattr(holder, name, replacement)
        try:
            yield left_out
        finally:
            left_out.over = True


Replacement = tuple[Any, str, Any]
"""A module, the name of what is replaced in it, and the replacement."""


def _op_maker(left_out: LeftOut) -> Replacement:
    from tensorflow.python.framework import op_def_library

    original = op_def_library._apply_op_helper

    def apply(op_type_name: str, name: str | None = None, **keywords: Any) -> Any:
        op = OPS.get(op_type_name)
        if (
            op is None
            or (op.keeps_shape and not op.keeps_shape(keywords))
            or not left_out.meant(op.kind, _full_name(name or op_type_name))
        ):
            return original(op_type_name, name=name, **keywords)
        made = original("Identity", name=name or op_type_name, input=keywords[op.input])
        structure, stateful, identity, outputs = made
        if op.kind in SHAPE_KINDS:
            left_out.scopes.append(identity.name)
        if op.gradient_scope or op.kind in SHAPE_KINDS:
            left_out.scopes.append(f"{identity.name}_grad")
        if op.kind == FUSED_NORM:
            outputs = [*outputs, *_statistics(op_type_name, keywords)]
        return structure, stateful, _Taped(identity.inputs), outputs

    return op_def_library, "_apply_op_helper", apply


def _statistics(op_type_name: str, keywords: dict[str, Any]) -> list[Any]:
    """The other outputs of a batch norm, so that its moving averages are still updated.

    In training they are those of a batch that is already normalized, otherwise the given ones.
    """
    import tensorflow as tf

    scale = keywords["scale"]
    if keywords.get("is_training", True):
        statistics = [tf.zeros_like(scale), tf.ones_like(scale)]
    else:
        statistics = [tf.convert_to_tensor(keywords[name]) for name in ("mean", "variance")]
    reserved = [tf.zeros_like(scale)] * (3 if op_type_name.endswith("V3") else 2)
    return [*statistics, *reserved]


class _Taped:
    """Stands in for the replaced op where TensorFlow looks up what a tape should record."""

    def __init__(self, inputs: Sequence[Any]) -> None:
        self.inputs = inputs

    def get_attr(self, name: str) -> None:
        """None: an identity's gradient needs no attributes."""

    _get_attr_bool = _get_attr_int = _get_attr_type = get_attr


def _tape_recorder() -> Replacement:
    """Makes a tape record an identity where TensorFlow names the op that it replaces."""
    from tensorflow.python.eager import execute

    original = execute.record_gradient

    def record(op_name: str, inputs: Any, attrs: Any, outputs: Any) -> Any:
        output = outputs[0]
        if op_name in OPS and getattr(output, "graph", None) and output.op.type == "Identity":
            return original("Identity", output.op.inputs, (), outputs[:1])
        return original(op_name, inputs, attrs, outputs)

    return execute, "record_gradient", record


def _function(function: Function, left_out: LeftOut) -> Replacement:
    """Replaces the inner function that does the work, whatever name callers use for it.

    The functions of `tf.nn` are wrappers that hold it in a closure; helpers are plain functions.
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
        if not left_out.meant(function.kind, scope):
            return original(*values, **keywords)
        left_out.scopes += [scope, *_moments(given)]
        if not name.endswith("/"):
            return tf.identity(given[function.input], name=name)
        with tf.name_scope(name):  # reused scope: an op of this name may exist already
            return tf.identity(given[function.input])

    return (home, function.name, call) if cell is None else (cell, "cell_contents", call)


def _cell_of(own: Callable[..., Any], wrapper: Callable[..., Any]) -> CellType | None:
    """Finds the closure cell in which a wrapper, or a wrapper inside it, keeps the function."""
    waiting, seen = [wrapper], {id(wrapper)}
    while waiting:
        for cell in waiting.pop().__closure__ or ():
            content = cell.cell_contents
            if content is own:
                return cell
            if inspect.isfunction(content) and id(content) not in seen:
                seen.add(id(content))
                waiting.append(content)
    return None


def _moments(given: dict[str, Any]) -> list[str]:
    """The scope of the `tf.nn.moments` ops whose results a batch norm of several ops gets."""
    name = getattr(getattr(given.get("mean"), "op", None), "name", "")
    scope = name.rpartition("/")[0]
    return [scope] if _MOMENTS.fullmatch(scope.rpartition("/")[2]) else []


def _full_name(name: str) -> str:
    """The full name in the graph of an op, or a scope, that is about to be made."""
    import tensorflow as tf

    if name.endswith("/"):  # already full
        return name[:-1]
    unique: str = tf.compat.v1.get_default_graph().unique_name(name, mark_as_used=False)
    return unique
