"""Commands that run something: profile, ablate, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alexprof.cli.app import (
    BatchSize,
    BurnIn,
    Logdir,
    MaxTime,
    Precision,
    RunName,
    Seed,
    StepsAtMost,
    UntilSteady,
    app,
)
from alexprof.cli.output import names, new_folder, print_report
from alexprof.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from alexprof.tracer.options import ProfileOptions
    from alexprof.workload.base import Workload


@app.command()
def profile(
    workload: Annotated[str, typer.Argument(help="Name of the workload.")] = "alexnet",
    *,
    batch_size: BatchSize = 32,
    num_batches: StepsAtMost = None,
    burn_in: BurnIn = 10,
    until_steady: UntilSteady = False,
    precision: Precision = None,
    max_time: MaxTime = None,
    trace_steps: Annotated[
        int, typer.Option(help="Steps to trace after the timed ones; 0: no trace, times only.")
    ] = 10,
    variants: Annotated[
        str,
        typer.Option(help="Variants to run, by commas: with_lrn,without_lrn. All if empty."),
    ] = "",
    phases: Annotated[
        str, typer.Option(help="Phases to run, by commas: forward,forward_backward. All if empty.")
    ] = "",
    logdir: Logdir = Path("logdir"),
    run_name: RunName = "",
    seed: Seed = 0,
    intra_op: Annotated[int, typer.Option(help="Threads in an op; 0: TensorFlow's choice.")] = 0,
    inter_op: Annotated[int, typer.Option(help="Threads running ops; 0: TensorFlow's choice.")] = 0,
    device: Annotated[
        str, typer.Option(help="auto: TensorFlow's choice. cpu: hide GPUs. gpu: insist on one.")
    ] = "auto",
    cpu_allocator: Annotated[
        str,
        typer.Option(
            help="Memory of CPU tensors: bfc keeps it between steps, malloc may fetch it anew."
        ),
    ] = "bfc",
    fetch: Annotated[
        bool,
        typer.Option(help="End a step with its result in Python, as the classic benchmark does."),
    ] = True,
    interleave: Annotated[
        bool, typer.Option(help="Let variants take turns, so that a drifting machine favors none.")
    ] = True,
    block_steps: Annotated[
        int | None,
        typer.Option(help="Steps in a row before the next variant's turn. By default at most 10."),
    ] = None,
) -> None:
    """Time a workload, trace it, and show what each op costs.

    The workload is the AlexNet benchmark, with local response normalization (LRN) and without.
    """
    from alexprof.tracer.options import ProfileOptions
    from alexprof.workload import make_workload

    chosen = make_workload(workload, batch_size=batch_size, seed=seed)
    steps, fraction = _steps_and_precision(num_batches, precision, usual=100)
    options = ProfileOptions(
        num_batches=steps,
        precision=fraction,
        max_time_s=max_time,
        burn_in=burn_in,
        until_steady=until_steady,
        trace_steps=trace_steps,
        variants=names(variants),
        phases=names(phases),
        device=device,
        cpu_allocator=cpu_allocator,
        intra_op=intra_op,
        inter_op=inter_op,
        fetch=fetch,
        interleave=interleave,
        block_steps=block_steps,
    )
    run_workload(chosen, options, logdir, run_name, workload)


@app.command()
def ablate(
    workload: Annotated[str, typer.Argument(help="Name of the workload.")] = "alexnet",
    *,
    measure: Annotated[
        str,
        typer.Option(help="Leave out (comma-separated): kinds (LRN), layers (lrn1), LAYER:KIND."),
    ] = "",
    batch_size: BatchSize = 32,
    num_batches: StepsAtMost = None,
    burn_in: BurnIn = 10,
    until_steady: UntilSteady = False,
    precision: Precision = None,
    max_time: MaxTime = None,
    trace_steps: Annotated[int, typer.Option(help="Steps to trace after the timed ones.")] = 10,
    phases: Annotated[
        str, typer.Option(help="Phases to run, by commas: forward,forward_backward. All if empty.")
    ] = "",
    logdir: Logdir = Path("logdir"),
    run_name: RunName = "",
    seed: Seed = 0,
) -> None:
    """Predict what leaving out each layer and kind would save, and measure some of it.

    A measured variant has the ops replaced by identities, and takes turns with the full workload.
    """
    from alexprof.tracer.options import ProfileOptions
    from alexprof.workload import make_workload
    from alexprof.workload.patterns import Pattern
    from alexprof.workload.without_ops import ablated

    if trace_steps < 1:
        raise UsageError("--trace-steps must be at least 1: predictions come from a trace")
    base = make_workload(workload, batch_size=batch_size, seed=seed)
    patterns = tuple(Pattern.parse(name) for name in names(measure))
    if measure.strip() and not patterns:
        raise UsageError(f"--measure {measure!r} names no ops: give kinds, layers or LAYER:KIND")
    steps, fraction = _steps_and_precision(num_batches, precision, usual=50)
    options = ProfileOptions(
        num_batches=steps,
        precision=fraction,
        max_time_s=max_time,
        burn_in=burn_in,
        until_steady=until_steady,
        trace_steps=trace_steps,
        phases=names(phases),
    )
    run_workload(ablated(base, patterns), options, logdir, run_name, f"{workload}-ablate")


@app.command()
def doctor(logdir: Logdir = Path("logdir")) -> None:
    """Check that this machine can time and trace: versions, devices, a small trace, disk space."""
    from alexprof.show import terminal
    from alexprof.show.checks import render_check
    from alexprof.tracer.doctor import examine

    failed = False
    for check in examine(logdir):
        print(render_check(check, terminal.width()), flush=True)
        failed |= check.failed
    if failed:
        raise typer.Exit(1)


def _steps_and_precision(
    num_batches: int | None, precision: str | None, *, usual: int
) -> tuple[int | None, float | None]:
    """Number of timed steps and precision; a precision alone leaves the number open."""
    from alexprof.measure.stopping import parse_precision

    if precision is None:
        return usual if num_batches is None else num_batches, None
    return num_batches, parse_precision(precision)


def run_workload(
    workload: Workload, options: ProfileOptions, logdir: Path, run_name: str, default: str
) -> None:
    """Runs a workload into a new folder of the logdir, and prints the report."""
    from alexprof.capture.startup import start_tensorflow
    from alexprof.measure.monitor import monitor
    from alexprof.show.finding_texts import busy
    from alexprof.show.progress import progress_for
    from alexprof.tracer.profiling import choose
    from alexprof.tracer.profiling import profile as run_profile

    choose(workload, options)
    if run_name == "latest":
        raise UsageError("--name latest means the newest run: choose another name")
    folder = new_folder(logdir, run_name, default)
    progress = progress_for()
    progress.message("Starting TensorFlow …")
    try:
        with monitor(gpus=tuple) as monitored:
            start_tensorflow()
        if monitored.interference and (warning := busy(monitored.interference)):
            progress.message(warning)
        run = run_profile(workload, folder, options, progress)
    except KeyboardInterrupt:
        kept = f"; what is finished is in {folder}, marked incomplete" if folder.exists() else ""
        raise Interrupted(f"interrupted{kept}") from None
    print_report(run, folder)
