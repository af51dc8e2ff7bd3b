"""What each op waits for: the graph, with the ops that the trace does not show.

A hidden op (a constant, an identity, a barrier) takes no time, and hands on what it waits for. It
stays a node of its own: led past, a barrier between n ops and m would become n · m edges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Inputs = Mapping[str, Sequence[str]]
"""The nodes that each node of a graph takes values from or, with "^" in front, only waits for."""


class Graph:
    """The executed graph, its nodes numbered.

    Attributes:
        names: Name of each node.
        number: Number of each name.
        inputs: What each node waits for, by number.
        users: Which nodes wait for each.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.names = tuple(inputs)
        self.number = {name: at for at, name in enumerate(self.names)}
        self.inputs = [
            [self.number[name] for name in _names(inputs[node]) if name in self.number]
            for node in self.names
        ]
        self.users: list[list[int]] = [[] for _ in self.names]
        for node, before in enumerate(self.inputs):
            for other in before:
                self.users[other].append(node)


def _names(entries: Sequence[str]) -> dict[str, None]:
    """The nodes of inputs, each once, in their order."""
    return dict.fromkeys(entry.removeprefix("^") for entry in entries)
