"""What a step computes: a fingerprint of each tensor that it returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from alexprof.capture.failures import execution_failures, step_failures
from alexprof.capture.target import Target

if TYPE_CHECKING:
    from alexprof.record.program import TensorFingerprint


def fetch_results(target: Target, doing: str) -> tuple[TensorFingerprint, ...]:
    """Runs two more steps and sums up what they compute, in the order of the outputs.

    Args:
        target: With its result.
        doing: What is going on, for error messages.

    Returns:
        A fingerprint per tensor; none where the target doesn't know what it computes.

    Raises:
        CaptureError: If a step fails or memory runs out.
    """
    from alexprof.measure.agreement import same

    # One result at a time is in memory.
    first = list(_fingerprints(target, doing))
    again = list(_fingerprints(target, doing)) if first else []
    return tuple(replace(a, repeats=same(a, b)) for a, b in zip(first, again, strict=True))


def _fingerprints(target: Target, doing: str) -> Iterator[TensorFingerprint]:
    from alexprof.measure.agreement import fingerprint

    with step_failures(doing), execution_failures(doing):
        tensors = dict(target.outputs() or {})
    for name in list(tensors):
        yield fingerprint(name, tensors.pop(name))
