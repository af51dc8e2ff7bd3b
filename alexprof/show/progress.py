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
from typing import TYPE_CHECKING, Any, TextIO

from alexprof.files import silence
from alexprof.plain_text import clean
from alexprof.show.text import plural

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

QUIET_S = 10.0
"""A log file gets a line about progress when it had none of any kind for this long."""
Clock = Callable[[], float]


class Counter:
    """Counts the steps of a phase and shows after each how far it is; `total` may be unknown."""

    def __init__(self, total: int | None, clock: Clock, show: Callable[[Counter], None]) -> None:
        self.total, self.done = total, 0
        self._clock, self._show = clock, show
        self._began_s = clock()

    def advance(self, steps: int) -> None:
        """Says that so many more steps are done."""
        self.done += steps
        self._show(self)

    def left(self) -> str:
        """Time left, at the pace so far; steps done, where nobody knows how many are to come."""
        if not self.done:
            return ""
        if self.total is None:
            return f"{plural(self.done, 'step')} so far"
        pace_s = (self._clock() - self._began_s) / self.done
        return time_left(pace_s * max(0, self.total - self.done))


class Progress:
    """What is shown while a run goes on: here nothing."""

    def message(self, text: str) -> None:
        """Shows a line that stays; it is cleaned (`plain_text`), but otherwise unchanged."""

    @contextmanager
    def phase(self, title: str, steps: int | None, unit: str = "steps") -> Iterator[Counter]:
        """Begins something that takes `steps` steps (or units), None if nobody knows how many."""
        yield Counter(steps, time.monotonic, lambda counter: None)

    def close(self) -> None:
        """Takes away what does not stay."""


class Unfailing(Progress):
    """Passes everything to another `Progress`, and ignores its errors, so that the run goes on."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    def message(self, text: str | Callable[[], str]) -> None:
        """Shows a line that stays; if `text` is a function, its errors are ignored too."""
        with suppress(Exception):
            self._shown.message(text if isinstance(text, str) else text())

    @contextmanager
    def phase(self, title: str, steps: int | None, unit: str = "steps") -> Iterator[Counter]:
        """Begins a phase that both count."""
        shown: AbstractContextManager[Counter] | None = None
        counter: Counter | None = None
        with suppress(Exception):
            shown = self._shown.phase(title, steps, unit)
            counter = shown.__enter__()
        try:
            yield Counter(steps, time.monotonic, _advancing(counter))
        finally:
            with suppress(Exception):
                if shown is not None and counter is not None:
                    shown.__exit__(None, None, None)

    def close(self) -> None:
        """Removes what does not stay."""
        with suppress(Exception):
            self._shown.close()


def _advancing(shown: Counter | None) -> Callable[[Counter], None]:
    """Returns a function that advances `shown` to the count of its argument."""

    def show(counter: Counter) -> None:
        with suppress(Exception):
            if shown is not None:
                shown.advance(counter.done - shown.done)

    return show


def progress_for(stream: TextIO | None = None) -> Progress:
    """A bar if the stream (standard output) is a terminal that moves its cursor; else lines."""
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


class PlainProgress(Progress):
    """Lines, each flushed, so that whoever follows the log file sees it at once."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._spoke_s = clock()

    def message(self, text: str) -> None:
        """Writes a line."""
        try:
            self._stream.write(f"{clean(text)}\n")
            self._stream.flush()
        except (OSError, ValueError):  # a closed file raises the latter
            silence(self._stream)  # a reader may go, a disk may be full: the run goes on
        self._spoke_s = self._clock()

    @contextmanager
    def phase(self, title: str, steps: int | None, unit: str = "steps") -> Iterator[Counter]:
        """Writes what begins; then how far it is, if nothing was written for a while."""
        name = "step" if steps == 1 and unit == "steps" else unit
        self.message(f"{title} …" if steps is None else f"{title}: {steps} {name} …")

        def show(counter: Counter) -> None:
            if self._clock() - self._spoke_s < QUIET_S or counter.done == counter.total:
                return
            of = "" if counter.total is None else f"{counter.done} of {counter.total} {unit}, "
            self.message(f"{title}: {of}{counter.left()}")

        yield Counter(steps, self._clock, show)


class LiveProgress(Progress):
    """A bar with percent and time left at the bottom of a terminal, lines above it.

    Where nobody knows how many steps there will be, it shows how many there were, without a bar.
    """

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        from rich.console import Console

        self._clock = clock
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._bars: Bars | None = None

    def message(self, text: str) -> None:
        """Prints a line above the bar."""
        self._console.print(clean(text), soft_wrap=True)

    @contextmanager
    def phase(self, title: str, steps: int | None, unit: str = "steps") -> Iterator[Counter]:
        """Shows a bar until the end of the `with` block."""
        self.close()
        bars = self._bars = _bars(self._console, bar=steps is not None)
        task = bars.add_task(clean(title), total=steps, left="")
        bars.start()
        bars.refresh()

        def show(counter: Counter) -> None:
            bars.update(task, completed=counter.done, left=counter.left(), refresh=True)

        try:
            yield Counter(steps, self._clock, show)
        finally:
            self.close()

    def close(self) -> None:
        """Takes the bar away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


def _bars(console: Console, *, bar: bool) -> Bars:
    """A bar that fits a line of any width: the title gives way first, then the bar."""
    from rich.progress import BarColumn, ProgressColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    def text(field: str, **column: Any) -> TextColumn:
        return TextColumn(field, markup=False, table_column=Column(no_wrap=True, **column))

    columns: list[ProgressColumn] = [text("{task.description}", overflow="ellipsis", ratio=3)]
    if bar:
        columns += [
            BarColumn(None, "grey50", "default", "default", table_column=Column(ratio=2)),
            TaskProgressColumn("{task.percentage:>3.0f} %", table_column=Column(no_wrap=True)),
        ]
    return Bars(
        *columns,
        text("{task.fields[left]}"),
        console=console,
        auto_refresh=False,
        transient=True,
        expand=True,
    )
