"""Chrome's trace format, gzipped, as TensorBoard's `trace.json.gz` was until TensorFlow 2.11.

chrome://tracing, Perfetto and most viewers open it. Times are microseconds with picoseconds behind
the point (Trace Event Format, "X" and "M" events).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from alexprof.attribute.lanes import Timeline
from alexprof.export.selected import Place, Selected
from alexprof.plain_text import clean

if TYPE_CHECKING:
    from alexprof.attribute.timeline import Int

_TOGETHER = 50_000
"""Events that are written at once."""
_PS_PER_US = 1e6


def write_chrome(selected: Selected, file: BinaryIO) -> None:
    """Writes a process for each device of each phase, a thread for each lane, an event each."""
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0, compresslevel=4) as packed:
        packed.write(b'{"displayTimeUnit":"ns","traceEvents":[\n')
        processes, separator = 0, ""
        for place, timeline in selected.timelines():
            devices = list(dict.fromkeys(lane.device for lane in timeline.lanes))
            pids = {device: processes + number for number, device in enumerate(devices, start=1)}
            processes += len(devices)
            for events in _events(place, timeline, pids):
                packed.write((separator + ",\n".join(events)).encode())
                separator = ",\n"
        packed.write(b"\n]}\n")


def _events(place: Place, timeline: Timeline, pids: Mapping[str, int]) -> Iterator[list[str]]:
    """The events of a phase, a part of them at a time: names, steps, ops."""
    named = [_named("process_name", pid, 0, f"{place.label}, {name}") for name, pid in pids.items()]
    yield named + [
        _named("thread_name", pids[lane.device], number, lane.name)
        for number, lane in enumerate(timeline.lanes, start=1)
    ]
    steps = zip(timeline.step_numbers, timeline.begin_ps, timeline.wall_ps, strict=True)
    pid = pids.get(timeline.device, 0)
    yield [
        f'{{"ph":"X","name":"step {number}","cat":"step","pid":{pid},"tid":0,'
        f'"ts":{begin_ps / _PS_PER_US:.6f},"dur":{wall_ps / _PS_PER_US:.6f}}}'
        for number, begin_ps, wall_ps in steps
    ]
    yield from _ops(timeline, np.array([pids[lane.device] for lane in timeline.lanes], np.int64))


def _ops(timeline: Timeline, lane_pids: Int) -> Iterator[list[str]]:
    """The events of ops, a part of them at a time."""
    heads = [
        f'{{"ph":"X","name":{_text(op.name)},"cat":{_text(op.kind)},"args":{{"layer":'
        f'{_text(op.layer)},"pass":{_text(op.pass_)},"kind":{_text(op.kind)},'
        f'"type":{_text(op.type)}'
        for op in timeline.ops
    ]
    kernels = [f',"kernel":{_text(name)}' for name in timeline.kernels] + [""]
    start_us = (timeline.begin_ps[timeline.step] + timeline.start_ps) / _PS_PER_US
    columns = (
        timeline.op,
        timeline.kernel,
        timeline.share_ps / 1e3,
        lane_pids[timeline.lane],
        timeline.lane + 1,
        start_us,
        (timeline.end_ps - timeline.start_ps) / _PS_PER_US,
    )
    for first in range(0, timeline.op.size, _TOGETHER):
        part = (column[first : first + _TOGETHER].tolist() for column in columns)
        yield [
            f'{heads[op]}{kernels[kernel]},"share_ns":{share:.3f}}},"pid":{pid},"tid":{thread},'
            f'"ts":{start:.6f},"dur":{length:.6f}}}'
            for op, kernel, share, pid, thread, start, length in zip(*part, strict=True)
        ]


def _named(what: str, pid: int, thread: int, name: str) -> str:
    values = {"ph": "M", "name": what, "pid": pid, "tid": thread, "args": {"name": clean(name)}}
    return json.dumps(values)


def _text(text: str) -> str:
    return json.dumps(clean(text))
