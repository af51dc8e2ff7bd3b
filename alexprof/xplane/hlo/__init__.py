"""What XLA compiled, as far as a trace says which op of the framework each piece comes from.

programs   the programs in a trace     origins    instructions to ops
module     a program from its bytes
"""

from __future__ import annotations

from alexprof.xplane.hlo.programs import HloOp, HloPrograms

__all__ = ["HloOp", "HloPrograms"]
