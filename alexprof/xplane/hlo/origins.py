"""Where the instructions of a program come from.

Most say so. XLA's later passes make others that don't: the parts of a pooling's gradient, a
convolution put in place of another with its operands turned round. They are there for something
that does say so, and this is how it is found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from alexprof.xplane.hlo.module import Computation, HloModule, Instruction, Origin

# Instructions that only stand for those of the computation that they call. Others that call one
# (reductions, loops) do something with it.
_STAND_INS = frozenset({"fusion", "call", "async-start"})
_NO_WORK = frozenset({"parameter", "constant"})
# What moves values without computing new ones.
_MOVES = frozenset({"bitcast", "copy", "get-tuple-element", "reshape", "slice", "transpose"})
# Too much work to be a preparation for what is computed from it.
_HEAVY = frozenset({"convolution", "custom-call", "dot"})
# What TensorFlow calls the ends of a function (tensorflow/compiler/tf2xla/xla_compiler.cc).
_ENDS = frozenset({"XLA_Args", "XLA_Retvals"})
_DEEPEST = 8  # calls inside of calls; more would be a circle
_MOST_PARTS = 10_000  # of a fusion; the largest seen have some hundred


class _Use(NamedTuple):
    """What a value is used for."""

    # The op that it is used in; None if there are several or it can't be told.
    origin: Origin | None
    moved: Origin | None  # the same, but only if the op does nothing but move the value

    def purpose_of(self, instruction: Instruction) -> Origin | None:
        """The op that an instruction with such a value prepares."""
        return self.moved if instruction.opcode in _HEAVY else self.origin


_UNKNOWN = _Use(None, None)


class Origins:
    """The ops that a program's instructions come from."""

    def __init__(self, module: HloModule) -> None:
        self._module = module
        self._uses: dict[int, dict[int, _Use]] = {}

    def of(self, instruction: Instruction, computation: Computation) -> tuple[Origin | None, bool]:
        """Find the op that an instruction comes from, and whether that is an estimate.

        That is the first of these: what it says itself; for a fusion, what its result says, or
        else the commonest of its parts, an estimate; what all users of its value say, directly or
        by others that say nothing. Convolutions and products go by users that only move the value,
        for what is computed from it may be something else (a gradient and its optimizer).
        """
        origin, is_estimated = self._own(instruction)
        if origin is not None:
            return origin, is_estimated
        use = self._used(computation, 0).get(instruction.id, _UNKNOWN)
        return use.purpose_of(instruction), False

    def parts(self, instruction: Instruction, depth: int = 0) -> tuple[Origin, ...]:
        """The ops that a fusion computes, each once; none for other instructions."""
        return tuple(dict.fromkeys(self._parts(instruction, depth)))

    def _parts(self, instruction: Instruction, depth: int) -> list[Origin]:
        """The ops of the computations that an instruction stands for, each computation once."""
        parts: list[Origin] = []
        seen: set[int] = set()

        def add(caller: Instruction, depth: int) -> None:
            if caller.opcode not in _STAND_INS or depth == _DEEPEST:
                return
            for computation in self._module.called(caller):
                if computation.id in seen or len(parts) > _MOST_PARTS:
                    continue
                seen.add(computation.id)
                for part in self._module.instructions(computation):
                    origin = part.origin
                    if origin and part.opcode not in _NO_WORK and origin.op_name not in _ENDS:
                        parts.append(origin)
                    add(part, depth + 1)

        add(instruction, depth)
        return parts

    def _own(self, instruction: Instruction, depth: int = 0) -> tuple[Origin | None, bool]:
        """What an instruction says itself, or what its result or its parts say: an estimate.

        The ends of a function are no place: a fusion that writes a function's results goes by the
        commonest scope of what it computes, and by the commonest op in that.
        """
        origin = instruction.origin
        if _is_place(origin) or instruction.opcode not in _STAND_INS or depth == _DEEPEST:
            return origin, False
        if result := self._of_result(instruction, depth):
            return result, False
        commonest = self._commonest(instruction, depth)
        return commonest or origin, commonest is not None

    def _of_result(self, instruction: Instruction, depth: int) -> Origin | None:
        """What the result of a fusion says, unless the fusion itself is at a function's end."""
        for computation in self._module.called(instruction) if instruction.origin is None else ():
            root = self._module.ends(computation).root
            if root is not None:
                origin, _ = self._own(root, depth + 1)
                return origin if _is_place(origin) else None
        return None

    def _commonest(self, instruction: Instruction, depth: int) -> Origin | None:
        named = Counter(self._parts(instruction, depth))
        if not named:
            return None
        scopes: Counter[str] = Counter()
        for origin, count in named.items():
            scopes[origin.scope] += count
        scope = scopes.most_common(1)[0][0]
        return next(origin for origin, _ in named.most_common() if origin.scope == scope)

    def _used(self, computation: Computation, depth: int) -> dict[int, _Use]:
        """What the values of a computation are used for, by id of the instruction."""
        if computation.id not in self._uses:
            self._uses[computation.id] = self._find_uses(computation, depth)
        return self._uses[computation.id]

    def _find_uses(self, computation: Computation, depth: int) -> dict[int, _Use]:
        """Goes from the last instruction to the first: users stand behind what they use."""
        uses: dict[int, list[_Use]] = {}
        result: dict[int, _Use] = {}
        for instruction in reversed(self._module.instructions(computation)):
            result[instruction.id] = use = _agreed(uses.get(instruction.id, ()))
            origin = self._own(instruction)[0] or use.purpose_of(instruction)
            if origin is not None and origin.op_name in _ENDS:
                origin = None
            own = _Use(
                origin, (instruction.origin or use.moved) if instruction.opcode in _MOVES else None
            )
            for position, operand in enumerate(instruction.operands):
                uses.setdefault(operand, []).append(
                    self._inside(instruction, position, depth) or own
                )
        return result

    def _inside(self, instruction: Instruction, position: int, depth: int) -> _Use | None:
        """What a fusion uses an operand for; None if it is none, or if its inside doesn't tell."""
        if instruction.opcode not in _STAND_INS or depth == _DEEPEST:
            return None
        for computation in self._module.called(instruction):
            parameter = self._module.ends(computation).parameters.get(position)
            if parameter is not None:
                use = self._used(computation, depth + 1).get(parameter.id, _UNKNOWN)
                return None if use.origin is None else use
        return None


def _is_place(origin: Origin | None) -> bool:
    return origin is not None and origin.op_name not in _ENDS


def _agreed(uses: Iterable[_Use]) -> _Use:
    """What all uses have in common."""
    origins, moved = {use.origin for use in uses}, {use.moved for use in uses}
    return _Use(*(next(iter(kind)) if len(kind) == 1 else None for kind in (origins, moved)))
