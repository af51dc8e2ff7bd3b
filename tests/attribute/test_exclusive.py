"""What goes with ops that are left out: against a graph that is rebuilt without them."""

from __future__ import annotations

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


def test_a_transpose_that_somebody_else_reads_stays():
    inputs = {**LAYOUT, "out": ("conv2", "to_rows")}
    assert exclusive(inputs, LAYOUT_NODES, {"lrn"}) == frozenset()


def test_what_only_a_second_input_needed_goes_and_a_gradient_is_handed_on():
    inputs = {
        "x": (),
        "kept": ("x",),
        "lrn": ("x",),
        "loss": ("lrn",),
        "loss_grad": ("loss",),
        "saved": ("lrn",),
        "lrn_grad": ("loss_grad", "x", "saved"),
        "out": ("lrn_grad", "kept"),
    }
    nodes = dict.fromkeys(inputs, PLAIN) | {"lrn": Node("LRN"), "lrn_grad": Node("LRNGrad")}
    assert exclusive(inputs, nodes, {"lrn", "lrn_grad"}) == {"saved"}


def test_the_second_input_of_some_gradients_is_handed_on():
    inputs = {"y": (), "dy": (), "grad": ("y", "dy"), "out": ("grad",)}
    nodes = dict.fromkeys(inputs, PLAIN) | {"grad": Node("TanhGrad")}
    assert exclusive(inputs, nodes, {"grad"}) == {"y"}


def test_what_acts_stays_and_what_is_waited_for_stays():
    inputs = {
        "x": (),
        "print": ("x",),
        "before": (),
        "saved": ("print",),
        "lrn_grad": ("x", "saved", "saved", "^before"),
        "out": ("lrn_grad",),
    }
    nodes = dict.fromkeys(inputs, PLAIN) | {"print": Node("Print"), "lrn_grad": Node("LRNGrad")}
    assert exclusive(inputs, nodes, {"lrn_grad"}) == {"saved"}


def test_an_op_that_cannot_be_an_identity_needs_what_it_needs():
    inputs = {
        "sizes": (),
        "filter": (),
        "dy": (),
        "grad": ("sizes", "filter", "dy"),
        "o": ("grad",),
    }
    nodes = dict.fromkeys(inputs, PLAIN) | {"grad": Node("Conv2DBackpropInput")}
    assert exclusive(inputs, nodes, {"grad"}) == frozenset()
    assert exclusive(inputs, {}, {"grad"}) == frozenset()


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
