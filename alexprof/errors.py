"""What AlexProf says when something a user can cause goes wrong.

Each message is one line that says what happened, where, and what to do. The command line prints
it and leaves with `exit_code`; anything that is not an `AlexProfError` is a bug and keeps its
traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from alexprof.plain_text import clean


class AlexProfError(Exception):
    """The base class of errors that a user can cause, and fix.

    A record holds its `code`, `numbers`, `names` and `text`, not the message: see `record.note`.
    """

    exit_code = 2  # of the command line
    code = "failed"

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        numbers: Mapping[str, float] | None = None,
        names: tuple[str, ...] = (),
        text: str = "",
    ) -> None:
        super().__init__(clean(message))
        self.code = code or self.code
        self.numbers, self.names, self.text = dict(numbers or {}), names, text


class AlexProfWarning(UserWarning):
    """Something was skipped that the user may have meant."""


class UsageError(AlexProfError):
    """An argument that can't be used: an unknown name or device, a number out of range."""

    code = "refused"


class CaptureError(AlexProfError):
    """A trace or a timed phase that could not be taken: memory, a second profiler, no rights."""

    code = "not_captured"


class TraceError(AlexProfError):
    """A trace file that can't be read, or that holds nothing to attribute."""

    code = "trace_unreadable"


class DamageError(TraceError):
    """Bytes that can't be part of a trace: the file was cut short, or something was written over.

    Nothing of such a file is used.
    """

    code = "trace_damaged"


class RunError(AlexProfError):
    """A folder that is not a run, has another schema, or can't be written."""

    code = "run_unusable"


class ClosureError(TraceError):
    """A table of costs whose shares and idle time do not add up to the step."""

    code = "closure_broken"


class Interrupted(AlexProfError):  # noqa: N818 (it is no error)
    """Ctrl-C: the finished phases were kept and the run is marked incomplete."""

    exit_code = 130
    code = "interrupted"


def check_name(what: str, name: str, names: Iterable[str], where: str = "") -> None:
    """Raises a `UsageError` if there is no such name, with those it may have been meant to be."""
    names = list(names)
    if name not in names:
        near = near_names(name, names) if isinstance(name, str) else ()
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"no {what} {name!r}{where}: there are {', '.join(names) or 'none'}{hint}")


def near_names(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names that a mistyped one may have been meant to be, whatever their case."""
    from difflib import get_close_matches

    by_folded = {other.casefold(): other for other in names}
    return [by_folded[near] for near in get_close_matches(name.casefold(), by_folded, most)]


def check_count(
    code: str, count: int, most: int, source: str, advice: str = "trace fewer steps"
) -> None:
    """Raises a `TraceError` if a trace holds more of something than any real program's would."""
    what = code.removeprefix("too_many_")
    if count > most:
        raise TraceError(
            f"{source}: {count} {what}, but at most {most} are read: {advice}",
            code=code,
            numbers={"count": count, "most": most},
            names=(source,),
        )
