"""AlexProf: which operation is eating my TensorFlow step, and what would I win without it?

    with alexprof.Tracer("logdir/my-run") as tracer:
        with tracer.graph("with_lrn"):
            ...build...
        with tracer.session() as session:
            tracer.time(session, pool5, "Forward", steps=100, burn_in=10)
    tracer.run.report()

Importing `alexprof` is cheap: TensorFlow and the like are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alexprof.errors import AlexProfError

if TYPE_CHECKING:
    from alexprof.capture.target import CallableTarget, SessionTarget, Target
    from alexprof.capture.trace import profiler_options
    from alexprof.tracer.importing import import_trace
    from alexprof.tracer.recording import Recording
    from alexprof.tracer.run import Run, load_run
    from alexprof.tracer.tracer import Tracer
    from alexprof.tracer.traces import load_trace
    from alexprof.workload import leaving_out

__all__ = [
    "AlexProfError",
    "CallableTarget",
    "Recording",
    "Run",
    "SessionTarget",
    "Target",
    "Tracer",
    "__version__",
    "import_trace",
    "leaving_out",
    "load_run",
    "load_trace",
    "profiler_options",
]
__version__ = "0.1.0"

_LATE = {
    "Tracer": "alexprof.tracer.tracer",
    "Recording": "alexprof.tracer.recording",
    "Target": "alexprof.capture.target",
    "CallableTarget": "alexprof.capture.target",
    "SessionTarget": "alexprof.capture.target",
    "Run": "alexprof.tracer.run",
    "import_trace": "alexprof.tracer.importing",
    "leaving_out": "alexprof.workload",
    "load_run": "alexprof.tracer.run",
    "load_trace": "alexprof.tracer.traces",
    "profiler_options": "alexprof.capture.trace",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'alexprof' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
