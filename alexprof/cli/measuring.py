"""Commands that run something: profile, ablate, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alexprof.cli import option
from alexprof.cli.app import app
from alexprof.cli.terminal import names, new_folder, print_lines, print_text, report_options
from alexprof.errors import Interrupted, RunError, UsageError

if TYPE_CHECKING:
    from alexprof.tracer.options import ProfileOptions
    from alexprof.workload.base import Workload


@app.command()
def profile(
    workload: option.WorkloadName = "alexnet",
    *,
    batch_size: option.BatchSize = 32,
    num_batches: option.StepsAtMost = None,
    burn_in: option.BurnIn = 10,
    until_steady: option.UntilSteady = False,
    precision: option.Precision = None,
    max_time: option.MaxTime = None,
    trace_steps: option.TraceSteps = 10,
    variants: Annotated[
        str | None,
        typer.Option(help="Variants to run, comma-separated: with_lrn,without_lrn. Default: all."),
    ] = None,
    phases: option.Phases = None,
    logdir: option.Logdir = Path("logdir"),
    run_name: option.RunName = None,
    seed: option.Seed = 0,
    intra_op: Annotated[
        int, typer.Option(min=0, help="Threads within an op; 0: TensorFlow's choice.")
    ] = 0,
    inter_op: Annotated[
        int, typer.Option(min=0, help="Threads that run ops; 0: TensorFlow's choice.")
    ] = 0,
    device: Annotated[
        str, typer.Option(help="auto: TensorFlow's choice. cpu: hide GPUs. gpu: require one.")
    ] = "auto",
    cpu_allocator: Annotated[
        str,
        typer.Option(
            help="Allocator of CPU tensors: bfc keeps memory between steps, malloc may return it."
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
        typer.Option(
            min=1, help="Steps in a row before the next variant's turn. Default: at most 10."
        ),
    ] = None,
) -> None:
    """Time a workload, trace it, and show what each op costs.

    The default workload is the AlexNet benchmark, with local response normalization (LRN) and
    without.
    """
    from alexprof.workload import make_workload

    options = _options(
        num_batches,
        precision,
        phases,
        usual_steps=100,
        max_time_s=max_time,
        burn_in=burn_in,
        until_steady=until_steady,
        trace_steps=trace_steps,
        variants=names(variants),
        device=device,
        cpu_allocator=cpu_allocator,
        intra_op=intra_op,
        inter_op=inter_op,
        fetch=fetch,
        interleave=interleave,
        block_steps=block_steps,
    )
    chosen = make_workload(workload, batch_size=batch_size, seed=seed)
    run_workload(chosen, options, logdir, run_name, workload)


@app.command()
def ablate(
    workload: option.WorkloadName = "alexnet",
    *,
    measure: Annotated[
        str | None,
        typer.Option(help="Leave out, comma-separated: kinds (LRN), layers (lrn1), LAYER:KIND."),
    ] = None,
    batch_size: option.BatchSize = 32,
    num_batches: option.StepsAtMost = None,
    burn_in: option.BurnIn = 10,
    until_steady: option.UntilSteady = False,
    precision: option.Precision = None,
    max_time: option.MaxTime = None,
    trace_steps: option.TraceSteps = 10,
    phases: option.Phases = None,
    logdir: option.Logdir = Path("logdir"),
    run_name: option.RunName = None,
    seed: option.Seed = 0,
) -> None:
    """Predict what leaving out each layer and kind would save, and measure what you name.

    A measured variant has those ops replaced by identities and takes turns with the full workload.
    """
    from alexprof.workload import make_workload
    from alexprof.workload.leave_ops_out import ablated

    if trace_steps < 1:
        raise UsageError("--trace-steps must be at least 1: predictions come from a trace")
    options = _options(
        num_batches,
        precision,
        phases,
        usual_steps=50,
        max_time_s=max_time,
        burn_in=burn_in,
        until_steady=until_steady,
        trace_steps=trace_steps,
    )
    base = make_workload(workload, batch_size=batch_size, seed=seed)
    run_workload(ablated(base, names(measure)), options, logdir, run_name, f"{workload}-ablate")


@app.command()
def doctor(logdir: option.Logdir = Path("logdir")) -> None:
    """Check that this machine can time and trace: versions, devices, disk, a small trace."""
    from alexprof.show.checks import render_check
    from alexprof.tracer.doctor import examine

    failed, width = False, report_options().width
    for check in examine(logdir):
        print_text(render_check(check, width))
        failed |= check.failed
    if failed:
        raise typer.Exit(1)


def _options(
    num_batches: int | None,
    precision: str | None,
    phases: str | None,
    *,
    usual_steps: int,
    **options: Any,
) -> ProfileOptions:
    """The options of a measurement; a precision alone leaves the number of steps open."""
    from alexprof.measure.stopping import parse_precision
    from alexprof.tracer.options import ProfileOptions

    return ProfileOptions(
        num_batches=usual_steps if num_batches is None and precision is None else num_batches,
        precision=None if precision is None else parse_precision(precision),
        phases=names(phases),
        **options,
    )


def run_workload(
    workload: Workload, options: ProfileOptions, logdir: Path, run_name: str | None, default: str
) -> None:
    """Runs a workload into a new folder of the logdir, and prints the report."""
    from alexprof.capture.runtime import start_tensorflow
    from alexprof.measure.monitor import monitor
    from alexprof.show.finding_texts import busy
    from alexprof.show.outputs import render
    from alexprof.show.progress import Unfailing, progress_for
    from alexprof.tracer.profiling import choose
    from alexprof.tracer.profiling import profile as run_profile

    choose(workload, options)  # what can't be run is said before TensorFlow starts
    folder = new_folder(logdir, run_name, default)
    progress = Unfailing(progress_for())
    progress.message("Starting TensorFlow …")
    try:
        with monitor(gpus=tuple) as monitored:
            start_tensorflow()
        if monitored.interference and (warning := busy(monitored.interference)):
            progress.message(warning)
        while True:
            try:
                run = run_profile(workload, folder, options, progress)
                break
            except RunError as error:
                if run_name is not None or error.code != "folder_exists":
                    raise
                folder = new_folder(logdir, None, default)  # another run has taken the name since
    except KeyboardInterrupt:
        kept = f"; what is finished is in {folder}, marked incomplete" if folder.exists() else ""
        raise Interrupted(f"interrupted{kept}") from None
    print_text(f"\n{render(run, 'text', report_options())}")
    _repair(logdir)


def _repair(logdir: Path) -> None:
    """Repairs killed runs in the logdir; after the new run, since this takes time."""
    from alexprof.show.text import listed
    from alexprof.tracer.repair import repair_killed

    names = repair_killed(logdir)
    if names:
        finished = "TensorBoard now shows the phases that they finished."
        print_lines("", f"Killed earlier: {listed(names)}. {finished}")
