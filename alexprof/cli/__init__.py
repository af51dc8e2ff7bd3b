"""The command line: arguments in, calls to the rooms, exit codes. Thin, and quick to start."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NoReturn, cast

import typer

from alexprof.cli import exporting, measuring, pairs, reading
from alexprof.cli.app import app
from alexprof.cli.ascii import adapt_output
from alexprof.cli.terminal import open_streams
from alexprof.errors import AlexProfError, AlexProfWarning, Interrupted, UsageError
from alexprof.files import silence
from alexprof.plain_text import clean

__all__ = ["exporting", "main", "measuring", "pairs", "reading"]

# The root of the command line library's own complaints; it has no public name.
_Complaint = cast("type[Exception]", typer.BadParameter.__mro__[2])


def main() -> NoReturn:
    """Runs the command line; never shows a traceback for what a user can cause."""
    signal.signal(signal.SIGTERM, _stop)
    open_streams()
    adapt_output()
    warnings.formatwarning = partial(_warning_text, warnings.formatwarning)
    try:
        _check_no_empty(sys.argv[1:])
        words = sys.argv[1:] or ["--help"]
        code = app(words, standalone_mode=False, prog_name="alexprof")
        sys.stdout.flush()
    except AlexProfError as error:
        code = _say(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):  # the library makes one of the other
        code = _say("interrupted", Interrupted.exit_code)
    except OSError as error:
        if error.filename is not None:
            raise
        silence(sys.stdout)  # from --help or --version, which the library prints
        code = _say(f"can't write: {error.strerror}", AlexProfError.exit_code)
    except MemoryError:
        code = _say("out of memory: ask for less, or use a machine with more memory", 2)
    except _Complaint as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "alexprof"
        code = _say(f"{error.format_message()} (see {command} --help)", 2)  # type: ignore[attr-defined]
    sys.exit(code if isinstance(code, int) else 0)


def _check_no_empty(words: Sequence[str]) -> None:
    """Refuses `--name ""` and `--name=`: probably an unset variable in a script."""
    for option, word in pairwise(("", *words)):
        if not word.strip():
            what = option if option.startswith("--") else "an argument"
            raise UsageError(f"{what} is empty: give a value or leave it out")
        if word.startswith("--") and word.endswith("=") and word.count("=") == 1:
            raise UsageError(f"{word[:-1]} is empty: give a value or leave it out")


def _say(message: str, code: int) -> int:
    try:
        print(f"alexprof: {clean(message)}", file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)
    return code


def _warning_text(
    usual: Callable[..., str], message: Warning | str, category: type[Warning], *where: Any
) -> str:
    """Formats AlexProf's warnings like its errors, and other warnings as usual."""
    if not issubclass(category, AlexProfWarning):
        return usual(message, category, *where)
    return f"alexprof: {clean(str(message))}\n"


def _stop(signal_number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt("ended by a signal (SIGTERM)")
