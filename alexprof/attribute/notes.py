"""Notes on a trace's costs: what in them is lost, foreign, fused or not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alexprof.attribute.activity import CPU
from alexprof.attribute.division import IDLE_REASONS, Division
from alexprof.attribute.names import Labels
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import Steps
from alexprof.attribute.symbols import UNASSIGNED
from alexprof.attribute.timeline import Bool
from alexprof.record.note import Note

_WORTH_SAYING, _MANY = 0.01, 0.1  # parts of a whole from which on a note is due


def notes_on_costs(
    divisions: Sequence[Division], work: Work, steps: Steps, labels: Labels, across: Bool
) -> list[Note]:
    """What a reader of the costs should know of the steps, the model, the devices and the trace.

    `across` says of each fusion whether it computes ops of several layers.
    """
    notes = [*steps.notes]
    if labels.root:
        notes.append(Note("layers_below_scope", names=("/".join(labels.root),)))
    notes += [note for division in divisions for note in _device_notes(division)]
    if _ran_eagerly(divisions, work, labels):
        notes.append(Note("eager_ops"))
    unknown = IDLE_REASONS.index("unknown")
    if any(division.idle_ps[unknown].any() for division in divisions):
        notes.append(Note("idle_unknown"))
    notes += work.notes
    notes += [Note("device_not_read", names=(plane,)) for plane in work.unread]
    return [*notes, *_xla_notes(work, steps, across)]


def _device_notes(division: Division) -> list[Note]:
    notes, rows, busy_ps = [], division.rows, division.amounts["busy_ns"]
    part = float(busy_ps[rows.op == UNASSIGNED].sum() / max(busy_ps.sum(), 1))
    if part >= _WORTH_SAYING:
        notes.append(Note("kernels_without_op", {"fraction": part}, (division.device,)))
    if rows.pool_work is not None:
        worked, _, owned = rows.pool_work
        worked_ps = worked.end_ps - worked.start_ps
        part = float(worked_ps[~owned].sum() / max(worked_ps.sum(), 1))
        if part > _WORTH_SAYING:
            notes.append(Note("pool_work_without_op", {"fraction": part}))
    events = rows.activity.op.size
    if not rows.on_cpu and division.outside > _WORTH_SAYING * events:
        numbers: dict[str, float] = {"events": division.outside, "of_events": events}
        notes.append(Note("kernels_outside_steps", numbers, (division.device,)))
    return notes


def _ran_eagerly(divisions: Sequence[Division], work: Work, labels: Labels) -> bool:
    """Whether a good part of the model's ops has no names."""
    of_model = np.isin(np.array(labels.passes, np.str_), ("forward", "backward"))
    nameless = of_model & np.isin(np.arange(of_model.size), list(work.eager))
    busy = np.zeros(of_model.size + 1, np.int64)  # the last is for UNASSIGNED
    for division in divisions:
        np.add.at(busy, division.rows.op, division.amounts["busy_ns"])
    return bool(busy[:-1][nameless].sum() > _MANY * busy[:-1][of_model].sum())


def _xla_notes(work: Work, steps: Steps, across: Bool) -> Iterator[Note]:
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
