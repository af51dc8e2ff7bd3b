"""TensorFlow's failures in plain words.

Each of these takes `doing`, what was going on: "forward of with_lrn".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alexprof.errors import CaptureError


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
    """The first line of an error's message that says something, at most 120 characters."""
    message = str(getattr(error, "message", error))
    lines = [line.strip() for line in message.splitlines()]
    where = ("Graph execution error", "Detected", "File ", "Node:")
    useful = (line for line in lines if line and not line.startswith(where))
    line = next(useful, type(error).__name__)
    return line if len(line) <= 120 else line[:119] + "…"
