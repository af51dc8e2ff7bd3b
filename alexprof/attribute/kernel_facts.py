"""What a GPU's events say of themselves: how a kernel was launched, and what its name tells.

The stat `kernel_details` is text, `regs:32 static_shared:0 dynamic_shared:4096 grid:160,1,1
block:256,1,1 occ_pct:75` (xla/backends/profiler/gpu/cupti_collector.h), before 2021 with `shm:` for
the shared memory, on AMD with `private_mem:` and `group_mem:`
(xla/backends/profiler/gpu/rocm_collector.cc). A copy has `memcpy_details`, `kind_src:device
kind_dst:pinned size:4096 dest:0 async:1`, a fill `memset_details`.
"""

from __future__ import annotations

import re
from typing import Any

_PAIR = re.compile(r"(\w+):(\S+)")
_SHARED = ("static_shared", "dynamic_shared", "shm", "group_mem")
_MOST = 1 << 31  # no launch has as many blocks in a direction

# Names of kernels that multiply matrices on Tensor Cores (or AMD's matrix cores): the shape of the
# instruction (s16816, h884), the instruction itself (hmma, wgmma), CUTLASS's word for it, cuBLAS's
# family for Hopper and later, Tensile's mark for matrix instructions.
_TENSOR_CORES = re.compile(
    r"tensorop|nvjet|(?<![a-z])[hibdwsqu]?g?mma(?![a-z])|warpgroup|tensor\d+x\d+x\d+"
    r"|(?<![a-z])[hsidb](?:884|1688|8816|8832|16816|16832|16864|168128|168256)(?![0-9])"
    r"|(?:884|1688|8816|8832|16816|16832|16864|168128|168256)(?:gemm|cudnn|fprop|dgrad|wgrad)"
    r"|_MI\d+x\d+x\d+|mfma",
    re.IGNORECASE,
)
# cuDNN's and cuBLAS's xmma kernels say which numbers they multiply: all but plain float and double
# go through Tensor Cores.
_XMMA = re.compile(r"xmma_.*?_((?:[a-z]+\d+\w*?)_(?:[a-z]+\d+\w*?))_", re.IGNORECASE)
_NARROW = re.compile(r"tf32|bf16|(?<!b)f16|fp16|fp8|e4m3|e5m2|f8|[iu]8|[iu]4|b1", re.IGNORECASE)
# Matrix products that say that they are done without.
_WITHOUT = re.compile(r"simt|ffma|(?<![a-z])g?[sdcz]gemm|gemv|gemmk1|fp32_sgemm", re.IGNORECASE)
# Names that leave it open: a matrix product by whatever a compiler chose.
_OPEN = re.compile(
    r"gemm|conv(?!er)|dot|matmul|attention|fmha|flash|triton|cutlass|wgrad|dgrad|xmma"
)


def kernel_facts(details: str) -> dict[str, Any]:
    """Reads the details of a kernel, copy or fill.

    Returns:
        What they tell, by the fields of `record.trace.Kernel`.
    """
    values: dict[str, str] = dict(_PAIR.findall(details))
    grid, block = _size(values.get("grid", "")), _size(values.get("block", ""))
    if "grid" in values and (grid is None or block is None):
        return {}  # old traces have such lines with whatever was in memory
    shared = [number for key in _SHARED if (number := _whole(values.get(key, ""))) is not None]
    facts = {
        "grid": grid,
        "block": block,
        "registers": _whole(values.get("regs", "")),
        "shared_memory_bytes": sum(shared) if shared else None,
        "occupancy": _fraction(values.get("occ_pct", "")),
        "copied_bytes": _whole(values.get("num_bytes", values.get("size", ""))),
        "copied_from": _memory(values.get("kind_src", "")),
        "copied_to": _memory(values.get("kind_dst", "")),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _memory(kind: str) -> str | None:
    return kind if kind not in ("", "unknown") else None


def _size(text: str) -> tuple[int, ...] | None:
    sizes = tuple(_whole(part) or 0 for part in text.split(","))
    return sizes if len(sizes) == 3 and all(0 < size < _MOST for size in sizes) else None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _fraction(percent: str) -> float | None:
    try:
        number = float(percent)
    except ValueError:
        return None
    # 0 is what the profiler writes where it doesn't know the device well enough.
    return number / 100 if 0 < number <= 100 else None


def uses_tensor_cores(kernel: str) -> bool | None:
    """Tells from a kernel's name whether it multiplies matrices on Tensor Cores.

    Returns:
        None for matrix products whose name leaves it open, as those that Triton compiled.
    """
    xmma = _XMMA.search(kernel)
    if xmma and _NARROW.search(xmma[1]):
        return True
    if _TENSOR_CORES.search(kernel):
        return True
    if xmma or _WITHOUT.search(kernel):
        return False
    return None if _OPEN.search(kernel.lower()) else False
