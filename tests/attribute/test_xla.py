"""Kernels of XLA to the ops that they were compiled from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from alexprof.attribute import attribute
from alexprof.attribute.symbols import OpNumbers
from alexprof.attribute.xla import XlaOps, has_hlo_op, is_thunk
from alexprof.errors import DamageError
from alexprof.record.note import Note
from alexprof.xplane import parse_trace
from tests.attribute.hand import draw, on_host, steps
from tests.hlo import computation, instruction, keep, module
from tests.traces import Ref, Stats, StatValue, TraceBuilder, Unsigned


def program(*instructions: tuple[str, ...]) -> tuple[str, bytes]:
    """A module `f` of instructions: name, opcode, the op's name and type."""
    body = [instruction(number, *of) for number, of in enumerate(instructions, 1)]
    return "f", module("f", [computation(1, body)])


NET = program(
    ("fusion.1", "fusion", "lrn1/LRN", "LRN"),
    ("conv.2", "convolution", "jit(f)/transpose(jvp(c))/conv_general"),
    ("copy.3", "copy"),
    ("copy.4", "copy", "W['c']"),
    ("copy.5", "copy", "XLA_Retvals"),
)
OTHER = program(("fusion.1", "fusion", "b/Relu", "Relu"))


def found_in(*kernels: Stats, programs: Mapping[int, tuple[str, bytes]] | None = None):
    """Attributes a trace of kernels of 10 ns each, one after the other."""
    built = TraceBuilder()
    spans = [("kernel", 10 * at, 10 * at + 10, stats) for at, stats in enumerate(kernels)]
    draw(built.plane("/host:CPU"), {"python": steps((0, 1000))})
    draw(built.plane("/device:GPU:0"), {"Stream #1": spans})
    keep(built, programs or {})
    return attribute(parse_trace(built.to_bytes()))


def of_kernels(found, *columns: str):
    """Rows of the ops that have kernels."""
    return sorted(found.costs.filter(found.costs["kernels"] > 0).select(columns).rows())


def ops(found) -> list[str]:
    return [op for (op,) in of_kernels(found, "op")]


def kernel(hlo_op: str, program: StatValue | None = 7, **stats: StatValue) -> Stats:
    given = {"tf_op": "XlaModule:", "hlo_op": Ref(hlo_op), "hlo_module": Ref("f"), **stats}
    return given if program is None else {**given, "program_id": program}


def test_op_type_layer_and_pass_come_from_the_program():
    names = ["fusion.1", "conv.2", "copy.3", "copy.4", "copy.5", "new.6"]
    kernels = [kernel(name) for name in names]
    found = found_in(*kernels, programs={7: NET})
    assert of_kernels(found, "op", "type", "layer", "pass", "kernels") == [
        ("W['c']", "copy", "W['c']", "forward", 1),
        ("XLA_Retvals", "_Retval", "(function)", "other", 1),
        ("f/copy.3", "copy", "f", "other", 1),
        ("f/new.6", "new", "f", "other", 1),
        ("jit(f)/transpose(jvp(c))/conv_general", "conv_general", "c", "backward", 1),
        ("lrn1/LRN", "LRN", "lrn1", "forward", 1),
    ]
    assert [note for note in found.notes if note.code.startswith("xla")] == [Note("xla_fused")]


def test_programs_of_one_name_are_not_mixed_up():
    kernels = [kernel("fusion.1"), kernel("fusion.1", Unsigned(8)), kernel("fusion.1", "9")]
    kernels += [kernel("copy.9", number) for number in (7, 8)]
    found = found_in(*kernels, programs={7: NET, 8: OTHER})
    names = ["b/Relu", "f(7)/copy.9", "f(8)/copy.9", "f(9)/fusion.1", "lrn1/LRN"]
    assert ops(found) == names


def test_without_a_number_the_name_will_do_if_it_is_of_one_program():
    nameless = kernel("fusion.1", None)
    assert ops(found_in(nameless, programs={7: NET})) == ["lrn1/LRN"]
    assert ops(found_in(nameless, programs={7: NET, 8: OTHER})) == ["f/fusion.1"]


def test_the_program_says_more_than_the_annotation():
    kernels = [kernel("fusion.1", name="lrn1"), kernel("copy.3", name="a/b/Copy_1")]
    found = found_in(*kernels, programs={7: NET})
    assert of_kernels(found, "op", "type") == [("a/b/Copy_1", "Copy"), ("lrn1/LRN", "LRN")]


def test_tensorflow_s_long_names_of_modules_are_cut():
    long = Ref("a_inference_step_66__XlaMustCompile_true_config_proto_135_executor_type_111_.23")
    found = found_in(kernel("copy.3", hlo_module=long), kernel("x", hlo_module="__XlaOdd"))
    assert ops(found) == ["__XlaOdd/x", "a_inference_step_66/copy.3"]


def test_a_damaged_program_is_an_error():
    damaged = NET[1][:-20] + b"\x0b" * 20
    with pytest.raises(DamageError):
        found_in(kernel("fusion.1"), programs={7: ("f", damaged)})


def test_calls_of_a_driver_are_no_ops_of_the_host():
    spans = [
        ("fusion.1", 0, 10, {"hlo_op": Ref("fusion.1"), "hlo_module": "f"}),
        ("hipModuleLaunchKernel", 10, 20, {"hlo_op": Ref("fusion.1")}),
        ("copy.2", 20, 30, {"hlo_op": "fusion.1"}),
        ("copy.2", 30, 40, {"hlo_op": "copy.2"}),
        ("fusion.1", 40, 50),
    ]
    trace = on_host(**{"Host Threads/1": spans})
    events = trace.planes[0].events()
    assert is_thunk(events).tolist() == [True, False, False, True, False]
    assert has_hlo_op(events).tolist() == [True, True, True, True, False]
    numbers = OpNumbers()
    xla = XlaOps(trace, numbers)
    assert xla.read(events, np.array([0, 3, 0]))[0].tolist() == [1, 0, 1]
    assert tuple(numbers) == (("copy.2", "copy"), ("f/fusion.1", "fusion"))
