"""Commands that read runs and traces: report, import, compare, gate, history, list."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alexprof.cli import option
from alexprof.cli.app import app
from alexprof.cli.terminal import no_collector, print_lines, print_text, report_options, style_of
from alexprof.plain_text import shell_words
from alexprof.show.outputs import FORMATS

if TYPE_CHECKING:
    from alexprof.record.run import Run
    from alexprof.show.pages.view import Source


@app.command()
def report(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run's folder, name in the logdir, or latest; or a trace file."
        ),
    ] = "latest",
    *,
    logdir: option.Logdir = Path("logdir"),
    json: option.Json = False,
    markdown: option.Markdown = False,
    format_: Annotated[
        str | None,
        typer.Option("--format", help=f"One of {', '.join(FORMATS)}."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write all pages with their charts into one HTML file instead."
        ),
    ] = None,
    png: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw every step in the order it ran, as a PNG."),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="Show where this variant's time goes.")
    ] = None,
    phase: option.Phase = None,
    full: Annotated[
        bool, typer.Option("--full", help="The full report: every table and number.")
    ] = False,
    section: Annotated[
        str | None, typer.Option(help="One part of the full report: ops, kernels, ablation, …")
    ] = None,
    top: option.Top = 10,
    marker: option.Marker = None,
    depth: option.Depth = 1,
    cores: option.Cores = True,
) -> None:
    """Show a run or a trace: what a step costs, where it goes, what leaving ops out saves."""
    style = style_of(format_, json=json, markdown=markdown)
    if html is not None or png is not None:
        from alexprof.tracer.sources import load_source

        source = load_source(run, logdir, marker=marker, depth=depth, cores=cores)
        _write_files(source, html, png, variant or "", phase or "")
        return
    with no_collector():
        from alexprof.show.outputs import render
        from alexprof.tracer.sources import load

        options = report_options(
            variant=variant,
            phase=phase,
            top=top,
            full=full,
            section=section,
        )
        record = load(run, logdir, marker=marker, depth=depth, cores=cores)
        print_text(render(record, style, options), style)


def _write_files(
    source: Source, html: Path | None, png: Path | None, variant: str, phase: str
) -> None:
    from alexprof.files import write_whole
    from alexprof.show.pages import first_figure
    from alexprof.show.pages.html import html_report
    from alexprof.show.pages.view import Choices, PageView
    from alexprof.show.svg import figure_png

    view = PageView.of(source, Choices(variant=variant, phase=phase))
    if html is not None:
        write_whole(html, html_report(source).encode())
    if png is not None:
        write_whole(png, figure_png(first_figure(view)))
    print_lines(*(f"Wrote {path}" for path in (html, png) if path is not None))


@app.command("import")
def import_(
    traces: Annotated[
        list[str],
        typer.Argument(
            metavar="TRACE…",
            help="A .xplane.pb file or a session's folder; for several hosts, the file of each.",
        ),
    ],
    *,
    name: option.RunName = None,
    logdir: option.Logdir = Path("logdir"),
    marker: option.Marker = None,
    depth: option.Depth = 1,
    cores: option.Cores = True,
) -> None:
    """Turn a trace of any program into a run, for compare, history and TensorBoard."""
    with no_collector():
        from alexprof.tracer.importing import import_trace

        run = import_trace(
            *traces, logdir=logdir, name=name, marker=marker, depth=depth, cores=cores
        )
    _print_imported(run, logdir)


def _print_imported(run: Run, logdir: Path) -> None:
    """Says what was made, and what to do with it."""
    from alexprof.show.reason_texts import stopped_text
    from alexprof.show.text import plural

    steps = [
        f"{plural(phase.traced.steps, 'traced step')} of {phase.label}"
        for _, key, phase in run.all_phases()
        if phase.traced is not None
    ]
    at = [] if logdir == Path("logdir") else ["--logdir", str(logdir)]
    print_lines(
        f"Made {shell_words(str(logdir / run.run))}: {', '.join(steps)}",
        *([f"It is marked incomplete: {stopped_text(run.stopped)}."] if run.stopped else ()),
        f"Show it:      {shell_words('alexprof', 'report', run.run, *at)}",
        f"Compare it:   {shell_words('alexprof', 'compare', run.run, 'OTHER', *at)}",
        f"TensorBoard:  {shell_words('tensorboard', '--logdir', str(logdir))}",
    )


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
    logdir: option.Logdir = Path("logdir"),
    json: option.Json = False,
    markdown: option.Markdown = False,
    phase: option.Phase = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every layer, kind and op, not only the verdicts.")
    ] = False,
    top: option.Top = 10,
) -> None:
    """Compare runs, or variants of one: what changed, by how much, and whether it is noise."""
    from alexprof.analysis.compare import compare as compare_runs
    from alexprof.show.comparison import render_comparison
    from alexprof.tracer.sources import select_each

    style = style_of(json=json, markdown=markdown)
    options = report_options(phase=phase, top=top, full=full)
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
        typer.Option(help="The run to compare with. Repeatable: more runs make a surer verdict."),
    ],
    max_slowdown: Annotated[
        list[str] | None,
        typer.Option(
            help="Allowed slow-down of each phase; NAME=10% for one phase, layer or kind. "
            "Repeatable. Default: 3%."
        ),
    ] = None,
    logdir: option.Logdir = Path("logdir"),
    json: option.Json = False,
    markdown: option.Markdown = False,
) -> None:
    """Decide whether a run may pass: exit code 0 within bounds, 1 slower, 3 unclear."""
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
        str | None,
        typer.Option(
            help="PHASE.mean, .median or .traced (traced steps); NAME.share or .time of a kind, "
            "layer or op. Default: the first phase's mean."
        ),
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option(help="Variant to follow; by default the one that most runs have."),
    ] = None,
    phase: Annotated[
        str | None, typer.Option(help="Phase whose step a share refers to; by default the last.")
    ] = None,
    logdir: option.Logdir = Path("logdir"),
    json: option.Json = False,
    markdown: option.Markdown = False,
) -> None:
    """Follow a metric over the runs of a logdir, and find the runs at which it changed."""
    style = style_of(json=json, markdown=markdown)
    with no_collector():
        from alexprof.analysis.history import history as follow
        from alexprof.show.over_time import render_history

        followed = follow(logdir, metric, variant, phase)
        print_text(render_history(followed, style, report_options()), style)


@app.command("list")
def list_(logdir: option.Logdir = Path("logdir")) -> None:
    """List the runs of a logdir."""
    with no_collector():
        from alexprof.record.store import list_runs
        from alexprof.show.listing import render_list

        now = datetime.now().astimezone()
        print_text(render_list(list_runs(logdir), report_options(), now=now))
