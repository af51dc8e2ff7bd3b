"""Programs of XLA in a trace: which op each instruction comes from."""

from __future__ import annotations

import contextlib
import random

import pytest

from alexprof.errors import DamageError
from alexprof.xplane import HloOp, HloPrograms, parse_trace
from tests.hlo import computation, instruction, keep, module
from tests.traces import TraceBuilder, Unsigned, tag


def programs(**named: bytes) -> HloPrograms:
    """Programs numbered from 1."""
    made = TraceBuilder()
    keep(made, dict(enumerate(named.items(), 1)))
    return HloPrograms(parse_trace(made.to_bytes()))


def entry(*instructions: bytes) -> list[bytes]:
    return [computation(9, instructions)]


def origins(computations: list[bytes], *names: str) -> list[str]:
    """The names of the ops that instructions come from."""
    return [programs(f=module("f", computations)).op(1, name).op_name for name in names]


def test_an_instruction_says_where_it_comes_from():
    found = programs(
        f=module(
            "f",
            entry(
                instruction(1, "Conv2D.2", "convolution", "conv1/Conv2D", "Conv2D"),
                instruction(2, "add.1", "add", "jit(f)/add"),
                instruction(3, "copy.1", "copy"),
            ),
        )
    )
    assert found.op(1, "Conv2D.2") == HloOp("convolution", "conv1/Conv2D", "Conv2D")
    assert found.op(1, "add.1") == HloOp("add", "jit(f)/add", "")
    assert found.op(1, "copy.1") == HloOp("copy", "", "")
    assert found.op(1, "nope") is None
    assert found.op(2, "add.1") is None


def test_programs_of_one_name_are_told_apart_by_their_number():
    made = TraceBuilder()
    names = {7: "seven", -8: "eight"}
    keep(
        made,
        {
            number: ("f", module("f", entry(instruction(1, "a", "add", name))))
            for number, name in names.items()
        },
    )
    found = HloPrograms(parse_trace(made.to_bytes()))
    assert {number: found.op(number, "a").op_name for number in names} == names
    assert found.named("f") == [7, -8]
    assert found.named("g") == []


@pytest.mark.parametrize("number", [99, Unsigned((1 << 64) - 3)])
def test_a_stat_may_give_the_number(number):
    made = TraceBuilder()
    program = module("f", entry(instruction(1, "a", "add", "x")))
    keep(made, {7: ("f", program)}, {"program_id": number})
    found = HloPrograms(parse_trace(made.to_bytes()))
    assert found.op(7, "a") is None
    assert found.op(99 if number == 99 else -3, "a").op_name == "x"


def fusion(root: int, *inside: bytes, op_name: str = "", opcode: str = "fusion") -> list[bytes]:
    return [
        computation(4, inside, root),
        computation(9, [instruction(1, "it", opcode, op_name, called=[4])]),
    ]


INSIDE = (
    instruction(1, "p", "parameter", "an argument"),
    instruction(2, "a", "add", "common"),
    instruction(3, "b", "add", "root"),
    instruction(4, "c", "add", "common"),
)


def test_a_fusion_goes_by_itself_by_its_result_by_the_most_of_its_parts():
    assert origins(fusion(3, *INSIDE, op_name="own"), "it") == ["own"]
    assert origins(fusion(3, *INSIDE), "it") == ["root"]
    assert origins(fusion(9, *INSIDE), "it") == ["common"]
    assert origins(fusion(5, *INSIDE, instruction(5, "t", "tuple")), "it") == ["common"]
    assert origins(fusion(1, INSIDE[0]), "it") == ["an argument"]
    assert origins(fusion(3, *INSIDE, opcode="call"), "it") == ["root"]
    assert origins(fusion(3, *INSIDE, opcode="while"), "it") == [""]


def test_a_fusion_of_too_many_parts_goes_no_further():
    """Computations that are entered after the limit would only take time."""
    many = [instruction(number, f"i{number}", "add", f"op{number}") for number in range(2, 10_010)]
    inner = [instruction(1, "last", "add", "beyond")]
    module_of = [
        computation(4, [*many, instruction(10_011, "calls", "fusion", called=[5])], 2),
        computation(5, inner, 1),
        computation(9, [instruction(1, "it", "fusion", called=[4])]),
    ]
    found = programs(f=module("f", module_of))
    names = found.op(1, "it").parts
    assert "op2" in names
    assert "beyond" not in names


def test_a_call_of_a_fusion_and_one_that_calls_itself():
    inner = instruction(5, "inner", "fusion", called=[4])
    outer = instruction(1, "it", "call", called=[3])
    nested = [computation(4, INSIDE, 3), computation(3, [inner], 5), *entry(outer)]
    assert origins(nested, "it", "inner") == ["root", "root"]
    round_and_round = [computation(3, [instruction(1, "it", "call", called=[3])], 1)]
    assert origins(round_and_round, "it") == [""]


@pytest.mark.parametrize("packed", [True, False])
def test_a_preparation_belongs_to_what_it_is_for(packed):
    made = entry(
        instruction(1, "argument", "parameter", "XLA_Args"),
        instruction(2, "iota", "fusion", packed=packed),
        instruction(3, "window", "fusion", operands=[1, 2], packed=packed),
        instruction(4, "element", "get-tuple-element", operands=[3], packed=packed),
        instruction(5, "scatter", "scatter", "grad/MaxPoolGrad", operands=[1, 4], packed=packed),
        instruction(6, "out", "tuple", "XLA_Retvals", operands=[5], packed=packed),
    )
    assert origins(made, "iota", "window", "element") == ["grad/MaxPoolGrad"] * 3


def test_what_several_ops_or_the_result_need_belongs_to_none():
    made = entry(
        instruction(1, "two", "copy"),
        instruction(2, "twice", "copy"),
        instruction(3, "handed out", "copy"),
        instruction(4, "and used", "copy"),
        instruction(5, "unused", "copy"),
        instruction(6, "x", "add", "x", operands=[1, 2, 4]),
        instruction(7, "also x", "add", "x", operands=[2]),
        instruction(8, "y", "add", "y", operands=[1]),
        instruction(9, "out", "tuple", "XLA_Retvals", operands=[3, 4, 6, 7, 8]),
    )
    names = ["two", "twice", "handed out", "and used", "unused"]
    assert origins(made, *names) == ["", "x", "", "", ""]


def test_a_convolution_is_no_preparation_but_may_be_moved():
    made = entry(
        instruction(1, "used", "convolution"),
        instruction(2, "moved", "convolution"),
        instruction(3, "bits", "bitcast", operands=[2]),
        instruction(4, "turned", "transpose", "grad/Filter", operands=[3]),
        instruction(5, "sgd", "subtract", "sgd/sub", operands=[1, 4]),
    )
    assert origins(made, "used", "moved", "bits") == ["", "grad/Filter", "grad/Filter"]


def test_a_fusion_tells_what_it_uses_each_operand_for():
    inside = (
        instruction(1, "p0", "parameter", parameter=0),
        instruction(2, "p1", "parameter", parameter=1),
        instruction(3, "bits", "bitcast", "grad/Filter", operands=[2]),
        instruction(4, "sub", "subtract", "sgd/sub", operands=[1, 3]),
    )
    made = [
        computation(4, inside, 4),
        computation(
            9,
            [
                instruction(1, "weights", "copy"),
                instruction(2, "conv", "convolution"),
                instruction(3, "f", "fusion", "sgd/sub", operands=[1, 2], called=[4]),
                instruction(4, "g", "fusion", "sgd/sub", operands=[1, 2], called=[4]),
            ],
        ),
    ]
    assert origins(made, "weights", "conv", "f") == ["sgd/sub", "grad/Filter", "sgd/sub"]


def test_what_a_fusion_uses_for_several_ops_belongs_to_its_own():
    inside = (
        instruction(1, "p0", "parameter", parameter=0),
        instruction(2, "x", "add", "x", operands=[1]),
        instruction(3, "y", "add", "y", operands=[1, 2]),
    )
    whole = [instruction(1, "it", "copy"), instruction(2, "f", "fusion", operands=[1], called=[4])]
    assert origins([computation(4, inside, 3), *entry(*whole)], "it", "f") == ["y", "y"]


BROKEN = tag(99, 3)  # a wire type that no trace has


def test_of_other_instructions_only_the_name_is_read():
    made = entry(
        instruction(1, "a", "add", "x"),
        instruction(2, "b", "constant", constant=b"\x0b" * 1000, raw=BROKEN),
    )
    found = programs(f=module("f", made))
    assert found.op(1, "a").op_name == "x"
    with pytest.raises(DamageError, match="wire type 3"):
        found.op(1, "b")


def test_a_damaged_program_is_an_error_once_it_is_asked_for():
    good = module("g", entry(instruction(1, "a", "add", "x")))
    found = programs(f=BROKEN, g=good, h=good[:-9])
    assert found.op(2, "a").op_name == "x"
    for number in (1, 3):
        with pytest.raises(DamageError, match=r"^<bytes>: byte \d+: "):
            found.op(number, "a")
        with pytest.raises(DamageError):
            found.scheduled(number)


def big() -> bytes:
    inside = (*INSIDE, instruction(5, "n", "tuple", operands=[2, 3], constant=b"\0" * 200))
    return module(
        "f",
        [
            *fusion(5, *inside)[:1],
            *entry(
                instruction(1, "a", "copy"),
                instruction(2, "it", "fusion", operands=[1], called=[4]),
                instruction(3, "c", "convolution", "conv", "Conv2D", operands=[2]),
            ),
        ],
    )


def test_a_cut_or_changed_program_is_an_error_or_read():
    whole, choice = big(), random.Random(3)
    for size in range(len(whole)):
        look(whole[:size])
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(choice.randint(1, 3)):
            data[choice.randrange(len(data))] = choice.choice((0, 0x0B, 0x80, 0xFF, 0x12, 0x1A))
        look(bytes(data))


def look(data: bytes) -> None:
    found = programs(f=data)
    for name in ("a", "it", "c"):
        with contextlib.suppress(DamageError):
            op = found.op(1, name)
            assert op is None or isinstance(op, HloOp)


def test_protobuf_writes_the_same():
    hlo_pb2 = pytest.importorskip("tensorflow.compiler.xla.service.hlo_pb2")
    proto = hlo_pb2.HloProto.FromString(big())
    inner, outer = proto.hlo_module.computations
    assert [
        (step.name, step.opcode, step.id, [*step.operand_ids], [*step.called_computation_ids],
         step.metadata.op_name, step.metadata.op_type)
        for step in outer.instructions
    ] == [
        ("a", "copy", 1, [], [], "", ""),
        ("it", "fusion", 2, [1], [inner.id], "", ""),
        ("c", "convolution", 3, [2], [], "conv", "Conv2D"),
    ]  # fmt: skip
    assert inner.root_id == 5
    found = programs(f=proto.SerializeToString())
    fusion = found.op(1, "it")
    assert fusion == programs(f=big()).op(1, "it")
    # Its result says nothing, so it goes by what most of it is of.
    assert fusion[:4] == ("fusion", "common", "", True)
    assert fusion.parts == ("common", "root")
    assert found.op(1, "a").op_name == "common"


def test_ids_are_of_64_bits():
    wide = (1 << 63) + 5
    made = [
        computation(wide, [instruction(wide, "p", "add", "inner")], wide),
        *entry(instruction(1, "it", "fusion", called=[wide])),
    ]
    assert origins(made, "it") == ["inner"]
