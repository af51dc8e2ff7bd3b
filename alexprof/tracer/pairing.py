"""Runs pairs of processes and keeps each as it comes, so that an end at any time loses none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from signal import Signals

from msgspec.structs import replace

from alexprof.analysis.pairs import LEAST_PAIRS, PairsRecord, ProcessRecord, save_pairs
from alexprof.errors import AlexProfError, UsageError
from alexprof.files import check_new_folder, make_folder
from alexprof.measure.loop import schedule
from alexprof.measure.machine import describe_machine
from alexprof.measure.processes import (
    Command,
    Launch,
    RunProcess,
    Which,
    environment_of,
    run_process,
)
from alexprof.record.note import Note, note_of
from alexprof.record.run import UNFINISHED

_TAIL_LINES, _TAIL_BYTES = 10, 20_000
"""Of a failed process's complaints, what is shown."""


class ProcessFailed(AlexProfError):  # noqa: N818 (it says what happened)
    """A process that ended with another exit code than 0; with the tail of its complaints."""

    def __init__(self, message: str, process: ProcessRecord, tail: tuple[str, ...]) -> None:
        is_killed = process.exit_code < 0
        super().__init__(
            message,
            code="process_killed" if is_killed else "process_failed",
            numbers={"signal" if is_killed else "exit_code": abs(process.exit_code)},
            names=(process.folder,),
        )
        self.tail = tail


@dataclass(frozen=True)
class PairsPlan:
    """What to run: two commands, in so many pairs (two at least) of processes.

    `warm_up` processes of each command run before them, not measured; of the same command twice, as
    many in all. A UsageError if a number is out of range.
    """

    a: Command
    b: Command
    pairs: int
    warm_up: int = 1

    def __post_init__(self) -> None:
        if self.pairs < LEAST_PAIRS:
            raise UsageError(
                f"--pairs must be at least {LEAST_PAIRS}, not {self.pairs}: one pair can't show "
                "how pairs differ"
            )
        if self.warm_up < 0:
            raise UsageError(f"--warm-up must be at least 0, not {self.warm_up}")

    def of(self, side: Which) -> Command:
        """A side's command."""
        return self.a if side == "a" else self.b

    @property
    def turns(self) -> list[tuple[str, int, Which]]:
        """Folder, pair (0: warm-up) and side of each process, in the order to run."""
        sides: tuple[Which, ...] = ("a",) if self.a == self.b else ("a", "b")
        first = [
            (f"warm-up-{side}{number}", 0, side)
            for number in range(1, self.warm_up + 1)
            for side in sides
        ]
        both: tuple[Which, ...] = ("a", "b")
        pairs = schedule(both, self.pairs, 1)
        return [*first, *((f"{side}{pair + 1}", pair + 1, side) for side, pair, _, _ in pairs)]


def run_pairs(
    plan: PairsPlan,
    folder: Path,
    *,
    run: RunProcess = run_process,
    after: Callable[[PairsRecord], None] = lambda record: None,
) -> PairsRecord:
    """Runs all processes of a plan.

    Args:
        plan: What to run.
        folder: For the record and what the processes leave; new.
        run: Runs a process.
        after: Called after each process that ended well, outside of its time.

    Returns:
        The finished record.

    Raises:
        RunError: If the folder exists or can't be written.
        ProcessFailed: If a process ends with another exit code than 0; the record says so.
        KeyboardInterrupt: On Ctrl-C, with the record marked.
    """
    check_new_folder(folder)
    record = PairsRecord(
        name=folder.name,
        complete=False,
        stopped=UNFINISHED,
        started=_now(),
        a=plan.a.text,
        b=plan.b.text,
        pairs=plan.pairs,
        warm_up=plan.warm_up,
        machine=describe_machine(),
    )
    save_pairs(folder, record)
    try:
        for place, (name, pair, side) in enumerate(plan.turns):
            launch, started = _launch(plan.of(side), folder / name, place), _now()
            times = vars(run(launch))
            process = ProcessRecord(side=side, pair=pair, folder=name, started=started, **times)
            record = replace(record, processes=(*record.processes, process))
            save_pairs(folder, record)
            if process.exit_code:
                raise _failure(process, launch.stderr)
            after(record)
    except KeyboardInterrupt:
        save_pairs(folder, replace(record, stopped=Note("interrupted")))
        raise
    except AlexProfError as error:
        save_pairs(folder, replace(record, stopped=note_of(error)))
        raise
    record = replace(record, complete=True, stopped=None)
    save_pairs(folder, record)
    return record


def _launch(command: Command, logdir: Path, place: int) -> Launch:
    make_folder(logdir)
    return Launch(
        argv=command.argv,
        environment=environment_of(command, logdir, place),
        stdout=logdir.with_name(f"{logdir.name}.out.txt"),
        stderr=logdir.with_name(f"{logdir.name}.err.txt"),
    )


def _failure(process: ProcessRecord, stderr: Path) -> ProcessFailed:
    which = "warm-up of " + process.side.upper() if process.pair == 0 else process.folder.upper()
    code, names = process.exit_code, {number.value: number.name for number in Signals}
    how = f"exit code {code}" if code > 0 else f"ended by {names.get(-code, f'signal {-code}')}"
    out = stderr.with_name(f"{process.folder}.out.txt")
    return ProcessFailed(
        f"{which} failed ({how}) after {process.seconds:.1f} s: its output is in {stderr} and "
        f"{out.name}",
        process,
        _tail(stderr),
    )


def _tail(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ()
    return tuple(line for line in text.splitlines() if line.strip())[-_TAIL_LINES:]


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
