"""`Tracer`: the one object a user's code holds. It walks the rooms in their order."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from alexprof.capture.devices import session_config, used_accelerators
from alexprof.capture.failures import step_failures
from alexprof.capture.software import software
from alexprof.capture.target import Target
from alexprof.capture.trace import GRAPH_BUILD, check_no_profiler, profiled
from alexprof.errors import RunError, UsageError
from alexprof.measure.loop import (
    Block,
    describe_phase,
    number_warm_up,
    slow_stretches,
    timed_blocks,
)
from alexprof.measure.machine import describe_machine
from alexprof.measure.monitor import monitor
from alexprof.measure.stopping import StoppingRule, expected_steps
from alexprof.record.phase import Phase
from alexprof.record.run import MachineRecord, Run, Variant, WorkloadRecord
from alexprof.record.workload import Layer
from alexprof.show.classic import layer_line, step_lines, summary_line
from alexprof.show.progress import Progress, progress_for
from alexprof.show.sections.brief import phase_answer
from alexprof.tracer.answers import answers
from alexprof.tracer.names import check_question, check_variant, phase_key, serialized, what_stopped
from alexprof.tracer.recorder import Recorder
from alexprof.tracer.sessions import initialized
from alexprof.tracer.tracing import computed, trace_phase
from alexprof.workload.base import Ablation

if TYPE_CHECKING:
    import tensorflow as tf

MOST_LABELS = 3
"""Variants that a title names; of more it counts the others."""


class Tracer:
    """Times and traces a user's graphs, and leaves a run behind.

    Example:
        with alexprof.Tracer("logdir/my-run") as tracer:
            with tracer.graph("with_lrn"):
                ...build...
            with tracer.session() as session:
                tracer.time(session, pool5, "Forward", steps=100, burn_in=10)
        tracer.run.report()
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        trace_steps: int = 10,
        block_steps: int | None = None,
        device: str = "auto",
        intra_op: int = 0,
        inter_op: int = 0,
        fetch: bool = True,
        precision: float | None = None,
        max_time_s: float | None = None,
        until_steady: bool = False,
        workload: WorkloadRecord | None = None,
        ablations: Sequence[Ablation] = (),
        progress: Progress | None = None,
    ) -> None:
        """Checks the arguments; nothing is written before the `with` block.

        Args:
            folder: The run's folder, new; its parent is the logdir.
            trace_steps: Steps to trace after the timed ones; 0 traces nothing.
            block_steps: Timed steps in a row when variants take turns; None chooses.
            device: "auto", "cpu" (hides GPUs) or "gpu" (insists on one).
            intra_op: Threads within an op; 0 leaves the choice to TensorFlow.
            inter_op: Threads that run ops; 0 likewise.
            fetch: Whether a step ends with its result in Python.
            precision: A phase's timed steps are enough when half the width of each mean's 95 %
                interval is this part of the mean (0.005), or no longer shrinks; None: never.
            max_time_s: They are enough when the phase has taken so long, warm-up included.
            until_steady: Whether warm-up goes on until its steps hold one level, within a bound.
            workload: What is profiled, for the record.
            ablations: Questions that pairs of variants answer.
            progress: What is shown meanwhile; None chooses by the standard output.

        Raises:
            UsageError: If an argument is out of range, or a GPU is asked for and there is none.
        """
        if trace_steps < 0:
            raise UsageError(f"the number of traced steps must be at least 0, not {trace_steps}")
        if block_steps is not None and block_steps < 1:
            raise UsageError(f"a block must have at least 1 step, not {block_steps}")
        StoppingRule.of(1, precision, max_time_s)
        self._precision, self._max_time_s = precision, max_time_s
        self._until_steady = until_steady
        self._trace_steps = trace_steps
        self._block_steps = block_steps
        self._fetch = fetch
        self._ablations: tuple[Ablation, ...] = ()
        for one in ablations:
            check_question(one, self._ablations)
            self._ablations += (one,)
        self._config = session_config(device, intra_op, inter_op)
        machine = MachineRecord(describe_machine(), software(), used_accelerators(device))
        self._recorder = Recorder(Path(folder), machine, workload)
        self._progress = progress or progress_for()
        self._graphs: dict[str, tf.Graph] = {}
        self._sessions: dict[int, str] = {}
        self._open = False

    @property
    def run(self) -> Run:
        """The record so far; whole after the `with` block."""
        return self._recorder.run

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._recorder.folder

    def __enter__(self) -> Tracer:
        """Makes the run's folder.

        Raises:
            RunError: If it exists, or can't be written.
        """
        self._recorder.open()
        self._open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the record: complete, or with what stopped it."""
        self._progress.close()
        self._open = False
        try:
            self._recorder.close(None if error is None else what_stopped(error))
        except RunError:
            # What went wrong first says more; on disk the run is incomplete already.
            if error is None:
                raise

    def ask(self, *ablations: Ablation) -> None:
        """Adds questions that pairs of variants answer, in phases that are timed from now on.

        Raises:
            UsageError: If it is none, there is one of that name already, its variants were not
                built, or it names no ops.
        """
        self._check_open()
        for one in ablations:
            check_question(one, self._ablations)
            for variant in (one.reference, one.without):
                if variant not in self._graphs:
                    raise self._unknown(variant)
            self._ablations += (one,)

    @contextmanager
    def graph(self, variant: str = "default", *, label: str | None = None) -> Iterator[tf.Graph]:
        """A new graph to build a variant in; the building is profiled, Python calls included.

        Args:
            variant: The variant's name, which becomes a folder's.
            label: Its name in sentences.

        Yields:
            The graph, as the default graph.

        Raises:
            UsageError: If the name is taken or is no name for a folder, or the tracer is not open.
            CaptureError: If another profiler is running.
        """
        import tensorflow as tf

        self._check_open()
        check_variant(variant)
        if variant in self._graphs:
            raise UsageError(f"variant {variant!r} has a graph already: choose another name")
        graph = tf.Graph()
        with profiled(self.folder / variant, GRAPH_BUILD, f"building {variant}", python_level=1):
            start_s = time.perf_counter()
            with graph.as_default(), tf.profiler.experimental.Trace(GRAPH_BUILD, step_num=0):
                yield graph
            build_s = time.perf_counter() - start_s
        self._graphs[variant] = graph
        record = Variant(label=label or variant.replace("_", " "), build_s=build_s)
        self._recorder.add_graph(variant, record, serialized(graph))

    def layers(self, variant: str, layers: Sequence[Layer]) -> None:
        """Notes a variant's layers and prints each one's name and output shape.

        Raises:
            UsageError: If there is no such variant, or the tracer is not open.
        """
        self._check_open()
        if variant not in self._graphs:
            raise self._unknown(variant)
        self._progress.message(f"Layers {self._labels([variant])}")
        for layer in layers:
            self._progress.message(layer_line(layer))
        record = msgspec.structs.replace(self.run.variants[variant], layers=tuple(layers))
        self._recorder.set_variant(variant, record)

    @contextmanager
    def session(self, variant: str | None = None) -> Iterator[tf.compat.v1.Session]:
        """A session on a variant's graph; variables (local ones too) and tables are initialized.

        Args:
            variant: Whose; None takes the graph built last.

        Raises:
            UsageError: If there is no such graph, it is finalized, or the tracer is not open.
            CaptureError: If memory runs out.
        """
        self._check_open()
        if variant is None and self._graphs:
            variant = list(self._graphs)[-1]
        if variant is None:
            raise UsageError("no graph to run: build one in `with tracer.graph(…)` first")
        if variant not in self._graphs:
            raise self._unknown(variant)
        with initialized(self._graphs[variant], variant, self._config) as session:
            self._sessions[id(session)] = variant
            try:
                yield session
            finally:
                del self._sessions[id(session)]

    def time(
        self,
        session: tf.compat.v1.Session,
        fetches: Any,
        label: str,
        *,
        steps: int | None = 100,
        burn_in: int = 10,
        feed_dict: Mapping[Any, Any] | None = None,
    ) -> Phase:
        """Times one variant's target, then traces some more steps of it.

        Args:
            session: From `session()`.
            fetches: What `session.run` takes.
            label: The phase's name in sentences: "Forward-backward".
            steps: Timed steps; the most where there is a precision or a longest time. None leaves
                the number to those.
            burn_in: Warm-up steps before them.
            feed_dict: What `session.run` takes.

        Returns:
            The phase's record.

        Raises:
            UsageError: If the session is not this tracer's, or a number is out of range.
            CaptureError: If memory runs out, or a profiler is in the way.
            TraceError: If the trace holds nothing to attribute.
            RunError: If the run's folder can't be written.
        """
        targets = [(session, fetches, feed_dict)]
        self.time_together(targets, label, steps=steps, burn_in=burn_in)
        return self.run.variants[self._variant_of(session)].phases[phase_key(label)]

    def time_together(
        self,
        targets: Sequence[tuple[Any, ...]],
        label: str,
        *,
        steps: int | None = 100,
        burn_in: int = 10,
    ) -> None:
        """Times the targets of several variants, taking turns, then traces each.

        Args:
            targets: For each variant (session, fetches) or (session, fetches, feed_dict).
            label: As in `time`, like the rest, errors included.
            steps: Timed steps of each, as in `time`.
            burn_in: Warm-up steps of each.
        """
        self._check_open()
        key = phase_key(label)
        if not targets:
            raise UsageError("no target to time: give a session and its fetches")
        by_variant: dict[str, Target] = {}
        fetching: dict[str, Target] = {}
        for session, *rest in targets:
            variant = self._variant_of(session)
            if variant in by_variant or key in self.run.variants[variant].phases:
                raise UsageError(f"phase {label!r} of {variant} was timed already")
            target = fetching[variant] = Target(session, *rest)
            by_variant[variant] = target if self._fetch else target.without_result()
        rule = StoppingRule.of(steps, self._precision, self._max_time_s)
        check_no_profiler(f"timing {label}")
        self._time(key, label, by_variant, rule, burn_in)
        if self._trace_steps:
            for variant, target in by_variant.items():
                self._trace(key, variant, target)
        for variant, target in fetching.items():
            doing = f"what {key} of {variant} computes is not known"
            self._recorder.add_results(variant, key, computed(target, doing))
        self._answer(key, together=by_variant)

    def _time(
        self, key: str, label: str, targets: Mapping[str, Target], rule: StoppingRule, burn_in: int
    ) -> None:
        before = self._recorder.blocks.get(key, [])
        blocks: list[Block] = []
        run_steps = {variant: target.run for variant, target in targets.items()}
        title = f"{label}, {self._labels(run_steps)}"
        expected = expected_steps(rule, burn_in, until_steady=self._until_steady)
        with (
            step_failures(f"{label} of {' and '.join(run_steps)}"),
            self._progress.phase(title, expected and len(run_steps) * expected) as shown,
            monitor() as monitored,
        ):
            for block in timed_blocks(
                run_steps,
                rule,
                burn_in,
                self._block_steps,
                first_order=len(before),
                until_steady=self._until_steady,
            ):
                blocks.append(block)
                shown.advance(len(block.start_ns))
                if not block.warm_up:
                    self._print_tenths(block, several=len(run_steps) > 1)
        blocks = number_warm_up(blocks)
        every = describe_phase(
            blocks, rule, burn_in, until_steady=self._until_steady, fetch=self._fetch
        )
        phases = {}
        for variant, timed in every.items():
            phases[variant] = Phase(label=label, timed=timed, interference=monitored.interference)
            name = self._labels([variant]) if len(run_steps) > 1 else ""
            self._progress.message(summary_line(datetime.now(), label, timed, name))
        self._recorder.add_timed(key, blocks, phases, slow_stretches(key, [*before, *blocks]))

    def _trace(self, key: str, variant: str, target: Target) -> None:
        timed = self.run.variants[variant].phases[key]
        title = f"Tracing {timed.label}, {self._labels([variant])}"
        with self._progress.phase(title, self._trace_steps) as shown:
            traced = trace_phase(
                timed,
                target,
                steps=self._trace_steps,
                run_folder=self.folder,
                variant=variant,
                key=key,
                after_step=lambda: shown.advance(1),
                questions=[one for one in self._ablations if one.reference == variant],
            )
        self._recorder.add_traced(variant, key, traced.phase, traced.costs, traced.run_metadata)

    def _answer(self, key: str, *, together: Collection[str]) -> None:
        """Answers the questions whose variants have both been through the phase."""
        known = self._recorder
        found = answers(
            self.run, key, self._ablations, known.blocks[key], known.costs, together=together
        )
        if found:
            known.add_ablations(found)
            self._progress.message(phase_answer(self.run, key))

    def _print_tenths(self, block: Block, *, several: bool) -> None:
        name = self._labels([block.variant]) if several else ""
        for line in step_lines(datetime.now(), block.first_step, block.seconds.tolist(), name):
            self._progress.message(line)

    def _check_open(self) -> None:
        if not self._open:
            raise UsageError(
                f"the tracer of {self.folder} is not open: use it inside `with Tracer(…) as …`"
            )

    def _unknown(self, variant: str) -> UsageError:
        known = ", ".join(self._graphs) or "none yet"
        return UsageError(f"no graph of a variant {variant!r}: there are {known}")

    def _labels(self, variants: Sequence[str] | Mapping[str, Any]) -> str:
        labels = [self.run.variants[variant].label for variant in variants]
        if len(labels) > MOST_LABELS:
            labels = [labels[0], f"{len(labels) - 1} more"]
        return " and ".join(labels)

    def _variant_of(self, session: tf.compat.v1.Session) -> str:
        if id(session) not in self._sessions:
            raise UsageError("this session is not open here: take it from `with tracer.session()`")
        return self._sessions[id(session)]
