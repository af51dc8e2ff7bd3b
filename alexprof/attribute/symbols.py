"""Names of events to ops. They are looked at once per symbol of a trace, never per event.

On the host an op is an event named `scope/op:Type` (OpKernel::TraceString in
tensorflow/core/framework/op_kernel.cc), or, run eagerly, `EagerLocalExecute: Type`
(tensorflow/core/common_runtime/eager/execute.cc). A kernel carries the same text in a stat.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Op: TypeAlias = tuple[str, str]  # name, type

UNASSIGNED = -1
DATA_SCOPE = "tf_data"  # put around the ops of functions that tf.data runs

_OP = re.compile(
    r"(?P<name>[A-Za-z0-9_.][^\s<(){}$]*):(?P<type>[A-Z_][A-Za-z0-9_>]*)(?:;.*)?", re.S
)
_EAGER = "EagerLocalExecute: "
_FUNCTION = "__"  # TensorFlow's names of functions: __inference_step_66, __backward_…
_NUMBER = re.compile(r"[._]\d+$")


class OpNumbers(dict[Op, int]):
    """Numbers ops from 0 as they are met; the same op on several devices has one number."""

    def of(self, op: Op | None) -> int:
        """Returns the op's number, `UNASSIGNED` for None."""
        return UNASSIGNED if op is None else self.setdefault(op, len(self))


def split_op(text: str) -> Op | None:
    """Splits `scope/op:Type`, or `EagerLocalExecute: Type`, into the op's name and type.

    Anything else gives None: thread-pool bookkeeping (`ExecutorState::Process`), Python functions
    (`$file.py:3 f`), calls of functions whose ops have events of their own.
    """
    text = text.split("#", 1)[0].strip()
    if text.startswith(_EAGER):
        type_ = text[len(_EAGER) :]
        return None if type_.startswith(_FUNCTION) else (type_, type_)
    op = _OP.fullmatch(text)
    if op is None or "::" in text:
        return None
    return op["name"], op["type"]


def kernel_op(text: str) -> Op | None:
    """Splits what a kernel says about the op that launched it.

    Like `split_op`, but a name without type is an op too (`MakeTensorFromProto`); its type is then
    the last part of the name without number. `XlaModule:` names no op.
    """
    text = text.split("#", 1)[0].split("::", 1)[0].strip()
    op = split_op(text)
    if op is not None:
        return op
    name = text.rstrip(":")
    return None if name in {"", "XlaModule"} else (name, type_in(name))


def type_in(name: str) -> str:
    """Guesses an op's type from its name: `model/MatMul_1` gives `MatMul`, `fusion.3` `fusion`."""
    return _NUMBER.sub("", name.rpartition("/")[2])


def is_eager(text: str) -> bool:
    """Tells whether an event is an op that ran eagerly, which has a type but no name."""
    return text.startswith(_EAGER) and split_op(text) is not None
