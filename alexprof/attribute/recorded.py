"""What a trace records of each device and kernel, before any clipping to steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter

from alexprof.attribute.activity import CPU, Activity
from alexprof.attribute.division import UNASSIGNED_OP
from alexprof.attribute.kernel_facts import kernel_facts, uses_tensor_cores
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import PS_PER_NS
from alexprof.attribute.timeline import Cover
from alexprof.record.trace import Kernel, RecordedDevice


def recorded_devices(work: Work) -> tuple[RecordedDevice, ...]:
    """Lists the devices that anything ran on, the CPU first."""
    devices = []
    for device in work.devices:
        covered = Cover.of(device.own.start_ps, device.own.end_ps)
        devices.append(
            RecordedDevice(
                name=device.device,
                kind="cpu" if device.device == CPU else "gpu",
                events=int(device.op.size),
                busy_ns=_to_ns(int((covered.end_ps - covered.start_ps).sum())),
            )
        )
    return tuple(devices)


def recorded_kernels(work: Work) -> tuple[Kernel, ...]:
    """Adds up what the GPUs ran, by kernel, op and stream, longest first."""
    ops = [*(name for name, _ in work.ops), UNASSIGNED_OP]
    # Picoseconds and executions of each kernel, by how it was launched.
    by_launch: dict[tuple[str, str, str, str], dict[str, list[int]]] = defaultdict(dict)
    for device in work.devices:
        details = (*device.details, "")
        for at_name, at_op, at_stream, at_detail, ran_ps, ran in _sums(device):
            kernel = device.names[at_name], ops[at_op], device.device, device.threads[at_stream]
            total = by_launch[kernel].setdefault(details[at_detail], [0, 0])
            total[0] += ran_ps
            total[1] += ran
    kernels = []
    for (name, op, device_name, stream), launches in by_launch.items():
        facts = {text: kernel_facts(text) for text in launches}
        kernels.append(
            Kernel(
                name=name,
                op=op,
                device=device_name,
                stream=stream,
                executions=sum(ran for _, ran in launches.values()),
                total_ns=_to_ns(sum(ran_ps for ran_ps, _ in launches.values())),
                launches=len(launches),
                total_bytes=sum(
                    facts[text].get("copied_bytes", 0) * ran for text, (_, ran) in launches.items()
                ),
                tensor_cores=uses_tensor_cores(name),
                **facts[min(launches, key=lambda text: (-launches[text][0], text))],
            )
        )
    by_name = attrgetter("name", "op", "device", "stream")
    return tuple(sorted(kernels, key=lambda kernel: (-kernel.total_ns, *by_name(kernel))))


def _sums(device: Activity) -> Iterator[tuple[int, ...]]:
    """A GPU's kernels by name, op, stream and details; with picoseconds and executions."""
    import polars as pl

    if device.device == CPU:
        return iter(())
    rows = pl.DataFrame(
        {
            "name": device.name,
            "op": device.op,
            "stream": device.thread,
            "details": device.detail,
            "ran_ps": device.end_ps - device.start_ps,
            "ran": device.occurrences,
        }
    )
    return rows.group_by("name", "op", "stream", "details").sum().iter_rows()


def _to_ns(time_ps: int) -> int:
    return (time_ps + PS_PER_NS // 2) // PS_PER_NS
