"""`Tracer`, the one object a user's code holds, and `profile`, the command on top of it."""

from __future__ import annotations

from alexprof.tracer.names import phase_key
from alexprof.tracer.options import ProfileOptions
from alexprof.tracer.tracer import Tracer
from alexprof.tracer.workloads import check_choice, profile

__all__ = ["ProfileOptions", "Tracer", "check_choice", "phase_key", "profile"]
