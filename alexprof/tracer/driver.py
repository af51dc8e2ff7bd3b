"""What happens in one phase: time, trace, compare results, answer; each part is kept at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median, median_low
from typing import TYPE_CHECKING

from msgspec.structs import replace

from alexprof.analysis.ablation import ablation
from alexprof.analysis.assemble import Beside
from alexprof.capture.executed import Executed, executed_ops, fetch_results
from alexprof.capture.failures import reason, step_failures
from alexprof.capture.target import Target
from alexprof.capture.trace import Captured, check_no_profiler, keep_session, trace_steps
from alexprof.errors import AlexProfError, TraceError, UsageError
from alexprof.measure.loop import Block, number_warm_up, timed_blocks
from alexprof.measure.monitor import faults_per_step, monitor
from alexprof.measure.stopping import StoppingRule, expected_steps
from alexprof.measure.timed import describe_phase, slow_stretches
from alexprof.record.ablation import AblationSpec
from alexprof.record.interference import Interference
from alexprof.record.note import Note
from alexprof.record.phase import Phase
from alexprof.record.program import TensorFingerprint
from alexprof.show.classic import step_lines, summary_line
from alexprof.show.progress import Progress, Unfailing, time_left
from alexprof.show.sections.brief import phase_answer
from alexprof.tracer.options import MeasureOptions
from alexprof.tracer.recorder import Recorder
from alexprof.tracer.recording import Recording
from alexprof.tracer.traces import check_marked, find_traces, read_phases

if TYPE_CHECKING:
    from alexprof.attribute import Attribution

LONG_S = 20.0
"""A phase that takes longer is announced."""
MOST_LABELS = 3
"""Variants that a title names; of more it counts the others."""
CLOCKS_AGREE = 0.01
"""Trace and wall clock must agree on the traced steps to this part of them …"""
CLOCKS_AGREE_S = 100e-6
"""… or to this per step, whichever is more: markers take some microseconds themselves."""


class Driver:
    """Takes targets and recordings through a phase and hands the record what comes out."""

    def __init__(self, recorder: Recorder, progress: Progress, options: MeasureOptions) -> None:
        # What is measured where both variants have been through a phase.
        self.ablations: tuple[AblationSpec, ...] = ()
        self._recorder = recorder
        self.progress = Unfailing(progress)
        self._options = options

    def run(
        self, key: str, label: str, targets: Mapping[str, Target], steps: int | None, burn_in: int
    ) -> None:
        """Times the targets of several variants in turns, then traces each.

        Args:
            key: The phase.
            label: Its name in sentences.
            targets: What a step runs, by variant.
            steps: Timed steps of each variant; None leaves the number to precision and time.
            burn_in: Warm-up steps of each.
        """
        rule = self._options.rule(steps)
        check_no_profiler(f"timing {label}")
        timed_targets = {
            variant: target if self._options.fetch else target.without_result()
            for variant, target in targets.items()
        }
        self._time(key, label, timed_targets, rule, burn_in)
        if self._options.trace_steps:
            for variant, target in timed_targets.items():
                self._trace(key, variant, target)
        for variant, target in targets.items():
            doing = f"what {key} of {variant} computes is not known"
            self._recorder.add_results(variant, key, _computed(target, doing))
            self._recorder.keep_graph(variant, target)
        self._answer(key, together=targets)

    def take(self, key: str, label: str, variant: str, recording: Recording) -> None:
        """Takes what another loop ran as a phase of a variant.

        Raises:
            UsageError: If the recording holds no steps, or no trace where it names one.
            TraceError: If the trace can't be read or holds no ops.
        """
        blocks = recording.blocks(variant, len(self._recorder.blocks.get(key, ())))
        files = find_traces(str(recording.trace)) if recording.trace is not None else ()
        if recording.trace is not None and not files:
            raise UsageError(f"there is no trace in {recording.trace}")
        timed = sum(len(block.start_ns) for block in blocks if not block.warm_up)
        phases = self._described(label, blocks, StoppingRule.of(timed), recording.burn_in)
        if not files:
            self._keep_timed(key, blocks, phases)
        else:  # read before anything is kept: what can't be used leaves no half phase
            session = Path(variant) / "plugins" / "profile" / key
            kept = session / files[0].name if len(files) == 1 else session
            beside = Beside(timed=phases[variant], file=str(kept))
            traced, attribution = _read_phase(files, recording.marker, beside)
            self._keep_timed(key, blocks, phases)
            try:
                keep_session(files, self._recorder.folder / variant, key)
                self._recorder.add_traced(variant, key, traced, attribution, b"")
            except AlexProfError as error:
                self._say_untraced(key, variant, error)
        self._answer(key, together=())

    def labels(self, variants: Collection[str]) -> str:
        """The variants in a title."""
        labels = [self._recorder.run.variants[variant].label for variant in variants]
        if len(labels) > MOST_LABELS:
            labels = [labels[0], f"{len(labels) - 1} more"]
        return " and ".join(labels)

    def _time(
        self, key: str, label: str, targets: Mapping[str, Target], rule: StoppingRule, burn_in: int
    ) -> None:
        blocks: list[Block] = []
        run_steps = {variant: target.step for variant, target in targets.items()}
        expected = expected_steps(rule, burn_in, until_steady=self._options.until_steady)
        with (
            step_failures(f"{label} of {' and '.join(targets)}"),
            self.progress.phase(
                f"{label}, {self.labels(targets)}", expected and len(targets) * expected
            ) as counter,
            monitor() as monitored,
        ):
            for block in timed_blocks(
                run_steps,
                rule,
                burn_in,
                self._options.block_steps,
                first_order=len(self._recorder.blocks.get(key, ())),
                until_steady=self._options.until_steady,
            ):
                if expected and not block.warm_up and all(done.warm_up for done in blocks):
                    self._say_how_long(blocks, expected * len(targets))
                blocks.append(block)
                counter.advance(len(block.start_ns))
                if not block.warm_up:
                    self._show_steps(block, several=len(targets) > 1)
        blocks = number_warm_up(blocks)
        phases = self._described(label, blocks, rule, burn_in, monitored.interference)
        if monitored.failure is not None:
            note = Note("interference_unknown", text=reason(monitored.failure))
            phases = {
                variant: replace(phase, notes=(*phase.notes, note))
                for variant, phase in phases.items()
            }
        self._keep_timed(key, blocks, phases)

    def _show_steps(self, block: Block, *, several: bool) -> None:
        name = self.labels([block.variant]) if several else ""
        step_s = block.seconds.tolist()
        self.progress.message(
            lambda: "\n".join(step_lines(datetime.now(), block.first_step, step_s, name))
        )

    def _say_how_long(self, warm_up: Sequence[Block], steps: int) -> None:
        """Says how long a phase will take, by its warm-up, where someone may want less."""
        lasted = [float(step_s) for block in warm_up for step_s in block.seconds]
        if not lasted:
            return
        left_s = median(lasted) * (steps - len(lasted))
        if left_s >= LONG_S:
            self.progress.message(
                f"About {time_left(left_s)} in this phase; --num-batches sets fewer steps."
            )

    def _described(
        self,
        label: str,
        blocks: Sequence[Block],
        rule: StoppingRule,
        burn_in: int,
        interference: Interference | None = None,
    ) -> dict[str, Phase]:
        """The record of a phase that was timed, by variant."""
        options = self._options
        by_variant = describe_phase(
            blocks, rule, burn_in, until_steady=options.until_steady, fetch=options.fetch
        )
        return {
            variant: Phase(label=label, timed=timed, interference=interference)
            for variant, timed in by_variant.items()
        }

    def _keep_timed(self, key: str, blocks: Sequence[Block], phases: Mapping[str, Phase]) -> None:
        earlier = self._recorder.blocks.get(key, [])
        self._recorder.add_timed(key, blocks, phases, slow_stretches(key, [*earlier, *blocks]))
        for variant, phase in phases.items():  # a phase that is reported as finished is on disk
            if phase.timed is not None:
                name = self.labels([variant]) if len(phases) > 1 else ""
                line = partial(summary_line, datetime.now(), phase.label, phase.timed, name)
                self.progress.message(line)

    def _trace(self, key: str, variant: str, target: Target) -> None:
        """Traces some steps and divides them among ops; adds a note if there is no trace.

        Errors that a step itself raises are passed on, unless memory runs out.
        """
        recorder, steps = self._recorder, self._options.trace_steps
        timed = recorder.run.variants[variant].phases[key]
        title, doing = (
            f"Tracing {timed.label}, {self.labels([variant])}",
            f"tracing {key} of {variant}",
        )
        with self.progress.phase(title, steps) as counter:
            try:
                # The files just written have cooled the caches; the first traced step should find
                # them warm.
                with step_failures(doing):
                    target.step()
                with monitor(gpus=tuple) as monitored:
                    captured = trace_steps(
                        target.step,
                        steps,
                        folder=recorder.folder / variant,
                        session_name=key,
                        doing=doing,
                        after_step=lambda: counter.advance(1),
                    )
            except AlexProfError as error:
                self._say_untraced(key, variant, error)
                return
            try:
                executed, notes = _executed(target, doing)
                timed = replace(timed, notes=(*timed.notes, *notes))
                phase, attribution = self._read_back(variant, timed, captured, executed)
                phase = replace(phase, traced_interference=monitored.interference)
                recorder.add_traced(variant, key, phase, attribution, executed.run_metadata)
            except TraceError:  # the times are kept; `alexprof report TRACE` says what is wrong
                self._add_note(key, variant, Note("trace_unusable", names=(f"{variant}/{key}",)))
            except Exception as error:  # noqa: BLE001 (no error may cost the next phase)
                self._say_untraced(key, variant, error)

    def _say_untraced(self, key: str, variant: str, error: Exception) -> None:
        note = Note("trace_missing", names=(f"{variant}/{key}",), text=reason(error))
        self._add_note(key, variant, note)
        self.progress.message(f"! No trace of {variant}/{key}: {note.text}")

    def _add_note(self, key: str, variant: str, note: Note) -> None:
        phase = self._recorder.run.variants[variant].phases[key]
        self._recorder.set_phase(variant, key, replace(phase, notes=(*phase.notes, note)))

    def _read_back(
        self, variant: str, timed: Phase, captured: Captured, executed: Executed
    ) -> tuple[Phase, Attribution]:
        """Reads a trace that was just taken: the phase with it, and its tables.

        Raises:
            TraceError: If it can't be read or holds no ops.
        """
        steps = len(captured.stopwatch_ns)
        beside = Beside(
            timed=timed,
            file=str(captured.path.relative_to(self._recorder.folder)),
            executed=executed,
            ablations=[spec for spec in self.ablations if spec.reference == variant],
            wall_clock_s=tuple(step_ns / 1e9 for step_ns in captured.stopwatch_ns),
            page_faults_per_step=faults_per_step(list(captured.page_faults), steps),
        )
        phases, attributions, _ = read_phases(
            [captured.path], marker=captured.marker, beside=beside
        )
        (phase,), (attribution,) = phases.values(), attributions.values()
        wall_s = [marked_ns / 1e9 for marked_ns in attribution.marked_ns]
        if len(wall_s) < steps:
            cut_short = Note("trace_cut_short", {"steps": len(wall_s), "of_steps": steps})
            phase = replace(phase, notes=(*phase.notes, cut_short))
        elif phase.traced and not _clocks_agree(wall_s, beside.wall_clock_s):
            # No share is shown of steps that are longer or shorter than the wall clock says.
            nothing = dict.fromkeys(("ops", "layers", "layers_whole", "kinds"), ())
            phase = replace(phase, attribution=None, replay=None, **nothing)
        return phase, attribution

    def _answer(self, key: str, *, together: Collection[str]) -> None:
        """Measures the ablations whose variants have now both been through the phase.

        Those measured in this phase before are skipped; the variants in `together` took turns.
        """
        recorder = self._recorder
        variants = recorder.run.variants
        done = {(earlier.name, earlier.phase) for earlier in recorder.run.ablations}
        measured = []
        for spec in self.ablations:
            pair = (spec.reference, spec.without)
            phases = {
                variant: variants[variant].phases[key]
                for variant in pair
                if variant in variants and key in variants[variant].phases
            }
            if len(phases) == 2 and (spec.name, key) not in done:
                result = ablation(
                    spec,
                    key,
                    recorder.blocks[key],
                    phases,
                    recorder.costs,
                    interleaved=all(variant in together for variant in pair),
                )
                measured.append(result)
        if measured:
            recorder.add_ablations(measured)
            self.progress.message(lambda: phase_answer(recorder.run, key))


def _computed(target: Target, doing: str) -> tuple[TensorFingerprint, ...] | Note:
    """Runs two more steps to fetch their results; returns a note with the reason if that fails.

    This comes last, because fetching results disturbs memory and caches.
    """
    try:
        return fetch_results(target, doing)
    except Exception as error:  # noqa: BLE001 (of any kind: the times are kept)
        return Note("results_unknown", text=reason(error))


def _executed(target: Target, doing: str) -> tuple[Executed, tuple[Note, ...]]:
    """Lists the ops that ran; if that fails, the trace is kept, with a note."""
    try:
        return executed_ops(target, doing), ()
    except Exception as error:  # noqa: BLE001 (of any kind: the trace is kept)
        note = Note("unseen_ops_unknown", text=reason(error))
        return Executed((), {}, {}, b""), (note,)


def _clocks_agree(wall_s: Sequence[float], wall_clock_s: Sequence[float]) -> bool:
    """Whether steps take as long in the trace as by the wall clock.

    The half of the steps that agree better decides: a step delayed between marker and wall clock
    says nothing, and with two steps, either may be delayed.
    """
    apart_s = median_low(abs(a - b) for a, b in zip(wall_s, wall_clock_s, strict=True))
    return apart_s <= max(CLOCKS_AGREE * median(wall_clock_s), CLOCKS_AGREE_S)


def _read_phase(
    files: Sequence[Path], marker: str | None, beside: Beside
) -> tuple[Phase, Attribution]:
    """Reads a trace that has steps of one phase: the phase with it, and its tables.

    Raises:
        UsageError: If it has steps of several phases, or none with that marker.
        TraceError: If it can't be read or holds no ops.
    """
    phases, attributions, _ = read_phases(files, marker=marker, beside=beside)
    check_marked(files[0], attributions, marker)
    if len(phases) > 1:
        raise UsageError(
            f"the trace has step markers of several names: choose one of {', '.join(phases)} "
            "as the recording's marker"
        )
    (phase,), (attribution,) = phases.values(), attributions.values()
    return phase, attribution
