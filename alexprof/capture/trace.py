"""Steps and graph builds under `tf.profiler`, saved where TensorBoard's Profile tab finds them."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexprof.capture.failures import profiler_failures, step_failures
from alexprof.errors import AlexProfError, CaptureError
from alexprof.files import PART, RUN_NEEDS_BYTES, fsync, make_folder, writing
from alexprof.measure.monitor import page_faults, page_faults_since

HOST_LEVEL = 3
"""Host tracer level: 3 shows cheap ops too (tsl/profiler/protobuf/profiler_options.proto)."""
GRAPH_BUILD = "_graph_build"
"""Name of the session that holds the building of a graph. The Profile tab opens on the last name
in the alphabet, so a phase's comes before it; and no phase's key begins with an underscore."""


@dataclass(frozen=True)
class Captured:
    """Traced steps on disk."""

    path: Path  # The `.xplane.pb` file
    marker: str  # Name of the step markers in it
    stopwatch_ns: tuple[int, ...]  # Each traced step by the clock that times untraced ones
    page_faults: tuple[int | None, ...]  # Of each traced step; None where nobody counts them


class _Level:
    """A profiler level that TensorFlow honors.

    Its binding takes a plain int for a flag and ignores it; a value that has `__index__` and no
    `__bool__` gets through. What was in force is read back from the trace.
    """

    def __init__(self, level: int) -> None:
        self._level = level

    def __index__(self) -> int:
        return self._level


def profiler_options(
    host_level: int = HOST_LEVEL, python_level: int = 0, device_level: int = 1
) -> Any:
    """Options for `tf.profiler.experimental.start`.

    Args:
        host_level: 1 records user annotations, 2 also expensive ops, 3 also cheap ops.
        python_level: 1 records Python calls, 0 none.
        device_level: 1 records GPU kernels, 0 none.
    """
    import tensorflow as tf

    return tf.profiler.experimental.ProfilerOptions(
        host_tracer_level=_Level(host_level),
        python_tracer_level=_Level(python_level),
        device_tracer_level=_Level(device_level),
        # Without one TensorFlow gets None for it, and warns of that each time.
        delay_ms=_Level(0),
    )


def check_no_profiler(doing: str) -> None:
    """Raises a `CaptureError` if a profiler is running in this process: it would spoil timing."""
    import tensorflow as tf

    with profiler_failures(doing):
        # Nothing is to be recorded: of a GPU, CUPTI would stay attached for a while.
        tf.profiler.experimental.start("", profiler_options(0, 0, 0))
        tf.profiler.experimental.stop(save=False)


@contextmanager
def profiled(folder: Path, name: str, doing: str, *, python_level: int = 0) -> Iterator[Path]:
    """Profiles the block for a TensorBoard run's folder and a session's name.

    Yields:
        The session's folder, `plugins/profile/<name>`, which holds the trace `<host>.xplane.pb`
        when the block has ended without an error.

    Raises:
        CaptureError: If the profiler can't start or save.
        RunError: If the trace can't be written.
    """
    import tensorflow as tf

    with _scratch(folder) as scratch:
        with profiler_failures(doing):
            options = profiler_options(python_level=python_level)
            tf.profiler.experimental.start(str(scratch), options)
        try:
            yield folder / "plugins" / "profile" / name
        except BaseException:
            # What went wrong first says more than a profiler that someone else has stopped.
            with suppress(Exception):
                tf.profiler.experimental.stop(save=False)
            raise
        with profiler_failures(doing), writing(scratch):
            tf.profiler.experimental.stop()
        traces = sorted(scratch.glob("plugins/profile/*/*.xplane.pb"))
        if not traces:
            raise CaptureError(
                f"{doing}: the profiler wrote no trace to {scratch}: is the disk full? "
                "See what `alexprof doctor` says",
                code="trace_not_written",
                names=(doing,),
            )
        keep_session(traces[:1], folder, name)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder for the profiler, which writes to "plugins/profile" in it.

    The Profile tab shows every such folder in the logdir as a session, even if half written. So
    this folder is outside the logdir, if it can be.
    """
    scratch: Path | None = None
    with suppress(OSError):
        scratch = Path(tempfile.mkdtemp(prefix="alexprof-"))
        if shutil.disk_usage(scratch).free < RUN_NEEDS_BYTES:
            scratch.rmdir()
            scratch = None
    if scratch is None:
        make_folder(folder)
        with writing(folder):
            scratch = Path(tempfile.mkdtemp(prefix=PART, dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def keep_session(traces: Sequence[Path], folder: Path, name: str) -> None:
    """Copies a trace, one file per host, to a session in a TensorBoard run's folder, whole.

    Raises:
        RunError: If the session can't be written.
    """
    session = folder / "plugins" / "profile" / name
    make_folder(folder)
    with writing(session):
        part = Path(tempfile.mkdtemp(prefix=PART, dir=folder))
        try:
            whole = part / name
            whole.mkdir()
            for trace in traces:
                copied = whole / trace.name
                shutil.copyfile(trace, copied)
                fsync(copied)
            shutil.rmtree(session, ignore_errors=True)
            session.parent.mkdir(parents=True, exist_ok=True)
            whole.replace(session)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def profiled_if_possible(
    folder: Path, name: str, doing: str, *, python_level: int = 0
) -> Iterator[list[Exception]]:
    """Profiles the block as `profiled` does, but runs it even if profiling fails.

    Yields:
        A list that, after the block, holds the error if there is no trace, and is empty otherwise.
    """
    failures: list[Exception] = []
    with ExitStack() as stack:
        try:
            stack.enter_context(profiled(folder, name, doing, python_level=python_level))
        except (AlexProfError, OSError) as error:
            failures.append(error)
        in_block = True
        try:
            yield failures
            in_block = False
            stack.close()
        except (AlexProfError, OSError) as error:
            if in_block:
                raise
            failures.append(error)


def trace_steps(
    run: Callable[[], object],
    steps: int,
    *,
    folder: Path,
    session_name: str,
    doing: str,
    after_step: Callable[[], None] = lambda: None,
) -> Captured:
    """Runs steps under the profiler, as `profiled` does.

    Args:
        run: Executes one step.
        steps: How many.
        folder: The TensorBoard run's folder.
        session_name: Name of the session and of its step markers.
        doing: What is going on, for error messages.
        after_step: Called between steps, outside their markers: to show progress.

    Raises:
        CaptureError: As there, or if memory runs out.
        RunError: If the trace can't be written.
    """
    import tensorflow as tf

    stopwatch_ns: list[int] = []
    faults: list[int | None] = []
    with profiled(folder, session_name, doing) as session, step_failures(doing):
        for step in range(steps):
            before = page_faults()
            # `_r` makes it a root event, by which TensorBoard's Profile tab knows steps
            # (tsl/profiler/lib/traceme_encode.h, context_types.h).
            with tf.profiler.experimental.Trace(session_name, step_num=step, _r=1):
                start_ns = time.perf_counter_ns()
                run()
                stopwatch_ns.append(time.perf_counter_ns() - start_ns)
            faults.append(page_faults_since(before))
            after_step()
    (path,) = session.glob("*.xplane.pb")
    return Captured(path, session_name, tuple(stopwatch_ns), tuple(faults))
