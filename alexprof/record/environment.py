"""What a run ran on: the machine, its accelerators, the software."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """A device other than the CPU.

    Attributes:
        name: TensorFlow's: "GPU:0".
        description: The model.
    """

    name: str
    description: str


@dataclass(frozen=True)
class Software:
    """Versions of the software.

    Attributes:
        alexprof: Version of AlexProf.
        python: Version of Python.
        tensorflow: Version of TensorFlow.
        numpy: Version of NumPy.
        onednn: Whether oneDNN's ops ran; None if not known.
        cpu_allocator: The requested allocator of CPU tensors: "bfc" or "malloc"; None if not known.
    """

    alexprof: str
    python: str
    tensorflow: str
    numpy: str
    onednn: bool | None = None
    cpu_allocator: str | None = None


@dataclass(frozen=True)
class Machine:
    """The machine, as far as a process can see it.

    Attributes:
        processor: Model name.
        cores: Logical cores that this process may use.
        memory_bytes: Memory that this process may use: the machine's, or its control group's limit.
        system: Operating system and release.
        load_before: One-minute load average when the run began.
    """

    processor: str
    cores: int
    memory_bytes: int | None
    system: str
    load_before: float | None
