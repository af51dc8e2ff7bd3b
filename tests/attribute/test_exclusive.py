"""What goes with ops that are left out: against a graph that is rebuilt without them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexprof.attribute.exclusive import exclusive
from alexprof.capture.executed import Node

TURN, BACK = ("order 0, 3, 1, 2", "order 0, 2, 3, 1"), ("order 0, 2, 3, 1", "order 0, 3, 1, 2")
HALF, FULL = ("1 to 19", "19 to 1"), ("19 to 1", "1 to 19")
PLAIN = Node("Mul")


def converting(how: tuple[str, str]) -> Node:
    return Node("Transpose" if how[0].startswith("order") else "Cast", (), *how)


LAYOUT = {
    "conv1": ("image", "weights"),
    "to_rows": ("conv1", "order_there"),
    "lrn": ("to_rows",),
    "to_planes": ("lrn", "order_back"),
    "conv2": ("to_planes", "weights"),
    "out": ("conv2",),
    **dict.fromkeys(("image", "weights", "order_there", "order_back"), ()),
}
LAYOUT_NODES = dict.fromkeys(LAYOUT, PLAIN) | {
    "lrn": Node("_MklNativeLRN"),
    "to_rows": converting(TURN),
    "to_planes": converting(BACK),
}


def test_layout_transposes_around_an_op_go_with_it_and_so_do_their_orders():
    gone = exclusive(LAYOUT, LAYOUT_NODES, {"lrn"})
    assert gone == {"to_rows", "to_planes", "order_there", "order_back"}


OF_LRN = {"lrn": "LRN", "lrn_grad": "LRNGrad"}


@pytest.mark.parametrize(
    ("nodes", "types", "ops", "gone"),
    [
        pytest.param(
            "x; kept x; lrn x; loss lrn; loss_grad loss; saved lrn; lrn_grad loss_grad x saved; "
            "out lrn_grad kept",
            OF_LRN, OF_LRN, {"saved"}, id="what only a second input needed; gradients go on",
        ),
        pytest.param(
            "y; dy; grad y dy; out grad",
            {"grad": "TanhGrad"}, {"grad"}, {"y"}, id="the first input of some gradients",
        ),
        pytest.param(
            "x; before; print x; saved print; lrn_grad x saved saved ^before; out lrn_grad",
            {**OF_LRN, "print": "Print"}, {"lrn_grad"}, {"saved"},
            id="neither what acts nor what is waited for",
        ),
        pytest.param(
            "sizes; filter; dy; grad sizes filter dy; out grad",
            {"grad": "Conv2DBackpropInput"}, {"grad"}, set(), id="not what can't be an identity",
        ),
        pytest.param("x; y; z x y; out z", {"z": None}, {"z"}, set(), id="nor what isn't known"),
    ],
)  # fmt: skip
def test_what_goes_with_ops_that_are_left_out(nodes, types, ops, gone):
    inputs = {name: tuple(before) for name, *before in map(str.split, nodes.split(";"))}
    plain = {name: PLAIN for name in inputs if name not in types}
    known = {name: Node(type_) for name, type_ in types.items() if type_}
    assert exclusive(inputs, plain | known, set(ops)) == gone


def rebuilt(inputs: dict[str, list[str]], nodes: dict[str, Node], ops: set[str]) -> set[str]:
    """The slow way: takes one node out after the other, and each time looks at everything."""
    graph = {name: list(entries) for name, entries in inputs.items()}
    fetched = {name for name in graph if not any(name in each for each in graph.values())}

    def take_out(name: str) -> None:
        source = graph.pop(name)[0]
        for entries in graph.values():
            for at, entry in enumerate(entries):
                if entry == name:
                    entries[at] = source
        if name in fetched:
            fetched.remove(name)
            fetched.add(source)

    def prune() -> None:
        while True:
            read = {entry for entries in graph.values() for entry in entries} | fetched
            dead = [name for name in graph if name not in read]
            if not dead:
                return
            for name in dead:
                del graph[name]

    for name in sorted(ops):
        if nodes[name].type == "LRN" and graph[name]:
            take_out(name)
    prune()
    changed = True
    while changed:
        changed = False
        for first in dict.fromkeys(entry for entries in graph.values() for entry in entries):
            users = [name for name in graph if first in graph[name]]
            now = [name for name in users if inputs[name][0] != first]
            undone = users and all(
                nodes[name].undone_by == nodes[first].converts and graph[name].count(first) == 1
                for name in users
            )
            known = nodes[first].converts and graph[first] and first not in fetched
            if known and undone and now and not fetched & set(users):
                for name in (*users, first):
                    take_out(name)
                prune()
                changed = True
                break
    return set(inputs) - set(graph) - ops


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, Node]]:
    inputs: dict[str, list[str]] = {}
    nodes = {}
    for at in range(draw(st.integers(2, 12))):
        node = draw(
            st.sampled_from(
                [PLAIN, Node("LRN"), Node("LRN"), *map(converting, (TURN, BACK, HALF, FULL))]
            )
        )
        most = 1 if node.converts else 3
        near = st.integers(max(0, at - 3), at - 1) if at else st.nothing()
        before = draw(st.lists(near, min_size=1, max_size=most, unique=True)) if at else []
        inputs[f"n{at}"] = [f"n{other}" for other in before]
        nodes[f"n{at}"] = node
    return inputs, nodes


@settings(max_examples=400, deadline=None)
@given(graphs(), st.data())
def test_as_in_a_graph_that_is_rebuilt(graph, data):
    inputs, nodes = graph
    ops = {name for name in inputs if nodes[name].type == "LRN" and data.draw(st.booleans())}
    assert exclusive(inputs, nodes, ops) == rebuilt(inputs, nodes, ops)
