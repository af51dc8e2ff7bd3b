"""TensorFlow's failures in plain words.

Each of these takes `doing`, what was going on: "forward of with_lrn".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from alexprof.errors import AlexProfError, CaptureError
from alexprof.plain_text import without_middle

MOST_LETTERS = 300
"""The longest message in a record, or in a sentence."""
# A call and its line of source, if any, as Python and TensorFlow print them.
_CALLS = re.compile(r"^ *File \".*\", line .*\n(?:    .*\n)*", re.MULTILINE)
_WHERE = re.compile(
    r"Graph execution error|Detected at node|Node: |Traceback |Original stack trace|"
    r"\d+ root error|Exception encountered when calling|$"
)


@contextmanager
def step_failures(doing: str, *, of_any_kind: bool = False) -> Iterator[None]:
    """Raises a `CaptureError` if memory runs out in a step.

    Of a step that need not succeed also for any other failure: say, its input has ended.
    """
    import tensorflow as tf

    try:
        yield
    except CaptureError:
        raise
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        advice = "try a smaller batch, or one variant at a time"
        message = f"{doing}: out of memory ({first_line(error)}): {advice}"
        raise _failure(message, "out_of_memory", doing, error) from error
    except Exception as error:
        if not of_any_kind:
            raise
        message = f"{doing}: the step failed ({first_line(error)})"
        raise _failure(message, "step_failed", doing, error) from error


@contextmanager
def profiler_failures(doing: str) -> Iterator[None]:
    """Raises a `CaptureError` if a profiler is in the way, or can't start, stop or save."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.AlreadyExistsError as error:
        raise CaptureError(
            f"{doing}: another profiler is already running: stop it first "
            "(tf.profiler.experimental.stop(), a Keras TensorBoard callback with profile_batch, "
            "or a capture from TensorBoard's Profile tab)",
            code="profiler_running",
            names=(doing,),
        ) from error
    except tf.errors.OpError as error:
        advice = "see what `alexprof doctor` says"
        message = f"{doing}: the profiler failed ({first_line(error)}): {advice}"
        raise _failure(message, "profiler_failed", doing, error) from error


def _failure(message: str, code: str, doing: str, error: Exception) -> CaptureError:
    return CaptureError(message, code=code, names=(doing,), text=first_line(error))


def first_line(error: BaseException) -> str:
    """The first line of an error's message that gives a reason; both ends of it if it is long.

    TensorFlow first writes where the error happened: the calls, or the node and its device.
    """
    message = str(getattr(error, "message", error))
    lines = re.sub(r"\{\{function_node [^{}]*\}\} ?", "", _CALLS.sub("", message)).splitlines()
    useful = (line.strip() for line in lines if line.strip() and not _WHERE.match(line.strip()))
    return without_middle(next(useful, type(error).__name__), MOST_LETTERS)


def reason(error: BaseException) -> str:
    """Why something failed, in the system's or TensorFlow's words, on one line."""
    if isinstance(error, AlexProfError) and error.text:
        return error.text
    cause = error.__cause__ if isinstance(error, AlexProfError) else None
    line = first_line(cause or error)
    name = type(cause or error).__name__
    return line if isinstance(error, AlexProfError) or line == name else f"{name}: {line}"
