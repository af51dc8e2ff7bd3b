"""Devices and kernels of the whole trace, before any clipping to steps."""

from __future__ import annotations

from msgspec import Struct

from alexprof.record.values import Bytes, Count, Fraction, Nanoseconds, Positive


class RecordedDevice(Struct, frozen=True, kw_only=True):
    """A device in the whole trace, before any clipping to steps."""

    name: str  # "CPU", "GPU:0", …
    kind: str  # "cpu" or "gpu"
    events: Count  # Events of ops on a CPU, of kernels and copies on a GPU
    busy_ns: Nanoseconds  # Time in which at least one of them ran


class Kernel(Struct, frozen=True, kw_only=True):
    """A kernel or copy of one op on one stream in the whole trace, before any clipping to steps."""

    name: str  # As compiled; of a copy or fill "MemcpyH2D", …
    op: str  # The op that launched it; "(unassigned)" where the trace names none
    device: str  # "GPU:0", …
    stream: str  # For example "Stream #16(Compute)"
    executions: Count  # How often it ran
    total_ns: Nanoseconds  # Sum of its durations
    launches: Count = 1  # Launch configurations; the next fields are of the one that took most time
    grid: tuple[Positive, Positive, Positive] | None = None  # Blocks in x, y, z
    block: tuple[Positive, Positive, Positive] | None = None  # Threads of a block in x, y, z
    registers: Count | None = None  # Registers of a thread
    shared_memory_bytes: Bytes | None = None  # Shared memory of a block, static and dynamic
    occupancy: Fraction | None = None  # Fraction of a multiprocessor's threads that can be resident
    copied_bytes: Bytes | None = None  # Size of a copy or fill; None of kernels
    copied_from: str | None = None  # Memory that a copy reads: "device", "pinned", "pageable", …
    copied_to: str | None = None  # Memory that it writes
    total_bytes: Bytes = 0  # Size of all copies or fills; 0 of kernels
    # Whether it uses Tensor Cores, by its name; None if the name doesn't tell
    tensor_cores: bool | None = None
