"""The op of each single event of a GPU: AlexProf against protobuf's parser and xprof's rules.

Where XLA or TensorFlow name the op, AlexProf says the same. Where xprof_devices.py leaves an event
without an op, or with a mere end of a function, AlexProf says more, as these tests state.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from alexprof.attribute.ops import read_work
from alexprof.attribute.symbols import Op
from alexprof.xplane import read_trace
from tests.attribute.xprof_devices import DeviceEvent, device_events
from tests.samples import BERT, EVERY, needs_samples

pytestmark = pytest.mark.slow

NO_OP = ("", "")
ENDS = {"XLA_Args", "XLA_Retvals"}  # where a program's values come in and go out: no op
PATHS = [path for path in EVERY if path != BERT]  # which has older stats: test_samples.py


def ops_by_us(path: Path, events: list[DeviceEvent]) -> list[Op]:
    """The op that AlexProf gives each event, `NO_OP` where it gives none."""
    trace = read_trace(path)
    work = read_work(trace, cores=False)
    rows: dict[tuple[str, str, int, int], list[Op]] = defaultdict(list)
    for device in work.devices:
        starts = (device.start_ps + trace.origin_ns * 1000).tolist()
        lengths = (device.end_ps - device.start_ps).tolist()
        for op, name, *when in zip(
            device.op.tolist(), device.name.tolist(), starts, lengths, strict=True
        ):
            key = (device.device, device.names[name], when[0], when[1])
            rows[key].append(work.ops[op] if op >= 0 else NO_OP)
    keys = [(event.device, event.name, event.start_ps, event.duration_ps) for event in events]
    return [rows[key].pop() for key in keys]


@needs_samples
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_op_of_each_event(path):
    events = device_events(path)
    ops = ops_by_us(path, events)
    for event, (op, _) in zip(events, ops, strict=True):
        if event.op not in {"", *ENDS} and event.has_instruction is not False:
            assert op == event.op, event
        # What XLA doesn't name gets a name: by what a fusion holds, by its users, by its place in a
        # command buffer, or its own.
        if event.has_instruction is not None:
            assert op not in {"", "XlaModule"}, event
        if event.has_instruction and not event.op:
            # The annotation has what the names of all parts of a fusion begin with.
            assert op.startswith(event.annotation), event
        # Copies of arguments and results, and kernels of graphs made where nobody traced.
        if not op:
            assert (event.op, event.has_instruction, event.annotation) == ("", None, "")
    assert ops.count(NO_OP) < len(events)
