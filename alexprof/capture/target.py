"""What a step runs: the seam between AlexProf and any model."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import isclass, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any

from alexprof.arguments import Wanted, check
from alexprof.capture.failures import first_line
from alexprof.capture.runtime import accelerators
from alexprof.errors import UsageError

if TYPE_CHECKING:
    import tensorflow as tf
    from numpy.typing import NDArray


class Target(ABC):
    """One step of a model. Only `run` is required; the others add facts to the record.

    Example:
        class TrainStep(alexprof.Target):
            def run(self):
                return train_step(images, labels)
    """

    @abstractmethod
    def run(self) -> object:
        """Executes one step; it may return before the device is done."""

    def sync(self) -> None:
        """Waits until the devices have finished all their work."""
        sync_devices()

    def step(self) -> object:
        """Executes one step to its end: this is what is timed."""
        result = self.run()
        _wait_for(result)
        self.sync()
        return result

    def without_result(self) -> Target:
        """The same step, with its result left where it was computed."""
        return self

    def outputs(self) -> Mapping[str, Any] | None:
        """Executes one step and returns the tensors that it computes, by name; None: not known."""
        return None

    def graph(self) -> tf.Graph | None:
        """The graph that a step executes, for TensorBoard; None: there is none."""
        return None

    def run_metadata(self) -> tf.compat.v1.RunMetadata | None:
        """Executes one step with full statistics and partition graphs; None: can't be had."""
        return None


@dataclass(frozen=True)
class SessionTarget(Target):
    """A call of `session.run`, which returns when the step is finished."""

    session: tf.compat.v1.Session
    fetches: Any  # in any form that `session.run` takes
    feed_dict: Mapping[Any, Any] | None = None

    def run(self) -> Any:
        """Executes one step."""
        return self.session.run(self.fetches, self.feed_dict)

    step = run

    def sync(self) -> None:
        """There is nothing to wait for."""

    def without_result(self) -> SessionTarget:
        """The same ops, whose result stays in TensorFlow."""
        ops = [getattr(element, "op", element) for element in self._elements()]
        return SessionTarget(self.session, ops, self.feed_dict)

    def outputs(self) -> dict[str, Any]:
        """Fetches each tensor once, by its name in the graph, and runs the ops as well."""
        import tensorflow as tf

        elements = self._elements()
        tensors = {element.name: element for element in elements if isinstance(element, tf.Tensor)}
        if not tensors:
            return {}
        ops = [element for element in elements if not isinstance(element, tf.Tensor)]
        values, _ = self.session.run((list(tensors.values()), ops), self.feed_dict)
        return dict(zip(tensors, values, strict=True))

    def run_metadata(self) -> tf.compat.v1.RunMetadata:
        """Executes one step with `FULL_TRACE`."""
        import tensorflow as tf

        v1 = tf.compat.v1
        options = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE, output_partition_graphs=True)
        metadata = v1.RunMetadata()
        self.session.run(self.fetches, self.feed_dict, options=options, run_metadata=metadata)
        return metadata

    def _elements(self) -> list[Any]:
        import tensorflow as tf

        fetches = tf.nest.flatten(self.fetches, expand_composites=True)
        return [self.session.graph.as_graph_element(fetch) for fetch in fetches]


class CallableTarget(Target):
    """A call of any function: a `tf.function`, a Keras model's `train_on_batch`, JAX."""

    def __init__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Keeps a function and its arguments; a UsageError if it is not a function."""
        check(function=(function, Wanted("a function", callable)))
        self._function, self._args, self._kwargs = function, args, kwargs
        self._result: object = None
        self._fetches = True

    def run(self) -> object:
        """Calls the function."""
        self._result = self._function(*self._args, **self._kwargs)
        return self._result

    def step(self) -> object:
        """Calls the function and brings its result to the host, which waits for it."""
        result = self.run()
        self.sync()
        return result

    def sync(self) -> None:
        """Copies the tensors of the result to the host, and waits for the devices."""
        if self._fetches:
            self._arrays()
        else:
            _wait_for(self._result)
            self._result = None
        super().sync()

    def without_result(self) -> CallableTarget:
        """The call, whose result stays on the device."""
        target = CallableTarget(self._function, *self._args, **self._kwargs)
        target._fetches = False
        return target

    def outputs(self) -> dict[str, Any]:
        """Calls the function: output_0, output_1, … in the order of the flattened result."""
        self.run()
        return {f"output_{place}": array for place, array in enumerate(self._arrays())}

    def graph(self) -> tf.Graph | None:
        """The graph of a `tf.function` for these arguments."""
        import tensorflow as tf

        if not isinstance(self._function, tf.types.experimental.PolymorphicFunction):
            return None
        return self._function.get_concrete_function(*self._args, **self._kwargs).graph

    def _arrays(self) -> list[NDArray[Any]]:
        """The tensors and numbers of the last result, in the order of `tf.nest.flatten`."""
        import numpy as np

        values = _leaves(self._result)
        self._result = None
        return [
            np.asarray(value)
            for value in values
            if hasattr(value, "__array__") or isinstance(value, (int, float, complex))
        ]


def as_target(target: Target | Callable[[], Any]) -> Target:
    """A function as a target; a UsageError if it is neither, or only makes what would run."""
    if isinstance(target, Target):
        return target
    made_elsewhere = isclass(target) or iscoroutinefunction(target) or isgeneratorfunction(target)
    if not callable(target) or made_elsewhere:
        raise UsageError(f"a target is a function of no arguments or a Target, not {target!r}")
    return CallableTarget(target)


def session_target(
    session: tf.compat.v1.Session, fetches: Any, feed_dict: Mapping[Any, Any] | None
) -> SessionTarget:
    """A `session.run` as a target; a UsageError if the graph has nothing of the fetches."""
    target = SessionTarget(session, fetches, feed_dict)
    try:
        target.without_result()
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{fetches!r} can't be fetched: {first_line(error)}") from error
    return target


def _leaves(result: object) -> list[Any]:
    """The values in a result: those of a pytree where JAX is in use, else TensorFlow's."""
    import tensorflow as tf

    if jax := sys.modules.get("jax"):
        return list(jax.tree_util.tree_leaves(result))
    return list(tf.nest.flatten(result, expand_composites=True))


def _wait_for(result: object) -> None:
    """Waits for the arrays of a result: JAX has no wait for a whole device."""
    if "jax" in sys.modules:
        for leaf in _leaves(result):
            if hasattr(leaf, "block_until_ready"):
                leaf.block_until_ready()


def sync_devices() -> None:
    """Waits for the accelerators of TensorFlow; on a CPU a call returns when it is done."""
    import tensorflow as tf

    if _has_accelerator():
        tf.test.experimental.sync_devices()


@cache
def _has_accelerator() -> bool:
    return bool(accelerators())
