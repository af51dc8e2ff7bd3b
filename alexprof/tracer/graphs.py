"""A user's graph: serialized, and in a session that is ready to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alexprof.capture.failures import step_failures
from alexprof.errors import UsageError

if TYPE_CHECKING:
    import tensorflow as tf


@contextmanager
def initialized(
    graph: tf.Graph, variant: str, config: tf.compat.v1.ConfigProto
) -> Iterator[tf.compat.v1.Session]:
    """A session whose variables, local ones too, and lookup tables are initialized.

    Args:
        graph: The graph; the session makes it the default one.
        variant: Whose, for messages.
        config: The session's.

    Raises:
        UsageError: If the graph is finalized.
        CaptureError: If memory runs out.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    if graph.finalized:
        raise UsageError(
            f"the graph of {variant} is finalized, and the op that initializes its variables "
            "has yet to be added: finalize it inside `with tracer.session()`"
        )
    with graph.as_default():
        initializer = v1.group(
            v1.global_variables_initializer(),
            v1.local_variables_initializer(),
            v1.tables_initializer(),
        )
    with v1.Session(graph=graph, config=config) as session:
        with step_failures(f"initializing the variables of {variant}"):
            session.run(initializer)
        yield session


def serialized(graph: tf.Graph) -> bytes | None:
    """The GraphDef; None if it is too large for a protobuf message (2 GB)."""
    try:
        content: bytes = graph.as_graph_def().SerializeToString()
    except ValueError:
        return None
    return content
