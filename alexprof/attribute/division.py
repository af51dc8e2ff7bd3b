"""The steps of one device, divided among its ops and its idle time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from alexprof.attribute import kinds
from alexprof.attribute.activity import CPU, UNKNOWN, Activity
from alexprof.attribute.cores import CoreTime, Regions, core_time, lookup
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import Steps
from alexprof.attribute.symbols import DATA_SCOPE, UNASSIGNED
from alexprof.attribute.timeline import Cover, Float, Index, Int, Segments, cut, idle_within, shares
from alexprof.attribute.waiting import (
    counted_once,
    device_windows,
    idle_before,
    launches_of,
    launching,
    step_of,
)

_NONE: Int = np.zeros(0, np.int64)
# Why a device had nothing to do: the next kernel was launched and had yet to begin; or by what the
# host did: it waited for the input pipeline; it had been called to run something, but no op (or
# kernel) was running yet; it was handing out results, for the device had done its last in this
# step; it was in the user's Python; or the trace does not say.
IDLE_REASONS = ("queued", "input", "launching", "fetching", "python", "unknown")


@dataclass(frozen=True)
class Division:
    """What each op had of each step on one device, in columns of r rows, and the idle rest."""

    device: str  # "CPU", "GPU:0", …
    step: Int  # [r], index of the step
    op: Int  # [r], index of the op, or `UNASSIGNED`. Each pair of step and op stands once
    executions: Int  # [r], `UNKNOWN` where the trace does not say
    kernels: Int  # [r], kernels and copies; 0 on a CPU
    busy_ps: Int  # [r]
    share_ps: Float  # [r]
    cores: CoreTime | None  # what threads worked for it; None on a GPU, and where that is not known
    idle_ps: Int  # [reasons, steps], by `IDLE_REASONS`; with the shares it makes up each step
    idle_before_ps: Int  # [r], the idle time right before its kernels; `UNKNOWN` on a CPU
    launching_ps: Int  # [r], the host's time for its launches; `UNKNOWN` on a CPU
    # [steps], how often the host launched something: a CUDA graph once; 0 where that is not known.
    launches: Int
    start_ps: Int  # [steps], begin of each step on this device
    end_ps: Int  # [steps], its end; not above `start_ps` where the device has no such step
    events: int  # how many events the device has
    outside: int  # how many of them lie outside all steps
    worked_ps: int = 0  # what the pool's threads worked in steps
    ownerless_ps: int = 0  # the part of it that belongs to no op


def divide_all(work: Work, steps: Steps) -> list[Division]:
    """Divides each device's timeline; see `Division`. The CPU comes first, if it has ops."""
    return _with_executions([divide(device, steps, work) for device in work.devices])


def divide(activity: Activity, steps: Steps, work: Work) -> Division:
    """Divides the steps of one device.

    Time counts in the step in which it passes: an event that reaches into two steps gives each its
    part. Executions and kernels count in the step that launched them, or where that is not known
    in the one that the event began in (`Steps.at`).
    """
    on_cpu = activity.device == CPU
    event_step = step_of(activity, steps)
    windows = (steps.start_ps, steps.end_ps)
    if not on_cpu:
        windows = device_windows(activity, event_step, steps)
    pieces, piece_step = cut(activity.own, *windows)
    counted = np.flatnonzero(event_step >= 0)

    width = len(work.ops) + 1  # one more for UNASSIGNED, which is -1
    piece_key = piece_step * width + activity.op[pieces.owner] + 1
    event_key = event_step[counted] * width + activity.op[counted] + 1
    keys, where = np.unique(np.concatenate((piece_key, event_key)), return_inverse=True)
    of_piece, of_event = where[: piece_key.size], where[piece_key.size :]

    count = _total(of_event, activity.occurrences[counted], keys.size).astype(np.int64)
    cores, worked_ps, ownerless_ps = None, 0, 0
    if on_cpu and work.regions is not None:
        cores, worked_ps, ownerless_ps = _cores(
            work.regions, steps, keys, width, (of_piece, pieces)
        )
    counting = _counting(pieces, activity.op, work) if on_cpu else _numbered(pieces)
    busy = Cover.of(counting.start_ps, counting.end_ps)
    return Division(
        device=activity.device,
        step=keys // width,
        op=keys % width - 1,
        executions=count if on_cpu else _executions(activity, counted, of_event, keys.size),
        kernels=np.zeros_like(count) if on_cpu else count,
        busy_ps=_total(of_piece, pieces.end_ps - pieces.start_ps, keys.size).astype(np.int64),
        share_ps=_total(
            of_piece[counting.owner], shares(counting.start_ps, counting.end_ps), keys.size
        ),
        cores=cores,
        idle_ps=_idle(busy, activity.queued(), windows, work),
        idle_before_ps=(
            np.full(keys.size, UNKNOWN)
            if on_cpu
            else idle_before(
                activity, event_step, windows[0], (pieces, piece_step, of_piece), keys.size
            )
        ),
        launching_ps=launching(
            activity, event_step, counted, of_event, keys.size, within=work.launching_within
        ),
        launches=launches_of(activity, event_step, len(steps)),
        start_ps=windows[0],
        end_ps=windows[1],
        events=activity.op.size,
        outside=activity.op.size - counted.size,
        worked_ps=worked_ps,
        ownerless_ps=ownerless_ps,
    )


def _numbered(pieces: Segments) -> Segments:
    """The pieces, each the owner of itself."""
    return replace(pieces, owner=np.arange(pieces.owner.size))


def _counting(pieces: Segments, op: Int, work: Work) -> Segments:
    """The pieces that divide the step, each with the number of the piece that it is of.

    What threads of the input pipeline do counts while the step waits for input and runs nothing
    else: otherwise the step would be as long without it, and whether such a thread works or sleeps
    the trace doesn't say.
    """
    scoped = [name.startswith(f"{DATA_SCOPE}/") for name, _ in work.ops]
    gets = [kinds.is_input(type_) for _, type_ in work.ops]
    op = op[pieces.owner]
    of_data = np.array([*scoped, False], bool)[op]  # the last is for UNASSIGNED
    numbered = _numbered(pieces)
    if not of_data.any():
        return numbered
    of_model = pieces.take(~of_data & ~np.array([*gets, False], bool)[op])
    model = Cover.of(of_model.start_ps, of_model.end_ps)
    waits = work.waits.without(model)
    waited, _ = cut(numbered.take(of_data), waits.start_ps, waits.end_ps)
    return Segments.joined(numbered.take(~of_data), waited)


def _executions(activity: Activity, counted: Int, row: Int, rows: int) -> Int:
    """How often a GPU's ops were executed, by the numbers of executions; else `UNKNOWN`."""
    if activity.launched is None:
        return np.full(rows, UNKNOWN)
    scope = activity.launched.scope[counted]
    numbered = scope != UNKNOWN
    executions = counted_once(row[numbered], scope[numbered], rows)
    nameless = np.bincount(row[~numbered], minlength=rows) > 0
    return np.where(nameless | (executions == 0), UNKNOWN, executions)


def _cores(
    regions: Regions, steps: Steps, keys: Int, width: int, own: tuple[Int, Segments]
) -> tuple[CoreTime, int, int]:
    """Core time of each row, the pool's work in steps, and the part of it that no row owns."""
    pieces, piece_step = cut(regions.worked(), steps.start_ps, steps.end_ps)
    op = regions.op[pieces.owner]
    key = piece_step * width + op + 1
    row = np.searchsorted(keys, key)
    owned = (op >= 0) & (np.append(keys, -1)[row] == key)
    worked = row[owned], pieces.take(owned)
    cores = core_time(own, worked, keys.size, regions.threads)
    duration_ps = pieces.end_ps - pieces.start_ps
    return cores, int(duration_ps.sum()), int(duration_ps[~owned].sum())


def _total(row: Index, amount: Int | Float, rows: int) -> Float:
    """Adds up amounts by row; exact for integers below 2**53."""
    total: Float = np.bincount(row, weights=amount, minlength=rows).astype(np.float64)
    return total


def _idle(busy: Cover, queued: Cover, windows: tuple[Int, Int], work: Work) -> Int:
    """Returns idle time by reason and step, int64 [reasons, steps] picoseconds."""
    in_queue = queued.within(*windows)
    busy = busy | queued
    tails = _tails(busy, windows, work.calls), windows[1]
    waits_fetches, called, ops = work.apart, work.called, work.ran
    waiting = idle_within(busy, work.waits, *windows)
    fetching = idle_within(busy, waits_fetches, *windows) - waiting
    launching = idle_within(busy, called, *windows) - waiting - fetching
    # While ops run on the host it is not yet at handing out results.
    late = idle_within(busy, called, *tails) - idle_within(busy, waits_fetches | ops, *tails)
    launching, fetching = launching - late, fetching + late
    rest = windows[1] - windows[0] - busy.within(*windows) - waiting - launching - fetching
    nothing = np.zeros_like(rest)
    says_calls = work.calls is not None
    python, unknown = (rest, nothing) if says_calls else (nothing, rest)
    return np.stack((in_queue, waiting, launching, fetching, python, unknown))


def _tails(busy: Cover, windows: tuple[Int, Int], calls: Cover | None) -> Int:
    """When a device was busy for the last time in each step.

    The step's end where it never was, and where a call goes on beyond it: results come later.
    """
    start_ps, end_ps = windows
    last = np.searchsorted(busy.start_ps, end_ps, "left") - 1
    end = np.minimum(np.append(busy.end_ps, -1)[last], end_ps)
    is_known = (last >= 0) & (end > start_ps)
    if calls is not None:
        at = np.searchsorted(calls.start_ps, end_ps, "left") - 1
        is_known &= ~((at >= 0) & (np.append(calls.end_ps, -1)[at] > end_ps))
    return np.where(is_known, end, end_ps)


def _with_executions(divisions: Sequence[Division]) -> list[Division]:
    """Tells how often a GPU's ops were executed, by the host where the GPU doesn't know.

    Of an op whose launch the trace does not show (host events left out, or in another step, or a
    program of XLA) that is not known. What runs on several GPUs under one name shares the host's
    count evenly.
    """
    width = 2 + max((int(division.op.max(initial=-1)) for division in divisions), default=0)

    def keys(division: Division) -> Int:
        return division.step * width + division.op + 1

    cpus = [division for division in divisions if division.device == CPU]
    gpus = [division for division in divisions if division.device != CPU]
    on_host = np.concatenate([_NONE, *(keys(cpu) for cpu in cpus)])
    count = np.concatenate([*(cpu.executions for cpu in cpus), [0]])  # the last for others
    on_gpus = np.concatenate([_NONE, *(keys(gpu) for gpu in gpus)])
    used, devices = np.unique(on_gpus, return_counts=True)

    def counted(gpu: Division) -> Division:
        launched = count[lookup(on_host, keys(gpu))]
        shared = launched // devices[np.searchsorted(used, keys(gpu))]
        by_host = np.where(launched > 0, np.maximum(shared, 1), UNKNOWN)
        executions = np.where(gpu.executions > 0, gpu.executions, by_host)
        return replace(gpu, executions=np.where(gpu.op == UNASSIGNED, 0, executions))

    return [*cpus, *map(counted, gpus)]
