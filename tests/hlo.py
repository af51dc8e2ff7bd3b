"""Programs of XLA made by hand, for traces made by hand.

    program = module("jit_f", [computation(1, [instruction(1, "add.1", "add", "f/add", "Add")])])
    keep(trace, {7: ("jit_f", program)})

The bytes follow xla/service/hlo.proto and xla/xla_data.proto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.traces import Stats, TraceBuilder, integer, message, text, varint


def instruction(
    id: int,  # noqa: A002
    name: str,
    opcode: str,
    op_name: str = "",
    op_type: str = "",
    *,
    operands: Sequence[int] = (),
    called: Sequence[int] = (),
    parameter: int = 0,
    packed: bool = True,
    constant: bytes = b"",
    raw: bytes = b"",
) -> bytes:
    """An HloInstructionProto; `raw` is put at its end, for tests of the reader."""
    metadata = (text(1, op_type) if op_type else b"") + (text(2, op_name) if op_name else b"")
    return b"".join(
        (
            text(1, name) + text(2, opcode),
            message(7, metadata + text(3, "net.py") + integer(4, 12)) if metadata else b"",
            message(8, message(3, constant)) if constant else b"",
            integer(9, parameter) if opcode == "parameter" else b"",
            integer(35, id),
            _ids(36, operands, packed) + _ids(38, called, packed) + raw,
        )
    )


def computation(id: int, instructions: Sequence[bytes], root: int = 0) -> bytes:  # noqa: A002
    """An HloComputationProto."""
    body = text(1, f"computation.{id}") + b"".join(message(2, one) for one in instructions)
    return body + integer(5, id) + integer(6, root)


def module(name: str, computations: Sequence[bytes]) -> bytes:
    """An HloProto; what stands behind the module is none of our business."""
    body = text(1, name) + b"".join(message(3, one) for one in computations)
    return message(1, body + integer(5, 1)) + message(3, b"")


def keep(
    trace: TraceBuilder, programs: Mapping[int, tuple[str, bytes]], stats: Stats | None = None
) -> None:
    """Put programs into a trace, by id, with the names of their modules."""
    plane = trace.plane("/host:metadata")
    for number, (name, program) in programs.items():
        event = f"{name}({number})"
        plane.number(event, number)
        plane.describe(event, {"Hlo Proto": program, **(stats or {})})


def _ids(number: int, ids: Sequence[int], packed: bool) -> bytes:
    if not packed or not ids:
        return b"".join(integer(number, one) for one in ids)
    return message(number, b"".join(map(varint, ids)))
