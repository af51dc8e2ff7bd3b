"""What exists only because of some ops: which others go when these are left out.

An op that is left out hands on what it got, as an identity does. Then some ops have nobody left who
reads them, such as what computed a second input; and conversions before and after it, of layout or
of precision, undo each other with nothing in between.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from alexprof.attribute import kinds
from alexprof.attribute.replay import Inputs
from alexprof.workload.ops_to_leave_out import HANDED_ON
from alexprof.workload.vendor_prefixes import without_vendor

if TYPE_CHECKING:
    from alexprof.capture.executed import Node

_EFFECT = re.compile(
    r"\w*Assign\w*|Print\w*|Assert|\w*PyFunc\w*|\w*Write\w*|\w*Save\w*|\w*Summary\w*|\w*Enqueue\w*"
    r"|Stack\w*|TensorArray\w*|StatefulPartitionedCall"
)


def exclusive(inputs: Inputs, nodes: Mapping[str, Node], ops: Collection[str]) -> frozenset[str]:
    """Finds the nodes that go when some ops are left out, beyond those ops.

    Ops of a type that can't be an identity stay where they are, and need what they need. A node
    never goes that nobody read before (it is fetched, or a target), that has effects of its own, or
    that is missing in `nodes`.
    """
    graph = _Rewired(inputs, nodes)
    for op in ops:
        place = HANDED_ON.get(without_vendor(nodes[op].type)) if op in nodes else None
        if place is not None:
            graph.hand_on(op, place)
    if not graph.source:
        return frozenset()
    alive = graph.alive()
    while graph.undo_conversions(alive):
        alive = graph.alive()
    return frozenset(name for name in inputs if name not in alive) - frozenset(ops)


class _Rewired:
    """A graph of which some nodes hand on an input."""

    def __init__(self, inputs: Inputs, nodes: Mapping[str, Node]) -> None:
        self.inputs, self.nodes = inputs, nodes
        self.source: dict[str, str] = {}
        read = {entry.removeprefix("^") for entries in inputs.values() for entry in entries}
        self.roots = {
            name
            for name in inputs
            if name not in read or name not in nodes or _acts(nodes[name].type)
        }

    def hand_on(self, name: str, place: int) -> bool:
        """Makes a node hand on the input in that place; tells whether it could."""
        entries = self.inputs[name]
        if place >= len(entries) or entries[place].startswith("^"):
            return False
        self.source[name] = entries[place]
        return True

    def resolve(self, name: str) -> str:
        """The node whose value is read where a name stands."""
        passed = set()
        while name in self.source and name not in passed:
            passed.add(name)
            name = self.source[name]
        return name

    def alive(self) -> set[str]:
        """The nodes that are needed for what has to be computed."""
        alive: set[str] = set()
        waiting = list(self.roots)
        while waiting:
            name = waiting.pop()
            # What hands on a value still waits for what it waited for.
            passing = name
            while passing in self.source and passing not in alive:
                waiting += [entry[1:] for entry in self.inputs[passing] if entry.startswith("^")]
                alive.add(passing)
                passing = self.source[passing]
            if passing not in alive and passing in self.inputs:
                alive.add(passing)
                waiting += [entry.removeprefix("^") for entry in self.inputs[passing]]
        return alive - set(self.source)

    def undo_conversions(self, alive: Collection[str]) -> bool:
        """Takes out a conversion and those that undo it now; tells whether there was one."""
        readers: dict[str, list[str]] = defaultdict(list)
        for name in self.inputs:
            if name in alive:
                for entry in dict.fromkeys(self.inputs[name]):
                    readers[self.resolve(entry.removeprefix("^"))].append(name)
        needed = {self.resolve(name) for name in self.roots}
        for first, seconds in readers.items():
            if not needed & {first, *seconds} and self._all_undone(first, seconds):
                for name in (first, *seconds):
                    self.hand_on(name, 0)
                return True
        return False

    def _all_undone(self, first: str, seconds: Collection[str]) -> bool:
        """Whether all that read a conversion convert back, some of them only now."""
        if first not in self.nodes or not self.nodes[first].converts:
            return False
        if not self.inputs[first] or self.inputs[first][0].startswith("^"):
            return False
        for name in seconds:
            read = [self.resolve(entry.removeprefix("^")) for entry in self.inputs[name]]
            back = self.nodes[name].undone_by == self.nodes[first].converts
            # It converts the first, and does not depend on it in another way.
            if not back or read[0] != first or read.count(first) > 1:
                return False
        return any(self.inputs[name][0] != first for name in seconds)


def _acts(type_: str) -> bool:
    """Whether an op does something beside handing out values."""
    acting = kinds.is_update, kinds.is_input, kinds.is_plumbing, _EFFECT.fullmatch
    return any(acts(type_) for acts in acting)
