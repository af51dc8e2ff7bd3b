"""A clock that moves only when told to."""

from __future__ import annotations

from collections.abc import Callable


class FakeClock:
    """Nanoseconds since it was made; reading it takes no time unless `reading_ns` says so."""

    def __init__(self, reading_ns: int = 0) -> None:
        self.now_ns = 0
        self.reading_ns = reading_ns

    def __call__(self) -> int:
        self.now_ns += self.reading_ns
        return self.now_ns

    def step(self, duration_ns: Callable[[], int] | int) -> Callable[[], None]:
        """A step that takes that long on this clock."""

        def run() -> None:
            self.now_ns += duration_ns if isinstance(duration_ns, int) else duration_ns()

        return run
