"""What the profiler says in a trace about itself, with a way out where one is known."""

from __future__ import annotations

import re

# The sentences come from xla/backends/profiler/gpu/cupti_collector.cc and cupti_tracer.cc, the
# names of errors from CUPTI.
_KNOWN: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"events dropped|events? reach(?:es|ed)? max|too many events", re.IGNORECASE),
        "events are missing, at most 2 million launches and 2 million kernels fit into a trace: "
        "trace fewer steps",
    ),
    (
        re.compile(r"INSUFFICIENT_PRIVILEGES|insufficient privileges", re.IGNORECASE),
        "the driver lets only administrators record kernels: run as one, in a container with "
        "--cap-add=SYS_ADMIN, or set the driver's option NVreg_RestrictProfilingToAdminUsers=0",
    ),
    (
        re.compile(r"CUPTI could not be loaded|libcupti", re.IGNORECASE),
        "the library that records kernels is not found: put CUDA's extras/CUPTI/lib64 into "
        "LD_LIBRARY_PATH, or install tensorflow[and-cuda]",
    ),
    (
        re.compile(r"MULTIPLE_SUBSCRIBERS|ALREADY_INITIALIZED|another profile", re.IGNORECASE),
        "another tool records this GPU, as Nsight does: stop it",
    ),
    (
        re.compile(r"OUT_OF_MEMORY|out of memory|RESOURCE_EXHAUSTED", re.IGNORECASE),
        "memory ran out while recording: trace fewer steps",
    ),
)


def with_way_out(sentence: str) -> str:
    """Adds to one of the profiler's sentences what to do about it, if that is known."""
    said = " ".join(sentence.split()).rstrip(".")
    return next((f"{said}; {what}" for seen, what in _KNOWN if seen.search(said)), said)
