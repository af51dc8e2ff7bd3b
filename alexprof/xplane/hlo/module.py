"""A program of XLA from its bytes.

It is a message HloProto (xla/service/hlo.proto): a module of computations, which are lists of
instructions, those that use a value behind the one that makes it. An instruction's metadata
(OpMetadata in xla/xla_data.proto) tell the op of the framework. Constants make programs large: they
are stepped over. Everything else of an instruction is read when it is needed.
"""

from __future__ import annotations

from typing import NamedTuple

from alexprof.xplane.wire import BYTES, VARINT, Buffer, Field, Span

_MODULE = 0x0A  # HloProto
_COMPUTATIONS, _ENTRY_ID, _SCHEDULE = 0x1A, 0x30, 0x3A  # HloModuleProto
_SEQUENCES, _KEY, _VALUE, _SEQUENCE_IDS = 0x0A, 0x08, 0x12, (0x08, 0x0A)  # HloScheduleProto
_INSTRUCTIONS, _COMPUTATION_ID, _ROOT_ID = 0x12, 0x28, 0x30  # HloComputationProto
_NAME, _OPCODE, _METADATA, _PARAMETER = 0x0A, 0x12, 0x3A, 0x48  # HloInstructionProto
_ID = 35 << 3 | VARINT
_OPERANDS = 36 << 3 | VARINT, 36 << 3 | BYTES  # one by one or packed
_CALLED = 38 << 3 | VARINT, 38 << 3 | BYTES
_OP_TYPE, _OP_NAME = 0x0A, 0x12  # OpMetadata


class Origin(NamedTuple):
    """An op of the framework: `conv1/Conv2D` and `Conv2D`; the type may be empty."""

    op_name: str
    op_type: str

    @property
    def scope(self) -> str:
        """The scopes around the op."""
        return self.op_name.rpartition("/")[0]


class Instruction(NamedTuple):
    """An instruction."""

    opcode: str  # what XLA calls its sort: `fusion`, `convolution`
    origin: Origin | None  # the op that it says it comes from, if it does
    id: int  # its number, unique in its computation
    parameter: int  # of a parameter, the position of the operand that it stands for
    operands: tuple[int, ...]  # ids of the instructions whose values it uses
    called: tuple[int, ...]  # ids of the computations that it calls


class Computation(NamedTuple):
    """A list of instructions, by where they stand; the root is the one that makes the result."""

    id: int
    root_id: int
    spans: tuple[Span, ...]


class HloModule:
    """A program: where its instructions stand, by name, and its computations, by id."""

    def __init__(self, buffer: Buffer, start: int, stop: int) -> None:
        self._buffer = buffer
        self._by_name: dict[str, tuple[Span, Computation]] = {}
        self._computations: dict[int, Computation] = {}
        self._read: dict[Span, Instruction] = {}
        self._entry = 0
        self._schedule: Span | None = None
        for module in buffer.fields(start, stop):
            if module.tag == _MODULE:
                for field in buffer.fields(*module.span):
                    if field.tag == _COMPUTATIONS:
                        self._add(field)
                    elif field.tag == _ENTRY_ID:
                        self._entry = field.value
                    elif field.tag == _SCHEDULE:
                        self._schedule = field.span

    def find(self, name: str) -> tuple[Instruction, Computation] | None:
        """Read an instruction; None if there is none of this name."""
        span, computation = self._by_name.get(name, (None, None))
        if span is None or computation is None:
            return None
        return self._instruction(span), computation

    def called(self, instruction: Instruction) -> list[Computation]:
        """Return the computations that an instruction calls."""
        computations = self._computations
        return [computations[number] for number in instruction.called if number in computations]

    def instructions(self, computation: Computation) -> tuple[Instruction, ...]:
        """Read all instructions of a computation."""
        return tuple(self._instruction(span) for span in computation.spans)

    def scheduled(self) -> list[tuple[str, Instruction]]:
        """Return name and instruction of the main computation in the order in which they run.

        That is the program's schedule, or where it has none the order in which they stand.
        """
        main = self._computations.get(self._entry)
        if main is None:
            return []
        by_id = {
            instruction.id: (self._name(span), instruction)
            for span, instruction in zip(main.spans, self.instructions(main), strict=True)
        }
        order = self._sequence(main.id) or list(by_id)
        return [by_id[number] for number in order if number in by_id]

    def _sequence(self, computation: int) -> list[int]:
        """The ids of a computation's instructions in the order of the schedule, if it has one."""
        buffer = self._buffer
        ids: list[int] = []
        for entry in buffer.fields(*self._schedule) if self._schedule else ():
            if entry.tag != _SEQUENCES:
                continue
            key, value = 0, entry
            for field in buffer.fields(*entry.span):
                key = field.value if field.tag == _KEY else key
                value = field if field.tag == _VALUE else value
            if key == computation and value is not entry:
                for field in buffer.fields(*value.span):
                    ids += self._ids(field) if field.tag in _SEQUENCE_IDS else []
        return ids

    def _add(self, field: Field) -> None:
        number = root = 0
        spans = []
        for part in self._buffer.fields(*field.span):
            if part.tag == _INSTRUCTIONS:
                spans.append(part.span)
            elif part.tag == _COMPUTATION_ID:
                number = part.value
            elif part.tag == _ROOT_ID:
                root = part.value
        self._computations[number] = computation = Computation(number, root, tuple(spans))
        for span in spans:
            self._by_name.setdefault(self._name(span), (span, computation))

    def _name(self, instruction: Span) -> str:
        """Read a name; it stands first, so nothing else is looked at."""
        for field in self._buffer.fields(*instruction):
            if field.tag == _NAME:
                return self._buffer.text(*field.span)
        return ""

    def _instruction(self, span: Span) -> Instruction:
        if span not in self._read:
            self._read[span] = self._decoded(span)
        return self._read[span]

    def _decoded(self, span: Span) -> Instruction:
        buffer = self._buffer
        opcode, origin, number, parameter = "", None, 0, 0
        operands, called = list[int](), list[int]()
        for field in buffer.fields(*span):
            if field.tag == _OPCODE:
                opcode = buffer.text(*field.span)
            elif field.tag == _METADATA:
                origin = self._origin(field)
            elif field.tag == _ID:
                number = field.value
            elif field.tag == _PARAMETER:
                parameter = field.value
            elif field.tag in _OPERANDS:
                operands += self._ids(field)
            elif field.tag in _CALLED:
                called += self._ids(field)
        return Instruction(opcode, origin, number, parameter, tuple(operands), tuple(called))

    def _ids(self, field: Field) -> list[int]:
        packed = field.tag & 7 == BYTES
        return list(self._buffer.varints(*field.span)) if packed else [field.value]

    def _origin(self, field: Field) -> Origin | None:
        texts = {
            part.tag: self._buffer.text(*part.span)
            for part in self._buffer.fields(*field.span)
            if part.tag in (_OP_NAME, _OP_TYPE)
        }
        name = texts.get(_OP_NAME)
        return Origin(name, texts.get(_OP_TYPE, "")) if name else None
