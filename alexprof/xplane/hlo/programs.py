"""The programs in a trace, and which op of the framework each of their instructions comes from.

A trace keeps the programs that ran in it as event metadata of the plane `/host:metadata`, each
named after its module and id (`jit_f(15)`), with the whole program in a stat "Hlo Proto"
(xprof/utils/hlo_proto_map.cc).
"""

from __future__ import annotations

from typing import NamedTuple

from alexprof.xplane.event_stats import Dictionary
from alexprof.xplane.hlo.module import HloModule
from alexprof.xplane.hlo.origins import Origins
from alexprof.xplane.trace import Trace
from alexprof.xplane.wire import Buffer, Field, Span, signed

_METADATA_PLANE = "/host:metadata"
_HLO_PROTO, _PROGRAM = "Hlo Proto", "program_id"

_KEY, _VALUE = 0x08, 0x12  # of a map's entry
_EVENT_NAME, _EVENT_STATS = 0x12, 0x2A  # XEventMetadata
_STAT_NAME, _STAT_UINT64, _STAT_INT64, _STAT_BYTES = 0x08, 0x18, 0x20, 0x32  # XStat


class HloOp(NamedTuple):
    """An instruction, and the op of the framework that it comes from.

    Attributes:
        opcode: What XLA calls its sort: `fusion`, `convolution`.
        op_name: The op's name: `conv1/Conv2D`, `jit(f)/conv1/conv_general_dilated`; "" where the
            program does not say.
        op_type: Its type: `Conv2D`; "" where the program does not say, as those of JAX.
        estimated: Whether it is a fusion whose result names no op, so that the op is the commonest
            of those that it computes.
        parts: Names of the ops that a fusion computes, each once.
    """

    opcode: str
    op_name: str
    op_type: str
    estimated: bool = False
    parts: tuple[str, ...] = ()


class _Program(NamedTuple):
    module: str
    span: Span
    buffer: Buffer


class HloPrograms:
    """The programs of a trace, each read when first needed."""

    def __init__(self, trace: Trace) -> None:
        self._programs: dict[int, _Program] = {}
        self._read: dict[int, tuple[HloModule, Origins]] = {}
        for plane in trace.planes:
            if plane.name == _METADATA_PLANE:
                self._find(plane.dictionary)

    def named(self, module: str) -> list[int]:
        """Return the ids of all programs of a module's name."""
        return [number for number, program in self._programs.items() if program.module == module]

    def op(self, program: int, instruction: str) -> HloOp | None:
        """Find the op that an instruction comes from; see `Origins.of`.

        Returns None if the program is not in the trace or lacks an instruction of this name.

        Raises:
            DamageError: The program is not whole.
        """
        module, origins = self._module(program) or (None, None)
        placed = module.find(instruction) if module else None
        if origins is None or placed is None:
            return None
        decoded, computation = placed
        origin = origins.of(decoded, computation)
        parts = tuple(part.op_name for part in origins.parts(decoded))
        if origin is None:
            return HloOp(decoded.opcode, "", "", parts=parts)
        return HloOp(decoded.opcode, *origin, origins.is_estimated(decoded), parts)

    def scheduled(self, program: int) -> list[tuple[str, str]]:
        """Return name and opcode of what a program runs, in order; empty where that is not known.

        Raises:
            DamageError: The program is not whole.
        """
        read = self._module(program)
        scheduled = [] if read is None else read[0].scheduled()
        return [(name, instruction.opcode) for name, instruction in scheduled]

    def _module(self, program: int) -> tuple[HloModule, Origins] | None:
        entry = self._programs.get(program)
        if entry is None:
            return None
        if program not in self._read:
            module = HloModule(entry.buffer, *entry.span)
            self._read[program] = module, Origins(module)
        return self._read[program]

    def _find(self, dictionary: Dictionary) -> None:
        # One by one: there are few, and they are long.
        entries = dictionary.event_entries
        for span in zip(entries.start.tolist(), entries.stop.tolist(), strict=True):
            self._add(dictionary, span)

    def _add(self, dictionary: Dictionary, entry: Span) -> None:
        """Note the program in an entry of a map of event metadata; of equal ids the first counts.

        The entry's key is the program's id, unless a stat says otherwise.
        """
        buffer, names = dictionary.buffer, dictionary.stats
        number, name, stats = _described(buffer, entry)
        ids = {
            stat: set(names.ids[names.named(stat)[:-1]].tolist()) for stat in (_HLO_PROTO, _PROGRAM)
        }
        for stat, value in stats:
            if stat in ids[_PROGRAM] and value.tag in (_STAT_INT64, _STAT_UINT64):
                number = signed(value.value)
        for stat, value in stats:
            if stat in ids[_HLO_PROTO] and value.tag == _STAT_BYTES:
                module = name.removesuffix(f"({number})")
                self._programs.setdefault(number, _Program(module, value.span, buffer))


def _described(buffer: Buffer, entry: Span) -> tuple[int, str, list[tuple[int, Field]]]:
    """Return id, name and stats of event metadata, given their entry in a map."""
    number, name, stats = 0, "", list[tuple[int, Field]]()
    for outer in buffer.fields(*entry):
        if outer.tag == _KEY:
            number = signed(outer.value)
        elif outer.tag == _VALUE:
            for field in buffer.fields(*outer.span):
                if field.tag == _EVENT_NAME:
                    name = buffer.text(*field.span)
                elif field.tag == _EVENT_STATS:
                    stats.append(_stat(buffer, field))
    return number, name, stats


def _stat(buffer: Buffer, field: Field) -> tuple[int, Field]:
    """Return the id of a stat's name, and its value."""
    name, value = 0, field
    for part in buffer.fields(*field.span):
        if part.tag == _STAT_NAME:
            name = signed(part.value)
        else:
            value = part
    return name, value
