"""What a trace records of devices and kernels, before any clipping to steps.

The stat `kernel_details` is text, `regs:32 static_shared:0 dynamic_shared:4096 grid:160,1,1
block:256,1,1 occ_pct:75` (xla/backends/profiler/gpu/cupti_collector.h), before 2021 with `shm:` for
the shared memory, on AMD with `private_mem:` and `group_mem:`
(xla/backends/profiler/gpu/rocm_collector.cc). A copy has `memcpy_details`, `kind_src:device
kind_dst:pinned size:4096 dest:0 async:1`, a fill `memset_details`.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from typing import Any

from alexprof.attribute.activity import CPU, Activity
from alexprof.attribute.division import UNASSIGNED_OP
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import PS_PER_NS
from alexprof.attribute.timeline import Cover
from alexprof.record.kernels import Kernel, RecordedDevice

_MOST_INT = 2**63 - 1
_KEPT = 4096  # of names and details, which many kernels share
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
_XMMA, _NUMBERS = "xmma_", re.compile(r"[a-z]+\d+")
_NARROW = re.compile(r"tf32|bf16|(?<!b)f16|fp16|fp8|e4m3|e5m2|f8|[iu]8|[iu]4|b1", re.IGNORECASE)
# Matrix products that say that they are done without.
_WITHOUT = re.compile(r"simt|ffma|(?<![a-z])g?[sdcz]gemm|gemv|gemmk1|fp32_sgemm", re.IGNORECASE)
# Names that leave it open: a matrix product by whatever a compiler chose.
_OPEN = re.compile(
    r"gemm|conv(?!er)|dot|matmul|attention|fmha|flash|triton|cutlass|wgrad|dgrad|xmma"
)


def recorded_devices(work: Work) -> tuple[RecordedDevice, ...]:
    """Lists the devices that anything ran on, the CPU first."""
    devices = []
    for device in work.devices:
        covered = Cover.of(device.own.start_ps, device.own.end_ps)
        devices.append(
            RecordedDevice(
                name=device.device,
                kind="cpu" if device.device == CPU else "gpu",
                events=int(device.op.size),
                busy_ns=_to_ns(int((covered.end_ps - covered.start_ps).sum())),
            )
        )
    return tuple(devices)


def recorded_kernels(work: Work) -> tuple[Kernel, ...]:
    """Adds up what the GPUs ran, by kernel, op and stream, longest first."""
    ops = [*(name for name, _ in work.ops), UNASSIGNED_OP]
    by_kernel: dict[tuple[str, str, str, str], _Launches] = defaultdict(_Launches)
    for device in work.devices:
        details = (*device.details, "")
        for at_name, at_op, at_stream, at_detail, ran_ps, ran in _sums(device):
            kernel = device.names[at_name], ops[at_op], device.device, device.threads[at_stream]
            by_kernel[kernel].add(details[at_detail], ran_ps, ran)
    kernels = [
        Kernel(
            name=name,
            op=op,
            device=device_name,
            stream=stream,
            executions=sum(launches.ran),
            total_ns=_to_ns(sum(launches.ran_ps)),
            launches=len(launches.places),
            total_bytes=launches.copied_bytes(),
            tensor_cores=uses_tensor_cores(name),
            **kernel_facts(launches.longest()),
        )
        for (name, op, device_name, stream), launches in by_kernel.items()
    ]
    by_name = attrgetter("name", "op", "device", "stream")
    return tuple(sorted(kernels, key=lambda kernel: (-kernel.total_ns, *by_name(kernel))))


class _Launches:
    """Picoseconds and executions of a kernel, by how it was launched.

    In arrays, because a trace may have a million ways.
    """

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.ran_ps, self.ran = array("q"), array("q")

    def add(self, details: str, ran_ps: int, ran: int) -> None:
        """Adds executions that were launched in one way."""
        place = self.places.setdefault(details, len(self.places))
        if place == len(self.ran):
            self.ran_ps.append(0)
            self.ran.append(0)
        self.ran_ps[place] = min(self.ran_ps[place] + ran_ps, _MOST_INT)
        self.ran[place] = min(self.ran[place] + ran, _MOST_INT)

    def longest(self) -> str:
        """The details of the way that took most time; of equal ones the first by text."""
        return min(self.places, key=lambda details: (-self.ran_ps[self.places[details]], details))

    def copied_bytes(self) -> int:
        """What all executions copied."""
        return sum(
            kernel_facts(details).get("copied_bytes", 0) * self.ran[place]
            for details, place in self.places.items()
        )


def _sums(device: Activity) -> Iterator[tuple[int, ...]]:
    """A GPU's kernels by name, op, stream and details; with picoseconds and executions."""
    import polars as pl

    if device.device == CPU:
        return iter(())
    rows = pl.DataFrame(
        {
            "name": device.name,
            "op": device.op,
            "stream": device.thread,
            "details": device.detail,
            "ran_ps": device.end_ps - device.start_ps,
            "ran": device.occurrences,
        }
    )
    return rows.group_by("name", "op", "stream", "details").sum().iter_rows()


def _to_ns(time_ps: int) -> int:
    return (time_ps + PS_PER_NS // 2) // PS_PER_NS


@lru_cache(_KEPT)
def kernel_facts(details: str) -> dict[str, Any]:
    """Reads the details of a kernel, copy or fill.

    Returns:
        What they tell, by the fields of `record.trace.Kernel`.
    """
    pairs = (word.partition(":") for word in details.split())
    values = {key: value for key, _, value in pairs if value}
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


@lru_cache(_KEPT)
def uses_tensor_cores(kernel: str) -> bool | None:
    """Tells from a kernel's name whether it multiplies matrices on Tensor Cores.

    Returns:
        None for matrix products whose name leaves it open, as those that Triton compiled.
    """
    xmma = _multiplied(kernel.lower())
    if any(map(_NARROW.search, xmma)):
        return True
    if _TENSOR_CORES.search(kernel):
        return True
    if xmma or _WITHOUT.search(kernel):
        return False
    return None if _OPEN.search(kernel.lower()) else False


def _multiplied(kernel: str) -> tuple[str, ...]:
    """The two types of numbers that an xmma kernel multiplies, `f16f16` and `f16f32`, or none."""
    words = kernel.partition(_XMMA)[2].split("_")[1:-1]
    pairs = (pair for pair in pairwise(words) if all(map(_NUMBERS.match, pair)))
    return next(pairs, ())
