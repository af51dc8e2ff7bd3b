"""Do two results say the same, up to rounding? Pure: arrays in, values out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]

TOLERANCES = {
    "float16": 1e-2,
    "bfloat16": 5e-2,
    "float32": 1e-4,
    "float64": 1e-12,
    "complex64": 1e-4,
    "complex128": 1e-12,
}
"""What two results may differ by, as a part of the largest value; other types not at all.

A sum of n products that is added up in another order (other threads, other kernels) differs by
about √n roundings: of float32 (6e-8) and the 100,000 products of a convolution's gradient that is
2e-5. A network adds layers of that, so 1e-4, which is still far below what another computation
differs by. float64 gets about as many roundings. The halves are added up in float32 and rounded
once a layer: ten layers of 2^-11 and 2^-8.
"""


def tolerance(dtype: str) -> float:
    """What results of a type may differ by, as a part of the largest value."""
    return TOLERANCES.get(dtype, 0.0)


def largest_difference(a: Values, b: Values) -> float | None:
    """The largest difference of two results as a part of the largest value in either.

    Args:
        a: Numbers, of any shape.
        b: Of the same shape.

    Returns:
        0 where both are alike; None where one has a NaN or an infinity that the other has not, or
        where the values are no numbers.
    """
    if not (_numbers(a) and _numbers(b)) or a.shape != b.shape:
        return None
    finite = np.isfinite(a)
    if not np.array_equal(finite, np.isfinite(b)):
        return None
    # Unlike ones at the same place, +∞ and −∞, are no difference that has a size.
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return None
    wide = np.complex128 if np.iscomplexobj(a) or np.iscomplexobj(b) else np.float64
    ours, theirs = a[finite].astype(wide), b[finite].astype(wide)
    largest = max(np.abs(one).max(initial=0.0) for one in (ours, theirs))
    return float(np.abs(ours - theirs).max(initial=0.0) / largest) if largest else 0.0


def _numbers(values: Values) -> bool:
    return values.dtype.kind in "biufc"
