"""One phase of one variant, from the traced steps to the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from alexprof.analysis.assemble import Beside
from alexprof.capture.executed import Executed, executed_ops
from alexprof.capture.failures import first_line, step_failures
from alexprof.capture.results import fetch_results
from alexprof.capture.target import Target
from alexprof.capture.trace import trace_steps
from alexprof.errors import CaptureError
from alexprof.measure.monitor import faults_per_step, monitor
from alexprof.record.note import Note
from alexprof.record.phase import Phase
from alexprof.record.program import TensorFingerprint
from alexprof.tracer.traces import read_phases
from alexprof.workload.base import AblationSpec

if TYPE_CHECKING:
    from alexprof.attribute import Attribution

CLOCKS_AGREE = 0.01
"""Trace and wall clock must agree on the traced steps to this part of them …"""
CLOCKS_AGREE_S = 100e-6
"""… or to this per step, whichever is more: markers take some microseconds themselves."""


@dataclass(frozen=True)
class TracedPhase:
    """A phase's record with what the trace says, its tables, and RunMetadata of one more step."""

    phase: Phase
    attribution: Attribution
    run_metadata: bytes


def trace_phase(
    timed: Phase,
    target: Target,
    *,
    steps: int,
    run_folder: Path,
    variant: str,
    key: str,
    after_step: Callable[[], None],
    ablations: Sequence[AblationSpec] = (),
) -> TracedPhase:
    """Traces some steps, reads the trace back and divides them among ops.

    Args:
        timed: The phase as it was timed.
        target: What was timed.
        steps: How many to trace.
        run_folder: The variant's folder in it is a TensorBoard run.
        variant: The variant.
        key: The phase, which names the profiler's session.
        after_step: Called between traced steps, to show progress.
        ablations: Whose savings are predicted.

    Raises:
        CaptureError: If the profiler fails or memory runs out.
        TraceError: If the trace can't be read or holds no ops.
        RunError: If the trace can't be written.
    """
    doing = f"tracing {key} of {variant}"
    # The files just written have cooled the caches; the first traced step should find them warm.
    with step_failures(doing):
        target.step()
    with monitor(gpus=tuple) as monitored:
        captured = trace_steps(
            target.step,
            steps,
            folder=run_folder / variant,
            session_name=key,
            doing=doing,
            after_step=after_step,
        )
    executed, notes = _executed(target, doing)
    beside = Beside(
        timed=msgspec.structs.replace(timed, notes=(*timed.notes, *notes)),
        file=str(captured.path.relative_to(run_folder)),
        executed=executed,
        ablations=ablations,
        wall_clock_s=tuple(step_ns / 1e9 for step_ns in captured.stopwatch_ns),
        page_faults_per_step=faults_per_step(list(captured.page_faults), steps),
    )
    phases, attributions, _ = read_phases([captured.path], marker=captured.marker, beside=beside)
    (phase,), (attribution,) = phases.values(), attributions.values()
    if len(attribution.marked_ns) < steps:
        seen = len(attribution.marked_ns)
        cut_short = Note("trace_cut_short", {"steps": seen, "of_steps": steps})
        phase = msgspec.structs.replace(phase, notes=(*phase.notes, cut_short))
    wall_s = [marked_ns / 1e9 for marked_ns in attribution.marked_ns]
    phase = _if_clocks_agree(phase, wall_s, beside.wall_clock_s)
    phase = msgspec.structs.replace(phase, traced_interference=monitored.interference)
    return TracedPhase(phase, attribution, executed.run_metadata)


def computed(target: Target, doing: str) -> tuple[TensorFingerprint, ...] | Note:
    """Runs two more steps for what they compute; a note with the reason where that fails.

    It comes last: fetching results stirs memory and caches.
    """
    try:
        return fetch_results(target, doing)
    except CaptureError as error:
        return Note("results_unknown", text=first_line(error.__cause__ or error))


def _executed(target: Target, doing: str) -> tuple[Executed, tuple[Note, ...]]:
    """Lists what ran; where that fails the trace is kept, with a note."""
    try:
        return executed_ops(target, doing), ()
    except CaptureError as error:
        return Executed((), {}, {}, b""), (
            Note("unseen_ops_unknown", text=first_line(error.__cause__ or error)),
        )


def _if_clocks_agree(phase: Phase, wall_s: Sequence[float], wall_clock_s: Sequence[float]) -> Phase:
    """Shows no share of a trace whose steps are longer or shorter than the wall clock says.

    The median step judges: a step that is held up between marker and wall clock says nothing.
    """
    traced = phase.traced
    if traced is None or traced.wall_clock_mean_s is None or len(wall_s) != len(wall_clock_s):
        return phase
    apart_s = median(abs(a - b) for a, b in zip(wall_s, wall_clock_s, strict=True))
    if apart_s <= max(CLOCKS_AGREE * median(wall_clock_s), CLOCKS_AGREE_S):
        return phase
    return msgspec.structs.replace(
        phase,
        attribution=None,
        ops=(),
        layers=(),
        layers_whole=(),
        kinds=(),
        replay=None,
    )
