"""How xprof's tables of kernels and of a device's ops come about, event by event.

It names a kernel's op in one of these ways (openxla/xprof: xplane_to_kernel_stats_db.cc,
xplane_to_op_metrics_db.cc, xplane_to_op_stats.cc), and AlexProf goes further in each:

- XLA's kernels (stat `hlo_op`) have what the metadata of their instruction say, and only those: a
  fusion without a scope of its own has no op among the kernels, and is listed by its own name
  (`loop_convert_fusion`) among the ops. AlexProf looks into the fusion, and at its users.
- Where the program has no such instruction (a command buffer's kernels), kernels keep what `tf_op`
  says, which is `XlaModule`, and their time is missing among the ops.
- Others have what `tf_op` says. Without it they have no op, and aren't listed among the ops;
  AlexProf looks for the op around the launch.

Events and programs are read with protobuf's own parser.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

KERNELS = 1000  # xprof keeps those that took longest
UNSIGNED = (1 << 64) - 1


class Sum(NamedTuple):
    """Executions of a kernel; sum of their durations in microseconds."""

    executions: int
    total_us: float

    def plus(self, duration_us: float, executions: int = 1) -> Sum:
        return Sum(self.executions + executions, self.total_us + duration_us)


NOTHING = Sum(0, 0.0)


class DeviceEvent(NamedTuple):
    """What ran on a stream of a GPU."""

    device: str  # "GPU:0", …
    name: str  # The kernel's
    start_ps: int  # On the clock of the file
    duration_ps: int  # As recorded
    is_kernel: bool  # Whether xprof takes it for one; copies and fills are none
    # Whether it is XLA's and its program has the instruction; None if it isn't XLA's
    has_instruction: bool | None
    op: str  # The op that xprof gives it, or ""
    row: str  # Under which name its time stands among xprof's ops; "" if nowhere
    # What XLA noted at the launch: what the scopes of all parts of a fusion begin with. Newer
    # versions only.
    annotation: str


def device_events(path: Path) -> list[DeviceEvent]:
    """Lists what ran on the streams of all GPUs."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    programs = _programs(space)
    return [
        _event(plane, line, event, programs)
        for plane in space.planes
        if plane.name.startswith("/device:GPU:")
        for line in plane.lines
        if line.name.startswith("Stream #")
        for event in line.events
    ]


def kernels_by_rules(events: Iterable[DeviceEvent]) -> dict[tuple[str, str], Sum]:
    """Adds up kernels by name and op, as xprof's `kernel_stats`."""
    sums: dict[tuple[str, str], Sum] = defaultdict(lambda: NOTHING)
    for event in events:
        if event.is_kernel and event.duration_ps >= 1000:  # it counts in whole nanoseconds
            key = (event.name, event.op)
            sums[key] = sums[key].plus(event.duration_ps / 1e6)
    return dict(sums)


def ops_by_rules(events: Iterable[DeviceEvent]) -> dict[str, float]:
    """Adds up what the devices ran by op in microseconds, as xprof's `framework_op_stats`."""
    sums: dict[str, float] = defaultdict(float)
    for event in events:
        if event.row:
            sums[event.row] += event.duration_ps / 1e6
    return dict(sums)


def _programs(space: Any) -> dict[int, dict[str, Any]]:
    """The instructions of each program, by its number and their names."""
    from tensorflow.compiler.xla.service import hlo_pb2

    programs: dict[int, dict[str, Any]] = {}
    for plane in space.planes:
        if plane.name == "/host:metadata":
            for number, entry in plane.event_metadata.items():
                for stat in entry.stats:
                    if plane.stat_metadata[stat.metadata_id].name == "Hlo Proto":
                        module = hlo_pb2.HloProto.FromString(stat.bytes_value).hlo_module
                        programs[number & UNSIGNED] = {
                            instruction.name: instruction
                            for computation in module.computations
                            for instruction in computation.instructions
                        }
    return programs


def _event(
    plane: Any, line: Any, event: Any, programs: Mapping[int, Mapping[str, Any]]
) -> DeviceEvent:
    metadata = plane.event_metadata[event.metadata_id]
    stats = _stats(plane, (*event.stats, *metadata.stats))
    is_xla, instruction = "hlo_op" in stats, None
    op = str(stats.get("tf_op", "")).rpartition(":")[0]
    row = "" if is_xla else op
    if is_xla:
        program = programs.get(int(stats.get("program_id", -1)) & UNSIGNED, {})
        instruction = program.get(str(stats["hlo_op"]))
    if instruction is not None:
        op = instruction.metadata.op_name
        row = op or instruction.name
    return DeviceEvent(
        plane.name.removeprefix("/device:"),
        metadata.name,
        line.timestamp_ns * 1000 + event.offset_ps,
        event.duration_ps,
        "kernel_details" in stats,
        (instruction is not None) if is_xla else None,
        op,
        row,
        str(stats.get("name", "")),
    )


def _stats(plane: Any, stats: Iterable[Any]) -> dict[str, Any]:
    """The first value of each stat by name; references as what they refer to."""
    values: dict[str, Any] = {}
    for stat in stats:
        kind = stat.WhichOneof("value")
        value = getattr(stat, kind) if kind else None
        if kind == "ref_value":
            value = plane.stat_metadata[value].name
        values.setdefault(plane.stat_metadata[stat.metadata_id].name, value)
    return values
