"""What XLA compiled, as far as a trace says which op of the framework each piece comes from.

A trace keeps the programs that ran in it as event metadata of the plane `/host:metadata`, each
named after its module and id (`jit_f(15)`), with the whole program in a stat "Hlo Proto"
(xprof/utils/hlo_proto_map.cc).
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from alexprof.xplane.event_stats import Dictionary
from alexprof.xplane.hlo.module import HloModule
from alexprof.xplane.hlo.origins import Origins
from alexprof.xplane.trace import Trace
from alexprof.xplane.wire import Buffer, Span, signed

_METADATA_PLANE = "/host:metadata"
_HLO_PROTO, _PROGRAM = "Hlo Proto", "program_id"

_KEY, _VALUE = 0x08, 0x12  # of a map's entry
_EVENT_NAME, _EVENT_STATS = 0x12, 0x2A  # XEventMetadata
_STAT_NAME, _STAT_UINT64, _STAT_INT64, _STAT_BYTES = 0x08, 0x18, 0x20, 0x32  # XStat


class HloOp(NamedTuple):
    """An instruction, and the op of the framework that it comes from."""

    opcode: str  # What XLA calls its sort: `fusion`, `convolution`
    # The op's name: `conv1/Conv2D`, `jit(f)/conv1/conv_general_dilated`; "" where the program does
    # not say
    op_name: str
    op_type: str  # Its type: `Conv2D`; "" where the program does not say, as those of JAX
    # Whether it is a fusion whose result names no op, so that the op is the commonest of those that
    # it computes
    estimated: bool = False
    parts: tuple[str, ...] = ()  # Names of the ops that a fusion computes, each once


class HloPrograms:
    """The programs of a trace, each read when first needed."""

    def __init__(self, trace: Trace) -> None:
        # By id: the module's name, and where the program stands.
        self._programs: dict[int, tuple[str, Span, Buffer]] = {}
        self._read: dict[int, tuple[HloModule, Origins]] = {}
        for plane in trace.planes:
            if plane.name == _METADATA_PLANE:
                entries = plane.dictionary.event_entries
                # One by one: there are few, and they are long.
                for span in zip(entries.start.tolist(), entries.stop.tolist(), strict=True):
                    self._add(plane.dictionary, span)
        self._by_name: dict[str, list[int]] = defaultdict(list)
        for number, (name, *_) in self._programs.items():
            self._by_name[name].append(number)

    def named(self, module: str) -> list[int]:
        """Return the ids of all programs of a module's name."""
        return self._by_name.get(module, [])

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
        origin, is_estimated = origins.of(decoded, computation)
        parts = tuple(part.op_name for part in origins.parts(decoded))
        if origin is None:
            return HloOp(decoded.opcode, "", "", parts=parts)
        return HloOp(decoded.opcode, *origin, is_estimated, parts)

    def scheduled(self, program: int) -> list[tuple[str, str]]:
        """Return name and opcode of what a program runs, in order; empty where that is not known.

        Raises:
            DamageError: The program is not whole.
        """
        read = self._module(program)
        scheduled = [] if read is None else read[0].scheduled()
        return [(name, instruction.opcode) for name, instruction in scheduled]

    def _module(self, program: int) -> tuple[HloModule, Origins] | None:
        if program in self._programs and program not in self._read:
            _, span, buffer = self._programs[program]
            module = HloModule(buffer, *span)
            self._read[program] = module, Origins(module)
        return self._read.get(program)

    def _add(self, dictionary: Dictionary, entry: Span) -> None:
        """Note the program in an entry of a map of event metadata; of equal ids the first counts.

        The entry's key is the program's id, unless a stat says otherwise.
        """
        buffer, names = dictionary.buffer, dictionary.stats
        number, name, proto = 0, "", None
        is_proto, is_program = (
            set(names.ids[names.named(stat)[:-1]].tolist()) for stat in (_HLO_PROTO, _PROGRAM)
        )
        fields = buffer.by_tag(*entry)
        for key in fields[_KEY]:
            number = signed(key.value)
        for metadata in fields[_VALUE]:
            values = buffer.by_tag(*metadata.span)
            for title in values[_EVENT_NAME]:
                name = buffer.text(*title.span)
            for stat in values[_EVENT_STATS]:
                parts = {part.tag: part for part in buffer.fields(*stat.span)}
                id_of_name = signed(parts[_STAT_NAME].value) if _STAT_NAME in parts else 0
                for tag in _STAT_UINT64, _STAT_INT64:
                    if id_of_name in is_program and tag in parts:
                        number = signed(parts[tag].value)
                if id_of_name in is_proto and _STAT_BYTES in parts:
                    proto = parts[_STAT_BYTES].span
        if proto is not None:
            module = name.removesuffix(f"({number})")
            self._programs.setdefault(number, (module, proto, buffer))
