"""Do two steps compute the same, up to rounding? A fingerprint of each tensor tells.

A fingerprint holds a few sums of the tensor's values, each with a pseudo-random sign (a count
sketch). The squared distance of two tensors' sums is, in expectation, that of the tensors (Charikar
et al. 2002; Thorup & Zhang 2012), so values need not be kept to see how far apart they are.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexprof.record.program import TensorFingerprint

TOLERANCES = {
    "float16": 1e-2,
    "bfloat16": 5e-2,
    "float32": 1e-4,
    "float64": 1e-12,
    "complex64": 1e-4,
    "complex128": 1e-12,
}
"""What two results may differ by, as a part of their norm; other types not at all.

A sum of n products that is added up in another order (other threads, other kernels) differs by
about √n roundings: of float32 (6e-8) and the 100,000 products of a convolution's gradient that is
2e-5. A network adds layers of that, so 1e-4, which is still far below what another computation
differs by. float64 gets about as many roundings. The halves are added up in float32 and rounded
once a layer: ten layers of 2^-11 and 2^-8.
"""
SUMS = 17
"""How many sums there are: the distance is estimated to about 1/√(2 · 17), 17 %, of itself. A
prime, so that no axis of the tensor falls into the same sum."""
_CHUNK = SUMS << 16
"""Elements to widen to float64 at a time."""


def fingerprint(name: str, value: Any) -> TensorFingerprint:
    """Sums up a tensor: an array, or what NumPy makes one of."""
    array = np.asarray(value)
    dtype, shape = str(array.dtype), array.shape
    if array.dtype.kind == "V":  # bfloat16 and the like, which NumPy's own functions don't know
        array = array.astype(np.float32)
    if array.dtype.kind not in "biufc":
        digest = hashlib.blake2b(repr(array.tolist()).encode(), digest_size=6).digest()
        hashed = float(int.from_bytes(digest, "big"))
        return TensorFingerprint(name, "string", shape, None, None, (hashed,))
    flat = np.ascontiguousarray(array).reshape(-1)
    if np.iscomplexobj(flat):
        flat = flat.view(flat.real.dtype)
    norm, nonfinite, sums = _summed(flat)
    return TensorFingerprint(name, dtype, shape, norm, nonfinite, sums)


def _summed(flat: NDArray[Any]) -> tuple[float, int, tuple[float, ...]]:
    """Norm, number of values that are not finite, and sums of some numbers."""
    largest, finite = 0.0, 0
    for values, count in _finite(flat):
        largest, finite = max(largest, float(np.abs(values).max(initial=0.0))), finite + count
    # Scaled, so that no square overflows; by a power of two, so that integers' sums are exact.
    scale = math.ldexp(1.0, math.frexp(largest)[1] - 1)
    squares, totals = 0.0, np.zeros(SUMS)
    signs = np.random.PCG64(0)  # its raw output is the same in all versions of NumPy
    for values, _ in _finite(flat):
        scaled = values / scale
        squares += float(np.dot(scaled, scaled))
        bits = np.unpackbits(signs.random_raw(_CHUNK // 64).view(np.uint8), count=len(scaled))
        signed = np.where(bits, -scaled, scaled)
        totals += np.pad(signed, (0, -len(signed) % SUMS)).reshape(-1, SUMS).sum(axis=0)
    with np.errstate(over="ignore"):  # JSON has no infinity: the largest number stands for it
        norm, *sums = np.nan_to_num(np.array([math.sqrt(squares), *totals]) * scale).tolist()
    return norm, flat.size - finite, tuple(sums)


def _finite(flat: NDArray[Any]) -> Iterator[tuple[NDArray[np.float64], int]]:
    """Values a chunk at a time, 0 for what is not finite, and how many are finite."""
    for start in range(0, flat.size, _CHUNK):
        values = flat[start : start + _CHUNK].astype(np.float64)
        finite = np.isfinite(values)
        yield np.where(finite, values, 0.0), int(np.count_nonzero(finite))


def tolerance(dtype: str) -> float:
    """What results of a type may differ by, as a part of their norm."""
    return TOLERANCES.get(dtype, 0.0)


def distance(a: TensorFingerprint, b: TensorFingerprint) -> float | None:
    """The norm of the difference of two tensors, estimated, as a part of the larger norm.

    None where they differ in shape, type, or the number of sums or of NaN and infinite values.
    """
    kinds = [(of.dtype, of.shape, of.nonfinite, len(of.sums)) for of in (a, b)]
    if kinds[0] != kinds[1]:
        return None
    return math.dist(a.sums, b.sums) / (max(a.norm or 0.0, b.norm or 0.0) or 1.0)


def same(a: TensorFingerprint, b: TensorFingerprint) -> bool:
    """Whether two tensors hold the same, up to rounding."""
    apart = distance(a, b)
    return apart is not None and apart <= tolerance(a.dtype)
