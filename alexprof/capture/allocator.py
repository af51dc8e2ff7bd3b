"""Where the CPU's tensors get their memory.

The system's malloc gives large blocks back and fetches fresh ones, how often depends on what else
is kept between them: the events of a trace suffice. Each fresh page costs a page fault, billed to
the op that touches it first: 20,000 a step were seen in traced steps of AlexNet and a hundred in
timed ones. TensorFlow's own allocator (BFC, the one that it uses on GPUs) keeps its memory.
"""

from __future__ import annotations

import os

from alexprof.errors import UsageError

ALLOCATORS = ("bfc", "malloc")
VARIABLE = "TF_CPU_ALLOCATOR_USE_BFC"
"""Read by TensorFlow at a process's first session (common_runtime/process_state.cc)."""
_LIMIT_VARIABLE = "TF_CPU_BFC_MEM_LIMIT_IN_MB"
_LIMIT_MB = 64 * 1024  # TensorFlow's default


def check_cpu_allocator(name: str) -> None:
    """Raises a `UsageError` if there is no such allocator."""
    if name not in ALLOCATORS:
        raise UsageError(f"no CPU allocator {name!r}: there are {', '.join(ALLOCATORS)}")


def choose_cpu_allocator(name: str, memory_bytes: int | None) -> None:
    """Sets the allocator of this process's CPU tensors; too late after its first session.

    Args:
        name: "bfc" or "malloc".
        memory_bytes: The machine's memory, that the allocator may use all of; None if not known.

    Raises:
        UsageError: If the name is unknown.
    """
    check_cpu_allocator(name)
    os.environ[VARIABLE] = "true" if name == "bfc" else "false"
    if memory_bytes is not None and memory_bytes > _LIMIT_MB << 20:
        os.environ.setdefault(_LIMIT_VARIABLE, str(memory_bytes >> 20))


def chosen_cpu_allocator() -> str:
    """The allocator that this process's environment asks for: "bfc" or "malloc"."""
    return "bfc" if os.environ.get(VARIABLE, "").lower() in ("1", "true") else "malloc"
