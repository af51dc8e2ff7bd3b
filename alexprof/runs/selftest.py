"""What a machine can tell from noise: the record of `alexprof selftest`, and who uses it.

It lies in the logdir as `selftest.json`, the newest alone.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from alexprof.errors import RunError
from alexprof.measure.values import Interval, Known, Verdict
from alexprof.runs.record import MachineRecord
from alexprof.runs.store import save_json

SELFTEST_VERSION = 1
SELFTEST_FILE = "selftest.json"


class Needed(Struct, frozen=True, kw_only=True):
    """What a difference takes to be found with a chance of 95 %.

    Attributes:
        difference: As a part: 0.01 is 1 %.
        steps: Steps of each variant, in turns in one process.
        steps_ci95: From where to where, as far as the spread is known; None if that is not known.
        pairs: Pairs of processes.
        pairs_ci95: Likewise.
    """

    difference: float
    steps: int
    steps_ci95: tuple[int, int] | None
    pairs: int
    pairs_ci95: tuple[int, int] | None


class SelfTest(Struct, frozen=True, kw_only=True):
    """The same against itself, within processes and between them. Spreads are parts of the mean.

    Attributes:
        schema_version: Of this object.
        name: Folder of the pairs that it comes from.
        started: Local time with offset, ISO 8601.
        machine: Where, and by which versions.
        workload: What ran.
        batch_size: Images in a batch.
        phase: Which phase.
        steps: Timed steps of each of the two names, in each process.
        pairs: Pairs of processes.
        step_s: Mean step.
        step_cv: Standard deviation of a step within a process.
        alike: Correlation of neighbouring steps; None where blocks hold one step.
        turn_cv: Standard deviation of a step as far as turns leave it in a difference.
        process_cv: Standard deviation of a process's mean.
        needed: What differences take.
        smallest_by_steps: Difference that `steps` steps in turns find with a chance of 95 %.
        smallest_by_pairs: Difference that `pairs` pairs find with that chance.
        asked_within: How many processes said whether the two names differ.
        alarms_within: How many of them said that they do, which is wrong.
        largest_within: The largest difference that one of them saw, as a part.
        between: Verdict of B's processes against A's.
        between_ratio: B's mean over A's.
        between_ci95: Its 95 % interval.
    """

    schema_version: int = SELFTEST_VERSION
    name: str
    started: str
    machine: MachineRecord
    workload: str
    batch_size: int
    phase: str
    steps: int
    pairs: int
    step_s: float
    step_cv: Known
    alike: Known | None
    turn_cv: Known
    process_cv: Known
    needed: tuple[Needed, ...]
    smallest_by_steps: float
    smallest_by_pairs: float
    asked_within: int
    alarms_within: int
    largest_within: float
    between: Verdict
    between_ratio: float
    between_ci95: Interval | None


def save_selftest(logdir: Path, found: SelfTest) -> None:
    """Writes `selftest.json`, whole.

    Raises:
        RunError: If it can't be written.
    """
    save_json(logdir / SELFTEST_FILE, found)


def load_selftest(logdir: Path) -> SelfTest | None:
    """Reads the selftest of a logdir; None if there is none.

    Raises:
        RunError: If it is damaged, or another AlexProf's.
    """
    path = logdir / SELFTEST_FILE
    try:
        found = msgspec.json.decode(path.read_bytes(), type=SelfTest)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RunError(f"can't read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path} is damaged: run alexprof selftest again, or remove it") from error
    if found.schema_version != SELFTEST_VERSION:
        raise RunError(f"{path} is of another AlexProf: run alexprof selftest again, or remove it")
    return found


def selftest_trouble(folder: Path) -> str | None:
    """Why the selftest that goes with a run can't be read; None if it can, or there is none."""
    try:
        if load_selftest(folder) is None:
            load_selftest(folder.parent)
    except RunError as error:
        return str(error)
    return None


def known_process_cv(folder: Path, machine: MachineRecord | None) -> float | None:
    """What a selftest measured that processes differ by, on the machine of a run.

    Args:
        folder: The run's, or its logdir.
        machine: Where the run was measured.

    Returns:
        Standard deviation of a process's mean, as a part of it; None without a selftest of that
        machine in the logdir that can be read.
    """
    if machine is None or selftest_trouble(folder):
        return None
    found = load_selftest(folder) or load_selftest(folder.parent)
    if found is None or _hardware(found.machine) != _hardware(machine):
        return None
    return found.process_cv.value


def _hardware(machine: MachineRecord) -> tuple[object, ...]:
    accelerators = tuple(one.description for one in machine.accelerators)
    return machine.host.processor, machine.host.cores, accelerators
