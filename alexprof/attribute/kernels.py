"""What a trace records of devices and kernels, before any clipping to steps.

The stat `kernel_details` is text, `regs:32 static_shared:0 dynamic_shared:4096 grid:160,1,1
block:256,1,1 occ_pct:75` (xla/backends/profiler/gpu/cupti_collector.h), before 2021 with `shm:` for
the shared memory, on AMD with `private_mem:` and `group_mem:`
(xla/backends/profiler/gpu/rocm_collector.cc). A copy has `memcpy_details`, `kind_src:device
kind_dst:pinned size:4096 dest:0 async:1`, a fill `memset_details`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Any

from alexprof.attribute.activity import CPU, Activity
from alexprof.attribute.division import UNASSIGNED_OP
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import PS_PER_NS
from alexprof.attribute.timeline import Cover
from alexprof.record.kernels import Kernel, RecordedDevice

_KEPT = 4096  # of names and details, which many kernels share
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
    # Picoseconds and executions of each kernel, by how it was launched.
    by_launch: dict[tuple[str, str, str, str], dict[str, list[int]]] = defaultdict(dict)
    for device in work.devices:
        details = (*device.details, "")
        for at_name, at_op, at_stream, at_detail, ran_ps, ran in _sums(device):
            kernel = device.names[at_name], ops[at_op], device.device, device.threads[at_stream]
            total = by_launch[kernel].setdefault(details[at_detail], [0, 0])
            total[0] += ran_ps
            total[1] += ran
    kernels = []
    for (name, op, device_name, stream), launches in by_launch.items():
        facts = {text: kernel_facts(text) for text in launches}
        kernels.append(
            Kernel(
                name=name,
                op=op,
                device=device_name,
                stream=stream,
                executions=sum(ran for _, ran in launches.values()),
                total_ns=_to_ns(sum(ran_ps for ran_ps, _ in launches.values())),
                launches=len(launches),
                total_bytes=sum(
                    facts[text].get("copied_bytes", 0) * ran for text, (_, ran) in launches.items()
                ),
                tensor_cores=uses_tensor_cores(name),
                **facts[min(launches, key=lambda text: (-launches[text][0], text))],
            )
        )
    by_name = attrgetter("name", "op", "device", "stream")
    return tuple(sorted(kernels, key=lambda kernel: (-kernel.total_ns, *by_name(kernel))))


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


@lru_cache(_KEPT)
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
