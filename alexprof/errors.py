"""What AlexProf says when something a user can cause goes wrong.

Each message is one line that says what happened, where, and what to do. The command line prints
it and leaves with `exit_code`; anything that is not an `AlexProfError` is a bug and keeps its
traceback.
"""

from __future__ import annotations

from collections.abc import Iterable


class AlexProfError(Exception):
    """The root of everything a user can cause.

    Attributes:
        exit_code: What the command line exits with.
    """

    exit_code = 2


class UsageError(AlexProfError):
    """An argument that can't be used: an unknown name, a number out of range, no such device."""


class CaptureError(AlexProfError):
    """A trace or a timed phase that could not be taken: memory, a second profiler, no rights."""


class TraceError(AlexProfError):
    """A trace file that can't be read, or that holds nothing to attribute."""


class DamageError(TraceError):
    """Bytes that can't be part of a trace: the file was cut short, or something was written over.

    Nothing of such a file is used.
    """


class RunError(AlexProfError):
    """A folder that is not a run, is of a newer schema, or can't be written."""


class ClosureError(TraceError):
    """A table of costs whose shares and idle time do not add up to the step."""


class Interrupted(AlexProfError):  # noqa: N818 (it is no error)
    """Ctrl-C: the finished phases were kept and the run is marked incomplete."""

    exit_code = 130


def check_name(what: str, name: str, names: Iterable[str], where: str = "") -> None:
    """Raises a `UsageError` if there is no such name, with those it may have been meant to be."""
    names = list(names)
    if name not in names:
        near = near_names(name, names)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"no {what} {name!r}{where}: there are {', '.join(names) or 'none'}{hint}")


def near_names(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names that a mistyped one may have been meant to be, whatever their case."""
    from difflib import get_close_matches

    by_folded = {other.casefold(): other for other in names}
    return [by_folded[near] for near in get_close_matches(name.casefold(), by_folded, most)]
