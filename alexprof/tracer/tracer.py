"""`Tracer`, through which a program times and traces its own models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from alexprof.arguments import MAPPING, PATH, TEXT, check, instance, several, whole
from alexprof.capture.failures import reason
from alexprof.capture.runtime import accelerators, session_config, software
from alexprof.capture.target import SessionTarget, Target, as_target, session_target
from alexprof.capture.trace import GRAPH_BUILD, profiled_if_possible
from alexprof.errors import RunError, UsageError, check_name
from alexprof.measure.machine import describe_machine
from alexprof.record.ablation import AblationSpec
from alexprof.record.note import Note
from alexprof.record.phase import Phase
from alexprof.record.run import MachineRecord, Variant, WorkloadRecord
from alexprof.record.workload import Layer
from alexprof.show.classic import layer_line
from alexprof.show.progress import Progress, progress_for
from alexprof.tracer.driver import Driver
from alexprof.tracer.graphs import initialized, serialized
from alexprof.tracer.names import TOGETHER, check_variant, phase_key, with_ablations
from alexprof.tracer.options import MeasureOptions
from alexprof.tracer.recorder import Recorder
from alexprof.tracer.recording import Recording
from alexprof.tracer.run import Run

if TYPE_CHECKING:
    import tensorflow as tf

UNNAMED = "default"
"""The variant of what was not given a name."""


class Tracer:
    """Times and traces your own models, and writes a run.

    Example:
        with alexprof.Tracer("logdir/my-run") as tracer:
            tracer.time(lambda: train_step(images, labels), "Train")
        tracer.run.report()

        with alexprof.Tracer("logdir/my-graph") as tracer:
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
        ablations: Sequence[AblationSpec] = (),
        progress: Progress | bool = False,
    ) -> None:
        """Checks the arguments; nothing is written before the `with` block.

        Args:
            folder: The run's folder, new; its parent is the logdir.
            trace_steps: Steps to trace after the timed ones; 0 traces nothing.
            block_steps: Timed steps in a row when variants take turns; None chooses.
            device: For sessions: "auto", "cpu" (hides GPUs) or "gpu" (requires one).
            intra_op: For sessions: threads within an op; 0 leaves the choice to TensorFlow.
            inter_op: For sessions: threads that run ops; 0 leaves the choice to TensorFlow.
            fetch: Whether a step ends with its result in Python.
            precision: Timing stops when half the width of each mean's 95 % interval is at most this
                fraction of the mean (0.005), or no longer shrinks; None: no such rule.
            max_time_s: Limit of a phase, warm-up included; None: none (300 s without `steps`).
            until_steady: Whether warm-up goes on until step times are steady, at most 60 s.
            workload: What is profiled, for the record.
            ablations: Pairs of variants, one of them without some ops.
            progress: Whether to show progress (a bar on a terminal, lines elsewhere); or where to.

        Raises:
            UsageError: If an argument is out of range, or a GPU is required and there is none.
        """
        options = MeasureOptions(
            trace_steps=trace_steps,
            block_steps=block_steps,
            device=device,
            intra_op=intra_op,
            inter_op=inter_op,
            fetch=fetch,
            precision=precision,
            max_time_s=max_time_s,
            until_steady=until_steady,
        )
        options.check()
        check(
            folder=(folder, PATH),
            workload=(workload, instance("a WorkloadRecord", WorkloadRecord).or_none()),
            ablations=(ablations, several(instance("an AblationSpec", AblationSpec))),
            progress=(progress, instance("True, False or a Progress", bool, Progress)),
        )
        self._config = session_config(device, intra_op, inter_op)
        machine = MachineRecord(describe_machine(), software(), accelerators(device))
        self._recorder = Recorder(Path(folder).absolute(), machine, workload)
        if isinstance(progress, bool):
            progress = progress_for() if progress else Progress()
        self._driver = Driver(self._recorder, progress, options)
        self._driver.ablations = with_ablations((), ablations)
        self._graphs: dict[str, tf.Graph] = {}
        self._sessions: dict[int, str] = {}
        self._open = False

    @property
    def run(self) -> Run:
        """The record so far; complete after the `with` block."""
        return self._recorder.run.placed(self.folder)

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
        """Closes the record, complete or with what stopped it; a forked process leaves it alone."""
        if self._recorder.is_forked:
            return
        self._driver.progress.close()
        self._open = False
        try:
            self._recorder.close(error)
        except RunError:
            # What went wrong first says more; on disk the run is incomplete already.
            if error is None:
                raise

    def add_ablations(self, *ablations: AblationSpec) -> None:
        """Adds ablations, to be measured by all phases that are timed after this call.

        Raises:
            UsageError: If an ablation can't be measured, its name is taken, or it names no variant.
        """
        self._check_open()
        driver = self._driver
        driver.ablations = with_ablations(driver.ablations, ablations, self.run.variants)

    ask = add_ablations  # its earlier name

    def variant(self, name: str, *, label: str | None = None) -> None:
        """Adds a variant without a graph, for functions passed to `time`.

        Args:
            name: Its name, also the name of its folder.
            label: Its name in reports.

        Raises:
            UsageError: If the name is taken or can't be a folder's name, or the tracer is not open.
        """
        self._check_new(name, label)
        self._recorder.add_graph(name, Variant(label=label or name.replace("_", " ")), None)

    @contextmanager
    def graph(self, variant: str = UNNAMED, *, label: str | None = None) -> Iterator[tf.Graph]:
        """A new graph to build a variant in; the building is profiled, Python calls included.

        Args:
            variant: The variant's name, also the name of its folder.
            label: Its name in reports.

        Yields:
            The graph, as the default graph.

        Raises:
            UsageError: If the name is taken or can't be a folder's name, or the tracer is not open.
        """
        import tensorflow as tf

        self._check_new(variant, label)
        graph, doing = tf.Graph(), f"building {variant}"
        folder = self.folder / variant
        with profiled_if_possible(folder, GRAPH_BUILD, doing, python_level=1) as failures:
            start_s = time.perf_counter()
            with graph.as_default(), tf.profiler.experimental.Trace(GRAPH_BUILD, step_num=0):
                yield graph
            build_s = time.perf_counter() - start_s
        self._graphs[variant] = graph
        record = Variant(label=label or variant.replace("_", " "), build_s=build_s)
        self._recorder.add_graph(variant, record, serialized(graph))
        for failure in failures:
            note = Note("build_not_profiled", names=(variant,), text=reason(failure))
            self._recorder.add_note(note)

    def layers(self, variant: str, layers: Sequence[Layer]) -> None:
        """Records a variant's layers, and shows their names and output shapes.

        Raises:
            UsageError: If there is no such variant, or the tracer is not open.
        """
        self._check_open()
        check(layers=(layers, several(instance("a Layer", Layer))))
        check_name("variant", variant, self.run.variants)
        if all(record.layers != tuple(layers) for record in self.run.variants.values()):
            self._driver.progress.message(f"Layers {self._driver.labels([variant])}")
            for layer in layers:
                self._driver.progress.message(layer_line(layer))
        record = msgspec.structs.replace(self.run.variants[variant], layers=tuple(layers))
        self._recorder.set_variant(variant, record)

    @contextmanager
    def session(self, variant: str | None = None) -> Iterator[tf.compat.v1.Session]:
        """A session on a variant's graph; variables (local ones too) and tables are initialized.

        Args:
            variant: The variant; None takes the graph built last.

        Raises:
            UsageError: If the graph is missing or finalized, or the tracer is not open.
            CaptureError: If memory runs out.
        """
        self._check_open()
        if variant is None and self._graphs:
            variant = list(self._graphs)[-1]
        if variant is None:
            raise UsageError("no graph to run: build one in `with tracer.graph(…)` first")
        check_name("graph of a variant", variant, self._graphs)
        with initialized(self._graphs[variant], variant, self._config) as session:
            self._sessions[id(session)] = variant
            try:
                yield session
            finally:
                del self._sessions[id(session)]

    def time(
        self,
        target: tf.compat.v1.Session | Target | Callable[[], Any],
        fetches: Any = None,
        label: str | None = None,
        *,
        variant: str = UNNAMED,
        steps: int | None = 100,
        burn_in: int = 10,
        feed_dict: Mapping[Any, Any] | None = None,
    ) -> Phase:
        """Times the target of one variant, then traces some more steps of it.

        Call it as `time(target, label)` or as `time(session, fetches, label)`.

        Args:
            target: A function that executes one step, or a `Target`; or a session from `session()`.
            fetches: The fetches of `session.run`.
            label: The phase's name in reports: "Forward-backward".
            variant: The variant that a function or `Target` belongs to.
            steps: Timed steps; with `precision` or `max_time_s` their largest number, where None
                means no limit.
            burn_in: Warm-up steps before them.
            feed_dict: The feed_dict of `session.run`.

        Returns:
            The phase's record.

        Raises:
            UsageError: If the session is not this tracer's, or a number is out of range.
            CaptureError: If memory runs out, or another profiler is running.
            TraceError: If the trace holds nothing to attribute.
            RunError: If the run's folder can't be written.
        """
        self._check_open()
        if label is None:
            label, fetches = fetches, None
        check(variant=(variant, TEXT), feed_dict=(feed_dict, MAPPING.or_none()))
        if isinstance(target, Target) or callable(target):
            if fetches is not None or feed_dict is not None:
                raise UsageError("fetches and feed_dict are for a session, not for a function")
            targets = [(variant, as_target(target))]
        else:
            if variant != UNNAMED:
                raise UsageError("a session's variant is its graph's: leave variant out")
            targets = [self._session_target(target, fetches, feed_dict)]
        self._time(targets, label, steps, burn_in)
        return self.run.variants[targets[0][0]].phases[phase_key(label)]

    def time_together(
        self,
        targets: Sequence[tuple[Any, ...]] | Mapping[str, Target | Callable[[], Any]],
        label: str,
        *,
        steps: int | None = 100,
        burn_in: int = 10,
    ) -> None:
        """Times the targets of several variants, taking turns, then traces each.

        Args:
            targets: A function or `Target` by variant; or for each variant (session, fetches) or
                (session, fetches, feed_dict).
            label: As in `time`.
            steps: Timed steps of each variant, as in `time`.
            burn_in: Warm-up steps of each variant.

        Raises:
            UsageError: As in `time`, like the other errors.
        """
        self._check_open()
        check(targets=(targets, TOGETHER))
        if isinstance(targets, Mapping):
            pairs = [(variant, as_target(target)) for variant, target in targets.items()]
        else:
            pairs = [self._session_target(*target) for target in targets]
        self._time(pairs, label, steps, burn_in)

    def record(self, recording: Recording, label: str, *, variant: str = UNNAMED) -> Phase:
        """Takes steps that another loop ran, and their trace, as a phase of a variant.

        Args:
            recording: The steps.
            label: The phase's name in reports.
            variant: The variant that ran.

        Returns:
            The phase's record.

        Raises:
            UsageError: If the recording holds no steps, or no trace where it names one.
            TraceError: If the trace can't be read or holds no ops.
            RunError: If the run's folder can't be written.
        """
        self._check_open()
        check(recording=(recording, instance("a Recording", Recording)), variant=(variant, TEXT))
        with self._new_phase(label, [variant]) as key:
            self._driver.take(key, label, variant, recording)
        return self.run.variants[variant].phases[key]

    def _time(
        self, targets: Sequence[tuple[str, Target]], label: Any, steps: int | None, burn_in: int
    ) -> None:
        variants = [variant for variant, _ in targets]
        if not targets:
            raise UsageError("no target to time: give a function, or a session and its fetches")
        check(steps=(steps, whole(1).or_none()), burn_in=(burn_in, whole(0)))
        with self._new_phase(label, variants) as key:
            self._driver.run(key, label, dict(targets), steps, burn_in)

    @contextmanager
    def _new_phase(self, label: str | None, variants: Sequence[str]) -> Iterator[str]:
        """The phase's key; variants that are new are added, and gone again if nothing was timed.

        Raises:
            UsageError: If the label is none, or a variant has such a phase.
        """
        key = phase_key(label)
        for place, variant in enumerate(variants):
            record = self.run.variants.get(variant)
            if variant in variants[:place] or (record is not None and key in record.phases):
                raise UsageError(f"phase {label!r} of {variant} was timed already")
        added = [variant for variant in variants if variant not in self.run.variants]
        for variant in added:
            self.variant(variant)
        try:
            yield key
        except UsageError:
            self._recorder.forget_empty(added)
            raise

    def _session_target(
        self, session: Any, fetches: Any = None, feed_dict: Mapping[Any, Any] | None = None
    ) -> tuple[str, SessionTarget]:
        if id(session) not in self._sessions:
            what = "this session" if hasattr(session, "run") else f"{session!r} is no session, or"
            raise UsageError(
                f"{what} is not open here: give a function, a Target, or a session from "
                "`with tracer.session()`"
            )
        return self._sessions[id(session)], session_target(session, fetches, feed_dict)

    def _check_new(self, variant: str, label: str | None) -> None:
        self._check_open()
        check_variant(variant, label)
        if variant in self.run.variants:
            raise UsageError(f"variant {variant!r} exists already: choose another name")

    def _check_open(self) -> None:
        if not self._open:
            raise UsageError(
                f"the tracer of {self.folder} is not open: use it inside `with Tracer(…) as …`"
            )
        self._recorder.check_owner()
