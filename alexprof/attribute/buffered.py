"""Which instruction of a program of XLA launched each kernel of a command buffer.

A command buffer is a CUDA graph that holds what several instructions launch. All its kernels go by
its own name in a trace (`command_buffer_1`), in the order in which the instructions run
(xla/backends/gpu/runtime/command_buffer_thunk.cc).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_NUMBER = re.compile(r"[._]\d+$")
_CALL = "custom-call"
_LAUNCHING = frozenset({"fusion", _CALL, "copy", "reduce", "sort", "scatter", "convert"})
_NONE = -1


def match_kernels(kernels: Sequence[str], scheduled: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Finds the instructions whose kernels a command buffer ran, by name and by order.

    A fusion's kernel has the fusion's name, with "_" for ".", or that of a fusion that does the
    same. Kernels of libraries have names of their own: those between two fusions are of the calls
    that stand between them in the schedule, one each or all of one.

    Args:
        kernels: Names of the kernels in the order of time.
        scheduled: Name and opcode of the program's instructions in the order in which they run.

    Returns:
        The name of each kernel's instruction, "" where it can't be told.
    """
    launching = [(name, opcode) for name, opcode in scheduled if opcode in _LAUNCHING]
    place = _fusions(kernels, launching)
    result = [launching[at][0] if at != _NONE else "" for at in place]
    anchors = [row for row, at in enumerate(place) if at != _NONE]
    for start, end in pairwise([-1, *anchors, len(kernels)]):
        rows = range(start + 1, end)
        low = place[start] if start >= 0 else -1
        high = place[end] if end < len(kernels) else len(launching)
        calls = [name for name, opcode in launching[low + 1 : high] if opcode == _CALL]
        # A buffer may hold a part of the schedule: at its ends only the nearest calls count.
        if start < 0 and anchors:
            calls = calls[max(len(calls) - len(rows), 0) :]
        elif end == len(kernels) and anchors:
            calls = calls[: len(rows)]
        if len(calls) == len(rows) or len(calls) == 1:
            for row, at in enumerate(rows):
                result[at] = calls[row % len(calls)]
    return tuple(result)


def _fusions(kernels: Sequence[str], launching: Sequence[tuple[str, str]]) -> list[int]:
    """The place of each fusion's kernel in the schedule, ascending; `_NONE` for others."""
    bases = [_base(name) for name, _ in launching]
    exact = {name.replace(".", "_"): at for at, (name, _) in enumerate(launching)}
    result, last = [], _NONE
    for kernel in kernels:
        base = _base(kernel)
        at = exact.get(kernel, _NONE)
        if at <= last:
            later = range(last + 1, len(bases))
            at = next((other for other in later if bases[other] == base), _NONE)
        last = max(last, at)
        result.append(at)
    return result


def _base(name: str) -> str:
    return _NUMBER.sub("", name)
