"""What XLA does to a trace's numbers: fusions across layers, command buffers turned off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from alexprof.attribute.activity import CPU
from alexprof.attribute.names import Labels, describe
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import Steps
from alexprof.attribute.symbols import type_in
from alexprof.record.note import Note

_WORTH_SAYING = 0.01  # part of the kernels' time from which on a note is due


def describe_with_fusions(
    work: Work, depth: int, gpu_time: NDArray[np.float64] | None
) -> tuple[Labels, NDArray[np.bool_]]:
    """Gives each op its kind, layer and pass, and tells which fusions lie across layers.

    Args:
        work: What ran.
        depth: How many scopes make a layer.
        gpu_time: What each op took on GPUs, float64 [ops]; None where no GPU ran any.

    Returns:
        The labels of the ops; and bool [fusions], whether what a fusion computes belongs to
        several layers.
    """
    names = list(dict.fromkeys(name for parts in work.fusions for name in parts))
    time = None if gpu_time is None else [*gpu_time.tolist(), *[0.0] * len(names)]
    every = [*work.ops, *((name, type_in(name)) for name in names)]
    labels = describe(every, depth, work.unplaced, time)
    count = len(work.ops)
    layer_of = dict(zip(names, labels.layer[count:], strict=True))
    across = [len({layer_of[name] for name in parts}) > 1 for parts in work.fusions]
    own = Labels(labels.kind[:count], labels.layer[:count], labels.passes[:count], labels.root)
    return own, np.array(across, bool)


def xla_notes(work: Work, steps: Steps, across: NDArray[np.bool_]) -> Iterator[Note]:
    """Says how much of the kernels' time is fused across layers, and what was turned off."""
    total_ps = fused_ps = 0
    for activity in work.devices:
        if activity.device != CPU:
            took_ps = activity.end_ps - activity.start_ps
            total_ps += int(took_ps.sum())
            fused_ps += int(took_ps[np.append(across, False)[activity.fusion]].sum())
    if fused_ps > _WORTH_SAYING * total_ps:
        yield Note("xla_fusions_across", {"fraction": fused_ps / total_ps})
    if work.turned_off is not None and len(steps):
        buffers, kernels = (
            int((steps.at(time_ps, time_ps) >= 0).sum()) / len(steps)
            for time_ps in (work.turned_off.start_ps, work.turned_off.launch_ps)
        )
        numbers = {"kernels_per_step": kernels, "graphs_per_step": buffers}
        yield Note("command_buffers_off", numbers)
