"""Runs commands within limits: an undocumented exit code, or too much memory, is a fault."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

Case = TypeVar("Case")
CODES = (0, 1, 2, 3)
"""What a command may exit with (docs/commands.md)."""
LIMIT_S = 10.0
"""For files below a megabyte; larger ones get as long again for each."""
JOB_LIMIT_S = 90.0
"""The time limit for a command that starts TensorFlow and runs steps."""
BASE_BYTES, BYTES_PER_BYTE = 500_000_000, 12
WORKERS = 2


@dataclass(frozen=True)
class Command:
    """A command to run.

    Attributes:
        name: Its name in the campaign.
        arguments: Arguments of `alexprof`.
        file_bytes: Size of the files that it reads.
        check: Takes the outcome and says what is wrong with it; "" if nothing.
        limit_s: How long it may take; None to derive that from `file_bytes`.
    """

    name: str
    arguments: Sequence[str]
    file_bytes: int = 0
    check: Callable[[Outcome], str] | None = None
    limit_s: float | None = None

    @property
    def most_s(self) -> float:
        """How long it may take."""
        return self.limit_s or LIMIT_S * (1 + self.file_bytes // 1_000_000)

    @property
    def most_bytes(self) -> int:
        """How much memory it may have."""
        return BASE_BYTES + BYTES_PER_BYTE * self.file_bytes


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: Exit code; negative for a signal, None if it was stopped for its time.
        seconds: How long it took.
        peak_bytes: The most memory it had.
        out: What it printed.
        err: What it printed as messages.
    """

    code: int | None
    seconds: float
    peak_bytes: int
    out: str
    err: str


@dataclass
class Result:
    """A part of the campaign.

    Attributes:
        name: What was tried.
        tried: How often.
        faults: What went wrong, a line each.
        codes: How many ended with each exit code.
        longest_s: The longest command.
        largest_bytes: The most memory.
    """

    name: str
    tried: int = 0
    faults: list[str] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    longest_s: float = 0.0
    largest_bytes: int = 0

    def add(self, command: Command, outcome: Outcome) -> None:
        """Counts a command, and keeps what is wrong with it."""
        self.tried += 1
        key = str(outcome.code)
        self.codes[key] = self.codes.get(key, 0) + 1
        self.longest_s = max(self.longest_s, outcome.seconds)
        self.largest_bytes = max(self.largest_bytes, outcome.peak_bytes)
        if wrong := fault(command, outcome):
            self.faults.append(f"{command.name}: {wrong}")


def controls(text: str) -> str:
    """The first character that could move a cursor, or hide or reorder text; "" if there is none.

    Bytes that aren't UTF-8 appear as U+FFFD or a lone surrogate; only the surrogate counts.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return ""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    shown = (char for char in text if char != "\n" and unicodedata.category(char) in kinds)
    return next((f"U+{ord(char):04X}" for char in shown), "")


def fault(command: Command, outcome: Outcome) -> str:
    """What is wrong with an outcome; "" if nothing is."""
    if outcome.code is None:
        return f"hang: over {command.most_s:.0f} s"
    if "Traceback (most recent call last)" in outcome.err or outcome.code not in CODES:
        return f"exit code {outcome.code}: {_last_line(outcome.err)}"
    if outcome.peak_bytes > command.most_bytes:
        return f"memory: {outcome.peak_bytes / 1e6:.0f} MB of {command.most_bytes / 1e6:.0f}"
    if control := controls(outcome.out) or controls(outcome.err):
        return f"control character {control}"
    if outcome.code == 2 and not outcome.err.strip():
        return "exit code 2 without a message"
    return command.check(outcome) if command.check else ""


def run_all(name: str, commands: Iterable[Command]) -> Result:
    """Runs commands, some at once; one with a fault runs again, in a process of its own."""
    result = Result(name)
    servers: SimpleQueue[Server] = SimpleQueue()
    for _ in range(WORKERS):
        servers.put(Server())

    def run(command: Command) -> tuple[Command, Outcome]:
        server = servers.get()
        try:
            outcome = server.run(command)
            if fault(command, outcome):
                server.stop()
                outcome = server.run(command)
        finally:
            servers.put(server)
        return command, outcome

    with ThreadPoolExecutor(WORKERS) as threads:
        for command, outcome in threads.map(run, commands):
            result.add(command, outcome)
    for _ in range(WORKERS):
        servers.get().stop()
    return result


class Server:
    """A process that runs commands; started when there is none."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="stress-")

    def run(self, command: Command) -> Outcome:
        """Runs a command within its time."""
        process = self._process or self._start()
        out, err = (Path(self._folder.name) / name for name in ("out", "err"))
        for path in (out, err):
            path.write_bytes(b"")  # a process that dies at once writes none
        request = {"arguments": list(command.arguments), "out": str(out), "err": str(err)}
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self._line(process, command.most_s)
        text, messages = (path.read_bytes().decode(errors="surrogateescape") for path in (out, err))
        if line:
            return Outcome(**json.loads(line), out=text, err=messages)
        code = None if line is None else process.wait()
        self.stop()
        return Outcome(code, command.most_s, 0, text, messages)

    def stop(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stress.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"COLUMNS": "80"},
        )
        return self._process

    def _line(self, process: subprocess.Popen[bytes], seconds: float) -> bytes | None:
        """Its answer; empty if it died, None if there was none in time."""
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            return process.stdout.readline() if selector.select(seconds) else None


def try_all(name: str, attempt: Callable[[Case], str], cases: Iterable[Case]) -> Result:
    """Makes attempts, some in parallel; each says what went wrong, "" if nothing did."""
    result = Result(name)

    def timed(case: Case) -> tuple[str, float]:
        begin_s = time.monotonic()
        return attempt(case), time.monotonic() - begin_s

    with ThreadPoolExecutor(WORKERS) as threads:
        for wrong, seconds in threads.map(timed, cases):
            result.tried += 1
            result.longest_s = max(result.longest_s, seconds)
            result.faults += [wrong] if wrong else []
    return result


def table(results: Sequence[Result]) -> Iterator[str]:
    """The campaign as a table in Markdown, and its faults."""
    yield "| what | tried | faults | exit codes | longest, s | most memory, MB |"
    yield "| --- | --: | --: | --- | --: | --: |"
    for result in results:
        codes = ", ".join(f"{code}: {times}" for code, times in sorted(result.codes.items()))
        memory = f"{result.largest_bytes / 1e6:.0f}" if result.largest_bytes else "–"
        cells = (result.name, result.tried, len(result.faults), codes or "–")
        yield f"| {' | '.join(map(str, cells))} | {result.longest_s:.1f} | {memory} |"
    for result in results:
        for line in result.faults:
            yield f"- {result.name}: {line}"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
