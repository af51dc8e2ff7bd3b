"""What commands print, and how."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alexprof.errors import AlexProfError, UsageError
from alexprof.files import check_new_folder, silence
from alexprof.plain_text import clean

if TYPE_CHECKING:
    from alexprof.show.options import ReportOptions


def print_lines(*lines: str) -> None:
    """Prints lines that may contain names from outside."""
    print_text("\n".join(map(clean, lines)))


def print_text(text: str, style: str = "text") -> None:
    """Prints rendered text; a reader that stops early (`alexprof report | head`) is no error.

    Output for programs is UTF-8, whatever the terminal can show.
    """
    if style != "text" and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        print(text, flush=True)
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        raise AlexProfError(f"can't write the report: {error.strerror}") from error


def open_streams() -> None:
    """Gives input, output and errors that are closed a place to go.

    Else the next file that is opened gets their number, and what TensorFlow logs.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def style_of(format_: str | None = None, **styles: bool) -> str:
    """The output that --format, or the flags of these names, choose; text without any.

    Raises:
        UsageError: If they choose two.
    """
    chosen = [style for style, flag in styles.items() if flag]
    options = [f"--{style}" for style in chosen]
    if format_:
        chosen, options = [format_, *chosen], [f"--format {format_}", *options]
    if len(set(chosen)) > 1:
        raise UsageError(f"{options[0]} and {options[1]} exclude each other: choose one")
    return chosen[0] if chosen else "text"


def names(text: str | None) -> tuple[str, ...]:
    """The parts of a list by commas; none of None.

    Raises:
        UsageError: If one is empty, or named twice.
    """
    parts = [] if text is None else [name.strip() for name in text.split(",")]
    if not all(parts):
        raise UsageError(f"{text!r} has an empty name: give names with a comma between them")
    if len({*parts}) < len(parts):
        raise UsageError(f"{text!r} names something twice")
    return tuple(parts)


def report_options(**options: Any) -> ReportOptions:
    """For the terminal that there is."""
    from alexprof.show.options import terminal_options

    return terminal_options(**options)


def new_folder(logdir: Path, run_name: str | None, default: str) -> Path:
    """The folder of a new run: of its name, or without one of the default name and the time.

    Raises:
        UsageError: If the name is a path.
        RunError: If the folder exists or can't be written.
    """
    if run_name is not None:
        from alexprof.record.store import check_run_name

        check_run_name(run_name)
        folder = logdir / run_name
    else:
        name = f"{default}-{datetime.now():%Y%m%d-%H%M%S}"
        later = (logdir / f"{name}-{number}" for number in count(2))
        folder = next(path for path in chain([logdir / name], later) if not os.path.lexists(path))
    check_new_folder(folder)
    return folder


@contextmanager
def no_collector() -> Iterator[None]:
    """Stops Python's search for cycles of objects: 5 % of a report, most of it while importing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
