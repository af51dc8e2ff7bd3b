"""The application that commands register with, and the options that several share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import alexprof

app = typer.Typer(
    name="alexprof",
    help="Which operation is eating my TensorFlow step, and what would I win without it?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        # `--run-name` is what `--name` was called before.
        "token_normalize_func": lambda token: "name" if token == "run-name" else token,
    },
)
Logdir = Annotated[
    Path, typer.Option(envvar="ALEXPROF_LOGDIR", help="Folder of the runs, as for TensorBoard.")
]

BatchSize = Annotated[int, typer.Option(help="Images in a batch.")]
StepsAtMost = Annotated[
    int | None,
    typer.Option(
        help="Timed steps of each phase and variant: 100 (ablate: 50), or with --precision as many "
        "as it takes.",
        show_default=False,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        help="Go on until each mean's 95 % interval is within ± this part of it, like 0.5%, or "
        "stops shrinking."
    ),
]
MaxTime = Annotated[
    float | None,
    typer.Option(help="Seconds that a phase's warm-up and timed steps may take."),
]
UntilSteady = Annotated[
    bool, typer.Option("--until-steady", help="Warm up until step times are steady, at most 60 s.")
]
BurnIn = Annotated[int, typer.Option(help="Warm-up steps before the timed ones, left out.")]
RunName = Annotated[
    str,
    typer.Option(
        "--name", help="Name of the run's folder in the logdir. Made of the time if empty."
    ),
]
Seed = Annotated[int, typer.Option(help="Random seed of images and weights.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"alexprof {alexprof.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
