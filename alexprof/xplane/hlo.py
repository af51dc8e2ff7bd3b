"""What XLA compiled, as far as a trace says which op of the framework each piece comes from.

A trace keeps the programs that ran in it as event metadata of the plane `/host:metadata`, each
named after its module and id (`jit_f(15)`), with the whole program in a stat "Hlo Proto"
(xprof/utils/hlo_proto_map.cc). That is a message HloProto (xla/service/hlo.proto): a module of
computations, which are lists of instructions, and an instruction's metadata (OpMetadata in
xla/xla_data.proto) tell the op. Constants make programs large. They are stepped over, and a
program is read only when an op of it is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from alexprof.errors import TraceError
from alexprof.xplane.events import Dictionary
from alexprof.xplane.trace import Trace
from alexprof.xplane.wire import BYTES, VARINT, Buffer, Field, signed

_METADATA_PLANE = "/host:metadata"
_HLO_PROTO, _PROGRAM = "Hlo Proto", "program_id"

_KEY, _VALUE = 0x08, 0x12  # of a map's entry
_EVENT_NAME, _EVENT_STATS = 0x12, 0x2A  # XEventMetadata
_STAT_NAME, _STAT_UINT64, _STAT_INT64, _STAT_BYTES = 0x08, 0x18, 0x20, 0x32  # XStat

_MODULE = 0x0A  # HloProto
_COMPUTATIONS = 0x1A  # HloModuleProto
_INSTRUCTIONS, _COMPUTATION_ID, _ROOT_ID = 0x12, 0x28, 0x30  # HloComputationProto
_NAME, _OPCODE, _METADATA = 0x0A, 0x12, 0x3A  # HloInstructionProto
_ID, _CALLED, _CALLED_PACKED = 35 << 3 | VARINT, 38 << 3 | VARINT, 38 << 3 | BYTES
_OP_TYPE, _OP_NAME = 0x0A, 0x12  # OpMetadata

# Instructions that only stand for those of the computation that they call. Others that call one
# (reductions, loops) do something with it.
_STAND_INS = frozenset({"fusion", "call", "async-start"})
_NO_WORK = frozenset({"parameter", "constant"})
_DEEPEST = 8  # calls inside of calls; more would be a circle

_Span = tuple[int, int]


class HloOp(NamedTuple):
    """An instruction, and the op of the framework that it comes from.

    Attributes:
        opcode: What XLA calls its sort: `fusion`, `convolution`.
        op_name: The op's name: `conv1/Conv2D`, `jit(f)/conv1/conv_general_dilated`; "" where the
            program does not say.
        op_type: Its type: `Conv2D`; "" where the program does not say, as those of JAX.
    """

    opcode: str
    op_name: str
    op_type: str


class _Instruction(NamedTuple):
    op: HloOp
    id: int
    called: tuple[int, ...]


class _Computation(NamedTuple):
    root_id: int
    instructions: tuple[_Span, ...]


class _Program(NamedTuple):
    module: str
    span: _Span
    buffer: Buffer


class HloPrograms:
    """The programs of a trace, each read when first asked for."""

    def __init__(self, trace: Trace) -> None:
        """Find the programs; their contents are not looked at."""
        self._programs: dict[int, _Program] = {}
        self._modules: dict[int, _Module | None] = {}
        self._unreadable: list[str] = []
        for plane in trace.planes:
            if plane.name == _METADATA_PLANE:
                self._find(plane.dictionary)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Names of the programs asked for that turned out damaged."""
        return tuple(self._unreadable)

    def named(self, module: str) -> list[int]:
        """Return the ids of all programs of a module's name."""
        return [number for number, one in self._programs.items() if one.module == module]

    def op(self, program: int, instruction: str) -> HloOp | None:
        """Find where an instruction comes from.

        One that stands for others (a fusion) and has no metadata of its own gets those of what
        it results in, or else the commonest of its parts.

        Args:
            program: Id of the program.
            instruction: Its name, unique in the program.

        Returns:
            What the program says, or None if it is not in the trace, is damaged or lacks the
            instruction.
        """
        known = self._programs.get(program)
        if known is None:
            return None
        try:
            if program not in self._modules:
                self._modules[program] = _Module(known.buffer, *known.span)
            module = self._modules[program]
            return None if module is None else module.op(instruction)
        except TraceError:
            self._modules[program] = None
            self._unreadable.append(f"{known.module}({program})")
            return None

    def _find(self, dictionary: Dictionary) -> None:
        # One by one: there are few, and they are long.
        start, stop = dictionary.event_entries
        for span in zip(start.tolist(), stop.tolist(), strict=True):
            try:
                self._add(dictionary, span)
            except TraceError:
                self._unreadable.append("a program without a name")

    def _add(self, dictionary: Dictionary, entry: _Span) -> None:
        """Note the program in an entry of a map of event metadata; of equal ids the first counts.

        The entry's key is the program's id, unless a stat says otherwise.
        """
        buffer, names = dictionary.buffer, dictionary.stats
        number, name, stats = _described(buffer, entry)
        ids = {stat: set(names.ids[names.named(stat)].tolist()) for stat in (_HLO_PROTO, _PROGRAM)}
        for stat, value in stats:
            if stat in ids[_PROGRAM] and value.tag in (_STAT_INT64, _STAT_UINT64):
                number = signed(value.value)
        for stat, value in stats:
            if stat in ids[_HLO_PROTO] and value.tag == _STAT_BYTES:
                module = name.removesuffix(f"({number})")
                self._programs.setdefault(number, _Program(module, _span(value), buffer))


def _described(buffer: Buffer, entry: _Span) -> tuple[int, str, list[tuple[int, Field]]]:
    """Return id, name and stats of event metadata, given their entry in a map."""
    number, name, stats = 0, "", list[tuple[int, Field]]()
    for outer in buffer.fields(*entry):
        if outer.tag == _KEY:
            number = signed(outer.value)
        elif outer.tag == _VALUE:
            for one in buffer.fields(*_span(outer)):
                if one.tag == _EVENT_NAME:
                    name = buffer.text(*_span(one))
                elif one.tag == _EVENT_STATS:
                    stats.append(_stat(buffer, one))
    return number, name, stats


def _stat(buffer: Buffer, field: Field) -> tuple[int, Field]:
    """Return the id of a stat's name, and its value."""
    name, value = 0, field
    for one in buffer.fields(*_span(field)):
        if one.tag == _STAT_NAME:
            name = signed(one.value)
        else:
            value = one
    return name, value


class _Module:
    """A program: where its instructions stand, by name, and its computations, by id."""

    def __init__(self, buffer: Buffer, start: int, stop: int) -> None:
        self._buffer = buffer
        self._instructions: dict[str, _Span] = {}
        self._computations: dict[int, _Computation] = {}
        for module in buffer.fields(start, stop):
            if module.tag == _MODULE:
                for one in buffer.fields(*_span(module)):
                    if one.tag == _COMPUTATIONS:
                        self._add(one)

    def op(self, instruction: str) -> HloOp | None:
        """Find where an instruction comes from; None if there is none of this name."""
        span = self._instructions.get(instruction)
        return None if span is None else self._resolved(self._read(span))

    def _add(self, computation: Field) -> None:
        number = root = 0
        spans = []
        for one in self._buffer.fields(*_span(computation)):
            if one.tag == _INSTRUCTIONS:
                span = _span(one)
                spans.append(span)
                self._instructions.setdefault(self._name(span), span)
            elif one.tag == _COMPUTATION_ID:
                number = one.value
            elif one.tag == _ROOT_ID:
                root = one.value
        self._computations[number] = _Computation(root, tuple(spans))

    def _name(self, instruction: _Span) -> str:
        """Read a name; it stands first, so nothing else is looked at."""
        for one in self._buffer.fields(*instruction):
            if one.tag == _NAME:
                return self._buffer.text(*_span(one))
        return ""

    def _read(self, instruction: _Span) -> _Instruction:
        buffer = self._buffer
        opcode = op_name = op_type = ""
        number, called = 0, list[int]()
        for one in buffer.fields(*instruction):
            if one.tag == _OPCODE:
                opcode = buffer.text(*_span(one))
            elif one.tag == _METADATA:
                op_name, op_type = self._metadata(one)
            elif one.tag == _ID:
                number = one.value
            elif one.tag == _CALLED:
                called.append(one.value)
            elif one.tag == _CALLED_PACKED:
                called += buffer.varints(*_span(one))
        return _Instruction(HloOp(opcode, op_name, op_type), number, tuple(called))

    def _metadata(self, field: Field) -> tuple[str, str]:
        texts = {
            one.tag: self._buffer.text(*_span(one))
            for one in self._buffer.fields(*_span(field))
            if one.tag in (_OP_NAME, _OP_TYPE)
        }
        return texts.get(_OP_NAME, ""), texts.get(_OP_TYPE, "")

    def _resolved(self, instruction: _Instruction, depth: int = 0) -> HloOp:
        """Look into what an instruction calls if it has no metadata of its own."""
        own = instruction.op
        if own.op_name or own.opcode not in _STAND_INS or depth == _DEEPEST:
            return own
        for computation in self._called(instruction):
            parts = [self._read(span) for span in computation.instructions]
            roots = [part for part in parts if part.id == computation.root_id]
            inside = [self._resolved(root, depth + 1) for root in roots]
            named = [one for one in inside if one.op_name] or [
                part.op for part in parts if part.op.op_name and part.op.opcode not in _NO_WORK
            ]
            if named:
                counted = Counter((one.op_name, one.op_type) for one in named)
                (found, _), *_ = counted.most_common(1)
                return HloOp(own.opcode, *found)
        return own

    def _called(self, instruction: _Instruction) -> Iterator[_Computation]:
        for number in instruction.called:
            if number in self._computations:
                yield self._computations[number]


def _span(field: Field) -> _Span:
    """Return begin and end of a field's content."""
    return field.stop - field.value, field.stop
