"""What XLA ran, by the ops of the framework that it was compiled from.

An event of XLA says which instruction it executes (stat `hlo_op`) of which program (`program_id`,
`hlo_module`). The program, where the trace holds it, says which op the instruction comes from.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.symbols import Op, OpNumbers, type_in
from alexprof.attribute.timeline import NONE, Bool, Index, Int
from alexprof.record.note import Note
from alexprof.xplane import Events, HloOp, HloPrograms, Trace

HLO_OP = "hlo_op"
# A CUDA graph that holds what several instructions launch: its kernels all go by its name, in the
# order in which the instructions run (xla/backends/gpu/runtime/command_buffer_thunk.cc).
_BUFFER = re.compile(r"command_buffer(?:[._]\d+)?")
_NUMBER = re.compile(r"[._]\d+$")
_CALL = "custom-call"
_LAUNCHING = frozenset({"fusion", _CALL, "copy", "reduce", "sort", "scatter", "convert"})
# JAX's primitives of XLA's products; XLA may name one after the transpose that it took in.
_PRODUCTS = {"dot": "dot_general", "convolution": "conv_general_dilated"}
_MOVES = frozenset({"transpose", "reshape", "broadcast_in_dim", "squeeze", "convert_element_type"})
# TensorFlow names a module after the function and all its attributes, as in
# a_inference_step_66__XlaMustCompile_true_config_proto_…, and where values enter and leave the same
# in all functions (tensorflow/compiler/tf2xla/xla_compiler.cc).
_ATTRIBUTES = re.compile(r"(?<=.)__Xla[A-Z].*")
_ENDS = {"XLA_Args": "_Arg", "XLA_Retvals": "_Retval"}


class XlaOps:
    """Tells the ops of XLA's events, on host and devices of one trace."""

    def __init__(self, trace: Trace, numbers: OpNumbers) -> None:
        self._trace = trace
        self._programs = HloPrograms(trace)
        self._numbers = numbers
        # Numbers of the ops that are XLA's own, which go by module and instruction, because the
        # trace does not say where those come from; and of others that are in no pass.
        self.unplaced: set[int] = set()
        # Numbers of the ops that some fusion goes by only because most of it is of them.
        self.estimated: set[int] = set()
        self.fusions: list[tuple[str, ...]] = []  # of each fusion met, the ops that it computes
        self._fused = False
        self._schedules: dict[int, Schedule] = {}
        self._buffers: dict[tuple[int, tuple[str, ...]], tuple[str, ...]] = {}

    @property
    def notes(self) -> list[Note]:
        """What a reader of the ops should know."""
        codes = {"xla_fused": self._fused, "xla_fusions_estimated": bool(self.estimated)}
        return [Note(code) for code, applies in codes.items() if applies]

    def read(self, events: Events, rows: Index) -> tuple[Int, Int]:
        """Finds the op of each of these events, which all have an `hlo_op`.

        Returns:
            int64 [rows], the op's number; and the index into `fusions`, -1 where it is none.
        """
        program, has_program = events.ints("program_id")
        programs, which = np.unique(program[rows], return_inverse=True)
        texts = [events.strings(stat) for stat in ("hlo_module", HLO_OP, "name")]
        columns = [np.where(has_program[rows], which, NONE), *(index[rows] for index, _ in texts)]
        tables: list[list[Any]] = [
            [*programs.tolist(), None],
            *([*table, ""] for _, table in texts),
        ]
        columns[2], tables[2] = self._without_buffers(events, rows, columns, tables)
        first, index = _distinct(columns)
        keys = [
            _Key(*(table[int(column[row])] for table, column in zip(tables, columns, strict=True)))
            for row in first
        ]
        numbers, fusions = np.array([self._op(key) for key in keys], np.int64).reshape(-1, 2).T
        return numbers[index], fusions[index]

    def _without_buffers(
        self,
        events: Events,
        rows: Index,
        columns: Sequence[NDArray[Any]],
        tables: Sequence[list[Any]],
    ) -> tuple[NDArray[Any], list[Any]]:
        """Puts the instruction in place where an event only names the command buffer it is in."""
        column, table = columns[2], tables[2]
        is_buffer = np.array([bool(_BUFFER.fullmatch(text)) for text in table], bool)
        held = np.flatnonzero(is_buffer[column])
        number, has_number = events.ints("correlation_id")
        held = held[has_number[rows[held]]]
        if not held.size:
            return column, table
        order = held[np.lexsort((events.start_ps[rows[held]], number[rows[held]]))]
        edges = np.flatnonzero(np.diff(number[rows[order]])) + 1
        column, places = column.copy(), {text: at for at, text in enumerate(table[:-1])}
        for launch in np.split(order, edges):
            program = tables[0][int(columns[0][launch[0]])]
            kernels = tuple(events.names[symbol] for symbol in events.name[rows[launch]])
            if program is None:
                continue
            if (program, kernels) not in self._buffers:
                if program not in self._schedules:
                    self._schedules[program] = Schedule(self._programs.scheduled(program))
                matching = match_kernels(kernels, self._schedules[program])
                self._buffers[program, kernels] = matching
            for row, instruction in zip(launch, self._buffers[program, kernels], strict=True):
                if instruction:
                    column[row] = places.setdefault(instruction, len(places))
        return column, [*places, ""]

    def _op(self, key: _Key) -> tuple[int, int]:
        """The number of an instruction's op, and of the fusion that it is or `NONE`."""
        hlo, fusion = self._in_program(key), NONE
        self._fused |= hlo is not None and hlo.opcode == "fusion"
        if hlo is not None and len(hlo.parts) > 1:
            fusion = len(self.fusions)
            self.fusions.append(hlo.parts)
        op = _named(key, hlo)
        if op is not None:
            number = self._numbers.of(op)
            if hlo is not None and hlo.estimated:
                self.estimated.add(number)
            return number, fusion
        scope = _scope(key.module)
        if self._programs_of[scope] > 1:
            scope = f"{scope}({key.program})"
        own = f"{scope}/{key.instruction}" if scope else key.instruction
        number = self._numbers.of((own, type_in(key.instruction)))
        self.unplaced.add(number)
        return number, fusion

    @cached_property
    def _programs_of(self) -> Counter[str]:
        """How many programs of each module's name ran, on all devices together."""
        ran: set[tuple[str, int]] = set()
        for plane in self._trace.planes:
            if plane.may_have("program_id") and plane.may_have("hlo_module"):
                events = plane.events(stats=("program_id", "hlo_module"))
                program, has_program = events.ints("program_id")
                module, modules = events.strings("hlo_module")
                numbered = has_program & (module >= 0)
                pairs = np.unique(np.stack((module[numbered], program[numbered])), axis=1)
                ran |= {(_scope(modules[which]), number) for which, number in pairs.T.tolist()}
        return Counter(module for module, _ in ran)

    def _in_program(self, key: _Key) -> HloOp | None:
        """What the program says of an instruction."""
        if key.program is not None:
            return self._programs.op(key.program, key.instruction)
        # Older traces give the module only, which will do if there is one of the name.
        programs = self._programs.named(key.module)
        return self._programs.op(programs[0], key.instruction) if len(programs) == 1 else None


class _Key(NamedTuple):
    """What an event says; module and name may be empty."""

    program: int | None
    module: str
    instruction: str
    name: str


def _named(key: _Key, hlo: HloOp | None) -> Op | None:
    """The op by the program, or else by the annotation of a kernel (stat `name`)."""
    if hlo is not None and hlo.op_name and hlo.op_type:
        return hlo.op_name, hlo.op_type
    name = (hlo.op_name if hlo is not None else "") or key.name
    if not name:
        return None
    if name in _ENDS:
        return name, _ENDS[name]
    if hlo is not None and hlo.opcode in _PRODUCTS and type_in(name) in _MOVES:
        return name, _PRODUCTS[hlo.opcode]
    # A name without scopes is that of an argument, which XLA did something to: no type.
    return name, type_in(name if "/" in name else key.instruction)


class Schedule:
    """The instructions of a program that launch kernels, in the order they run, by name."""

    def __init__(self, scheduled: Sequence[tuple[str, str]]) -> None:
        """Takes the name and opcode of each of the program's instructions."""
        launching = [(name, opcode) for name, opcode in scheduled if opcode in _LAUNCHING]
        self.names = [name for name, _ in launching]
        self.calls = [at for at, (_, opcode) in enumerate(launching) if opcode == _CALL]
        self._exact = {name.replace(".", "_"): at for at, name in enumerate(self.names)}
        self._alike: dict[str, list[int]] = defaultdict(list)
        for at, name in enumerate(self.names):
            self._alike[_NUMBER.sub("", name)].append(at)

    def fusions(self, kernels: Sequence[str]) -> list[int]:
        """The place in the schedule of each kernel's fusion, ascending; `NONE` for others."""
        result, last = [], NONE
        for kernel in kernels:
            at = self._exact.get(kernel, NONE)
            if at <= last:
                alike = self._alike.get(_NUMBER.sub("", kernel), [])
                later = bisect_right(alike, last)
                at = alike[later] if later < len(alike) else NONE
            last = max(last, at)
            result.append(at)
        return result


def match_kernels(kernels: Sequence[str], schedule: Schedule) -> tuple[str, ...]:
    """Finds the instructions whose kernels a command buffer ran, by name and by order.

    A fusion's kernel has the fusion's name, with "_" for ".", or that of a fusion that does the
    same. Kernels of libraries have names of their own: those between two fusions are of the calls
    that stand between them in the schedule, one each or all of one.

    Args:
        kernels: Names of the kernels in the order of time.
        schedule: The instructions that launch kernels.

    Returns:
        The name of each kernel's instruction, "" where it can't be told.
    """
    place = schedule.fusions(kernels)
    result = [schedule.names[at] if at != NONE else "" for at in place]
    anchors = [row for row, at in enumerate(place) if at != NONE]
    calls = schedule.calls
    for start, end in pairwise([-1, *anchors, len(kernels)]):
        rows = range(start + 1, end)
        first = bisect_right(calls, place[start]) if start >= 0 else 0
        last = bisect_left(calls, place[end]) if end < len(kernels) else len(calls)
        # A buffer may hold a part of the schedule: at its ends only the nearest calls count.
        if start < 0 and anchors:
            first = max(first, last - len(rows))
        elif end == len(kernels) and anchors:
            last = min(last, first + len(rows))
        if last - first == len(rows) or last - first == 1:
            for row, at in enumerate(rows):
                result[at] = schedule.names[calls[first + row % (last - first)]]
    return tuple(result)


def _scope(module: str) -> str:
    """A module's name without its function's attributes."""
    return _ATTRIBUTES.sub("", module)


def has_hlo_op(events: Events) -> Bool:
    """Tells which events are of XLA: bool [n]."""
    index, _ = events.strings(HLO_OP)
    return np.asarray(index >= 0)


def is_thunk(events: Events) -> Bool:
    """Tells which events of a host are the execution of an instruction on a CPU: bool [n].

    Those are named after it. Calls of a GPU's driver carry the same stats.
    """
    index, table = events.strings(HLO_OP)
    places = {name: place for place, name in enumerate(events.names)}
    named = np.array([*(places.get(text, NONE) for text in table), NONE], np.int64)
    return np.asarray((index != NONE) & (named[index] == events.name))


def _distinct(
    columns: Sequence[NDArray[np.integer[Any]]],
) -> tuple[Index, Index]:
    """Finds the first of each different row of small integers, from -1 on; and the row's number."""
    key: Index = np.zeros(columns[0].size, np.intp)
    for column in columns:
        # Numbered anew each time, so the keys stay small.
        width = int(column.max(initial=0)) + 2
        _, key = np.unique(key * width + column + 1, return_inverse=True)
    _, first, index = np.unique(key, return_index=True, return_inverse=True)
    return first, index
