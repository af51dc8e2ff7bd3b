"""Commands that read runs and traces: report, import, compare, gate, history, list."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alexprof.cli.app import Logdir, app
from alexprof.cli.output import no_collector, print_text, report_options, style_of
from alexprof.errors import UsageError

if TYPE_CHECKING:
    from alexprof.record.run import Run


@app.command()
def report(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run's folder, name in the logdir, or latest; or a trace file."
        ),
    ] = "latest",
    *,
    logdir: Logdir = Path("logdir"),
    json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables for a web page.")] = False,
    format_: Annotated[
        str,
        typer.Option("--format", help="text, json, markdown, html, or csv (a row for each op)."),
    ] = "",
    variant: Annotated[str, typer.Option(help="Show where this variant's time goes.")] = "",
    phase: Annotated[str, typer.Option(help="Show this phase alone.")] = "",
    full: Annotated[
        bool, typer.Option("--full", help="Everything, not one screen: each table and figure.")
    ] = False,
    section: Annotated[
        str, typer.Option(help="One part of the full report: ops, kernels, ablation, …")
    ] = "",
    top: Annotated[int, typer.Option(help="How many ops to list in full.")] = 10,
    marker: Annotated[
        str, typer.Option(help="Of a trace: the name of the events that mark its steps.")
    ] = "",
    depth: Annotated[int, typer.Option(help="Of a trace: how many name scopes make a layer.")] = 1,
    cores: Annotated[
        bool,
        typer.Option(help="Of a trace: find what pools of threads worked for each op."),
    ] = True,
) -> None:
    """Show a run or a trace: what a step costs, where it goes, what leaving ops out saves."""
    style = style_of(format_, json=json, markdown=markdown)
    if top < 0:
        raise UsageError(f"--top must be at least 0, not {top}")
    with no_collector():
        from alexprof.show import ReportOptions, render, terminal
        from alexprof.tracer.sources import load

        options = ReportOptions(
            width=terminal.width(),
            color=terminal.color(),
            variant=variant or None,
            phase=phase or None,
            top=top,
            full=full,
            section=section or None,
            again=shlex.join(["alexprof", "report", run, *_at(logdir)]),
            logdir=shlex.quote(str(Path(run).parent if "/" in run else logdir)),
        )
        source = load(run, logdir, marker=marker or None, depth=depth, cores=cores)
        print_text(render(source, style, options), style)


def _at(logdir: Path) -> list[str]:
    """The option for a logdir that is not the default one."""
    return [] if logdir == Path("logdir") else ["--logdir", str(logdir)]


@app.command("import")
def import_(
    traces: Annotated[
        list[str],
        typer.Argument(
            metavar="TRACE…",
            help="A .xplane.pb file or a session's folder; of several hosts the file of each.",
        ),
    ],
    *,
    name: Annotated[
        str,
        typer.Option(help="Name of the run's folder. The session's name and time if empty."),
    ] = "",
    logdir: Logdir = Path("logdir"),
    marker: Annotated[str, typer.Option(help="Name of the events that mark the steps.")] = "",
    depth: Annotated[int, typer.Option(help="How many name scopes make a layer.")] = 1,
    cores: Annotated[
        bool, typer.Option(help="Find what pools of threads worked for each op.")
    ] = True,
) -> None:
    """Turn a trace of any program into a run, for compare, history and TensorBoard."""
    with no_collector():
        from alexprof.tracer.importing import import_trace

        run = import_trace(
            *traces,
            logdir=logdir,
            name=name or None,
            marker=marker or None,
            depth=depth,
            cores=cores,
        )
    _print_imported(run, logdir)


def _print_imported(run: Run, logdir: Path) -> None:
    """Says what was made, and what to do with it."""
    from alexprof.show.note_texts import stopped_text
    from alexprof.show.text import clean, plural

    steps = [
        f"{plural(phase.traced.steps, 'traced step')} of {clean(phase.label)}"
        for variant in run.variants.values()
        for key, phase in variant.phases.items()
        if phase.traced is not None
    ]
    name, at = shlex.quote(run.run), shlex.join(_at(logdir))
    print_text(f"Made {shlex.quote(str(logdir / run.run))}: {', '.join(steps)}")
    if run.stopped:
        print_text(f"It is marked incomplete: {stopped_text(run.stopped)}.")
    print_text(f"Show it:      alexprof report {name} {at}".rstrip())
    print_text(f"Compare it:   alexprof compare {name} OTHER {at}".rstrip())
    print_text(f"TensorBoard:  tensorboard --logdir {shlex.quote(str(logdir))}")


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
    full: Annotated[
        bool, typer.Option("--full", help="Each layer, kind and op, not the verdicts alone.")
    ] = False,
    top: Annotated[int, typer.Option(help="How many changed ops --full lists for a phase.")] = 10,
) -> None:
    """Compare runs, or variants of one: what changed, by how much, and whether it is noise."""
    from alexprof.analysis.compare import compare as compare_runs
    from alexprof.show.comparison import render_comparison
    from alexprof.tracer.sources import select_each

    style = style_of(json=json, markdown=markdown)
    options = report_options(phase=phase or None, top=top, full=full)
    print_text(render_comparison(compare_runs(select_each(runs, logdir)), style, options), style)


@app.command()
def gate(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN [RUN…]", help="The run to check, or several runs of the same code."
        ),
    ],
    *,
    baseline: Annotated[
        list[str],
        typer.Option(help="The run to compare with. Give more of them for a surer verdict."),
    ],
    max_slowdown: Annotated[
        list[str] | None,
        typer.Option(
            help="Allowed slow-down of each phase; NAME=10% for one phase, layer or kind. "
            "Repeatable. Default: 3%."
        ),
    ] = None,
    logdir: Logdir = Path("logdir"),
    json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Tables for a pull request's comment.")
    ] = False,
) -> None:
    """Say whether a run may pass: exit code 0 within, 1 slower with evidence, 3 can't tell."""
    from alexprof.analysis.gate import gate as judge_runs
    from alexprof.analysis.gate import parse_bound
    from alexprof.analysis.selection import Group, check_distinct
    from alexprof.show.gate import render_gate
    from alexprof.tracer.sources import select

    style = style_of(json=json, markdown=markdown)
    bounds = [parse_bound(text) for text in max_slowdown or ["3%"]]
    new = tuple(select(name, logdir) for name in runs)
    old = tuple(select(name, logdir) for name in baseline)
    check_distinct([*new, *old])
    result = judge_runs(Group(new), Group(old), bounds)
    print_text(render_gate(result, style, report_options()), style)
    raise typer.Exit(result.exit_code)


@app.command()
def history(
    *,
    metric: Annotated[
        str,
        typer.Option(
            help="PHASE.mean, .median or .traced (traced steps); NAME.share or .time of a kind, "
            "layer or op. Default: the first phase's mean."
        ),
    ] = "",
    variant: Annotated[
        str, typer.Option(help="Variant to follow. The one that most runs have if empty.")
    ] = "",
    phase: Annotated[str, typer.Option(help="Phase that a share is of. The last if empty.")] = "",
    logdir: Logdir = Path("logdir"),
    json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables for a web page.")] = False,
) -> None:
    """Follow a metric over the runs of a logdir, and find the runs where it stepped."""
    from alexprof.analysis.history import history as follow
    from alexprof.show.over_time import render_history

    style = style_of(json=json, markdown=markdown)
    followed = follow(logdir, metric or None, variant or None, phase or None)
    print_text(render_history(followed, style, report_options()), style)


@app.command("list")
def list_(logdir: Logdir = Path("logdir")) -> None:
    """List the runs of a logdir."""
    from alexprof.record.store import list_runs
    from alexprof.show import render_list, terminal

    now = datetime.now().astimezone()
    print_text(render_list(list_runs(logdir), terminal.width(), now=now, color=terminal.color()))
