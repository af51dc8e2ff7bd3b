"""The command that runs processes in turns: ab."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alexprof.cli import option
from alexprof.cli.app import app
from alexprof.cli.terminal import new_folder, print_text, report_options, style_of
from alexprof.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from alexprof.analysis.pairs import PairsRecord
    from alexprof.show.options import ReportOptions
    from alexprof.tracer.pairing import PairsPlan


@app.command()
def ab(
    commands: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="'COMMAND A' 'COMMAND B'",
            help="Each in quotes, environment variables in front: 'X=1 python train.py'.",
        ),
    ] = None,
    *,
    pairs: Annotated[
        int | None, typer.Option(help="Pairs of processes, in turns A B B A …", show_default="7")
    ] = None,
    warm_up: Annotated[
        int | None,
        typer.Option(
            help="Warm-up processes of each command, excluded from results.", show_default="1"
        ),
    ] = None,
    show: Annotated[
        str,
        typer.Option(metavar="FOLDER", help="Show this folder's pairs again, without running."),
    ] = "",
    logdir: option.Logdir = Path("logdir"),
    run_name: option.RunName = None,
    json: option.Json = False,
    markdown: option.Markdown = False,
    top: option.Top = 10,
) -> None:
    """Run two commands in turns, as pairs of processes, and compare them pair by pair.

    What is compared: the steps, layers and ops of the AlexProf run that each process leaves in its
    logdir; without such runs, the time that the processes take.
    """
    from alexprof.analysis.pairs import find_pairs, load_pairs
    from alexprof.measure.processes import parse_command
    from alexprof.tracer.pairing import PairsPlan

    style, options = style_of(json=json, markdown=markdown), report_options(top=top)
    commands = commands or []
    if show:
        given = {"the commands": commands or None, "--pairs": pairs, "--warm-up": warm_up}
        for what, value in given.items():
            if value is not None:
                raise UsageError(f"--show runs nothing: leave {what} out")
        folder = find_pairs(show, logdir)
        _print_pairs(load_pairs(folder), folder, style, options)
        return
    if len(commands) != 2:
        raise UsageError(
            f"ab takes two commands, each in quotes, not {len(commands)}: "
            "alexprof ab 'python a.py' 'python b.py'"
        )
    a, b = map(parse_command, commands)
    plan = PairsPlan(a, b, 7 if pairs is None else pairs, 1 if warm_up is None else warm_up)
    folder = new_folder(logdir, run_name, "ab")
    try:
        record = _run_showing(plan, folder)
    except KeyboardInterrupt:
        raise _interrupted(folder, style, options) from None
    _print_pairs(record, folder, style, options)
    if style == "text":
        print_text(f"\nAgain: alexprof ab --show {shlex.quote(str(folder))}")


def _print_pairs(record: PairsRecord, folder: Path, style: str, options: ReportOptions) -> None:
    from alexprof.analysis.pairs import judge_pairs
    from alexprof.show.pairs import render_pairs

    print_text(render_pairs(judge_pairs(record, folder), style, options), style)


def _run_showing(plan: PairsPlan, folder: Path) -> PairsRecord:
    """Runs pairs; how far they are is shown on standard error, which no script reads."""
    from alexprof.show.pairs import pair_line
    from alexprof.show.progress import progress_for
    from alexprof.show.text import clean
    from alexprof.tracer.pairing import ProcessFailed, run_pairs

    progress = progress_for(sys.stderr)
    try:
        with progress.phase("Pairs", len(plan.turns), "processes") as counter:

            def show(record: PairsRecord) -> None:
                counter.advance(1)
                if record.finished and record.processes[-1] in record.finished[-1]:
                    progress.message(pair_line(record))

            return run_pairs(plan, folder, after=show)
    except ProcessFailed as failure:
        for line in failure.tail:
            print(f"  {clean(line)}", file=sys.stderr)
        raise
    finally:
        progress.close()


def _interrupted(folder: Path, style: str, options: ReportOptions) -> Interrupted:
    """What Ctrl-C leaves: what is finished is judged where that can be done."""
    from alexprof.analysis.pairs import LEAST_PAIRS, load_pairs
    from alexprof.record.store import PAIRS_FILE

    if not (folder / PAIRS_FILE).exists():
        return Interrupted("interrupted")
    record = load_pairs(folder)
    done = len(record.finished)
    if done >= LEAST_PAIRS:
        _print_pairs(record, folder, style, options)
    return Interrupted(f"interrupted; {done} finished pairs are in {folder}, marked incomplete")
