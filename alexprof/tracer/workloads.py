"""`profile`: a workload through the `Tracer`, as the command line does it."""

from __future__ import annotations

import math
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from alexprof.capture.allocator import check_cpu_allocator, choose_cpu_allocator
from alexprof.capture.devices import check_session_options
from alexprof.errors import CaptureError, UsageError
from alexprof.measure.machine import available_memory_bytes, describe_machine
from alexprof.measure.stopping import StoppingRule
from alexprof.record.run import Run, WorkloadRecord
from alexprof.record.workload import Setting
from alexprof.show.progress import Progress, progress_for
from alexprof.tracer.tracer import Tracer
from alexprof.workload.base import AblationSpec, BuiltVariant, PhaseSpec, Workload


@dataclass(frozen=True)
class ProfileOptions:
    """What `alexprof profile` takes beside the workload.

    Attributes:
        num_batches: Timed steps of each variant and phase; with a precision or a longest time the
            most of them. None leaves the number to those.
        burn_in: Warm-up steps before them.
        trace_steps: Traced steps after them; 0 traces nothing.
        variants: Which to run; none means all.
        phases: Likewise.
        device: "auto", "cpu" or "gpu".
        cpu_allocator: Where CPU tensors get their memory: "bfc" keeps it between steps, "malloc"
            is the system's. Only a process's first run can choose.
        intra_op: Threads within an op; 0 leaves the choice to TensorFlow.
        inter_op: Threads that run ops; 0 likewise.
        fetch: Whether a step ends with its result in Python.
        interleave: Whether variants take turns in blocks of steps.
        block_steps: Timed steps in a row before it is the next variant's turn; None chooses.
        precision: A phase is measured until half the width of each mean's 95 % interval is this
            part of the mean, or no longer shrinks; None: for `num_batches` steps.
        max_time_s: The longest that a phase's warm-up and timed steps may take, in seconds; None:
            as long as they take (five minutes if there is nothing but a precision to end them).
        until_steady: Whether warm-up goes on until its steps hold one level, within a bound.
    """

    num_batches: int | None = 100
    burn_in: int = 10
    trace_steps: int = 10
    variants: Sequence[str] = ()
    phases: Sequence[str] = ()
    device: str = "auto"
    cpu_allocator: str = "bfc"
    intra_op: int = 0
    inter_op: int = 0
    fetch: bool = True
    interleave: bool = True
    block_steps: int | None = None
    precision: float | None = None
    max_time_s: float | None = None
    until_steady: bool = False

    @property
    def rule(self) -> StoppingRule:
        """When a phase's timed steps are enough.

        Raises:
            UsageError: If a number is out of range, or nothing ends them.
        """
        return StoppingRule.of(self.num_batches, self.precision, self.max_time_s)

    def check(self, workload: Workload) -> None:
        """Checks what can be checked before TensorFlow is started.

        Raises:
            UsageError: If a variant or phase is unknown, or a number is out of range.
        """
        _chosen("variant", self.variants, workload.variants)
        _chosen("phase", self.phases, [phase.key for phase in workload.phases])
        check_session_options(self.device, self.intra_op, self.inter_op)
        check_cpu_allocator(self.cpu_allocator)
        for option, count, least in (
            ("--num-batches", self.num_batches, 1),
            ("--burn-in", self.burn_in, 0),
            ("--trace-steps", self.trace_steps, 0),
            ("--block-steps", self.block_steps, 1),
        ):
            if count is not None and count < least:
                raise UsageError(f"{option} must be at least {least}, not {count}")
        if self.max_time_s is not None and not 0 < self.max_time_s < math.inf:
            raise UsageError(
                f"--max-time must be above 0 seconds and finite, not {self.max_time_s:g}"
            )
        StoppingRule.of(self.num_batches, self.precision, self.max_time_s)


def profile(
    workload: Workload, folder: Path, options: ProfileOptions, progress: Progress | None = None
) -> Run:
    """Times and traces a workload's variants and phases.

    Args:
        workload: What to profile.
        folder: The run's folder, new.
        options: How.
        progress: What is shown meanwhile; None chooses by the standard output.

    Returns:
        The finished run.

    Raises:
        UsageError: If a variant or phase is unknown, or a number is out of range.
        CaptureError: If memory would not do, or runs out, or a profiler is in the way.
        TraceError: If a trace holds nothing to attribute.
        RunError: If the folder exists or can't be written.
    """
    options.check(workload)
    variants = _chosen("variant", options.variants, workload.variants)
    keys = _chosen("phase", options.phases, [phase.key for phase in workload.phases])
    phases = [phase for phase in workload.phases if phase.key in keys]
    turns = options.interleave and len(variants) > 1
    if not _fits(workload, phases, 2 if turns else 1):
        turns = False
    choose_cpu_allocator(options.cpu_allocator, describe_machine().memory_bytes)
    shown = progress or progress_for()
    tracer = Tracer(
        folder,
        trace_steps=options.trace_steps,
        block_steps=options.block_steps,
        device=options.device,
        intra_op=options.intra_op,
        inter_op=options.inter_op,
        fetch=options.fetch,
        precision=options.precision,
        max_time_s=options.max_time_s,
        until_steady=options.until_steady,
        workload=_record(workload, options, variants, keys, turns),
        progress=shown,
    )
    if options.interleave and len(variants) > 1 and not turns:
        shown.message("Memory for one variant at a time: they run one after the other.")
    with _nothing_left_behind(tracer), tracer:
        built = {variant: _build(tracer, workload, variant) for variant in variants}
        asked = [
            ablation
            for ablation in workload.ablations
            if {ablation.reference, ablation.without} <= built.keys()
        ]
        tracer.ask(*(_with_scopes(one, built) for one in asked))
        for group in [variants] if turns else [[variant] for variant in variants]:
            _run_group(tracer, built, group, phases, options)
    return tracer.run


@contextmanager
def _nothing_left_behind(tracer: Tracer) -> Iterator[None]:
    """Removes the run's folder if what was asked for turns out to be wrong as graphs are built.

    A phase that was measured is kept, and so is a folder that was there before.
    """
    there = tracer.folder.exists()
    try:
        yield
    except UsageError:
        measured = any(variant.phases for variant in tracer.run.variants.values())
        if not there and not measured:
            shutil.rmtree(tracer.folder, ignore_errors=True)
        raise


def _build(tracer: Tracer, workload: Workload, variant: str) -> BuiltVariant:
    spec = workload.variants[variant]
    with tracer.graph(variant, label=spec.label):
        built = spec.build()
    tracer.layers(variant, built.layers)
    return built


def _with_scopes(question: AblationSpec, built: Mapping[str, BuiltVariant]) -> AblationSpec:
    """A question about what the variant without it was built without."""
    without = built.get(question.without)
    if without is None:
        return question
    return replace(question, scopes=(*question.scopes, *without.left_out))


def _run_group(
    tracer: Tracer,
    built: dict[str, BuiltVariant],
    group: Sequence[str],
    phases: Sequence[PhaseSpec],
    options: ProfileOptions,
) -> None:
    """Runs all phases of variants that take turns, or of one variant alone."""
    with ExitStack() as stack:
        sessions = {name: stack.enter_context(tracer.session(name)) for name in group}
        for phase in phases:
            targets: list[tuple[Any, Any]] = [
                (sessions[name], built[name].fetches[phase.key]) for name in group
            ]
            tracer.time_together(
                targets, phase.label, steps=options.num_batches, burn_in=options.burn_in
            )


def _chosen(what: str, asked: Sequence[str], known: Collection[str]) -> list[str]:
    """The asked ones in the known order; all if none was asked for."""
    for name in asked:
        if name not in known:
            raise UsageError(f"no {what} {name!r}: there are {', '.join(known)}")
    return [name for name in known if not asked or name in asked]


def _fits(workload: Workload, phases: Sequence[PhaseSpec], variants: int) -> bool:
    """Whether so many variants may fit in memory together.

    Raises:
        CaptureError: If even one can't.
    """
    available = available_memory_bytes()
    if available is None:
        return True
    for phase in phases:
        needed = workload.least_memory_bytes(phase.key)
        if needed > available:
            raise CaptureError(
                f"{phase.label} of {workload.name} needs at least {needed / 1e9:.1f} GB and "
                f"{available / 1e9:.1f} GB are free: try a smaller --batch-size"
            )
        if needed * variants > available:
            return False
    return True


def _record(
    workload: Workload,
    options: ProfileOptions,
    variants: list[str],
    phases: list[str],
    turns: bool,
) -> WorkloadRecord:
    settings: dict[str, Setting] = {**workload.settings, **asdict(options)}
    settings |= {"variants": variants, "phases": phases, "interleave": turns}
    settings["max_time_s"] = options.rule.max_time_s
    return WorkloadRecord(name=workload.name, settings=settings, published=workload.published)
