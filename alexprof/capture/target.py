"""What a step runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Target:
    """What `session.run` is called with, once a step.

    Attributes:
        session: A session.
        fetches: What it takes as fetches.
        feed_dict: What it takes as feed_dict.
    """

    session: tf.compat.v1.Session
    fetches: Any
    feed_dict: Mapping[Any, Any] | None = None

    def run(self) -> Any:
        """Executes one step."""
        return self.session.run(self.fetches, self.feed_dict)

    def without_result(self) -> Target:
        """The same ops, whose result stays in TensorFlow."""
        import tensorflow as tf

        tensors = tf.nest.flatten(self.fetches, expand_composites=True)
        graph = self.session.graph
        elements = [graph.as_graph_element(one) for one in tensors]
        ops = [getattr(one, "op", one) for one in elements]
        return Target(self.session, ops, self.feed_dict)
