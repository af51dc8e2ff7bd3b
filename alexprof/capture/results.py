"""What a step computes: each fetched tensor summed up, and values kept to be set beside others'."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from alexprof.capture.failures import execution_failures, step_failures
from alexprof.capture.target import Target

if TYPE_CHECKING:
    from alexprof.measure.agreement import Values

KEPT = 65_536
"""A tensor of up to so many elements is kept whole."""
SPREAD = 65_521
"""So many are kept of a larger one: a prime, so that no axis is hit at the same places only."""
_CHUNK = 1 << 20
"""Elements to widen to float64 at a time."""

Repeats = Literal["exact", "rounded", "differs"]


@dataclass(frozen=True)
class TensorResult:
    """A fetched tensor, summed up.

    Attributes:
        name: In the graph: "pool5:0".
        dtype: TensorFlow's name of its type.
        shape: Its dimensions.
        elements: Their product.
        norm: The L2 norm of its finite values; None if they are no numbers, like the next three.
        largest: The largest magnitude of its finite values.
        nonfinite: How many values are NaN or infinite.
        repeats: Whether one more step in the same process gave the same: "exact", bit for bit;
            "rounded", up to rounding; or "differs".
        repeat_difference: The largest difference between these two steps, as a part of `largest`;
            None if they have no size that can be told.
        kept: How many of its values are in the file: all, or evenly spread ones.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    norm: float | None
    largest: float | None
    nonfinite: int | None
    repeats: Repeats
    repeat_difference: float | None
    kept: int


@dataclass(frozen=True)
class Results:
    """What a step computes.

    Attributes:
        tensors: Summed up, in the order of the fetches.
        values: Kept values by the tensor's place in that order, in their own type.
    """

    tensors: tuple[TensorResult, ...]
    values: Mapping[int, Values]


@dataclass(frozen=True)
class _Reading:
    """A tensor's result in one step; all that is left of it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    sums: tuple[float, float, int] | None
    digest: bytes
    kept: Values


def fetch_results(target: Target, doing: str) -> Results:
    """Runs two more steps and sums up what they fetch.

    Args:
        target: With its result.
        doing: What is going on, for error messages.

    Raises:
        CaptureError: If a step fails or memory runs out.
    """
    names, fetching = _tensors(target)
    if not names:
        return Results((), {})
    # One result at a time is in memory.
    first = list(_readings(fetching, names, doing))
    again = list(_readings(fetching, names, doing))
    tensors = tuple(_result(one, other) for one, other in zip(first, again, strict=True))
    values = {place: one.kept for place, one in enumerate(first) if one.kept.size}
    return Results(tensors, values)


def _tensors(target: Target) -> tuple[list[str], Target]:
    """The tensors' names, and a target that fetches them, each once, and runs the ops as well."""
    import tensorflow as tf

    graph = target.session.graph
    flat = tf.nest.flatten(target.fetches, expand_composites=True)
    elements = [graph.as_graph_element(one) for one in flat]
    tensors = {one.name: one for one in elements if isinstance(one, tf.Tensor)}
    ops = [one for one in elements if not isinstance(one, tf.Tensor)]
    fetches = (list(tensors.values()), ops)
    return list(tensors), Target(target.session, fetches, target.feed_dict)


def _readings(target: Target, names: list[str], doing: str) -> Iterator[_Reading]:
    with step_failures(doing), execution_failures(doing):
        values, _ = target.run()
    for name in names:
        yield _reading(name, values.pop(0))


def _reading(name: str, value: Any) -> _Reading:
    import numpy as np

    array = np.asarray(value)
    dtype = str(array.dtype)
    if array.dtype.kind == "V":  # bfloat16 and the like, which NumPy's own functions don't know
        array = array.astype(np.float32)
    if array.dtype.kind not in "biufc":
        digest = hashlib.blake2b(repr(array.tolist()).encode()).digest()
        return _Reading(name, "string", array.shape, None, digest, np.zeros(0))
    flat = np.ascontiguousarray(array).reshape(-1)
    digest = hashlib.blake2b(flat.view(np.uint8).data).digest()
    return _Reading(name, dtype, array.shape, _sums(flat), digest, _kept(flat))


def _kept(flat: Values) -> Values:
    import numpy as np

    if flat.size <= KEPT:
        return flat.copy()
    kept: Values = flat[np.arange(SPREAD, dtype=np.int64) * flat.size // SPREAD]
    return kept


def _sums(flat: Values) -> tuple[float, float, int]:
    """L2 norm and largest magnitude of the finite values, and how many are not finite."""
    import numpy as np

    largest, nonfinite = 0.0, 0
    for start in range(0, flat.size, _CHUNK):
        sizes, lost = _sizes(flat[start : start + _CHUNK])
        largest, nonfinite = max(largest, float(sizes.max(initial=0.0))), nonfinite + lost
    if not largest:
        return 0.0, 0.0, nonfinite
    squares = 0.0
    for start in range(0, flat.size, _CHUNK):
        # Scaled, so that no square overflows.
        scaled = _sizes(flat[start : start + _CHUNK])[0] / largest
        squares += float(np.dot(scaled, scaled))
    return largest * math.sqrt(squares), largest, nonfinite


def _sizes(part: Values) -> tuple[Values, int]:
    import numpy as np

    finite = np.isfinite(part)
    wide = part[finite].astype(np.complex128 if np.iscomplexobj(part) else np.float64)
    return np.abs(wide), int(part.size - np.count_nonzero(finite))


def _result(first: _Reading, again: _Reading) -> TensorResult:
    norm, largest, nonfinite = first.sums if first.sums else (None, None, None)
    repeats, difference = _repeats(first, again)
    return TensorResult(
        name=first.name,
        dtype=first.dtype,
        shape=first.shape,
        elements=math.prod(first.shape),
        norm=norm,
        largest=largest,
        nonfinite=nonfinite,
        repeats=repeats,
        repeat_difference=difference,
        kept=first.kept.size,
    )


def _repeats(first: _Reading, again: _Reading) -> tuple[Repeats, float | None]:
    from alexprof.measure.agreement import largest_difference, tolerance

    if (first.shape, first.digest) == (again.shape, again.digest):
        return "exact", 0.0
    difference = largest_difference(first.kept, again.kept)
    if difference is None or first.sums is None or again.sums is None:
        return "differs", None
    apart = norms_apart(first.sums[0], again.sums[0])
    alike = max(difference, apart) <= tolerance(first.dtype) and first.sums[2] == again.sums[2]
    return ("rounded" if alike else "differs"), difference


def norms_apart(a: float, b: float) -> float:
    """What two norms differ by, as a part of the larger one."""
    return abs(a - b) / max(a, b) if max(a, b) else 0.0


def save_values(path: Path, results: Results) -> None:
    """Writes the kept values, as NumPy's `.npz`: an array for each tensor, named by its place."""
    import numpy as np

    arrays: dict[str, Any] = {str(place): one for place, one in results.values.items()}
    with path.open("wb") as file:
        np.savez(file, **arrays)
