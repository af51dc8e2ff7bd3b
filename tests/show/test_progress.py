"""What is shown while a run goes on, on a fake stream with a fake clock."""

from __future__ import annotations

import io
import re
import sys
import threading
from pathlib import Path

import pytest
from rich.cells import cell_len

from alexprof.show.progress import LiveProgress, PlainProgress, Progress, progress_for, time_left

STEP_LINE = "2026-11-24 04:18:02.123456: step 10, duration = 0.205, [with LRN] :cat:"


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class LogFile(io.StringIO):
    """Knows what has reached the disk."""

    flushed = ""

    def flush(self) -> None:
        self.flushed = self.getvalue()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def screens(stream: io.StringIO) -> list[str]:
    """What stood in the terminal's lines, one after the other, without colors."""
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    return re.split(r"[\r\n]+", text)


def two_blocks(progress: Progress, clock: Clock, title: str = "Forward, with LRN") -> None:
    with progress.phase(title, 40) as shown:
        for _ in range(2):
            clock.now_s += 30
            shown.advance(10)
            progress.message(STEP_LINE)
    progress.close()


def bars(stream: io.StringIO) -> list[str]:
    return [line for line in screens(stream) if "%" in line]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_bar_never_breaks_a_line(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    stream, clock = Terminal(), Clock()
    two_blocks(LiveProgress(stream, clock), clock, "Forward-backward, with LRN and " * 5)
    assert 0 < max(map(cell_len, bars(stream))) <= width


def test_a_bar_shows_percent_and_time_left_and_leaves_lines_above_it():
    stream, clock = Terminal(), Clock()
    two_blocks(LiveProgress(stream, clock), clock)
    assert bars(stream)[0].startswith("Forward, with LRN ")
    for words in ("25 % 1 min 30 s left", "50 % 1 min 0 s left"):
        assert any(words in bar for bar in bars(stream))
    assert screens(stream).count(STEP_LINE) == 2


def test_a_bar_is_gone_when_its_phase_is_over_even_if_that_failed():
    stream, clock = Terminal(), Clock()
    progress = LiveProgress(stream, clock)
    with pytest.raises(KeyboardInterrupt), progress.phase("Forward", 10):
        raise KeyboardInterrupt
    assert stream.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # cursor back, line wiped
    before = stream.getvalue()
    progress.close()
    assert stream.getvalue() == before


def test_nothing_moves_by_itself():
    before = threading.active_count()
    with LiveProgress(Terminal(), Clock()).phase("Forward", 10):
        assert threading.active_count() == before


def test_a_log_file_gets_whole_lines_at_once():
    stream = LogFile()
    PlainProgress(stream, Clock()).message(STEP_LINE)
    assert stream.flushed == f"{STEP_LINE}\n"


@pytest.mark.parametrize(
    ("seconds", "message", "lines"),
    [
        (4, "", ["Tracing: 40 steps …", "Tracing: 30 of 40 steps, 4 s left"]),
        (8, "step", ["Tracing: 40 steps …", "step", "step", "step", "step"]),
    ],
)
def test_a_log_file_hears_of_progress_only_when_it_was_quiet(seconds, message, lines):
    stream, clock = LogFile(), Clock()
    progress = PlainProgress(stream, clock)
    with progress.phase("Tracing", 40) as shown:
        for _ in range(4):
            clock.now_s += seconds
            if message:
                progress.message(message)
            shown.advance(10)
    assert stream.flushed.splitlines() == lines


def test_a_number_of_steps_that_nobody_knows():
    stream, terminal, clock = LogFile(), Terminal(), Clock()
    with PlainProgress(stream, clock).phase("Forward", None) as shown:
        for steps in (1, 20):
            clock.now_s += 12
            shown.advance(steps)
    assert stream.flushed.splitlines() == [
        "Forward …",
        "Forward: 1 step so far",
        "Forward: 21 steps so far",
    ]
    with LiveProgress(terminal, clock).phase("Forward, with LRN and without", None) as shown:
        shown.advance(30)
    (line,) = {line.rstrip() for line in screens(terminal) if "30 steps so far" in line}
    assert re.fullmatch("Forward, with LRN[^%]*30 steps so far", line)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (80, "1 min 20 s")],
)
def test_time_left(seconds, words):
    assert time_left(seconds) == f"{words} left"
    assert time_left(3900) == "1 h 5 min left"


def test_the_stream_decides(monkeypatch, capsys):
    assert isinstance(progress_for(Terminal()), LiveProgress)
    assert isinstance(progress_for(io.StringIO()), PlainProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress_for(Terminal()), PlainProgress)
    progress_for().message("to the standard output")
    assert capsys.readouterr().out == "to the standard output\n"
    assert sys.stdout is not None


def test_silence(capsys):
    progress = Progress()
    two_blocks(progress, Clock())
    progress.message("nothing")
    assert capsys.readouterr() == ("", "")


def test_a_full_disk_of_the_log_is_no_reason_to_stop():
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        progress = PlainProgress(stream)
        progress.message("first")
        progress.message("second")
