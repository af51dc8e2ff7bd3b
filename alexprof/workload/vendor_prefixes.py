"""Types of ops without what a vendor's build of TensorFlow puts in front of them."""

from __future__ import annotations

import re

# _MklNativeFusedConv2D, _ITEXMatMul
_VENDOR = re.compile(r"(?:Mkl|OneDnn|ITEX|Zen(?:Dnn)?)?(?:Native)?(?:Quantized(?=Fused))?")


def without_vendor(type_: str) -> str:
    """Returns a type without its vendor: `_MklNativeLRNGrad` is LRNGrad."""
    bare = type_.removeprefix("_")
    match = _VENDOR.match(bare)
    return bare[match.end() :] if match else bare
