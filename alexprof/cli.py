"""The command line: arguments in, calls to the rooms, exit codes. Thin, and quick to start."""

from __future__ import annotations

import io
import os
import shlex
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer

import alexprof
from alexprof.errors import AlexProfError, Interrupted, UsageError

if TYPE_CHECKING:
    from alexprof.runs.record import Run
    from alexprof.show import ReportOptions
    from alexprof.tracer import ProfileOptions
    from alexprof.workload.base import Workload

app = typer.Typer(
    name="alexprof",
    help="Which operation is eating my TensorFlow step, and what would I win without it?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
# The root of the command line library's own complaints; it has no public name.
_Complaint = cast("type[Exception]", typer.BadParameter.__mro__[2])

Logdir = Annotated[
    Path, typer.Option(envvar="ALEXPROF_LOGDIR", help="Folder of the runs, as for TensorBoard.")
]

BatchSize = Annotated[int, typer.Option(help="Images in a batch.")]
NumBatches = Annotated[int, typer.Option(help="Timed steps of each phase and variant.")]
BurnIn = Annotated[int, typer.Option(help="Warm-up steps before them, left out.")]
RunName = Annotated[
    str, typer.Option(help="Name of the run's folder in the logdir. By the time if empty.")
]
Seed = Annotated[int, typer.Option(help="Of images and weights.")]


def _version(asked: bool) -> None:
    if asked:
        print(f"alexprof {alexprof.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def profile(
    workload: Annotated[str, typer.Argument(help="What to profile: alexnet.")] = "alexnet",
    *,
    batch_size: BatchSize = 32,
    num_batches: NumBatches = 100,
    burn_in: BurnIn = 10,
    trace_steps: Annotated[
        int, typer.Option(help="Steps to trace after the timed ones; 0: no trace, times only.")
    ] = 10,
    variants: Annotated[
        str,
        typer.Option(help="Which to run, by commas: with_lrn,without_lrn. All if empty."),
    ] = "",
    phases: Annotated[
        str, typer.Option(help="Likewise: forward,forward_backward. All if empty.")
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
            help="Of CPU tensors. bfc keeps memory between steps; malloc may fetch it anew."
        ),
    ] = "bfc",
    fetch: Annotated[
        bool, typer.Option(help="End a step with its result in Python, as the classic does.")
    ] = True,
    interleave: Annotated[
        bool, typer.Option(help="Let variants take turns, so that a drifting machine favours none.")
    ] = True,
    block_steps: Annotated[
        int | None,
        typer.Option(help="Steps in a row before it is the other's turn. By default at most 10."),
    ] = None,
) -> None:
    """Time a workload, trace it, and show what each op costs.

    The workload is the AlexNet benchmark, with local response normalization (LRN) and without.
    """
    from alexprof.tracer import ProfileOptions
    from alexprof.workload import make_workload

    chosen = make_workload(workload, batch_size=batch_size, seed=seed)
    options = ProfileOptions(
        num_batches=num_batches,
        burn_in=burn_in,
        trace_steps=trace_steps,
        variants=_names(variants),
        phases=_names(phases),
        device=device,
        cpu_allocator=cpu_allocator,
        intra_op=intra_op,
        inter_op=inter_op,
        fetch=fetch,
        interleave=interleave,
        block_steps=block_steps,
    )
    _profile(chosen, options, logdir, run_name or _by_time(workload))


@app.command()
def ablate(
    workload: Annotated[str, typer.Argument(help="What to look into: alexnet.")] = "alexnet",
    *,
    measure: Annotated[
        str,
        typer.Option(help="Leave these out, by commas: a KIND (LRN), a layer (lrn1), LAYER:KIND."),
    ] = "",
    batch_size: BatchSize = 32,
    num_batches: NumBatches = 50,
    burn_in: BurnIn = 10,
    trace_steps: Annotated[int, typer.Option(help="Steps to trace after the timed ones.")] = 10,
    phases: Annotated[
        str, typer.Option(help="Which, by commas: forward,forward_backward. All if empty.")
    ] = "",
    logdir: Logdir = Path("logdir"),
    run_name: RunName = "",
    seed: Seed = 0,
) -> None:
    """Predict what the workload would win without each layer and kind, and measure some.

    What is measured runs beside the whole, in turns, with the ops replaced by identities.
    """
    from alexprof.tracer import ProfileOptions
    from alexprof.workload import make_workload
    from alexprof.workload.ablated import Ablated
    from alexprof.workload.bypass import Pattern

    if trace_steps < 1:
        raise UsageError("--trace-steps must be at least 1: predictions come from a trace")
    base = make_workload(workload, batch_size=batch_size, seed=seed)
    patterns = tuple(Pattern.parse(one) for one in _names(measure))
    options = ProfileOptions(
        num_batches=num_batches, burn_in=burn_in, trace_steps=trace_steps, phases=_names(phases)
    )
    name = run_name or _by_time(f"{workload}-ablate")
    _profile(Ablated(base, patterns), options, logdir, name)


@app.command()
def report(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="Its folder, its name in the logdir, or latest; or a trace file."
        ),
    ] = "latest",
    *,
    logdir: Logdir = Path("logdir"),
    json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables for a web page.")] = False,
    variant: Annotated[str, typer.Option(help="Show where this variant's time goes.")] = "",
    phase: Annotated[str, typer.Option(help="Show this phase alone.")] = "",
    top: Annotated[int, typer.Option(help="How many ops to list.")] = 10,
    marker: Annotated[
        str, typer.Option(help="Of a trace: the name of the events that mark its steps.")
    ] = "",
    depth: Annotated[int, typer.Option(help="Of a trace: how many name scopes make a layer.")] = 1,
    cores: Annotated[
        bool,
        typer.Option(help="Of a trace: find what pools of threads worked for each op."),
    ] = True,
) -> None:
    """Show a run: what a step costs, where it goes, what LRN is worth. Or a trace alone."""
    from alexprof.runs.traces import load
    from alexprof.show import ReportOptions, render, terminal

    style = _style(json=json, markdown=markdown)
    if top < 0:
        raise UsageError(f"--top must be at least 0, not {top}")
    options = ReportOptions(
        width=terminal.width(),
        color=terminal.color(),
        variant=variant or None,
        phase=phase or None,
        top=top,
    )
    found = load(run, logdir, marker=marker or None, depth=depth, cores=cores)
    _print(render(found, style, options))


@app.command()
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="A B [C…]",
            help="Runs, as for report; RUN:VARIANT names one variant, of the same run or another.",
        ),
    ],
    *,
    logdir: Logdir = Path("logdir"),
    json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Tables for a pull request's comment.")
    ] = False,
    phase: Annotated[str, typer.Option(help="Compare this phase alone.")] = "",
    top: Annotated[int, typer.Option(help="How many changed ops to list for each phase.")] = 10,
) -> None:
    """Compare runs, or variants of one: what changed, by how much, can it be told from noise."""
    from alexprof.runs.compare import compare as compare_runs
    from alexprof.runs.sides import find_sides
    from alexprof.show.comparison import render_comparison

    style = _style(json=json, markdown=markdown)
    options = _options(phase=phase or None, top=top)
    _print(render_comparison(compare_runs(find_sides(runs, logdir)), style, options))


@app.command()
def gate(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN [RUN…]", help="What asks to pass: one run, or several alike."),
    ],
    *,
    baseline: Annotated[
        list[str],
        typer.Option(help="The run to measure against; more of them, given again, tell more."),
    ],
    max_slowdown: Annotated[
        list[str] | None,
        typer.Option(
            help="What each phase may be slower by; NAME=10% for one phase, layer or kind. Again "
            "for more. 3% if not given."
        ),
    ] = None,
    logdir: Logdir = Path("logdir"),
    json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Tables for a pull request's comment.")
    ] = False,
) -> None:
    """Say whether a run may pass: exit code 0 within, 1 slower with evidence, 3 can't tell."""
    from alexprof.runs.gate import gate as judge_runs
    from alexprof.runs.gate import parse_bound
    from alexprof.runs.sides import Side, check_distinct, find_member
    from alexprof.show.verdict import render_gate

    style = _style(json=json, markdown=markdown)
    bounds = [parse_bound(text) for text in max_slowdown or ["3%"]]
    new = tuple(find_member(name, logdir) for name in runs)
    old = tuple(find_member(name, logdir) for name in baseline)
    check_distinct([*new, *old])
    found = judge_runs(Side(new), Side(old), bounds)
    _print(render_gate(found, style, _options()))
    raise typer.Exit(found.exit_code)


@app.command()
def history(
    *,
    metric: Annotated[
        str,
        typer.Option(
            help="PHASE.mean or .median; LRN.share or .time of a kind, layer or op. The first "
            "phase's mean if empty."
        ),
    ] = "",
    variant: Annotated[str, typer.Option(help="Whose. The newest run's first if empty.")] = "",
    phase: Annotated[str, typer.Option(help="Of shares: in which phase. The last if empty.")] = "",
    logdir: Logdir = Path("logdir"),
    json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables for a web page.")] = False,
) -> None:
    """Follow a metric over the runs of a logdir, and find the runs where it stepped."""
    from alexprof.runs.history import history as follow
    from alexprof.show.over_time import render_history

    style = _style(json=json, markdown=markdown)
    found = follow(logdir, metric or None, variant or None, phase or None)
    _print(render_history(found, style, _options()))


@app.command("list")
def list_(logdir: Logdir = Path("logdir")) -> None:
    """List the runs of a logdir."""
    from alexprof.runs.store import list_runs
    from alexprof.show import render_list, terminal

    now = datetime.now().astimezone()
    _print(render_list(list_runs(logdir), terminal.width(), now=now, color=terminal.color()))


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


def _by_time(name: str) -> str:
    return f"{name}-{datetime.now():%Y%m%d-%H%M%S}"


def _profile(workload: Workload, options: ProfileOptions, logdir: Path, name: str) -> None:
    """Runs a workload into a new folder of the logdir, and prints the report."""
    from alexprof.capture.startup import start_tensorflow
    from alexprof.show.progress import progress_for
    from alexprof.tracer import check_new_folder
    from alexprof.tracer import profile as run_profile

    options.check(workload)
    if name == "latest":
        raise UsageError("--run-name latest means the newest run: choose another name")
    if Path(name).name != name:
        raise UsageError(f"--run-name is one folder's name, not a path: {name!r}")
    folder = logdir / name
    check_new_folder(folder)
    progress = progress_for()
    progress.message("Starting TensorFlow …")
    try:
        start_tensorflow()
        run = run_profile(workload, folder, options, progress)
    except KeyboardInterrupt:
        kept = f"; what is finished is in {folder}, marked incomplete" if folder.exists() else ""
        raise Interrupted(f"interrupted{kept}") from None
    _print_report(run, folder)


def main() -> NoReturn:
    """Runs the command line; never shows a traceback for what a user can cause."""
    signal.signal(signal.SIGTERM, _stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without ─ and █ shows ?
    try:
        code = app(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except AlexProfError as error:
        code = _say(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):  # the library makes one of the other
        code = _say("interrupted", Interrupted.exit_code)
    except _Complaint as error:
        code = _say(f"{error.format_message()} (see alexprof --help)", 2)  # type: ignore[attr-defined]
    sys.exit(code if isinstance(code, int) else 0)


def _say(message: str, code: int) -> int:
    print(f"alexprof: {message}", file=sys.stderr)
    return code


def _stop(signal_number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt("ended by a signal (SIGTERM)")


def _print(text: str) -> None:
    """Prints; a reader that has enough (`alexprof report | head`) is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise AlexProfError(f"can't write the report: {error.strerror}") from error


def _style(*, json: bool, markdown: bool) -> str:
    if json and markdown:
        raise UsageError("--json and --markdown exclude each other: choose one")
    return "json" if json else "markdown" if markdown else "text"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _print_report(run: Run, folder: Path) -> None:
    from alexprof.show import ReportOptions, render, terminal

    text = render(run, "text", ReportOptions(width=terminal.width(), color=terminal.color()))
    _print(f"\n{text}\n\nAgain: alexprof report {shlex.quote(str(folder))}")
    _print(f"TensorBoard: tensorboard --logdir {shlex.quote(str(folder.parent))}")


def _options(phase: str | None = None, top: int = 10) -> ReportOptions:
    from alexprof.show import ReportOptions, terminal

    return ReportOptions(width=terminal.width(), color=terminal.color(), phase=phase, top=top)
