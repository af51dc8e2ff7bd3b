"""What the profiler wrote into a trace about itself, sorted by what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from alexprof.capture.trace import HOST_LEVEL
from alexprof.record.note import Note

if TYPE_CHECKING:
    from alexprof.xplane import Trace

_EXECUTORS = "tf_Compute"  # threads that run the ops of TensorFlow's graphs
# The sentences come from xla/backends/profiler/gpu/cupti_collector.cc and cupti_tracer.cc, the
# names of errors from CUPTI.
_CODES = {
    "profiler_events_dropped": "events dropped|events? reach(?:es|ed)? max|too many events",
    "profiler_no_privileges": "INSUFFICIENT_PRIVILEGES|insufficient privileges",
    "profiler_no_cupti": "CUPTI could not be loaded|libcupti",
    "profiler_in_use": "MULTIPLE_SUBSCRIBERS|ALREADY_INITIALIZED|another profile",
    "profiler_no_memory": "OUT_OF_MEMORY|out of memory|RESOURCE_EXHAUSTED",
}


def profiler_notes(trace: Trace) -> tuple[Note, ...]:
    """The profiler's errors and warnings, in its own words."""
    return (
        *(_note(sentence, "profiler_error") for sentence in trace.errors),
        *(_note(sentence, "profiler_warning") for sentence in trace.warnings),
    )


def low_level(trace: Trace, level: int | None) -> Iterator[Note]:
    """Whether the host tracer level in force, if the trace tells it, kept anything out."""
    # Of other programs, as JAX's, the level leaves nothing out.
    of_graphs = any(
        line.name.startswith(_EXECUTORS) for plane in trace.planes for line in plane.lines
    )
    if level is not None and level < HOST_LEVEL and of_graphs:
        yield Note("host_level_low", {"level": level, "full_level": HOST_LEVEL})


def _note(sentence: str, other: str) -> Note:
    text = " ".join(sentence.split()).rstrip(".")
    matching = (code for code, words in _CODES.items() if re.search(words, sentence, re.IGNORECASE))
    return Note(next(matching, other), text=text)
