"""The application that commands register with."""

from __future__ import annotations

from typing import Annotated

import typer

import alexprof

app = typer.Typer(
    name="alexprof",
    help="Which operation is eating my TensorFlow step, and what would I win without it?",
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
