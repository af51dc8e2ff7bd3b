"""A program of XLA from its bytes.

It is a message HloProto (xla/service/hlo.proto): a module of computations, which are lists of
instructions, those that use a value behind the one that makes it. An instruction's metadata
(OpMetadata in xla/xla_data.proto) tell the op of the framework. Constants make programs large: they
are stepped over. Everything else of an instruction is read when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from alexprof.errors import check_count
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
_PARAMETER_OPCODE = "parameter"

LOOKS, LOOKS_EACH = 1_000_000, 20
"""Limit on reads of instructions: a base, plus so many for each; about six each is usual."""
LEAST_BYTES, FEW = 40, 200_000
"""At most `FEW` instructions, plus one for every `LEAST_BYTES` bytes."""


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


class _Ends(NamedTuple):
    """Where values enter a computation, by position, and leave it."""

    parameters: dict[int, Instruction]
    root: Instruction | None


class HloModule:
    """A program: where its instructions stand, by name, and its computations, by id."""

    def __init__(self, buffer: Buffer, start: int, stop: int) -> None:
        self._buffer = buffer
        self._by_name: dict[str, tuple[Span, Computation]] = {}
        self._computations: dict[int, Computation] = {}
        self._read: dict[Span, Instruction] = {}
        self._ends: dict[int, _Ends] = {}
        self._looked_at = 0
        self._entry = 0
        self._schedules: list[Field] = []
        self._size = 0  # number of instructions
        for module in buffer.by_tag(start, stop)[_MODULE]:
            fields = buffer.by_tag(*module.span)
            for computation in fields[_COMPUTATIONS]:
                self._add(computation)
            self._entry = _number(fields[_ENTRY_ID])
            self._schedules = fields[_SCHEDULE]

    def find(self, name: str) -> tuple[Instruction, Computation] | None:
        """Read an instruction; None if there is none of this name."""
        if name not in self._by_name:
            return None
        span, computation = self._by_name[name]
        return self._instruction(span), computation

    def called(self, instruction: Instruction) -> list[Computation]:
        """Return the computations that an instruction calls."""
        computations = self._computations
        self._look_at(len(instruction.called))
        return [computations[number] for number in instruction.called if number in computations]

    def instructions(self, computation: Computation) -> tuple[Instruction, ...]:
        """Read all instructions of a computation.

        Raises:
            TraceError: The program's instructions were read far too often, because many of its
                computations call each other.
        """
        self._look_at(len(computation.spans))
        return tuple(self._instruction(span) for span in computation.spans)

    def ends(self, computation: Computation) -> _Ends:
        """Find a computation's parameters and its root, the first of each."""
        if computation.id not in self._ends:
            parameters: dict[int, Instruction] = {}
            root = None
            for instruction in self.instructions(computation):
                if instruction.opcode == _PARAMETER_OPCODE:
                    parameters.setdefault(instruction.parameter, instruction)
                if root is None and instruction.id == computation.root_id:
                    root = instruction
            self._ends[computation.id] = _Ends(parameters, root)
        return self._ends[computation.id]

    def _look_at(self, instructions: int) -> None:
        self._looked_at += instructions
        most = LOOKS + LOOKS_EACH * self._size
        check_count("too_many_calls", self._looked_at, most, self._buffer.source)

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
        by_tag = self._buffer.by_tag
        return [
            number
            for schedule in self._schedules
            for entry in by_tag(*schedule.span)[_SEQUENCES]
            if _number(by_tag(*entry.span)[_KEY]) == computation
            for sequence in by_tag(*entry.span)[_VALUE]
            for number in self._ids(by_tag(*sequence.span), _SEQUENCE_IDS)
        ]

    def _add(self, computation: Field) -> None:
        fields = self._buffer.by_tag(*computation.span)
        spans = tuple(instruction.span for instruction in fields[_INSTRUCTIONS])
        self._size += len(spans)
        most = FEW + self._buffer.size // LEAST_BYTES
        check_count("too_many_instructions", self._size, most, self._buffer.source)
        number = _number(fields[_COMPUTATION_ID])
        added = Computation(number, _number(fields[_ROOT_ID]), spans)
        self._computations[number] = added
        for span in spans:
            self._by_name.setdefault(self._name(span), (span, added))

    def _name(self, instruction: Span) -> str:
        """Read a name; it stands first, so nothing else is looked at."""
        fields = self._buffer.fields(*instruction)
        return next((self._buffer.text(*field.span) for field in fields if field.tag == _NAME), "")

    def _instruction(self, span: Span) -> Instruction:
        if span not in self._read:
            fields = self._buffer.by_tag(*span)
            self._read[span] = Instruction(
                opcode=self._text(fields[_OPCODE]),
                origin=self._origin(fields[_METADATA]),
                id=_number(fields[_ID]),
                parameter=_number(fields[_PARAMETER]),
                operands=tuple(self._ids(fields, _OPERANDS)),
                called=tuple(self._ids(fields, _CALLED)),
            )
        return self._read[span]

    def _origin(self, metadata: list[Field]) -> Origin | None:
        if not metadata:
            return None
        fields = self._buffer.by_tag(*metadata[-1].span)
        name = self._text(fields[_OP_NAME])
        return Origin(name, self._text(fields[_OP_TYPE])) if name else None

    def _ids(self, fields: Mapping[int, list[Field]], tags: tuple[int, int]) -> Iterator[int]:
        """Numbers that stand one by one, or packed."""
        single, packed = tags
        yield from (field.value for field in fields[single])
        for field in fields[packed]:
            yield from self._buffer.varints(*field.span)

    def _text(self, fields: list[Field]) -> str:
        return self._buffer.text(*fields[-1].span) if fields else ""


def _number(fields: list[Field]) -> int:
    return fields[-1].value if fields else 0
