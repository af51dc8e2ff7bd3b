"""What AlexProf says when something a user can cause goes wrong.

Each message is one line that says what happened, where, and what to do. The command line prints
it and leaves with `exit_code`; anything that is not an `AlexProfError` is a bug and keeps its
traceback.
"""

from __future__ import annotations


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
