"""What a run ran on: the machine, its accelerators, the software."""

from __future__ import annotations

from dataclasses import dataclass

from alexprof.record.values import Amount, Bytes, Positive


@dataclass(frozen=True)
class Device:
    """A device other than the CPU."""

    name: str  # "GPU:0", …
    description: str  # For example "NVIDIA H100 80GB HBM3"


@dataclass(frozen=True)
class Software:
    """Versions of the software."""

    alexprof: str  # For example "0.1.0"
    python: str  # For example "3.12.4"
    tensorflow: str  # For example "2.20.0"
    numpy: str  # For example "2.1.3"
    onednn: bool | None = None  # Whether oneDNN's ops ran; None if not known
    # The requested allocator of CPU tensors: "bfc" or "malloc"; None if not known
    cpu_allocator: str | None = None


@dataclass(frozen=True)
class Machine:
    """The machine, as far as a process can see it."""

    processor: str  # For example "AMD EPYC 9354 32-Core Processor"; "" if not known
    cores: Positive  # Logical cores that this process may use
    # Memory that this process may use: the machine's, or its control group's limit; None if not
    # known
    memory_bytes: Bytes | None
    system: str  # Operating system and release: "Linux 6.8.0"
    load_before: Amount | None  # One-minute load average when the run began; None if not known
