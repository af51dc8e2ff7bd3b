"""What tracing costs per event: measured on a graph made for it, counted from its traces."""

from __future__ import annotations

from pathlib import Path

from alexprof.capture.calibrate import CalibrationSteps, calibration_steps
from alexprof.errors import AlexProfError
from alexprof.measure.tracing import tracing_cost
from alexprof.record.tracing import Tracing
from alexprof.xplane import granted_host_level, read_trace

_HOST = "/host:CPU"


def calibrate_tracing() -> Tracing:
    """Measures it, in about two seconds; where that fails, the reason is in the result."""
    try:
        with calibration_steps() as measured:
            return _cost(measured)
    except (AlexProfError, OSError) as error:
        return Tracing(0, 0, 0, None, (), reason=str(error))


def _cost(measured: CalibrationSteps) -> Tracing:
    counted = {level: _events(path) for level, path in measured.traces.items()}
    events = {level: found / measured.traced_steps for level, (found, _) in counted.items()}
    for level, (_, granted) in counted.items():
        if granted not in (None, level):
            reason = f"level {level} was asked for, the profiler took {granted}"
            return Tracing(measured.ops, 0, 0, None, (), reason=reason)
    return tracing_cost(measured.blocks, events, measured.ops)


def _events(path: Path) -> tuple[int, int | None]:
    """How many events a trace holds of its host, and the level in force."""
    trace = read_trace(path)
    hosts = [plane for plane in trace.planes if plane.name.startswith(_HOST)]
    return sum(len(plane.events()) for plane in hosts), granted_host_level(trace)
