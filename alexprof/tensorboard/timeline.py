"""A step's events in the form that the page draws: a head in JSON, then columns.

Four bytes, little-endian: the length of the head, which is padded with spaces so that the columns
begin at a multiple of eight bytes. Each column is named in the head, with its type and place.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
import numpy as np

from alexprof.attribute.lanes import Timeline
from alexprof.plain_text import clean
from alexprof.show.palette import kind_name


def encode_step(timeline: Timeline, place: int, critical: Collection[str] = ()) -> bytes:
    """Encodes a step.

    Args:
        timeline: The phase's events.
        place: The step's place among the traced ones.
        critical: Names of the ops on the critical path.

    Returns:
        The bytes; an IndexError if there is no such step.
    """
    step = timeline.of_step(place)
    ops, op = np.unique(step.op, return_inverse=True)
    kernels, kernel = np.unique(step.kernel, return_inverse=True)
    lanes, lane = np.unique(step.lane, return_inverse=True)
    used = [timeline.ops[number] for number in ops]
    on_path = np.array([op.name in critical for op in used], bool)
    columns = {
        "start_ps": step.start_ps.astype("<f8"),  # whole picoseconds, exact for 2.5 hours
        "end_ps": step.end_ps.astype("<f8"),
        "share_ps": step.share_ps.astype("<f8"),
        "lane": lane.astype("<i4"),
        "op": op.astype("<i4"),
        "kernel": kernel.astype("<i4"),
        "critical": on_path[op].astype("u1") if used else np.zeros(0, "u1"),
    }
    head = {
        "wall_ps": int(timeline.wall_ps[place]),
        "steps": timeline.wall_ps.tolist(),
        "device": timeline.device,
        "lanes": [_texts(timeline.lanes[number], ("device", "name")) for number in lanes],
        "ops": [
            {**_texts(op, ("name", "type", "kind", "layer", "pass_")), "color": kind_name(op.kind)}
            for op in used
        ],
        "kernels": [clean(timeline.kernels[number]) if number >= 0 else "" for number in kernels],
    }
    return _joined(head, columns)


def _texts(item: object, names: Sequence[str]) -> dict[str, str]:
    return {name.rstrip("_"): clean(getattr(item, name)) for name in names}


def _joined(head: dict[str, object], columns: dict[str, np.ndarray]) -> bytes:
    places, offset = [], 0
    for name, column in columns.items():
        size = {
            "name": name,
            "type": column.dtype.str[-2:],
            "offset": offset,
            "length": column.size,
        }
        places.append(size)
        offset += -(-column.nbytes // 8) * 8
    text = msgspec.json.encode({**head, "columns": places})
    text += b" " * (-(len(text) + 4) % 8)
    body = b"".join(column.tobytes() + bytes(-column.nbytes % 8) for column in columns.values())
    return len(text).to_bytes(4, "little") + text + body
