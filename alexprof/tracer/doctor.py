"""`alexprof doctor`: can this machine time and trace, and what to do if not."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import alexprof
from alexprof.errors import AlexProfError
from alexprof.files import check_writable
from alexprof.measure.machine import available_memory_bytes, describe_machine
from alexprof.show.checks import Check

PACKAGES = (
    "tensorflow",
    "tensorboard",
    "tensorboard-plugin-profile",
    "xprof",
    "numpy",
    "scipy",
    "polars",
    "msgspec",
)
_STEPS = 3
_ADVICE_ON_RIGHTS = (
    "the driver refuses: run as administrator, or in a container with --cap-add=SYS_ADMIN"
)
_ADVICE_ON_KERNELS = (
    "the driver may refuse: run as administrator, or load the nvidia module with "
    "NVreg_RestrictProfilingToAdminUsers=0; in a container add --cap-add=SYS_ADMIN; "
    "is CUPTI installed (pip install 'alexprof[gpu]')?"
)
_TRACE_ADVICE = (
    "stop other profilers; try CUDA_VISIBLE_DEVICES=-1 to see whether the GPU's libraries are the "
    "cause; reinstall TensorFlow if not"
)


def examine(logdir: Path) -> Iterator[Check]:
    """Examines this machine, one check after the other.

    Args:
        logdir: Where runs would go.

    Yields:
        Each check when it is done; those that need TensorFlow are missing if it can't be imported.
    """
    yield Check("Python", f"{platform.python_version()}, {sys.executable}")
    yield from _packages()
    yield _processor()
    free = available_memory_bytes()
    yield Check("Memory", "not known" if free is None else f"{free / 1e9:.1f} GB free")
    yield _disk(logdir)
    try:
        from alexprof.capture.runtime import start_tensorflow

        log_lines = start_tensorflow()
    except Exception as error:  # noqa: BLE001 (a broken install fails in any way it likes)
        yield Check(
            "TensorFlow starts",
            f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            "reinstall it: pip install --force-reinstall tensorflow",
            failed=True,
        )
        return
    yield from _devices(log_lines)
    yield from _trace()


def _packages() -> Iterator[Check]:
    yield Check("alexprof", alexprof.__version__)
    for name in PACKAGES:
        try:
            yield Check(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(name, "not installed", f"pip install {name}", failed=True)
    plugins = metadata.entry_points(group="tensorboard_plugins")
    if any("profile" in plugin.name for plugin in plugins):
        yield Check("TensorBoard's Profile tab", "registered")
    else:
        advice = "pip install tensorboard-plugin-profile"
        yield Check("TensorBoard's Profile tab", "not registered", advice, failed=True)


def _processor() -> Check:
    machine = describe_machine()
    description, load = f"{machine.processor}, {machine.cores} cores", machine.load_before
    if load is None or load <= 0.5 * machine.cores:
        return Check("Processor", description)
    return Check(
        "Processor",
        f"{description}, load {load:.1f}",
        "other programs are running: steps will be slower and vary more; stop them first",
    )


def _disk(logdir: Path) -> Check:
    existed = logdir.exists()
    try:
        check_writable(logdir)
    except AlexProfError as error:
        return Check("Disk", str(error), "", failed=True)
    free_bytes = shutil.disk_usage(logdir).free
    if not existed:
        logdir.rmdir()
    return Check("Disk", f"{free_bytes / 1e9:.1f} GB free in {logdir}")


def _devices(log_lines: tuple[str, ...]) -> Iterator[Check]:
    from alexprof.capture.runtime import accelerators

    devices = accelerators()
    for device in devices:
        yield Check(device.name, device.description)
    if not devices:
        reasons = [line.split("] ", 1)[-1] for line in log_lines if "GPU" in line or "cuda" in line]
        reason = f" ({reasons[-1]})" if reasons else ""
        yield Check(
            "GPU",
            f"none that TensorFlow can use{reason}: CPU op times are recorded",
            "with a GPU in the machine: install its driver, then pip install 'alexprof[gpu]'",
        )


def _trace() -> Iterator[Check]:
    """Traces a few small steps and reads them back."""
    from alexprof.attribute import attribute
    from alexprof.capture.runtime import accelerators
    from alexprof.capture.trace import HOST_LEVEL, trace_steps
    from alexprof.xplane import host_tracer_level, read_trace

    with tempfile.TemporaryDirectory(prefix="alexprof-doctor-") as folder:
        try:
            captured = trace_steps(
                _small_step(),
                _STEPS,
                folder=Path(folder),
                session_name="doctor",
                doing="tracing a small graph",
            )
            trace = read_trace(captured.path)
            attribution = attribute(trace, captured.marker)
        except Exception as error:  # noqa: BLE001 (drivers and libraries fail in any way they like)
            lines = str(error).strip().splitlines() or [type(error).__name__]
            yield Check("A trace", lines[0], _TRACE_ADVICE, failed=True)
            return
        level = host_tracer_level(trace)
    ops = attribution.costs.filter(attribution.costs["pass"] != "idle")["op"].n_unique()
    steps = len(attribution.marked_ns)
    yield Check(
        "A trace",
        f"{steps} of {_STEPS} steps, {ops} ops; host tracer level {level}",
        ""
        if level == HOST_LEVEL
        else f"level {HOST_LEVEL} was requested: cheap ops will be missing",
        failed=steps != _STEPS,
    )
    for line in (*trace.errors, *trace.warnings):
        advice = _ADVICE_ON_RIGHTS if "privilege" in line.lower() else ""
        yield Check("The profiler says", line, advice, failed=line in trace.errors)
    if accelerators():
        seen = attribution.device.startswith("GPU")
        answer, advice = ("yes", "") if seen else ("none", _ADVICE_ON_KERNELS)
        yield Check("GPU kernels in the trace", answer, advice, failed=not seen)


def _small_step() -> Callable[[], object]:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        images = v1.random_normal([2, 32, 32, 8], seed=1)
        target = tf.reduce_sum(tf.nn.local_response_normalization(images))
    session = v1.Session(graph=graph)
    session.run(target)
    return lambda: session.run(target)
