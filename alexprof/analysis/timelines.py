"""The timeline of a recorded phase: its trace, read again, under the record's names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from alexprof.analysis.breakdown import Block
from alexprof.analysis.division import NO_LAYER, main_kind
from alexprof.errors import RunError, TraceError
from alexprof.record.phase import Phase
from alexprof.record.run import Run

if TYPE_CHECKING:
    from alexprof.attribute.lanes import LaneOp, Timeline

SUFFIX = ".xplane.pb"
_CLOSE_NS = 1


def load_timeline(run: Run, variant: str, key: str) -> Timeline:
    """Reads the events of a phase's traced steps from the trace in the run's folder.

    Raises:
        RunError: If the phase has no trace, or the trace is not there, or is another one.
        TraceError: If the trace can't be read.
    """
    phase = run.phase(variant, key)
    if phase is None or phase.traced is None or phase.attribution is None:
        raise RunError(f"{key} of {variant} has no traced steps, so there is no timeline")
    if run.place is None:
        raise RunError("the run's folder can't be reached, so there is no timeline")
    files = _files(run.place, phase.traced.file)
    if len(files) > 1:
        raise RunError(
            f"{key} was traced on {len(files)} hosts, whose clocks differ: a timeline shows one; "
            f"name its file: alexprof report {files[0]}"
        )
    for marker in (None, phase.label):
        for timeline in _read(files[0], marker):
            if _is_of(timeline, phase):
                return _named(timeline, phase)
    raise RunError(f"{files[0]} holds other steps than the run: it was changed, or read otherwise")


def _files(folder: Path, file: str) -> list[Path]:
    """The files of a trace: below the run's folder, or the trace alone where that is the run."""
    place = folder if folder.is_file() else folder / file
    if ".." in Path(file).parts:
        raise RunError(f"{file} is not below the run's folder")
    files = sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place]
    if not files or not files[0].is_file():
        raise RunError(f"no trace {place}: it was moved or removed, so there is no timeline")
    return files


def _read(file: Path, marker: str | None) -> list[Timeline]:
    from alexprof.attribute.lanes import read_timelines
    from alexprof.xplane import read_trace

    try:
        return list(read_timelines(read_trace(file), marker).values())
    except MemoryError as error:
        raise TraceError(f"not enough memory to read {file}", code="trace_no_memory") from error


def _is_of(timeline: Timeline, phase: Phase) -> bool:
    """Whether the steps are those of the record: as many, and as long."""
    assert phase.attribution is not None
    assert phase.traced is not None
    recorded = phase.attribution.timeline
    steps = timeline.wall_ps.size
    apart_ns = abs(int(timeline.wall_ps.sum()) // 1000 - recorded.wall_ns)
    return (
        timeline.device == recorded.device
        and steps == phase.traced.steps
        and apart_ns <= _CLOSE_NS * steps
    )


def _named(timeline: Timeline, phase: Phase) -> Timeline:
    """The timeline with the layers, kinds and passes that the record has."""
    recorded = {(op.name, op.type): op for op in phase.ops}
    ops = tuple(
        replace(op, kind=cost.kind, layer=cost.layer, pass_=cost.pass_)
        if (cost := recorded.get((op.name, op.type)))
        else op
        for op in timeline.ops
    )
    return replace(timeline, ops=ops)


def critical_ops(phase: Phase) -> frozenset[str]:
    """Names of the ops that set the length of the steps; none if that is not known."""
    path = phase.replay.critical_path if phase.replay else ()
    return frozenset(op.op for op in path)


class Concurrency(Struct, frozen=True, kw_only=True):
    """How a step's device spends a step."""

    running_s: tuple[float, ...]  # Time with no, one, two, … events running; the last for more
    longest_idle_s: float  # The longest time without any
    longest_idle_at_s: float  # When that begins, from the step's begin
    backward_at_s: float | None  # When the first op of the backward pass begins; None without


MOST_AT_ONCE = 8
"""More events at once are counted together."""


def concurrency(timeline: Timeline, place: int) -> Concurrency:
    """Measures how many events of the step's device run at once; an IndexError without the step."""
    import numpy as np

    from alexprof.attribute.timeline import Cover

    step, wall_ps = timeline.of_step(place), int(timeline.wall_ps[place])
    own = np.array([lane.device == timeline.device for lane in timeline.lanes], bool)[step.lane]
    start = np.clip(step.start_ps[own], 0, wall_ps)
    end = np.clip(step.end_ps[own], 0, wall_ps)
    times = np.concatenate((start, end, [0, wall_ps]))
    changes = np.concatenate((np.ones(start.size), -np.ones(end.size), [0, 0]))
    order = np.argsort(times, kind="stable")
    running = np.minimum(np.cumsum(changes[order]).astype(np.int64), MOST_AT_ONCE)[:-1]
    lasts = np.diff(times[order])
    totals = np.bincount(running, weights=lasts, minlength=2)
    edges = Cover.of(start, end)
    gaps_from = np.append(0, edges.end_ps)
    gaps = np.append(edges.start_ps, wall_ps) - gaps_from
    longest = int(np.argmax(gaps))
    backward = np.array([op.pass_ == "backward" for op in timeline.ops], bool)[step.op] & own
    return Concurrency(
        running_s=tuple((totals / 1e12).tolist()),
        longest_idle_s=float(gaps[longest]) / 1e12,
        longest_idle_at_s=float(gaps_from[longest]) / 1e12,
        backward_at_s=float(step.start_ps[backward].min()) / 1e12 if backward.any() else None,
    )


def blocks_of_step(timeline: Timeline, place: int) -> tuple[Block, ...]:
    """A step's own device as blocks: layer, op and, on a GPU, kernel; with their shares."""
    import numpy as np

    step = timeline.of_step(place)
    own = np.array([lane.device == timeline.device for lane in timeline.lanes], bool)[step.lane]
    columns = np.stack((step.op[own], step.kernel[own]))
    keys, where = np.unique(columns, axis=1, return_inverse=True)
    shares_s = np.bincount(where.reshape(-1), weights=step.share_ps[own]) / 1e12
    wall_s = float(timeline.wall_ps[place]) / 1e12
    tree: dict[str, dict[int, list[Block]]] = {}
    for (number, kernel), share_s in zip(keys.T.tolist(), shares_s.tolist(), strict=True):
        op = timeline.ops[number]
        kernels = tree.setdefault(op.layer or NO_LAYER, {}).setdefault(number, [])
        if kernel >= 0:
            kernels.append(_block(timeline.kernels[kernel], (), share_s, wall_s, (op,)))
        else:
            kernels.append(_block("", (), share_s, wall_s, (op,)))
    layers = []
    for layer, ops in tree.items():
        blocks = []
        for number, parts in ops.items():
            inside = tuple(part for part in _largest(parts) if part.name)
            share_s = math.fsum(part.share_s for part in parts)
            op = timeline.ops[number]
            blocks.append(_block(op.name, inside, share_s, wall_s, (op,)))
        share_s = math.fsum(block.share_s for block in blocks)
        of_layer = tuple(timeline.ops[number] for number in ops)
        layers.append(_block(layer, _largest(blocks), share_s, wall_s, of_layer))
    return _largest(layers)


def _largest(blocks: Iterable[Block]) -> tuple[Block, ...]:
    return tuple(sorted(blocks, key=lambda block: -block.share_s))


def _block(
    name: str, parts: tuple[Block, ...], share_s: float, wall_s: float, ops: Sequence[LaneOp]
) -> Block:
    shares = {part.kind: 0.0 for part in parts}
    for part in parts:
        shares[part.kind] += part.share_s
    kinds, passes = {op.kind for op in ops}, {op.pass_ for op in ops}
    return Block(
        name=name,
        share_s=share_s,
        fraction=share_s / wall_s if wall_s else 0.0,
        kind=next(iter(kinds)) if len(kinds) == 1 else main_kind(shares),
        pass_=next(iter(passes)) if len(passes) == 1 else "",
        parts=parts,
    )
