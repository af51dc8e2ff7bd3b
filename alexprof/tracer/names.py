"""Names and checks: variants, ablations, a phase's key, what stopped a run."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from alexprof.errors import AlexProfError, UsageError
from alexprof.record.note import Note, note_of
from alexprof.record.store import RUN_FILE
from alexprof.record.tables import COSTS_FILE, STEPS_FILE
from alexprof.workload.base import AblationSpec

if TYPE_CHECKING:
    import tensorflow as tf

RUN_FILES = (RUN_FILE, STEPS_FILE, COSTS_FILE)
"""What lies in a run's folder beside the variants."""


def check_variant(name: str) -> None:
    """Raises a `UsageError` if a variant's name won't do for its folder."""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UsageError(f"a variant's name is letters, digits and . _ -, not {name!r}")
    if name in RUN_FILES:
        raise UsageError(f"{name} is a file of the run: choose another name for the variant")


def check_ablation(ablation: object, others: Collection[AblationSpec]) -> None:
    """Raises a `UsageError` if an ablation can't be measured, or its name is one of the others'."""
    if not isinstance(ablation, AblationSpec):
        raise UsageError(f"an ablation is an alexprof.workload.AblationSpec, not {ablation!r}")
    name = ablation.name
    if ablation.reference == ablation.without:
        raise UsageError(f"ablation {name!r} compares {ablation.without} with itself")
    if not (ablation.kinds or ablation.layers or ablation.scopes):
        raise UsageError(f"ablation {name!r} names no kinds, layers or scopes of ops")
    if name in {other.name for other in others}:
        raise UsageError(f"there is an ablation {name!r} already: give it another name")


def phase_key(label: str) -> str:
    """A phase's name in files and options: "Forward-backward" → "forward_backward".

    Raises:
        UsageError: If nothing is left of it.
    """
    key = re.sub(r"\W+", "_", label.lower()).strip("_")
    if not key:
        raise UsageError(f"a phase's name needs a letter or a digit: not {label!r}")
    return key


def serialized(graph: tf.Graph) -> bytes | None:
    """The GraphDef; None if it is too large for a protobuf message (2 GB)."""
    try:
        content: bytes = graph.as_graph_def().SerializeToString()
    except ValueError:
        return None
    return content


def what_stopped(error: BaseException) -> Note:
    """Why a run is incomplete, by what ended it."""
    if isinstance(error, KeyboardInterrupt):
        return Note("ended_by_signal" if error.args else "interrupted")
    if isinstance(error, AlexProfError):
        return note_of(error)
    text = str(error).strip().splitlines()
    name = type(error).__name__
    return Note("failed", text=f"{name}: {text[0]}" if text else name)
