"""`profile`: a workload through the `Tracer`, as the command line does it."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields
from pathlib import Path

from msgspec.structs import replace

from alexprof.capture.runtime import choose_cpu_allocator
from alexprof.errors import CaptureError, UsageError, check_name
from alexprof.measure.machine import available_memory_bytes, describe_machine
from alexprof.record.run import WorkloadRecord
from alexprof.record.workload import Setting
from alexprof.show.progress import Progress, progress_for
from alexprof.tracer.options import MeasureOptions, ProfileOptions
from alexprof.tracer.run import Run
from alexprof.tracer.tracer import Tracer
from alexprof.workload.base import BuiltVariant, PhaseSpec, Workload


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
    variants, phases = choose(workload, options)
    several = options.interleave and len(variants) > 1
    turns = _fits(workload, phases, 2 if several else 1) and several
    choose_cpu_allocator(options.cpu_allocator, describe_machine().memory_bytes)
    settings: dict[str, Setting] = {**workload.settings, **asdict(options)}
    settings |= {"variants": variants, "phases": [phase.key for phase in phases]}
    settings |= {"interleave": turns, "max_time_s": options.rule(options.num_batches).max_time_s}
    shown = progress or progress_for()
    tracer = Tracer(
        folder,
        **{shared.name: getattr(options, shared.name) for shared in fields(MeasureOptions)},
        workload=WorkloadRecord(
            name=workload.name, settings=settings, published=workload.published
        ),
        progress=shown,
    )
    if several and not turns:
        shown.message("Memory for one variant at a time: they run one after the other.")
    with _nothing_left_behind(tracer), tracer:
        built = {variant: _build(tracer, workload, variant) for variant in variants}
        tracer.add_ablations(
            *(
                replace(ablation, scopes=(*ablation.scopes, *built[ablation.without].left_out))
                for ablation in workload.ablations
                if {ablation.reference, ablation.without} <= built.keys()
            )
        )
        for group in [variants] if turns else [[variant] for variant in variants]:
            _run_group(tracer, built, group, phases, options)
    return tracer.run


def choose(workload: Workload, options: ProfileOptions) -> tuple[list[str], list[PhaseSpec]]:
    """The variants and phases that the options name, in the workload's order.

    Raises:
        UsageError: If there is no such, or a number is out of range.
    """
    variants = _chosen("variant", options.variants, workload.variants)
    keys = _chosen("phase", options.phases, [phase.key for phase in workload.phases])
    options.check()
    return variants, [phase for phase in workload.phases if phase.key in keys]


def _chosen(what: str, wanted: Sequence[str], offered: Collection[str]) -> list[str]:
    """What is wanted, in the order offered; all if nothing is named."""
    for name in wanted:
        check_name(what, name, offered)
    return [name for name in offered if not wanted or name in wanted]


@contextmanager
def _nothing_left_behind(tracer: Tracer) -> Iterator[None]:
    """Removes the run's folder if the options turn out to be wrong as graphs are built.

    A phase that was measured is kept, and so is a folder that was there before.
    """
    existed = tracer.folder.exists()
    try:
        yield
    except UsageError:
        measured = any(variant.phases for variant in tracer.run.variants.values())
        if not existed and not measured:
            shutil.rmtree(tracer.folder, ignore_errors=True)
        raise


def _build(tracer: Tracer, workload: Workload, variant: str) -> BuiltVariant:
    spec = workload.variants[variant]
    with tracer.graph(variant, label=spec.label):
        built = spec.build()
    tracer.layers(variant, built.layers)
    return built


def _run_group(
    tracer: Tracer,
    built: Mapping[str, BuiltVariant],
    group: Sequence[str],
    phases: Sequence[PhaseSpec],
    options: ProfileOptions,
) -> None:
    """Runs all phases of variants that take turns, or of one variant alone."""
    with ExitStack() as stack:
        sessions = {name: stack.enter_context(tracer.session(name)) for name in group}
        for phase in phases:
            targets = [(sessions[name], built[name].fetches[phase.key]) for name in group]
            tracer.time_together(
                targets, phase.label, steps=options.num_batches, burn_in=options.burn_in
            )


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
                f"{available / 1e9:.1f} GB are free: try a smaller --batch-size",
                code="too_large",
                numbers={"needed_gb": needed / 1e9, "free_gb": available / 1e9},
                names=(phase.key,),
            )
        if needed * variants > available:
            return False
    return True
