"""Commands as processes of their own, timed one after the other, in turns.

A command runs without a shell, which would be timed with it, unless it needs one. Each process
leads a session and group of its own: Ctrl-C reaches AlexProf alone, which then ends the group.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from alexprof.errors import UsageError

Which = Literal["a", "b"]
SHELL = "/bin/sh"
GRACE_S = 5.0
"""So long may a process take to end on SIGTERM; then it is killed."""
PADDING = "ALEXPROF_PADDING"
"""Environment variable of another length in each process. What lies where in memory depends on how
much environment there is, and a side that is always lucky would look faster (Mytkowicz et al. 2009,
"Producing wrong data without doing anything obviously wrong")."""
PADDING_MOST = 4096
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_QUOTED = re.compile(r"""'[^']*'|\\.|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_FOR_A_SHELL = re.compile(r"[|&;<>()$`*?\[\n]|(?:^|\s)[~#]")


@dataclass(frozen=True)
class Command:
    """What to run: the user's text, program and arguments, and variables set in front of them."""

    text: str
    argv: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Launch:
    """A process to be, with all of its environment and files for its output and its errors."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    stdout: Path
    stderr: Path


@dataclass(frozen=True)
class Finished:
    """A process that ended; times and exit code as in `ProcessRecord`."""

    seconds: float
    user_s: float
    system_s: float
    exit_code: int


RunProcess = Callable[[Launch], Finished]


def parse_command(text: str) -> Command:
    """Reads a command line: `X=1 python train.py --fast`.

    Words are split as a shell does. A pipe, a list, a redirection, a substitution or a pattern
    outside of quotes takes a shell (`/bin/sh -c`). So does what `shlex` leaves as it is and a shell
    doesn't: a backslash before `$`, a backquote (between double quotes) or a line's end.

    Raises:
        UsageError: If it is empty, a quote is open, or there is no such program.
    """
    if _FOR_A_SHELL.search(_QUOTED.sub(_what_a_shell_sees, text)):
        return Command(text, (SHELL, "-c", text))
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"can't read the command {text!r}: {error}") from error
    variables = {}
    while words and (assignment := _ASSIGNMENT.fullmatch(words[0])):
        variables[assignment[1]] = assignment[2]
        del words[0]
    if not words:
        raise UsageError(f"the command {text!r} names no program to run")
    if shutil.which(words[0], path=variables.get("PATH")) is None:
        raise UsageError(f"{_why_not_run(words[0])} (command {text!r})")
    return Command(text, tuple(words), variables)


def environment_of(command: Command, logdir: Path, place: int) -> dict[str, str]:
    """The environment of a process: this one's, a logdir of its own, the command's variables.

    `place` is the process's number, for the length of its padding.
    """
    golden = 0.6180339887498949  # multiples of it, less their whole part, fill 0 to 1 evenly
    padding = "x" * int(place * golden % 1 * PADDING_MOST)
    added = {"ALEXPROF_LOGDIR": str(logdir.resolve()), PADDING: padding}
    return {**os.environ, **added, **command.variables}


def run_process(launch: Launch) -> Finished:
    """Runs a process to its end; what it leaves running in its group is ended too.

    Raises:
        UsageError: If it can't be started.
        KeyboardInterrupt: On Ctrl-C, when the process's group is gone.
    """
    with launch.stdout.open("wb") as stdout, launch.stderr.open("wb") as stderr:
        began_s = time.perf_counter()
        with _ctrl_c_held() as held:
            try:
                process = subprocess.Popen(
                    launch.argv,
                    env=dict(launch.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            except OSError as error:
                raise UsageError(f"can't start {launch.argv[0]}: {error.strerror}") from error
        try:
            if held:
                signal.raise_signal(signal.SIGINT)
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _end(process)
            raise
        seconds = time.perf_counter() - began_s
    process.returncode = os.waitstatus_to_exitcode(status)
    _signal(process.pid, signal.SIGKILL)
    return Finished(seconds, usage.ru_utime, usage.ru_stime, process.returncode)


@contextmanager
def _ctrl_c_held() -> Iterator[list[int]]:
    """Collects Ctrl-C instead of raising it: a process that is just starting could not be ended."""
    held: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield held
        return
    signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Terminates a process's group, and kills what is left after a while."""
    try:
        _signal(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    finally:  # a second Ctrl-C doesn't wait
        _signal(process.pid, signal.SIGKILL)
        process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # none of the group may be left
        os.killpg(group, number)


def _why_not_run(program: str) -> str:
    if "/" not in program:
        return f"no program {program!r} on the PATH"
    if not os.access(program, os.F_OK):
        return f"no program {program!r}: there is no such file"
    if Path(program).is_dir():
        return f"{program!r} is a folder, not a program"
    return f"{program!r} is not executable: make it so (chmod +x), or name what runs it"


def _what_a_shell_sees(quoted: re.Match[str]) -> str:
    """Of a quoted part what takes a shell, as `parse_command` says."""
    if quoted[0].startswith("'"):
        return "."
    live = r"[$`]|\\\n" if quoted[0].startswith('"') else r"\n"
    return "." + "".join(re.findall(live, quoted[0]))
