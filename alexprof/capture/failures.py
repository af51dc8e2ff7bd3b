"""TensorFlow's failures in plain words.

Each of these takes `doing`, what was going on: "forward of with_lrn".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alexprof.errors import CaptureError


@contextmanager
def step_failures(doing: str) -> Iterator[None]:
    """Raises a `CaptureError` if memory runs out in a step."""
    import tensorflow as tf

    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise CaptureError(
            f"{doing}: out of memory ({first_line(error)}): try a smaller batch, "
            "or one variant at a time",
            code="out_of_memory",
            names=(doing,),
            text=first_line(error),
        ) from error


@contextmanager
def execution_failures(doing: str) -> Iterator[None]:
    """Raises a `CaptureError` if a step fails that need not succeed: say, its input has ended."""
    try:
        yield
    except CaptureError:
        raise
    except Exception as error:
        text = first_line(error)
        raise CaptureError(
            f"{doing}: the step failed ({text})", code="step_failed", names=(doing,), text=text
        ) from error


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
        raise CaptureError(
            f"{doing}: the profiler failed ({first_line(error)}): see what `alexprof doctor` says",
            code="profiler_failed",
            names=(doing,),
            text=first_line(error),
        ) from error


def first_line(error: BaseException) -> str:
    """The first line of an error's message that says something, at most 120 characters."""
    message = str(getattr(error, "message", error))
    lines = [line.strip() for line in message.splitlines()]
    where = ("Graph execution error", "Detected", "File ", "Node:")
    useful = (line for line in lines if line and not line.startswith(where))
    line = next(useful, type(error).__name__)
    return line if len(line) <= 120 else line[:119] + "…"
