"""What a run ran on: the machine, its accelerators, the software."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """A device other than the CPU."""

    name: str  # TensorFlow's: "GPU:0"
    description: str  # The model


@dataclass(frozen=True)
class Software:
    """Versions of the software."""

    alexprof: str  # Version of AlexProf
    python: str  # Version of Python
    tensorflow: str  # Version of TensorFlow
    numpy: str  # Version of NumPy
    onednn: bool | None = None  # Whether oneDNN's ops ran; None if not known
    # The requested allocator of CPU tensors: "bfc" or "malloc"; None if not known
    cpu_allocator: str | None = None


@dataclass(frozen=True)
class Machine:
    """The machine, as far as a process can see it."""

    processor: str  # Model name
    cores: int  # Logical cores that this process may use
    # Memory that this process may use: the machine's, or its control group's limit
    memory_bytes: int | None
    system: str  # Operating system and release
    load_before: float | None  # One-minute load average when the run began
