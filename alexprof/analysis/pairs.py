"""Pairs of processes: the record on disk, and what it says about A and B.

A folder in the logdir with an `ab.json`. It has no `run.json`, so that it is no run itself; the
runs that the processes left lie below it, each in a logdir of its own.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from alexprof.analysis.caveats import Caveat, caveat_of, merge_runs
from alexprof.analysis.changes import RunComparison
from alexprof.analysis.selection import Group, Selection
from alexprof.errors import RunError, UsageError
from alexprof.measure.processes import Which
from alexprof.record.environment import Machine
from alexprof.record.note import Note, note_of
from alexprof.record.store import PAIRS_FILE, RUN_FILE, load_json, load_run, save_json
from alexprof.record.values import Count, Difference, Seconds, Time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAIRS_VERSION = 2
LEAST_PAIRS = 2


class ProcessRecord(Struct, frozen=True, kw_only=True):
    """A process that ended."""

    side: Which  # Which command
    pair: Count  # From 1; 0: warm-up, in no figure
    # Its logdir, relative to the record's folder; output is in the files of the same name with
    # `.out.txt` and `.err.txt`
    folder: str
    started: Time  # Local time with offset, ISO 8601
    seconds: Seconds  # Wall time
    user_s: Seconds  # CPU time in user mode
    system_s: Seconds  # CPU time in the kernel
    exit_code: int  # Negative: number of the signal that ended it


class PairsRecord(Struct, frozen=True, kw_only=True):
    """Processes of two commands, as they came."""

    schema_version: int = PAIRS_VERSION  # Version of this object
    name: str  # The folder's name
    complete: bool  # Whether all pairs ran
    stopped: Note | None  # Why not; None if complete
    started: Time  # Local time with offset, ISO 8601
    a: str  # The command A
    b: str  # The command B
    pairs: Count  # Pairs requested
    warm_up: Count  # Warm-up processes of each command
    machine: Machine  # Where they ran
    processes: tuple[ProcessRecord, ...] = ()  # In the order they ran

    @property
    def finished(self) -> list[tuple[ProcessRecord, ProcessRecord]]:
        """A's and B's process of each pair that both ended well."""
        done = {
            (process.pair, process.side): process
            for process in self.processes
            if process.exit_code == 0
        }
        both = [pair for pair, side in done if pair and side == "b" and (pair, "a") in done]
        return [(done[pair, "a"], done[pair, "b"]) for pair in sorted(both)]


class TimeChange(Struct, frozen=True, kw_only=True):
    """Time of the processes in A and B."""

    name: str  # "wall", or "cpu": user and system time together
    difference: Difference  # From A's processes to B's, from the pairs


class PairsResult(Struct, frozen=True, kw_only=True):
    """Result of pairs of processes."""

    schema_version: int = PAIRS_VERSION  # Version of this object
    record: PairsRecord  # What ran
    finished: int  # Pairs whose processes both succeeded
    # "runs": the steps of the runs that the processes left; "processes": their times
    judged_by: str
    reason: Caveat | None  # Why not the runs
    times: tuple[TimeChange, ...]  # The processes' times: "wall", "cpu". Each is judged by itself.
    comparison: RunComparison | None  # The runs, B's against A's, pair by pair; None without them


def save_pairs(folder: Path, record: PairsRecord) -> None:
    """Writes `ab.json`, whole; a RunError if it can't be written."""
    save_json(folder / PAIRS_FILE, record)


def load_pairs(folder: Path) -> PairsRecord:
    """Reads what `alexprof ab` left; a RunError if it is nothing, damaged or of another schema."""
    try:
        return load_json(folder / PAIRS_FILE, PairsRecord, PAIRS_VERSION)
    except FileNotFoundError:
        raise RunError(f"{folder} holds no pairs: it has no {PAIRS_FILE}") from None


def find_pairs(name: str, logdir: Path) -> Path:
    """Finds a folder of pairs by its path or its name in the logdir; a RunError without it."""
    given = Path(name)
    candidates = [given.parent if given.name == PAIRS_FILE else given, logdir / name]
    for folder in candidates:
        if os.path.lexists(folder / PAIRS_FILE):
            return folder
    raise RunError(f"no pairs {name!r} here or in {logdir}: pairs are in folders named ab-…")


def judge_pairs(record: PairsRecord, folder: Path) -> PairsResult:
    """Judges what ran, pair by pair.

    Raises:
        UsageError: If fewer than two pairs are finished.
        RunError: If a run's table can't be read, or contradicts its record.
    """
    pairs = record.finished
    if len(pairs) < LEAST_PAIRS:
        failed = [process.folder for process in record.processes if process.exit_code]
        why = f": {failed[0]} failed" if failed else ""
        raise UsageError(
            f"{folder} has {len(pairs)} finished pairs, and a verdict needs {LEAST_PAIRS}{why}"
        )
    compared = _runs_compared(folder, pairs)
    reason, comparison = (compared, None) if isinstance(compared, Caveat) else (None, compared)
    return PairsResult(
        record=record,
        finished=len(pairs),
        judged_by="processes" if reason else "runs",
        reason=reason,
        times=(
            _time_change("wall", pairs, lambda process: process.seconds),
            _time_change("cpu", pairs, lambda process: process.user_s + process.system_s),
        ),
        comparison=comparison,
    )


def _time_change(
    name: str,
    pairs: Sequence[tuple[ProcessRecord, ProcessRecord]],
    seconds: Callable[[ProcessRecord], float],
) -> TimeChange:
    import numpy as np

    from alexprof.measure.ratios import compare_times

    a, b = (
        [[np.array([seconds(process)])] for process in side] for side in zip(*pairs, strict=True)
    )
    return TimeChange(name=name, difference=compare_times(a, b, paired=True))


def _runs_compared(
    folder: Path, pairs: Sequence[tuple[ProcessRecord, ProcessRecord]]
) -> RunComparison | Caveat:
    """The runs of both sides compared pair by pair; or why they can't be."""
    from alexprof.analysis.compare import compare, phases_of_all

    runs: tuple[list[Selection], list[Selection]] = ([], [])
    for pair in pairs:
        for side, process in zip(runs, pair, strict=True):
            left = [path.parent for path in (folder / process.folder).glob(f"*/{RUN_FILE}")]
            if len(left) != 1:
                count = {"runs": float(len(left))}
                return Caveat(code="runs_left", runs=(process.folder,), numbers=count)
            try:
                side.append(_without_load(left[0], process.folder))
            except RunError as error:
                return caveat_of("unreadable", note_of(error), process.folder)
    a, b = Group(tuple(runs[0])), Group(tuple(runs[1]))
    if not phases_of_all(a, b):
        return Caveat(code="no_common_phase")
    comparison = compare([a, b], paired=True)
    if not comparison.differences:
        return Caveat(code="nothing_timed")
    # The commands differ on purpose: what is known of that is worth a note, wrong results first.
    caveats = [
        replace(caveat, effect="none") for caveat in (*comparison.why_not, *comparison.notes)
    ]
    caveats.sort(key=lambda caveat: caveat.code != "results_differ")
    notes = tuple(merge_runs(caveats))
    return replace(comparison, comparable=True, why_not=(), notes=notes)


def _without_load(run_folder: Path, name: str) -> Selection:
    """The run that a process left, under the name of its folder, which says side and pair."""
    run = load_run(run_folder)
    # What the machine did meanwhile is in the spread over pairs, and is not kept.
    machine = run.machine
    if machine is not None:
        host = dataclasses.replace(machine.host, load_before=None)
        machine = replace(machine, host=host)
    run = replace(run, run=name, stretches=(), machine=machine)
    return Selection(run_folder, run, None)
