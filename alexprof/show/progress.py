"""What is shown while a run goes on: a bar on a terminal, plain lines in a log file.

Nothing here runs by itself: no thread, no timer. A bar that redraws itself ten times a second
would take its time from the steps that are being timed, so it moves only when `advance` is called,
which is between two blocks of steps.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from alexprof.show.fit import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

QUIET_S = 10.0
"""A log file gets a line about progress when it had none of any kind for this long."""
Clock = Callable[[], float]


class Counter(Protocol):
    """Counts the steps of a phase."""

    def advance(self, steps: int) -> None:
        """Says that so many more steps are done."""
        ...


class Progress(Protocol):
    """What is shown while a run goes on."""

    def message(self, text: str) -> None:
        """Shows a line that stays, as it is."""
        ...

    def phase(
        self, title: str, steps: int | None, unit: str = "steps"
    ) -> AbstractContextManager[Counter]:
        """Begins something that takes `steps` steps (or units); it ends with the `with` block.

        None: how many it takes shows while it goes on.
        """
        ...

    def close(self) -> None:
        """Takes away what does not stay."""
        ...


def progress_for(stream: TextIO | None = None) -> Progress:
    """A bar if the stream is a terminal that can move its cursor, plain lines otherwise.

    Args:
        stream: Where to show it; None is the standard output.
    """
    stream = sys.stdout if stream is None else stream
    dumb = os.environ.get("TERM", "") in ("dumb", "unknown")
    if stream.isatty() and not dumb:
        return LiveProgress(stream)
    return PlainProgress(stream)


def time_left(seconds: float) -> str:
    """How long something still takes: "0 s left", "1 min 20 s left", "1 h 5 min left"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s left"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s left"
    return f"{whole // 3600} h {whole % 3600 // 60} min left"


@dataclass
class _Count:
    """How far a phase is."""

    total: int | None
    began_s: float
    done: int = 0
    unit: str = "steps"

    def left(self, now_s: float) -> str:
        """Time left, at the pace so far; steps done, where nobody knows how many are to come."""
        if not self.done:
            return ""
        if self.total is None:
            return f"{_steps(self.done)} so far"
        return time_left((now_s - self.began_s) / self.done * max(0, self.total - self.done))


class SilentProgress:
    """Shows nothing."""

    def message(self, text: str) -> None:
        """Shows nothing."""

    @contextmanager
    def phase(self, title: str, steps: int | None, unit: str = "steps") -> Iterator[Counter]:
        """Shows nothing."""
        yield _SilentCounter()

    def close(self) -> None:
        """Does nothing."""


class _SilentCounter:
    def advance(self, steps: int) -> None:
        pass


class PlainProgress:
    """Lines, each flushed, so that whoever follows the log file sees it at once."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._spoke_s = clock()

    def message(self, text: str) -> None:
        """Writes a line."""
        # Whoever read the lines may go; the run goes on.
        with suppress(BrokenPipeError):
            self._stream.write(f"{text}\n")
            self._stream.flush()
        self._spoke_s = self._clock()

    @contextmanager
    def phase(self, title: str, steps: int | None, unit: str = "steps") -> Iterator[Counter]:
        """Writes what begins; then only what is needed to see that it goes on."""
        said = _steps(steps) if steps is not None and unit == "steps" else f"{steps} {unit}"
        self.message(f"{clean(title)} …" if steps is None else f"{clean(title)}: {said} …")
        yield _PlainCounter(self, title, _Count(steps, self._clock(), unit=unit))

    def close(self) -> None:
        """Does nothing: every line stays."""

    def still_going(self, title: str, count: _Count) -> None:
        """Writes how far it is, if nothing was written for a while."""
        now_s = self._clock()
        if now_s - self._spoke_s < QUIET_S:
            return
        if count.total is None:
            self.message(f"{clean(title)}: {count.left(now_s)}")
        elif count.done < count.total:
            self.message(
                f"{clean(title)}: {count.done} of {count.total} {count.unit}, {count.left(now_s)}"
            )


class _PlainCounter:
    def __init__(self, shown: PlainProgress, title: str, count: _Count) -> None:
        self._shown, self._title, self._count = shown, title, count

    def advance(self, steps: int) -> None:
        self._count.done += steps
        self._shown.still_going(self._title, self._count)


class LiveProgress:
    """A bar with percent and time left at the bottom of a terminal, lines above it.

    Where nobody knows how many steps there will be, it shows how many there were, without a bar.
    """

    def __init__(
        self, stream: TextIO, clock: Clock = time.monotonic, width: int | None = None
    ) -> None:
        from rich.console import Console

        self._clock = clock
        self._console = Console(
            file=stream, width=width, highlight=False, markup=False, emoji=False
        )
        self._bars: Bars | None = None

    def message(self, text: str) -> None:
        """Prints a line above the bar."""
        self._console.print(text, soft_wrap=True)

    @contextmanager
    def phase(self, title: str, steps: int | None, unit: str = "steps") -> Iterator[Counter]:
        """Shows a bar until the end of the `with` block."""
        self.close()
        bars = self._bars = _bars(self._console, bar=steps is not None)
        task = bars.add_task(clean(title), total=steps, left="")
        bars.start()
        bars.refresh()
        try:
            yield _LiveCounter(bars, task, _Count(steps, self._clock()), self._clock)
        finally:
            self.close()

    def close(self) -> None:
        """Takes the bar away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


class _LiveCounter:
    def __init__(self, bars: Bars, task: TaskID, count: _Count, clock: Clock) -> None:
        self._bars, self._task, self._count, self._clock = bars, task, count, clock

    def advance(self, steps: int) -> None:
        self._count.done += steps
        left = self._count.left(self._clock())
        self._bars.update(self._task, advance=steps, left=left, refresh=True)


def _steps(count: int) -> str:
    return f"{count} {'step' if count == 1 else 'steps'}"


def _bars(console: Console, *, bar: bool) -> Bars:
    """A bar that fits a line of any width: the title gives way first, then the bar."""
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    title = Column(no_wrap=True, overflow="ellipsis", ratio=3)
    known = (
        BarColumn(None, "grey50", "default", "default", table_column=Column(ratio=2)),
        TaskProgressColumn("{task.percentage:>3.0f} %", table_column=Column(no_wrap=True)),
    )
    return Bars(
        TextColumn("{task.description}", markup=False, table_column=title),
        *(known if bar else ()),
        TextColumn("{task.fields[left]}", markup=False, table_column=Column(no_wrap=True)),
        console=console,
        auto_refresh=False,
        transient=True,
        expand=True,
    )
