"""The steps of each device, divided among its ops and its idle time: the table of costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from alexprof.attribute.activity import CPU, UNKNOWN, Activity
from alexprof.attribute.metrics import MEASURES, Rows
from alexprof.attribute.names import Labels
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import PS_PER_NS, Steps, device_windows, launches_of, step_of
from alexprof.attribute.symbols import UNASSIGNED
from alexprof.attribute.timeline import Cover, Float, Int, Segments, cut, idle_within, lookup
from alexprof.record.metrics import IDLE_OP, METRICS, Metric

if TYPE_CHECKING:
    import polars as pl

UNASSIGNED_OP = "(unassigned)"
# Why a device had nothing to do: the next kernel was launched and had yet to begin; or by what the
# host did: it waited for the input pipeline; it had been called to run something, but no op (or
# kernel) was running yet; it was handing out results, for the device had done its last in this
# step; it was in the user's Python; or the trace does not say.
IDLE_REASONS = ("queued", "input", "launching", "fetching", "python", "unknown")


@dataclass(frozen=True)
class Division:
    """What each op had of each step on one device, and the idle rest."""

    rows: Rows
    amounts: Mapping[str, Int | Float]  # by `Metric.column`, for each row, those that are known
    idle_ps: Int  # [reasons, steps], by `IDLE_REASONS`; with the shares it makes up each step
    # [steps], how often the host launched something: a CUDA graph once; 0 where that is not known.
    launches: Int

    @property
    def device(self) -> str:
        """The name of the device."""
        return self.rows.activity.device

    @property
    def windows(self) -> tuple[Int, Int]:
        """Begin and end of each step on this device, int64 [steps] picoseconds."""
        return self.rows.begin_ps, self.rows.end_ps

    @property
    def outside(self) -> int:
        """How many of its events lie outside all steps."""
        return self.rows.activity.op.size - self.rows.counted.size


def divide_all(work: Work, steps: Steps) -> list[Division]:
    """Divides each device's timeline; see `Division`. The CPU comes first, if it has ops."""
    return _with_executions([divide(device, steps, work) for device in work.devices])


def divide(activity: Activity, steps: Steps, work: Work) -> Division:
    """Divides the steps of one device.

    Time counts in the step in which it passes: an event that reaches into two steps gives each its
    part. Executions and kernels count in the step that launched them, or where that is not known
    in the one that the event began in (`Steps.at`).
    """
    event_step = step_of(activity, steps)
    windows = device_windows(activity, event_step, steps)
    pieces, piece_step = cut(activity.own, *windows)
    counted = np.flatnonzero(event_step >= 0)

    width = len(work.ops) + 1  # one more for UNASSIGNED, which is -1
    piece_key = piece_step * width + activity.op[pieces.owner] + 1
    event_key = event_step[counted] * width + activity.op[counted] + 1
    keys, where = np.unique(np.concatenate((piece_key, event_key)), return_inverse=True)
    counting = _counting(pieces, activity, work)
    rows = Rows(
        activity=activity,
        work=work,
        steps=steps,
        begin_ps=windows[0],
        end_ps=windows[1],
        event_step=event_step,
        width=width,
        keys=keys,
        counted=counted,
        of_event=where[piece_key.size :],
        pieces=pieces,
        of_piece=where[: piece_key.size],
        counting=counting,
    )
    amounts = {metric.column: MEASURES[metric.column](rows) for metric in METRICS}
    busy = Cover.of(counting.start_ps, counting.end_ps)
    return Division(
        rows=rows,
        amounts={column: amount for column, amount in amounts.items() if amount is not None},
        idle_ps=_idle(busy, activity.queued(), windows, work),
        launches=launches_of(activity, event_step, len(steps)),
    )


def outside_of(rows: Rows) -> tuple[int, int]:
    """Measures the time from the first marked step to the last end, and what ran outside steps.

    For the steps of one phase, that is the time from each step to the next step of any phase.
    Threads of the input pipeline mostly wait, so they don't count, nor do ops that get input.

    Returns:
        Nanoseconds from the beginning of the first step, and how many of them the device spent on
        ops outside all steps; 0 if steps are not marked.
    """
    steps, work, activity = rows.steps, rows.work, rows.activity
    if steps.source != "marker":
        return 0, 0
    of_model = ~work.is_data[activity.op]
    busy = Cover.of(activity.start_ps[of_model], activity.end_ps[of_model])
    shown = np.sort(np.concatenate([steps.rows_of(phase) for phase in steps.shown()]))
    # What is between steps belongs to the one before.
    until_ps = np.append(rows.begin_ps[1:], max(rows.end_ps.max(), work.span_ps[1]))
    every_ps, within_ps = (
        int(idle_within(work.waits, busy, rows.begin_ps[shown], end_ps[shown]).sum())
        for end_ps in (until_ps, rows.end_ps)
    )
    span_ps = int((until_ps - rows.begin_ps)[shown].sum())
    return span_ps // PS_PER_NS, (every_ps - within_ps) // PS_PER_NS


def _counting(pieces: Segments, activity: Activity, work: Work) -> Segments:
    """The pieces that divide the steps, each with the number of the piece that it is of.

    What threads of the input pipeline do counts while the step waits for input and runs nothing
    else: otherwise the step would be as long without it, and whether such a thread works or sleeps
    the trace doesn't say.
    """
    op = activity.op[pieces.owner]
    of_data = work.is_data[op]
    numbered = replace(pieces, owner=np.arange(op.size))
    if activity.device != CPU or not of_data.any():
        return numbered
    of_model = pieces.take(~of_data & ~work.gets_input[op])
    waits = work.waits.without(Cover.of(of_model.start_ps, of_model.end_ps))
    waited, _ = cut(numbered.take(of_data), waits.start_ps, waits.end_ps)
    return Segments.joined(numbered.take(~of_data), waited)


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
    python, unknown = (nothing, rest) if work.calls is None else (rest, nothing)
    return np.stack((in_queue, waiting, launching, fetching, python, unknown))


def _tails(busy: Cover, windows: tuple[Int, Int], calls: Cover | None) -> Int:
    """When a device was last busy in a step; its end if never, or if a call goes on beyond it."""
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
    # All devices number their rows in the same way.
    cpus = [division for division in divisions if division.device == CPU]
    gpus = [division.rows.keys for division in divisions if division.device != CPU]
    on_host = cpus[0].rows.keys if cpus else np.zeros(0, np.int64)
    count = np.append(cpus[0].amounts["executions"] if cpus else on_host, 0)
    used, devices = np.unique(np.concatenate([on_host[:0], *gpus]), return_counts=True)
    result = cpus
    for division in divisions[len(cpus) :]:
        key, own = division.rows.keys, division.amounts["executions"]
        launched = count[lookup(on_host, key)]  # NONE takes the last
        shared = launched // devices[np.searchsorted(used, key)]
        by_host = np.where(launched > 0, np.maximum(shared, 1), UNKNOWN)
        executions = np.where(own > 0, own, by_host)
        executions = np.where(division.rows.op == UNASSIGNED, 0, executions)
        amounts = {**division.amounts, "executions": executions}
        result.append(replace(division, amounts=amounts))
    return result


def costs_table(
    divisions: Sequence[Division], steps: Steps, work: Work, labels: Labels
) -> pl.DataFrame:
    """Joins the devices, rounds shares to whole nanoseconds and adds the names.

    Besides the columns of costs there is `at`, the index of the step among those of all phases.
    """
    import polars as pl

    columns = [metric.column for metric in METRICS]
    types = dict.fromkeys(["step", "device", "label", *columns], pl.Int64)
    parts = (_rows(division, at, len(work.ops)) for at, division in enumerate(divisions))
    # Where no device knows a metric, its column is there all the same.
    nothing = pl.DataFrame(schema=types | {"share_ns": pl.Float64})
    rows = pl.concat([nothing, *parts], how="diagonal")
    windows = (division.windows for division in divisions)
    wall_ns = np.concatenate([(end_ps - start_ps) // PS_PER_NS for start_ps, end_ps in windows])
    group = (rows["device"] * len(steps) + rows["step"]).to_numpy()
    share_ns = settle(rows["share_ns"].to_numpy() / PS_PER_NS, group, wall_ns)
    rows = rows.with_columns(
        *(_in_table(metric) for metric in METRICS if metric.column != "share_ns"),
        pl.Series("share_ns", share_ns),
        pl.Series("wall_ns", wall_ns[group]),
    ).sort("step", "device", "share_ns", descending=[False, False, True], maintain_order=True)
    columns.insert(columns.index("share_ns") + 1, "wall_ns")
    return rows.select(
        pl.Series("step", steps.number[rows["step"]]),
        pl.Series("device", [division.device for division in divisions]).gather(rows["device"]),
        *(
            pl.Series(name, texts, dtype=pl.String).gather(rows["label"])
            for name, texts in _label_columns(work, labels).items()
        ),
        *columns,
        pl.col("step").alias("at"),
    )


def _in_table(metric: Metric) -> pl.Expr:
    """A metric's column: null where it is not known, times rounded to nanoseconds."""
    import polars as pl

    known = pl.when(pl.col(metric.column) >= 0).then(pl.col(metric.column))
    return (known + PS_PER_NS // 2) // PS_PER_NS if metric.is_time else known


def _rows(division: Division, device: int, ops: int) -> pl.DataFrame:
    """A device's ops, then its idle time; `label` is a row of the text columns."""
    import polars as pl

    of_ops = {
        "step": division.rows.step,
        "device": np.full(division.rows.op.size, device),
        "label": np.where(division.rows.op == UNASSIGNED, ops, division.rows.op),
        **division.amounts,
    }
    reason, step = np.nonzero(division.idle_ps)
    idle = {
        "step": step,
        "device": np.full(step.size, device),
        "label": ops + 1 + reason,
        "share_ns": division.idle_ps[reason, step].astype(np.float64),
        **{
            metric.column: np.full(step.size, metric.of_idle)
            for metric in METRICS
            if metric.of_idle is not None
        },
    }
    return pl.concat([pl.DataFrame(of_ops), pl.DataFrame(idle)], how="diagonal")


def _label_columns(work: Work, labels: Labels) -> dict[str, list[str]]:
    """The text columns: a row per op, one for the unassigned, one per reason to be idle."""
    reasons = len(IDLE_REASONS)
    idle = [IDLE_OP] * reasons
    return {
        "op": [name for name, _ in work.ops] + [UNASSIGNED_OP, *idle],
        "type": [type_ for _, type_ in work.ops] + [UNASSIGNED_OP, *IDLE_REASONS],
        "kind": [*labels.kind, UNASSIGNED_OP, *idle],
        "layer": [*labels.layer, UNASSIGNED_OP, *idle],
        "pass": [*labels.passes, "other", *["idle"] * reasons],
    }


def settle(parts: Float, group: Int, total: Int) -> Int:
    """Rounds the parts of each group to integers that add up to the group's total.

    Each part is rounded down, and what is missing goes, 1 each, to those that lost most (the
    method of largest remainders), so each stays within 1 of its exact value.

    Args:
        parts: float64 [r], not negative.
        group: int64 [r], index into `total`.
        total: int64 [g], the sum of each group's parts, up to rounding errors far below 1.
    """
    whole = np.floor(parts).astype(np.int64)
    given = np.zeros(total.size, np.int64)
    np.add.at(given, group, whole)
    order = np.lexsort((whole - parts, group))
    first = np.searchsorted(group[order], np.arange(total.size))
    place = np.empty(group.size, np.int64)
    place[order] = np.arange(group.size) - first[group[order]]
    settled: Int = whole + (place < (total - given)[group])
    return settled
