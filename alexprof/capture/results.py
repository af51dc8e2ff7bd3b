"""What a step computes: a fingerprint of each fetched tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from alexprof.capture.failures import execution_failures, step_failures
from alexprof.capture.target import Target

if TYPE_CHECKING:
    from alexprof.record.program import TensorFingerprint


def fetch_results(target: Target, doing: str) -> tuple[TensorFingerprint, ...]:
    """Runs two more steps and sums up what they fetch, in the order of the fetches.

    Args:
        target: With its result.
        doing: What is going on, for error messages.

    Raises:
        CaptureError: If a step fails or memory runs out.
    """
    from alexprof.measure.agreement import same

    names, fetching = _tensors(target)
    if not names:
        return ()
    # One result at a time is in memory.
    first = list(_fingerprints(fetching, names, doing))
    again = list(_fingerprints(fetching, names, doing))
    return tuple(replace(a, repeats=same(a, b)) for a, b in zip(first, again, strict=True))


def _tensors(target: Target) -> tuple[list[str], Target]:
    """The tensors' names, and a target that fetches them, each once, and runs the ops as well."""
    import tensorflow as tf

    graph = target.session.graph
    flat = tf.nest.flatten(target.fetches, expand_composites=True)
    elements = [graph.as_graph_element(fetch) for fetch in flat]
    tensors = {element.name: element for element in elements if isinstance(element, tf.Tensor)}
    ops = [element for element in elements if not isinstance(element, tf.Tensor)]
    fetches = (list(tensors.values()), ops)
    return list(tensors), Target(target.session, fetches, target.feed_dict)


def _fingerprints(target: Target, names: list[str], doing: str) -> Iterator[TensorFingerprint]:
    from alexprof.measure.agreement import fingerprint

    with step_failures(doing), execution_failures(doing):
        values, _ = target.run()
    for name in names:
        yield fingerprint(name, values.pop(0))
