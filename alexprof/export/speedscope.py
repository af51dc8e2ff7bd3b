"""speedscope's format (https://www.speedscope.app): steps as stacks of pass, layer and op.

A profile for each device of each phase, of samples weighted with shares in nanoseconds: so a
profile adds up to its steps, idle time included (file-format-schema.json of speedscope).
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from alexprof.export.selected import Selected
from alexprof.plain_text import clean
from alexprof.record.metrics import IDLE_OP

SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def write_speedscope(selected: Selected, file: BinaryIO) -> None:
    """Writes a sample for each traced step and op."""
    frames: dict[tuple[str, str], int] = {}

    def frame(name: str, level: str) -> int:
        return frames.setdefault((clean(name), level), len(frames))

    profiles = []
    costs = selected.costs().partition_by("variant", "phase", "device", as_dict=True)
    for (variant, phase, device), rows in costs.items():
        samples, weights = [], []
        columns = ("step", "pass", "layer", "op", "type", "share_ns")
        for step, pass_, layer, op, type_, share_ns in rows.select(columns).iter_rows():
            if not share_ns:
                continue
            names = [(f"step {step}", "step"), (pass_, "pass"), (layer, "layer"), (op, "op")]
            if op == IDLE_OP:
                names = [(f"step {step}", "step"), ("idle", "pass"), (type_, "layer")]
            samples.append([frame(*name) for name in names])
            weights.append(share_ns)
        profiles.append(
            {
                "type": "sampled",
                "name": clean(f"{variant} {phase}, {device}"),
                "unit": "nanoseconds",
                "startValue": 0,
                "endValue": sum(weights),
                "samples": samples,
                "weights": weights,
            }
        )
    content: dict[str, Any] = {
        "$schema": SCHEMA,
        "name": clean(selected.run.run),
        "exporter": "AlexProf",
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": name} for name, _ in frames]},
        "profiles": profiles,
    }
    file.write(json.dumps(content, separators=(",", ":")).encode())
