"""Pairs of processes: the record on disk, and what it says about A and B.

A folder in the logdir with an `ab.json`. It has no `run.json`, so that it is no run itself; the
runs that the processes left lie below it, each in a logdir of its own.
"""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from alexprof.analysis.changes import InSeconds, ResultChange, RunComparison
from alexprof.analysis.sides import Member, Side
from alexprof.errors import RunError, UsageError
from alexprof.measure.processes import Which
from alexprof.record.environment import Machine
from alexprof.record.note import Note
from alexprof.record.run import MachineRecord, Run
from alexprof.record.store import PAIRS_FILE, RUN_FILE, check_version, load_run, save_json
from alexprof.record.values import Interval, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PAIRS_VERSION = 2
LEAST_PAIRS = 2


class ProcessRecord(Struct, frozen=True, kw_only=True):
    """A process that ended.

    Attributes:
        side: Which command.
        pair: From 1; 0: warm-up, in no figure.
        folder: Its logdir, relative to the record's folder; output is in the files of the same name
            with `.out.txt` and `.err.txt`.
        started: Local time with offset, ISO 8601.
        seconds: Wall time.
        user_s: CPU time in user mode.
        system_s: CPU time in the kernel.
        exit_code: Negative: number of the signal that ended it.
    """

    side: Which
    pair: int
    folder: str
    started: str
    seconds: float
    user_s: float
    system_s: float
    exit_code: int


class PairsRecord(Struct, frozen=True, kw_only=True):
    """Processes of two commands, as they came.

    Attributes:
        schema_version: Version of this object.
        name: The folder's name.
        complete: Whether all pairs ran.
        stopped: Why not; None if complete.
        started: Local time with offset, ISO 8601.
        a: The command A.
        b: The command B.
        pairs: Pairs requested.
        warm_up: Warm-up processes of each command.
        machine: Where they ran.
        processes: In the order they ran.
    """

    schema_version: int = PAIRS_VERSION
    name: str
    complete: bool
    stopped: Note | None
    started: str
    a: str
    b: str
    pairs: int
    warm_up: int
    machine: Machine
    processes: tuple[ProcessRecord, ...] = ()

    @property
    def finished(self) -> list[tuple[ProcessRecord, ProcessRecord]]:
        """A's and B's process of each pair that both ended well."""
        done = {(one.pair, one.side): one for one in self.processes if one.exit_code == 0}
        both = [pair for pair, side in done if pair and side == "b" and (pair, "a") in done]
        return [(done[pair, "a"], done[pair, "b"]) for pair in sorted(both)]


class TimeChange(InSeconds, Struct, frozen=True, kw_only=True):
    """Time of the processes on two sides.

    Attributes:
        name: "wall", or "cpu": user and system time together.
        a_s: Mean over A's processes.
        b_s: Over B's.
        ratio: b_s / a_s.
        ci95: Its 95 % interval, from the pairs; None where nothing shows the spread.
        verdict: Of B.
        needed: What it would take for a verdict; None with one.
        p_value: Of no difference; None without an interval.
    """

    name: str
    a_s: float
    b_s: float
    ratio: float
    ci95: Interval | None
    verdict: Verdict
    needed: str | None
    p_value: float | None


class PairsResult(Struct, frozen=True, kw_only=True):
    """Result of pairs of processes.

    Attributes:
        schema_version: Version of this object.
        record: What ran.
        finished: Pairs whose processes both succeeded.
        judged_by: "runs": the steps of the runs that the processes left; "processes": their times.
        reason: Why not the runs.
        times: The processes' times: "wall", "cpu". Each is judged by itself.
        comparison: The runs, B's against A's, pair by pair; None without them.
    """

    schema_version: int = PAIRS_VERSION
    record: PairsRecord
    finished: int
    judged_by: str
    reason: str | None
    times: tuple[TimeChange, ...]
    comparison: RunComparison | None


def save_pairs(folder: Path, record: PairsRecord) -> None:
    """Writes `ab.json`, whole.

    Raises:
        RunError: If it can't be written.
    """
    save_json(folder / PAIRS_FILE, record)


def load_pairs(folder: Path) -> PairsRecord:
    """Reads what `alexprof ab` left.

    Raises:
        RunError: If there is nothing, or it is damaged or of another schema.
    """
    path = folder / PAIRS_FILE
    try:
        content = path.read_bytes()
        check_version(content, PAIRS_VERSION, path)
        record = msgspec.json.decode(content, type=PairsRecord)
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"{folder} holds no pairs: it has no {PAIRS_FILE}") from None
    except OSError as error:
        raise RunError(f"can't read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path} is damaged: {error}") from error
    return record


def find_pairs(name: str, logdir: Path) -> Path:
    """Finds a folder of pairs by its path or its name in the logdir.

    Raises:
        RunError: If there is none.
    """
    given = Path(name)
    candidates = [given.parent if given.name == PAIRS_FILE else given, logdir / name]
    for folder in candidates:
        if os.path.lexists(folder / PAIRS_FILE):
            return folder
    raise RunError(f"no pairs {name!r} here or in {logdir}: they lie in a folder ab-…")


def judge_pairs(record: PairsRecord, folder: Path) -> PairsResult:
    """Judges what ran, pair by pair.

    Args:
        record: Of at least two finished pairs.
        folder: Where it lies.

    Raises:
        UsageError: If fewer pairs are finished.
        RunError: If a run's table can't be read.
        ClosureError: If a table's books don't add up.
    """
    pairs = record.finished
    if len(pairs) < LEAST_PAIRS:
        why = f": {record.stopped.text}" if record.stopped and record.stopped.text else ""
        raise UsageError(
            f"{folder} has {len(pairs)} finished pairs, and a verdict needs {LEAST_PAIRS}{why}"
        )
    wall = [[one.seconds for one in side] for side in zip(*pairs, strict=True)]
    cpu = [[one.user_s + one.system_s for one in side] for side in zip(*pairs, strict=True)]
    found = _runs_compared(folder, pairs)
    return PairsResult(
        record=record,
        finished=len(pairs),
        judged_by="processes" if isinstance(found, str) else "runs",
        reason=found if isinstance(found, str) else None,
        times=(_judged("wall", wall), _judged("cpu", cpu)),
        comparison=None if isinstance(found, str) else found,
    )


def _judged(name: str, sides: Sequence[Sequence[float]]) -> TimeChange:
    import numpy as np

    from alexprof.measure.ratios import compare_times

    runs = [[[np.array([one])] for one in side] for side in sides]
    found = compare_times(runs[0], runs[1], paired=True)
    return TimeChange(
        name=name,
        a_s=found.a_s,
        b_s=found.b_s,
        ratio=found.ratio,
        ci95=found.ci95,
        verdict=found.verdict,
        needed=found.needed,
        p_value=found.p_value,
    )


def _runs_compared(
    folder: Path, pairs: Sequence[tuple[ProcessRecord, ProcessRecord]]
) -> RunComparison | str:
    """The runs of both sides compared pair by pair; or why they can't be."""
    from alexprof.analysis.compare import common_phases, compare
    from alexprof.analysis.results import result_doubts

    sides: list[list[Member]] = [[], []]
    for pair in pairs:
        for side, process in zip(sides, pair, strict=True):
            try:
                side.append(member_of(folder, process))
            except RunError as error:
                return str(error)
    a, b = (Side(tuple(side)) for side in sides)
    if not common_phases(a, b):
        return "the runs have no phase in common"
    found = compare([a, b], paired=True)
    if not found.differences:
        return "no phase was timed in all of the runs"
    # The commands differ on purpose: what of it is known is worth a note.
    wrong = {one.text for one in result_doubts(found.results)}
    rest = (one for one in (*found.why_not, *found.notes) if one not in wrong)
    names = [one.run.run for one in (*a.members, *b.members)]
    notes = (*_wrong_results(found.results, names[0]), *gathered(rest, names))
    return msgspec.structs.replace(found, comparable=True, why_not=(), notes=notes)


def _wrong_results(found: Iterable[ResultChange], first: str) -> Iterator[str]:
    """Which runs compute something else than the first, once for each way they do."""
    wrong: dict[str, list[str]] = {}
    for one in found:
        if one.same is False:
            wrong.setdefault(one.text, []).append(one.b)
    for text, names in wrong.items():
        yield f"they don't compute the same ({', '.join(names)} against {first}): {text}"


def gathered(notes: Iterable[str], names: Sequence[str]) -> tuple[str, ...]:
    """Notes that are the same but for the run that something is in, as one note of all of them."""
    name = re.compile(rf"(?<= in )(?:{'|'.join(map(re.escape, names))})(?![\w/-])")
    alike: dict[tuple[str, ...], list[str]] = {}
    for note in notes:
        parts = name.split(note)
        found = name.findall(note)
        key = tuple(parts) if len(found) == 1 else (note,)
        alike[key] = [*alike.get(key, []), *(found if len(found) == 1 else [])]
    return tuple(", ".join(runs).join(parts) for parts, runs in alike.items())


def member_of(folder: Path, process: ProcessRecord) -> Member:
    """The run that a process left, by its folder's name, which says side and pair.

    What the machine did meanwhile is in the spread over pairs, and is not kept.

    Raises:
        RunError: If it left none, or more, or one that can't be read.
    """
    found = [one.parent for one in (folder / process.folder).glob(f"*/{RUN_FILE}")]
    if len(found) != 1:
        left = f"{len(found)} runs" if found else "no run"
        raise RunError(f"{process.folder} left {left}")
    run = load_run(found[0])
    calm = msgspec.structs.replace(run, run=process.folder, stretches=(), machine=_calm(run))
    return Member(found[0], calm, None)


def _calm(run: Run) -> MachineRecord | None:
    """The machine without its load."""
    if run.machine is None:
        return None
    host = dataclasses.replace(run.machine.host, load_before=None)
    return msgspec.structs.replace(run.machine, host=host)
