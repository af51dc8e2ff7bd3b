"""What each op waits for: the graph's edges, led past ops that the trace does not show."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

Inputs = Mapping[str, Sequence[str]]
"""The nodes that each node of a graph takes values from or waits for, by name."""


def visible_inputs(inputs: Inputs, seen: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Finds what each visible op waits for among the visible ones.

    An op that the trace leaves out (a constant, an identity) hands on what it waits for itself.

    Args:
        inputs: All nodes that were executed. May have cycles, as loops do.
        seen: Ops that the trace shows.

    Returns:
        For each op of `seen` that is in the graph: its inputs, each once, in the graph's order.
    """
    seen = frozenset(seen)
    return {op: _reached(op, inputs, seen) for op in seen if op in inputs}


def _reached(op: str, inputs: Inputs, seen: frozenset[str]) -> tuple[str, ...]:
    """Walks up from an op until each way meets a visible one."""
    found: dict[str, None] = {}
    passed = {op}
    waiting = list(reversed(inputs[op]))
    while waiting:
        name = waiting.pop()
        if name in passed:
            continue
        passed.add(name)
        if name in seen:
            found[name] = None
        else:
            waiting.extend(reversed(inputs.get(name, ())))
    return tuple(found)
