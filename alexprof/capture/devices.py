"""Which devices there are, and a session's settings for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alexprof.errors import UsageError
from alexprof.record.environment import Device

if TYPE_CHECKING:
    import tensorflow as tf

DEVICES = ("auto", "cpu", "gpu")


def accelerators() -> tuple[Device, ...]:
    """The GPUs and other accelerators that TensorFlow sees."""
    import tensorflow as tf

    devices = []
    for device in tf.config.list_physical_devices():
        if device.device_type == "CPU":
            continue
        details = tf.config.experimental.get_device_details(device)
        name = device.name.removeprefix("/physical_device:")
        devices.append(Device(name, str(details.get("device_name", device.device_type))))
    return tuple(devices)


def used_accelerators(device: str) -> tuple[Device, ...]:
    """The accelerators that a session with that device option may use.

    Raises:
        UsageError: If the option is unknown, or asks for a GPU and there is none.
    """
    check_session_options(device)
    if device == "cpu":
        return ()
    devices = accelerators()
    if device == "gpu" and not any(seen.name.startswith("GPU") for seen in devices):
        raise UsageError(
            "no GPU that TensorFlow can use: run with --device cpu, or see what `alexprof doctor` "
            "says (a GPU needs its driver and `pip install 'alexprof[gpu]'`)"
        )
    return devices


def check_session_options(device: str, intra_op: int = 0, inter_op: int = 0) -> None:
    """Raises a `UsageError` if an option is out of range; TensorFlow isn't started for it."""
    if device not in DEVICES:
        raise UsageError(f"no device {device!r}: there are {', '.join(DEVICES)}")
    for option, threads in (("--intra-op", intra_op), ("--inter-op", inter_op)):
        if threads < 0:
            raise UsageError(f"{option} must be at least 0 (0: TensorFlow's choice), not {threads}")


def session_config(
    device: str = "auto", intra_op: int = 0, inter_op: int = 0
) -> tf.compat.v1.ConfigProto:
    """Settings of a session, from the options of `Tracer`.

    Raises:
        UsageError: If an option is out of range.
    """
    check_session_options(device, intra_op, inter_op)
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=intra_op, inter_op_parallelism_threads=inter_op
    )
    config.gpu_options.allocator_type = "BFC"  # as in the classic benchmark
    if device == "cpu":
        config.device_count["GPU"] = 0
    return config
